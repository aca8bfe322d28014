#include "serving/traffic.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>

#include <fmt/format.h>

#include "core/assert.h"
#include "core/id.h"
#include "core/log.h"
#include "core/nearest.h"
#include "core/utf8.h"
#include "serving/shadow_arms.h"
#include "serving/shadow_tap.h"
#include "serving/traffic_evidence.h"

namespace tenure::serving {
namespace {

constexpr core::Micros kLookMax = core::kMicrosPerSecond;
constexpr core::Micros kLookMin = 10'000;
constexpr int kPairsMax = 4096;  ///< compared at one look, however fast more come
/// Who acts when nobody does by hand.
constexpr std::string_view kGuardActor = "tenure";
constexpr std::string_view kTakenOutTag = "tenure.taken_out";
constexpr std::size_t kTagMax = 200;

/// What somebody did, and why if it was said: "by hand: more calls than usual".
std::string with_reason(std::string_view what, std::string_view why) {
  return why.empty() ? std::string(what) : fmt::format("{}: {}", what, why);
}

}  // namespace

std::string not_live_reason(const ArmOptions& arm, const ModelWatcher& watcher) {
  std::string why = watcher.status().last_error;
  if (!why.empty()) return why;
  return arm.version != 0 ? fmt::format("version {} was not looked for yet", arm.version)
                          : fmt::format("no version has the alias '{}'", arm.alias);
}

std::string other_inputs(const ModelSnapshot* champion, const ModelSnapshot& arm) {
  if (champion == nullptr) return {};
  InputMap map;
  map.update(*champion, arm);
  return map.refusal();
}

ModelWatcher::Options Traffic::Options::watch(const ArmOptions& arm) const {
  ModelWatcher::Options options = champion;
  options.alias = arm.alias;
  options.version = arm.version;
  options.ends_with_alias = true;
  return options;
}

struct Traffic::Arm {
  Arm(const ArmOptions& arm, const Options& traffic, const Collaborators& collaborators)
      : options(arm),
        tap(collaborators.sink),
        predictor({.clock = collaborators.clock,
                   .metrics = collaborators.metrics,
                   .sink = &tap,
                   .identity = {.model = {}, .variant = arm.name}},
                  traffic.fallback),
        watcher(traffic.watch(arm), collaborators.registry, predictor, collaborators.loader),
        share(collaborators.metrics.gauge(
            "tenure_traffic_share", "Share of the customers whom the variant answers now, 0 to 1.",
            {{"variant", arm.name}})),
        rollbacks(collaborators.metrics.counter("tenure_traffic_rollbacks_total",
                                                "Times the guard has taken the variant out.",
                                                {{"variant", arm.name}})),
        psi(collaborators.metrics.gauge(
            "tenure_traffic_score_psi",
            "Population stability index of the variant's scores against the champion's.",
            {{"variant", arm.name}})) {
    if (collaborators.outcomes != nullptr) outcome_gauges.emplace(collaborators.metrics, arm.name);
  }

  ArmOptions options;
  ShadowTap tap;  ///< what the arm answered, for the champion to score
  Predictor predictor;
  ModelWatcher watcher;
  ArmMeter meter;
  ArmMeter pairs, champion_pairs;  ///< of the rows that came through the tap
  ShadowRow row;
  std::vector<float> encoded;
  InputMap inputs;  ///< of the champion for the arm's version
  InputMap back;    ///< of the arm's version for the champion
  std::vector<data::Cell> champion_cells;
  /// Written under the mutex. A version, so that the one that follows is not out.
  std::atomic<std::int64_t> out_version{0};
  std::string why_out, out_by;
  core::Micros since = 0;  ///< a version went out or was put back; 0 = none did
  ArmHistory history;
  std::int64_t version = 0, champion_version = 0;  ///< that `history` compares
  std::optional<ArmComparison> comparison;
  OutcomeSums pardoned;  ///< what was known when somebody put the version back
  std::optional<OutcomeGauges> outcome_gauges;
  core::Gauge& share;
  core::Counter& rollbacks;
  core::Gauge& psi;

  /// `map`: of the champion's inputs for the arm's version; updated here.
  bool can_answer(const ModelSnapshot* snapshot, const ModelSnapshot& champion,
                  InputMap& map) const {
    if (snapshot == nullptr || out_version.load(std::memory_order_relaxed) == snapshot->version)
      return false;
    map.update(champion, *snapshot);
    return map.refusal().empty();
  }
};

Traffic::Traffic(Options options, Collaborators collaborators)
    : options_(std::move(options)), collaborators_(std::move(collaborators)) {
  bool has_shadows = false;
  for (const ArmOptions& arm : options_.shares.arms) {
    has_shadows |= arm.is_shadow;
    if (!arm.is_shadow) arms_.push_back(std::make_unique<Arm>(arm, options_, collaborators_));
  }
  if (has_shadows) shadows_ = std::make_unique<ShadowArms>(options_, collaborators_);
}

Traffic::~Traffic() {
  stop();
}

Predictor::Collaborators Traffic::champion_collaborators() {
  return {.clock = collaborators_.clock,
          .metrics = collaborators_.metrics,
          .sink = shadows_ ? &shadows_->tap() : collaborators_.sink,
          .identity = {.model = {}, .variant = options_.champion.alias}};
}

void Traffic::attach(Predictor& champion) {
  champion_ = &champion;
  for (const auto& arm : arms_) arm->watcher.compare_with(champion);
  if (shadows_) shadows_->compare_with(champion);
}

void Traffic::check_arms() {
  // What stands in the way of an arm is in its watcher's status, and no reason not to serve.
  for (const auto& arm : arms_) static_cast<void>(arm->watcher.check_now());
  if (shadows_) shadows_->check_arms();
  check_guard();
}

void Traffic::start() {
  TENURE_ASSERT(champion_ != nullptr);
  for (const auto& arm : arms_) arm->watcher.start();
  if (shadows_) shadows_->start(*champion_);
  thread_ = std::thread([this] { run(); });
}

void Traffic::stop() {
  {
    const std::lock_guard guard(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (const auto& arm : arms_) arm->watcher.stop();
  if (shadows_) shadows_->stop();
}

void Traffic::run() {
  const auto pause =
      std::chrono::microseconds(std::clamp(options_.shares.guard.window / 10, kLookMin, kLookMax));
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, pause, [this] { return is_stopping_; })) {
    lock.unlock();
    try {
      check_guard();
    } catch (const std::exception& error) {  // what is logged may not fit; serving goes on
      core::log_error("serving", "the guard could not look",
                      {{"error.message", std::string_view(error.what())}});
    }
    lock.lock();
  }
}

void Traffic::predict(const ModelSnapshot& champion, std::span<const PredictRow> rows,
                      Scratch& scratch, std::span<Prediction> out,
                      PredictOptions options) noexcept {
  TENURE_ASSERT(out.size() == rows.size());
  deal(champion, rows, scratch);
  for (std::size_t i = 0; i < scratch.parts.size(); ++i) {
    Scratch::Part& part = scratch.parts[i];
    if (part.rows.empty()) continue;
    Predictor& predictor = i == 0 ? *champion_ : arms_[i - 1]->predictor;
    ArmMeter& meter = i == 0 ? champion_meter_ : arms_[i - 1]->meter;
    part.predictions.resize(part.rows.size());
    const std::int64_t start_ns = collaborators_.clock.monotonic_ns();
    predictor.predict(*part.snapshot, part.rows, part.predictor, part.predictions, options);
    // A request of many rows shares its time among arms, which says nothing of either.
    if (rows.size() == 1) meter.time(collaborators_.clock.monotonic_ns() - start_ns);
    for (std::size_t k = 0; k < part.rows.size(); ++k) {
      meter.count(part.predictions[k]);
      out[part.places[k]] = part.predictions[k];
    }
  }
}

/// Whether an arm has all that it needs to answer a row, or can look it up.
bool Traffic::can_take(const Scratch::Part& part, const PredictRow& row) {
  if (part.snapshot == nullptr) return false;
  return part.inputs.is_complete() || !row.entity_id.empty();
}

/// Puts every row into the part that answers it.
void Traffic::deal(const ModelSnapshot& champion, std::span<const PredictRow> rows,
                   Scratch& scratch) const {
  scratch.parts.resize(arms_.size() + 1);
  for (std::size_t i = 0; i < scratch.parts.size(); ++i) {
    Scratch::Part& part = scratch.parts[i];
    part.rows.clear();
    part.places.clear();
    part.snapshot = &champion;
    if (i == 0) continue;
    const Arm& arm = *arms_[i - 1];
    part.snapshot = arm.predictor.snapshot(part.cache);
    if (!arm.can_answer(part.snapshot, champion, part.inputs)) part.snapshot = nullptr;
    if (part.snapshot != nullptr && !part.inputs.is_identity() &&
        part.cells.size() < rows.size() * part.inputs.size())
      part.cells.resize(rows.size() * part.inputs.size());
  }
  if (scratch.ids.size() < rows.size()) scratch.ids.resize(rows.size());
  const core::Micros now = collaborators_.clock.now();
  for (std::uint32_t place = 0; place < rows.size(); ++place) {
    PredictRow row = rows[place];
    if (row.entity_id.empty() && row.prediction_id.empty()) {
      char* const id = scratch.ids[place].text;
      core::uuid_v7(now, id);
      row.prediction_id = std::string_view(id, sizeof scratch.ids[place].text);
    }
    const std::size_t dealt = part_of(traffic_slot(
        options_.shares.salt, row.entity_id.empty() ? row.prediction_id : row.entity_id));
    Scratch::Part& part = scratch.parts[dealt];
    // Who falls to an arm that cannot answer is the champion's, not the next arm's.
    Scratch::Part& chosen = dealt != 0 && can_take(part, row) ? part : scratch.parts.front();
    if (dealt != 0 && &chosen == &part && !part.inputs.is_identity() && !row.given.empty()) {
      const std::size_t inputs = part.inputs.size();
      const auto cells = std::span(part.cells).subspan(part.rows.size() * inputs, inputs);
      part.inputs.apply(row.given, cells);
      row.given = cells;
    }
    chosen.rows.push_back(row);
    chosen.places.push_back(place);
  }
}

/// 0 = the champion, else the arm before.
std::size_t Traffic::part_of(std::uint32_t slot) const {
  std::uint32_t end = 0;
  for (std::size_t i = 0; i < arms_.size(); ++i) {
    end += arms_[i]->options.slots;
    if (slot < end) return i + 1;
  }
  return 0;
}

std::optional<Traffic::LiveArm> Traffic::find_version(std::string_view version) {
  for (const auto& arm : arms_) {
    auto snapshot = arm->predictor.snapshot();
    if (snapshot && std::to_string(snapshot->version) == version)
      return LiveArm{&arm->predictor, std::move(snapshot)};
  }
  return std::nullopt;
}

void Traffic::check_guard() {
  TENURE_ASSERT(champion_ != nullptr);
  const auto champion = champion_->snapshot();
  if (champion == nullptr) return;
  if (const auto known = outcomes_of(champion->version))
    OutcomeGauges(collaborators_.metrics, options_.champion.alias).set(*known);
  for (const auto& arm : arms_) judge(*arm, *champion);
}

void Traffic::judge(Arm& arm, const ModelSnapshot& champion) {
  const auto snapshot = arm.predictor.snapshot();
  const double share = static_cast<double>(arm.options.slots) / kTrafficSlots;
  std::string why;
  std::optional<ArmComparison> sides;
  {
    const std::lock_guard guard(mutex_);
    const std::int64_t version = snapshot ? snapshot->version : 0;
    if (arm.version != version || arm.champion_version != champion.version) {
      const bool is_other = arm.version != version;
      arm.version = version;
      if (is_other) arm.pardoned = {};
      arm.champion_version = champion.version;
      arm.history.restart();
    }
    if (arm.out_version != 0 && version != 0 && arm.out_version != version) {
      core::log_info("serving", "an arm that was taken out has another version now",
                     {{"variant", std::string_view(arm.options.name)}, {"version", version}});
      arm.out_version = 0;
      arm.why_out.clear();
      arm.out_by.clear();
    }
    pair(arm, champion);
    const ArmWindow window =
        arm.history.advance(collaborators_.clock.monotonic_ns(), options_.shares.guard.window,
                            {.champion = champion_meter_.counts(),
                             .arm = arm.meter.counts(),
                             .arm_pairs = arm.pairs.counts(),
                             .champion_pairs = arm.champion_pairs.counts()});
    const bool is_out = arm.out_version != 0;
    if (!is_out) {  // what it was like when it was taken out stays to be read
      arm.comparison = compare_arms(window);
      arm.psi.set(arm.comparison->psi);
    }
    const std::string false_promise = judge_outcomes(arm, version, champion);
    if (arm.options.is_guarded && !is_out) why = objection(options_.shares.guard, window);
    if (arm.options.is_guarded && !is_out && why.empty()) why = false_promise;
    if (!why.empty()) {
      arm.why_out = why;
      arm.out_by = kGuardActor;
      arm.since = collaborators_.clock.now();
      arm.out_version = version;
      sides = arm.comparison;
    }
    arm.share.set(arm.can_answer(snapshot.get(), champion, arm.inputs) ? share : 0);
  }
  if (!why.empty()) tell(arm, snapshot ? snapshot->version : 0, why, kGuardActor, sides);
}

std::optional<OutcomeSums> Traffic::outcomes_of(std::int64_t version) const {
  if (collaborators_.outcomes == nullptr || version == 0) return std::nullopt;
  return collaborators_.outcomes->outcomes(options_.champion.model, version);
}

/// Why the version must go, by what came of its customers. Not over a window: a version does not
/// change, and labels come late.
std::string Traffic::judge_outcomes(Arm& arm, std::int64_t version, const ModelSnapshot& champion) {
  const auto known = outcomes_of(version);
  if (arm.outcome_gauges) arm.outcome_gauges->set(known.value_or(OutcomeSums{}));
  if (!known || version == champion.version) return {};
  return outcome_objection(options_.shares.guard,
                           outcomes_of(champion.version).value_or(OutcomeSums{}),
                           known->since(arm.pardoned));
}

/// Has the champion's model score what the arm has answered: the two speak of the same customers
/// then, and chance has no part in their difference.
void Traffic::pair(Arm& arm, const ModelSnapshot& champion) {
  arm.encoded.resize(champion.model.transform().outputs().size());
  const auto snapshot = arm.predictor.snapshot();
  for (int taken = 0; taken < kPairsMax && arm.tap.take(arm.row); ++taken) {
    const ShadowRow& row = arm.row;
    if (!snapshot || row.version != snapshot->version || row.level != Level::kPrimary ||
        row.cells.empty())
      continue;
    arm.back.update(*snapshot, champion);
    // What the champion would have seen beside the arm's inputs is not known here.
    if (!arm.back.refusal().empty() || !arm.back.is_complete()) continue;
    arm.champion_cells.resize(arm.back.size());
    arm.back.apply(row.cells, arm.champion_cells);
    const learn::Model::Score score = champion.model.score(arm.champion_cells, arm.encoded);
    if (!std::isfinite(score.probability)) continue;
    Prediction said;
    said.probability = row.probability;
    arm.pairs.count(said);
    said.probability = score.probability;
    arm.champion_pairs.count(said);
  }
}

/// It answers nobody any more; now the world is told. `sides`: as they were then, for the guard
/// compares on.
void Traffic::tell(Arm& arm, std::int64_t version, const std::string& why, std::string_view actor,
                   const std::optional<ArmComparison>& sides) {
  arm.rollbacks.add();
  core::log_error("serving", "an arm was taken out; the champion answers its customers",
                  {{"model", std::string_view(options_.champion.model)},
                   {"variant", std::string_view(arm.options.name)},
                   {"version", version},
                   {"reason", std::string_view(why)}});
  const auto champion = champion_->snapshot();
  tag(version, why,
      {.actor = std::string(actor),
       .reason = fmt::format("taken out of arm '{}': {}", arm.options.name, why),
       .evidence = evidence_of(sides, outcomes_of(version),
                               outcomes_of(champion ? champion->version : 0))});
}

void Traffic::tag(std::int64_t version, std::string_view text, const tracking::Change& change) {
  const auto tagged = collaborators_.registry.set_version_tag(
      options_.champion.model, version, kTakenOutTag,
      text.substr(0, core::valid_utf8_prefix(text.substr(0, kTagMax))), change);
  if (!tagged)
    core::log_warn("serving", "what became of an arm is not in the registry",
                   {{"error.message", std::string_view(tagged.error().message)}});
}

core::Result<Traffic::Arm*> Traffic::find_arm(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& arm : arms_) {
    if (arm->options.name == name) return arm.get();
    names.push_back(arm->options.name);
  }
  if (std::ranges::any_of(options_.shares.arms,
                          [&](const ArmOptions& arm) { return arm.is_shadow && arm.name == name; }))
    return core::Error{core::ErrorCode::kConflict,
                       fmt::format("arm '{}' is a shadow: it answers nobody", name)};
  return core::Error{core::ErrorCode::kNotFound,
                     fmt::format("there is no arm '{}'{}", name, core::did_you_mean(name, names))};
}

core::Result<> Traffic::take_out(std::string_view name, std::string_view actor,
                                 std::string_view why) {
  const auto found = find_arm(name);
  if (!found) return found.error();
  Arm& arm = **found;
  const auto snapshot = arm.predictor.snapshot();
  const std::string reason = with_reason("by hand", why);
  std::optional<ArmComparison> sides;
  {
    const std::lock_guard guard(mutex_);
    if (snapshot == nullptr || arm.out_version == snapshot->version)
      return core::Error{core::ErrorCode::kConflict,
                         fmt::format("arm '{}' has no version that answers", name)};
    arm.why_out = reason;
    arm.out_by = actor;
    arm.since = collaborators_.clock.now();
    arm.out_version = snapshot->version;
    arm.share.set(0);
    sides = arm.comparison;
  }
  tell(arm, snapshot->version, reason, actor, sides);
  return {};
}

core::Result<> Traffic::put_back(std::string_view name, std::string_view actor,
                                 std::string_view why) {
  const auto found = find_arm(name);
  if (!found) return found.error();
  Arm& arm = **found;
  std::int64_t version = 0;
  {
    const std::lock_guard guard(mutex_);
    if (arm.out_version == 0)
      return core::Error{core::ErrorCode::kConflict,
                         fmt::format("arm '{}' was not taken out", name)};
    arm.history.restart();
    arm.why_out.clear();
    arm.out_by.clear();
    arm.since = collaborators_.clock.now();
    version = arm.out_version.exchange(0);
    // Only what becomes known from now on speaks against it again.
    arm.pardoned = outcomes_of(version).value_or(OutcomeSums{});
  }
  core::log_info("serving", "an arm was put back",
                 {{"variant", name}, {"version", version}, {"user.name", actor}, {"reason", why}});
  tag(version, fmt::format("no, put back by {}", actor),
      {.actor = std::string(actor),
       .reason = with_reason(fmt::format("put back into arm '{}'", name), why)});
  return {};
}

Traffic::ArmStatus Traffic::status_of(const Arm& arm, const ModelSnapshot* champion) const {
  ArmStatus status{.options = arm.options,
                   .state = "live",
                   .why = {},
                   .taken_out_by = {},
                   .since = 0,
                   .answers = arm.meter.counts().answers,
                   .version = 0,
                   .warm_up = arm.watcher.status().warm_up,
                   .comparison = arm.comparison,
                   .outcomes = {},
                   .shadow = {}};
  const auto snapshot = arm.predictor.snapshot();
  if (snapshot) status.version = snapshot->version;
  if (snapshot) status.since = std::max(snapshot->loaded, arm.since);
  status.outcomes = outcomes_of(status.version);
  if (!snapshot) {
    status.state = "not live";
    status.why = not_live_reason(arm.options, arm.watcher);
  } else if (std::string why = other_inputs(champion, *snapshot); !why.empty()) {
    status.state = "other inputs";
    status.why = std::move(why);
  } else if (arm.out_version == snapshot->version) {
    status.state = "taken out";
    status.why = arm.why_out;
    status.taken_out_by = arm.out_by;
  }
  return status;
}

Traffic::Status Traffic::status() const {
  const auto champion = champion_->snapshot();
  Status status{.champion = options_.champion.alias,
                .champion_answers = champion_meter_.counts().answers,
                .champion_outcomes = outcomes_of(champion ? champion->version : 0),
                .arms = {}};
  {
    const std::lock_guard guard(mutex_);
    for (const auto& arm : arms_) {
      status.arms.push_back(status_of(*arm, champion.get()));
      if (status.arms.back().state == "live") status.champion_slots -= arm->options.slots;
    }
  }
  if (shadows_)
    for (ArmStatus& shadow : shadows_->status(champion.get())) {
      shadow.outcomes = outcomes_of(shadow.version);
      status.arms.push_back(std::move(shadow));
    }
  return status;
}

void Traffic::drain_shadows() {
  if (shadows_) shadows_->drain(*champion_);
}

}  // namespace tenure::serving
