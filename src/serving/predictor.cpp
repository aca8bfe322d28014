#include "serving/predictor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "core/assert.h"
#include "core/id.h"
#include "core/log.h"

namespace tenure::serving {
namespace {

/// Contributions are float32 sums over all trees; what differs by more is a fault, not rounding.
constexpr double kAdditivityTolerance = 1e-4;

/// Swaps are numbered through the process, so that a cache never mistakes one predictor's model for
/// that of another which lies at the same address.
std::uint64_t next_generation() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

/// A store that is away fails every request; one line in the log a second says so.
constexpr std::int64_t kLogIntervalNs = 1'000'000'000;

bool is_absent(const data::Cell& cell) {
  return cell.kind == data::Cell::Kind::kAbsent;
}

bool has_given(const PredictRow& row) {
  return !std::ranges::all_of(row.given, is_absent);
}

bool needs_lookup(const PredictRow& row, std::size_t inputs) {
  return !row.entity_id.empty() &&
         (row.given.size() < inputs || std::ranges::any_of(row.given, is_absent));
}

/// Of two deadlines; 0 = none.
std::int64_t earlier(std::int64_t a, std::int64_t b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

/// Grows, never shrinks: a warm vector allocates nothing.
template <typename T>
std::span<T> room(std::vector<T>& values, std::size_t size) {
  if (values.size() < size) values.resize(size);
  return std::span(values).first(size);
}

}  // namespace

struct Predictor::Call {
  const ModelSnapshot& snapshot;
  Scratch& scratch;
  const PredictionMetrics::Version& counters;
  core::Micros now;
  std::int64_t start_ns;
  std::int64_t deadline_ns;  ///< 0 = none
  bool is_explained = false;
  core::TraceContext trace = {};
  std::span<Contribution> free_contributions = {};  ///< for the rows still to come
  std::span<float> encoded = {};
};

Predictor::Predictor(Collaborators collaborators, const FallbackOptions& fallback)
    : collaborators_(collaborators),
      metrics_(collaborators.metrics, collaborators.identity),
      fallback_(fallback),
      model_breaker_(fallback.breaker),
      store_breaker_(fallback.breaker) {}

std::shared_ptr<const ModelSnapshot> Predictor::snapshot() const {
  const std::lock_guard guard(snapshot_mutex_);
  return snapshot_;
}

const ModelSnapshot* Predictor::snapshot(SnapshotCache& cache) const {
  if (cache.generation_ != generation_.load(std::memory_order_acquire)) {
    const std::lock_guard guard(snapshot_mutex_);
    cache.snapshot_ = snapshot_;
    cache.generation_ = generation_.load(std::memory_order_relaxed);
  }
  return cache.snapshot_.get();
}

void Predictor::swap(std::shared_ptr<const ModelSnapshot> next) {
  TENURE_ASSERT(next != nullptr);
  metrics_.of_version(next->name, next->version);  // so that no request registers metrics
  {
    const std::lock_guard guard(snapshot_mutex_);
    snapshot_.swap(next);
    generation_.store(next_generation(), std::memory_order_release);
  }
  metrics_.swaps.add();
}

void Predictor::retire() {
  std::shared_ptr<const ModelSnapshot> last;  // freed after the lock
  const std::lock_guard guard(snapshot_mutex_);
  snapshot_.swap(last);
  generation_.store(next_generation(), std::memory_order_release);
}

void Predictor::count_load_failure() {
  metrics_.load_failures.add();
}

void Predictor::predict(const ModelSnapshot& snapshot, std::span<const PredictRow> rows,
                        Scratch& scratch, std::span<Prediction> out,
                        PredictOptions options) noexcept {
  TENURE_ASSERT(out.size() == rows.size());
  const core::Clock& clock = collaborators_.clock;
  const std::int64_t start_ns = clock.monotonic_ns();
  Call call{
      .snapshot = snapshot,
      .scratch = scratch,
      .counters = metrics_.of_version(snapshot.name, snapshot.version),
      .now = clock.now(),
      .start_ns = start_ns,
      .deadline_ns = earlier(fallback_.deadline == 0 ? 0 : start_ns + fallback_.deadline * 1000,
                             options.deadline_ns),
      .is_explained = options.is_explained && snapshot.explainer.has_value(),
      .trace = options.trace,
      .encoded = room(scratch.encoded, snapshot.model.transform().outputs().size())};
  if (call.is_explained)
    call.free_contributions =
        room(scratch.contributions, rows.size() * snapshot.input_names.size());
  answer(call, scratch.online, rows, out);
  metrics_.duration.observe(static_cast<double>(clock.monotonic_ns() - start_ns) * 1e-9);
}

/// Looks up the entities that need it in one read, then answers row after row.
void Predictor::answer(Call& call, features::OnlineReader::Scratch& online,
                       std::span<const PredictRow> rows, std::span<Prediction> out) {
  const ModelSnapshot& snapshot = call.snapshot;
  Scratch& scratch = call.scratch;
  const std::size_t inputs = snapshot.input_names.size();
  scratch.keys.clear();
  for (const PredictRow& row : rows) {
    if (needs_lookup(row, inputs)) scratch.keys.push_back(row.entity_id);
  }
  const std::size_t looked_up = scratch.keys.size();
  // One more row: for those that are not looked up.
  const std::span<data::Cell> cells = room(scratch.cells, (looked_up + 1) * inputs);
  const auto info = room(scratch.info, looked_up);
  const StoreRead read = read_store(call, online, cells.first(looked_up * inputs), info);
  if (read == StoreRead::kDamaged && rows.size() > 1) {
    // One damaged row must not cost the others their features. Explanations show texts, so what
    // was read for one row must outlive the reading of the next.
    room(scratch.online_rows, rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      answer(call, scratch.online_rows[i], rows.subspan(i, 1), out.subspan(i, 1));
    }
    return;
  }
  std::size_t lookup = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const PredictRow& row = rows[i];
    Prediction& prediction = out[i];
    prediction = Prediction{};
    prediction.entity_id = row.entity_id;
    prediction.snapshot = &snapshot;
    prediction.variant = collaborators_.identity.variant;
    if (row.prediction_id.size() == sizeof prediction.id) {
      std::ranges::copy(row.prediction_id, prediction.id);
    } else {
      core::uuid_v7(call.now, prediction.id);
    }
    const bool is_lookup = needs_lookup(row, inputs);
    const std::size_t place = is_lookup ? lookup++ : looked_up;
    const std::span<data::Cell> features = cells.subspan(place * inputs, inputs);
    const bool is_given = has_given(row);
    // A model without stored features takes what the request gives; the id is only a name.
    const bool needs_store = is_lookup && (snapshot.reader || !is_given);
    const bool is_found = needs_store && read == StoreRead::kDone && info[place].is_found;
    FallbackReason reason = FallbackReason::kNone;
    if (needs_store && !snapshot.reader) {
      reason = FallbackReason::kNoStoredFeatures;
    } else if (needs_store && read != StoreRead::kDone) {
      reason =
          read == StoreRead::kLate ? FallbackReason::kDeadline : FallbackReason::kStoreUnavailable;
    } else if (needs_store && !is_found && !is_given) {
      reason = FallbackReason::kUnknownEntity;
    }
    if (is_found) {
      prediction.features_time = info[place].oldest;
    } else {
      std::ranges::copy(snapshot.missing, features.begin());
    }
    for (std::size_t j = 0; j < std::min(inputs, row.given.size()); ++j) {
      const data::Cell& given = row.given[j];
      if (is_absent(given)) continue;
      features[j] = given.kind == data::Cell::Kind::kNull ? snapshot.missing[j] : given;
    }
    const bool has_features = is_found || is_given || !is_lookup;
    answer_row(call, features, has_features, reason, prediction);
  }
}

Predictor::StoreRead Predictor::read_store(Call& call, features::OnlineReader::Scratch& online,
                                           std::span<data::Cell> cells,
                                           std::span<features::OnlineReader::EntityInfo> info) {
  if (info.empty()) return StoreRead::kDone;
  if (!call.snapshot.reader) return StoreRead::kFailed;
  if (is_late(call)) return StoreRead::kLate;
  const std::int64_t now_ns = call.start_ns;
  if (!store_breaker_.allow(now_ns)) return StoreRead::kFailed;
  const auto read = call.snapshot.reader->read(call.scratch.keys, call.now, online, cells, info);
  const bool is_damaged = !read && read.error().code == core::ErrorCode::kCorruption;
  // A damaged row says nothing about the store.
  store_breaker_.record(read.has_value() || is_damaged, now_ns);
  if (read) return StoreRead::kDone;
  if (!is_damaged || info.size() == 1) report_store_failure(call, read.error());
  return is_damaged ? StoreRead::kDamaged : StoreRead::kFailed;
}

/// Asks the levels in their order. `has_features`: something is known about this customer.
void Predictor::answer_row(Call& call, std::span<const data::Cell> cells, bool has_features,
                           FallbackReason reason, Prediction& out) {
  const learn::ModelFacts& facts = call.snapshot.model.facts();
  if (reason == FallbackReason::kNone) reason = distrust(call, cells, out.features_time);
  if (reason == FallbackReason::kNone) reason = ask_model(call, cells, out);
  if (reason != FallbackReason::kNone) {
    out.reason = reason;
    out.is_uncertain = true;
    metrics_.count_fallback(reason);
    if (!(has_features && ask_secondary(call, cells, out))) {
      const auto rule = call.snapshot.rules.first_match(cells);
      out.level = rule ? Level::kRules : Level::kBaseRate;
      if (rule) out.rule = call.snapshot.rules.name(rule->rule);
      const double probability = rule ? rule->probability : facts.base_rate;
      out.margin = margin_of(probability);
      out.probability = static_cast<float>(probability);
    }
  }
  out.is_positive = static_cast<double>(out.probability) >= facts.threshold;
  if (call.snapshot.policy) {
    out.decision =
        call.snapshot.policy->decide({.cells = cells,
                                      .probability = static_cast<double>(out.probability),
                                      .is_uncertain = out.is_uncertain,
                                      .id = out.entity_id});
    if (call.snapshot.has_own_thresholds) out.is_positive = out.decision.is_positive;
  }
  if (call.is_explained && out.level == Level::kPrimary) explain(call, cells, out);
  call.counters.by_level[static_cast<std::size_t>(out.level)]->add();
  report(call, has_features ? cells : std::span<const data::Cell>(), out);
}

bool Predictor::is_late(const Call& call) const {
  return call.deadline_ns != 0 && collaborators_.clock.monotonic_ns() > call.deadline_ns;
}

/// Whether the model should not even be asked.
FallbackReason Predictor::distrust(const Call& call, std::span<const data::Cell> cells,
                                   core::Micros features_time) const {
  if (is_late(call)) return FallbackReason::kDeadline;
  if (fallback_.stale_after != 0 && features_time != 0 &&
      call.now - features_time > fallback_.stale_after)
    return FallbackReason::kStaleFeatures;
  if (fallback_.missing_max >= 1) return FallbackReason::kNone;
  const auto missing = std::ranges::count_if(cells, [](const data::Cell& cell) {
    return cell.kind == data::Cell::Kind::kNull || is_absent(cell);
  });
  return static_cast<double>(missing) > fallback_.missing_max * static_cast<double>(cells.size())
             ? FallbackReason::kMissingFeatures
             : FallbackReason::kNone;
}

FallbackReason Predictor::ask_model(Call& call, std::span<const data::Cell> cells,
                                    Prediction& out) {
  if (!model_breaker_.allow(call.start_ns)) return FallbackReason::kSuspended;
  const ModelSnapshot& snapshot = call.snapshot;
  const learn::Model::Score score = snapshot.model.score(cells, call.encoded);
  const bool is_valid = std::isfinite(score.margin) && std::isfinite(score.probability);
  model_breaker_.record(is_valid, call.start_ns);
  if (!is_valid) return FallbackReason::kInvalidScore;
  const auto& conformal = snapshot.model.facts().conformal;
  out.is_uncertain = conformal && !conformal->predict(score.probability).is_certain();
  if (out.is_uncertain && fallback_.is_confidence_needed) return FallbackReason::kLowConfidence;
  out.margin = score.margin;
  out.probability = score.probability;
  return FallbackReason::kNone;
}

bool Predictor::ask_secondary(Call& call, std::span<const data::Cell> cells, Prediction& out) {
  if (!call.snapshot.secondary || !fallback_.has_secondary) return false;
  const learn::Model& model = *call.snapshot.secondary;
  const learn::Model::Score score =
      model.score(cells, room(call.scratch.secondary_encoded, model.transform().outputs().size()));
  if (!std::isfinite(score.margin) || !std::isfinite(score.probability)) return false;
  out.level = Level::kSecondary;
  out.margin = score.margin;
  out.probability = score.probability;
  return true;
}

void Predictor::explain(Call& call, std::span<const data::Cell> cells, Prediction& out) {
  const auto log_odds = room(call.scratch.log_odds, cells.size());
  const double bias = call.snapshot.explainer->explain(call.snapshot.model, call.encoded,
                                                       call.scratch.explainer, log_odds);
  const double sum = std::accumulate(log_odds.begin(), log_odds.end(), bias);
  const double error = std::abs(sum - static_cast<double>(out.margin));
  metrics_.explanation_error.set(error);
  if (!(error <= kAdditivityTolerance * (1.0 + std::abs(static_cast<double>(out.margin))))) {
    metrics_.explanation_failures.add();
    return;
  }
  const auto contributions = call.free_contributions.first(cells.size());
  call.free_contributions = call.free_contributions.subspan(cells.size());
  for (std::uint32_t i = 0; i < cells.size(); ++i) {
    contributions[i] = {.input = i, .log_odds = static_cast<float>(log_odds[i]), .value = cells[i]};
  }
  out.contributions = contributions;
  out.bias = static_cast<float>(bias);
}

void Predictor::report(const Call& call, std::span<const data::Cell> cells,
                       const Prediction& prediction) {
  if (collaborators_.sink == nullptr) return;
  PredictionEvent event;
  event.prediction_id = std::string_view(prediction.id, sizeof prediction.id);
  event.time = call.now;
  event.entity_id = prediction.entity_id;
  event.model = call.snapshot.name;
  event.version = call.snapshot.version;
  event.variant = prediction.variant;
  event.is_shadow = collaborators_.is_shadow;
  event.feature_names = call.snapshot.input_names;
  event.features = cells;
  event.features_time = prediction.features_time;
  event.margin = prediction.margin;
  event.probability = prediction.probability;
  event.is_positive = prediction.is_positive;
  event.level = prediction.level;
  event.reason = reason_name(prediction.reason);
  if (call.snapshot.policy && call.snapshot.policy->control_group().share() > 0 &&
      !prediction.entity_id.empty())
    event.group = prediction.decision.is_control ? CampaignGroup::kControl : CampaignGroup::kTarget;
  event.trace = call.trace;
  const std::int64_t elapsed_us = (collaborators_.clock.monotonic_ns() - call.start_ns) / 1000;
  event.latency_us = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(elapsed_us, 0, std::numeric_limits<std::uint32_t>::max()));
  collaborators_.sink->append(event);
}

void Predictor::report_store_failure(const Call& call, const core::Error& error) {
  const std::int64_t now = collaborators_.clock.monotonic_ns();
  std::int64_t before = store_failure_logged_ns_.load(std::memory_order_relaxed);
  if (before != 0 && now - before < kLogIntervalNs) return;
  if (!store_failure_logged_ns_.compare_exchange_strong(before, now)) return;
  const std::string trace = call.trace.is_set() ? core::trace_id_text(call.trace) : "";
  core::log_error(
      "serving", "features cannot be read; a fallback answers",
      {{"error.message", std::string_view(error.message)}, {"trace.id", std::string_view(trace)}});
}

Predictor::FallbackStats Predictor::fallback_stats() const {
  FallbackStats stats;
  for (const Level level : kAllLevels)
    stats.levels.push_back({level_name(level), metrics_.answers(level)});
  for (std::size_t i = 1; i < kFallbackReasons; ++i) {
    const auto reason = static_cast<FallbackReason>(i);
    stats.reasons.push_back({reason_name(reason), metrics_.fallbacks(reason)});
  }
  stats.breakers = {{"model", model_breaker_.state(), model_breaker_.times_opened()},
                    {"online_store", store_breaker_.state(), store_breaker_.times_opened()}};
  return stats;
}

}  // namespace tenure::serving
