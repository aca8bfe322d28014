#include "serving/shadow_arms.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace tenure::serving {
namespace {

constexpr auto kPause = std::chrono::milliseconds(20);
constexpr int kRowsMax = 64;     ///< scored before others may look
constexpr int kRoundsMax = 256;  ///< of so many, before the end is looked for

}  // namespace

struct ShadowArms::Shadow {
  Shadow(const ArmOptions& arm, const Traffic::Options& traffic,
         const Traffic::Collaborators& collaborators)
      : options(arm),
        predictor({.clock = collaborators.clock,
                   .metrics = collaborators.metrics,
                   .sink = collaborators.sink,
                   .identity = {.model = {}, .variant = arm.name, .is_shadow = true},
                   .is_shadow = true},
                  traffic.fallback),
        watcher(traffic.watch(arm), collaborators.registry, predictor, collaborators.loader),
        difference(collaborators.metrics.histogram(
            "tenure_shadow_score_difference",
            "Distance between the shadow's probability and the champion's for one prediction.",
            {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5}, {{"variant", arm.name}})),
        difference_max(collaborators.metrics.gauge(
            "tenure_shadow_score_difference_max",
            "The largest such distance since the shadow's version or the champion's changed.",
            {{"variant", arm.name}})),
        flips(collaborators.metrics.counter(
            "tenure_shadow_decision_flips_total",
            "Predictions that the shadow would have decided otherwise than the champion.",
            {{"variant", arm.name}})) {}

  ArmOptions options;
  Predictor predictor;
  ModelWatcher watcher;
  SnapshotCache cache;
  InputMap inputs;                ///< of the champion for the shadow's version
  std::vector<data::Cell> cells;  ///< reused
  Predictor::Scratch scratch;
  core::Histogram& difference;
  core::Gauge& difference_max;
  core::Counter& flips;
  std::int64_t version = 0, champion_version = 0;  ///< that `sums` compares
  Traffic::ArmStatus::Shadow sums;
  double difference_sum = 0;
};

ShadowArms::ShadowArms(const Traffic::Options& options, const Traffic::Collaborators& collaborators)
    : tap_(collaborators.sink),
      dropped_(collaborators.metrics.counter(
          "tenure_shadow_dropped_total",
          "Predictions that the shadows did not make, because too many waited.")) {
  for (const ArmOptions& arm : options.shares.arms)
    if (arm.is_shadow) shadows_.push_back(std::make_unique<Shadow>(arm, options, collaborators));
}

ShadowArms::~ShadowArms() {
  stop();
}

void ShadowArms::compare_with(const Predictor& champion) {
  for (const auto& shadow : shadows_) shadow->watcher.compare_with(champion);
}

void ShadowArms::check_arms() {
  // What stands in the way of a version is in its watcher's status.
  for (const auto& shadow : shadows_) static_cast<void>(shadow->watcher.check_now());
}

void ShadowArms::start(const Predictor& champion) {
  for (const auto& shadow : shadows_) shadow->watcher.start();
  thread_ = std::thread([this, &champion] { run(champion); });
}

void ShadowArms::stop() {
  {
    const std::lock_guard guard(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (const auto& shadow : shadows_) shadow->watcher.stop();
}

/// Looks often instead of being woken: a wake-up would cost the requests a system call.
void ShadowArms::run(const Predictor& champion) {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kPause, [this] { return is_stopping_; })) {
    lock.unlock();
    for (int round = 0; round < kRoundsMax && drain(champion); ++round) {
    }
    lock.lock();
  }
  lock.unlock();
  while (drain(champion)) {  // what the last requests left
  }
}

bool ShadowArms::drain(const Predictor& champion) {
  const std::lock_guard guard(drain_mutex_);
  const auto live = champion.snapshot();
  int taken = 0;
  while (taken < kRowsMax && tap_.take(row_)) {
    ++taken;
    // A row of the version before, and one about whom nothing was known, compares nothing.
    if (live == nullptr || row_.version != live->version || row_.cells.empty()) continue;
    for (const auto& shadow : shadows_) score(*shadow, row_, *live);
  }
  const std::uint64_t dropped = tap_.dropped();
  dropped_.add(dropped - dropped_seen_);
  dropped_seen_ = dropped;
  return taken == kRowsMax;
}

void ShadowArms::score(Shadow& shadow, const ShadowRow& row, const ModelSnapshot& champion) {
  const ModelSnapshot* snapshot = shadow.predictor.snapshot(shadow.cache);
  if (snapshot == nullptr) return;
  // Further inputs than the champion's are looked up, which needs a customer.
  shadow.inputs.update(champion, *snapshot);
  if (!shadow.inputs.refusal().empty()) return;
  if (!shadow.inputs.is_complete() && row.entity_id.empty()) return;
  shadow.cells.resize(shadow.inputs.size());
  shadow.inputs.apply(row.cells, shadow.cells);
  const PredictRow rows[] = {
      {.entity_id = row.entity_id,
       .given = shadow.cells,
       .prediction_id = std::string_view(row.prediction_id, sizeof row.prediction_id)}};
  Prediction answers[1];
  shadow.predictor.predict(*snapshot, rows, shadow.scratch, answers);
  const Prediction& answer = answers[0];
  if (row.level != Level::kPrimary || answer.level != Level::kPrimary) return;
  if (shadow.version != snapshot->version || shadow.champion_version != champion.version) {
    shadow.version = snapshot->version;
    shadow.champion_version = champion.version;
    shadow.sums = {};
    shadow.difference_sum = 0;
  }
  const double difference =
      std::abs(static_cast<double>(answer.probability) - static_cast<double>(row.probability));
  shadow.difference.observe(difference);
  shadow.difference_sum += difference;
  ++shadow.sums.compared;
  shadow.sums.difference_max = std::max(shadow.sums.difference_max, difference);
  shadow.difference_max.set(shadow.sums.difference_max);
  if (answer.is_positive != row.is_positive) {
    ++shadow.sums.flips;
    shadow.flips.add();
  }
}

std::vector<Traffic::ArmStatus> ShadowArms::status(const ModelSnapshot* champion) const {
  const std::lock_guard guard(drain_mutex_);
  std::vector<Traffic::ArmStatus> list;
  for (const auto& shadow : shadows_) {
    Traffic::ArmStatus status{.options = shadow->options,
                              .state = "live",
                              .why = {},
                              .taken_out_by = {},
                              .since = 0,
                              .answers = 0,
                              .version = 0,
                              .warm_up = shadow->watcher.status().warm_up,
                              .comparison = {},
                              .outcomes = {},
                              .shadow = shadow->sums};
    status.shadow->dropped = tap_.dropped();
    if (shadow->sums.compared != 0)
      status.shadow->difference_mean =
          shadow->difference_sum / static_cast<double>(shadow->sums.compared);
    const auto snapshot = shadow->predictor.snapshot();
    if (snapshot) {
      status.version = snapshot->version;
      status.since = snapshot->loaded;
    }
    if (!snapshot) {
      status.state = "not live";
      status.why = not_live_reason(shadow->options, shadow->watcher);
    } else if (std::string why = other_inputs(champion, *snapshot); !why.empty()) {
      status.state = "other inputs";
      status.why = std::move(why);
    }
    list.push_back(std::move(status));
  }
  return list;
}

}  // namespace tenure::serving
