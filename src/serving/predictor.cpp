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

constexpr std::string_view kUnknownEntity = "unknown_entity";
constexpr std::string_view kStoreUnavailable = "store_unavailable";
constexpr std::string_view kInvalidScore = "invalid_score";

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

core::Counter& fallback_counter(core::MetricRegistry& metrics, std::string_view reason) {
  return metrics.counter("tenure_prediction_fallbacks_total",
                         "Predictions that the model could not answer, by reason.",
                         {{"reason", std::string(reason)}});
}

/// Grows, never shrinks: a warm vector allocates nothing.
template <typename T>
std::span<T> room(std::vector<T>& values, std::size_t size) {
  if (values.size() < size) values.resize(size);
  return std::span(values).first(size);
}

/// The margin a probability would come from; kept finite for rates of exactly 0 and 1.
float margin_of(double probability) {
  const double p = std::clamp(probability, 1e-6, 1.0 - 1e-6);
  return static_cast<float>(std::log(p / (1.0 - p)));
}

}  // namespace

struct Predictor::Call {
  const ModelSnapshot& snapshot;
  Scratch& scratch;
  core::Micros now;
  std::int64_t start_ns;
  std::uint64_t primary = 0;
  std::uint64_t base_rate = 0;
  bool is_explained = false;
  std::span<Contribution> free_contributions = {};  ///< for the rows still to come
  std::span<float> encoded = {};
};

Predictor::Predictor(Collaborators collaborators)
    : collaborators_(collaborators),
      unknown_entity_(fallback_counter(collaborators.metrics, kUnknownEntity)),
      store_unavailable_(fallback_counter(collaborators.metrics, kStoreUnavailable)),
      invalid_score_(fallback_counter(collaborators.metrics, kInvalidScore)),
      swaps_(collaborators.metrics.counter("tenure_model_swaps_total", "Models put live.")),
      load_failures_(
          collaborators.metrics.counter("tenure_model_load_failures_total",
                                        "Versions that should have become live, but failed.")),
      explanation_failures_(collaborators.metrics.counter(
          "tenure_explanation_failures_total",
          "Explanations withheld because they did not add up to the margin.")),
      explanation_error_(collaborators.metrics.gauge(
          "tenure_explanation_additivity_error",
          "Distance between the last explanation's sum and its margin, in log-odds.")),
      duration_(collaborators.metrics.histogram(
          "tenure_prediction_duration_seconds",
          "From decoded rows to their predictions, feature look-up included, one a request.",
          core::latency_bounds_s())) {}

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
  metrics_of(*next);  // so that no request registers metrics
  {
    const std::lock_guard guard(snapshot_mutex_);
    snapshot_.swap(next);
    generation_.store(next_generation(), std::memory_order_release);
  }
  swaps_.add();
}

void Predictor::count_load_failure() {
  load_failures_.add();
}

const Predictor::VersionMetrics& Predictor::metrics_of(const ModelSnapshot& snapshot) {
  const auto find = [&]() -> const VersionMetrics* {
    const VersionMetrics* metrics = metrics_.load(std::memory_order_acquire);
    while (metrics != nullptr &&
           (metrics->version != snapshot.version || metrics->model != snapshot.name)) {
      metrics = metrics->next;
    }
    return metrics;
  };
  if (const VersionMetrics* known = find()) return *known;
  const std::lock_guard guard(metrics_mutex_);
  if (const VersionMetrics* known = find()) return *known;
  const auto counter = [&](Level level) {
    return &collaborators_.metrics.counter("tenure_predictions_total",
                                           "Predictions, by model version and by who answered.",
                                           {{"model", snapshot.name},
                                            {"version", std::to_string(snapshot.version)},
                                            {"level", std::string(level_name(level))}});
  };
  metrics_storage_.push_back({.model = snapshot.name,
                              .version = snapshot.version,
                              .primary = counter(Level::kPrimary),
                              .base_rate = counter(Level::kBaseRate),
                              .next = metrics_.load(std::memory_order_relaxed)});
  metrics_.store(&metrics_storage_.back(), std::memory_order_release);
  return metrics_storage_.back();
}

void Predictor::predict(const ModelSnapshot& snapshot, std::span<const PredictRow> rows,
                        Scratch& scratch, std::span<Prediction> out,
                        PredictOptions options) noexcept {
  TENURE_ASSERT(out.size() == rows.size());
  const core::Clock& clock = collaborators_.clock;
  Call call{.snapshot = snapshot,
            .scratch = scratch,
            .now = clock.now(),
            .start_ns = clock.monotonic_ns(),
            .is_explained = options.is_explained && snapshot.explainer.has_value(),
            .encoded = room(scratch.encoded, snapshot.model.transform().outputs().size())};
  if (call.is_explained)
    call.free_contributions =
        room(scratch.contributions, rows.size() * snapshot.input_names.size());
  answer(call, scratch.online, rows, out);
  const VersionMetrics& metrics = metrics_of(snapshot);
  metrics.primary->add(call.primary);
  metrics.base_rate->add(call.base_rate);
  duration_.observe(static_cast<double>(clock.monotonic_ns() - call.start_ns) * 1e-9);
}

/// Looks up the entities that need it in one read, then scores row after row.
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
  bool is_read = looked_up == 0;
  if (looked_up != 0 && snapshot.reader) {
    const auto read = snapshot.reader->read(scratch.keys, call.now, online,
                                            cells.first(looked_up * inputs), info);
    if (!read && read.error().code == core::ErrorCode::kCorruption && rows.size() > 1) {
      // One damaged row must not cost the others their features. Explanations show texts, so what
      // was read for one row must outlive the reading of the next.
      room(scratch.online_rows, rows.size());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        answer(call, scratch.online_rows[i], rows.subspan(i, 1), out.subspan(i, 1));
      }
      return;
    }
    if (!read) report_store_failure(read.error());
    is_read = read.has_value();
  }
  const double threshold = snapshot.model.facts().threshold;
  std::size_t lookup = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const PredictRow& row = rows[i];
    Prediction& prediction = out[i];
    prediction = Prediction{};
    prediction.entity_id = row.entity_id;
    core::uuid_v7(call.now, prediction.id);
    const bool is_lookup = needs_lookup(row, inputs);
    const std::size_t place = is_lookup ? lookup++ : looked_up;
    const std::span<data::Cell> features = cells.subspan(place * inputs, inputs);
    if (!is_lookup || (!snapshot.reader && has_given(row))) {
      // A model without stored features takes what the request gives; the id is only a name.
      std::ranges::copy(snapshot.missing, features.begin());
    } else if (!is_read) {
      fall_back(call, kStoreUnavailable, prediction);
      continue;
    } else if (!info[place].is_found && !has_given(row)) {
      fall_back(call, kUnknownEntity, prediction);
      continue;
    } else if (!info[place].is_found) {
      std::ranges::copy(snapshot.missing, features.begin());
    } else {
      prediction.features_time = info[place].oldest;
    }
    for (std::size_t j = 0; j < std::min(inputs, row.given.size()); ++j) {
      const data::Cell& given = row.given[j];
      if (is_absent(given)) continue;
      features[j] = given.kind == data::Cell::Kind::kNull ? snapshot.missing[j] : given;
    }
    const learn::Model::Score score = snapshot.model.score(features, call.encoded);
    if (!std::isfinite(score.margin) || !std::isfinite(score.probability)) {
      fall_back(call, kInvalidScore, prediction);
      continue;
    }
    prediction.margin = score.margin;
    prediction.probability = score.probability;
    prediction.is_positive = static_cast<double>(score.probability) >= threshold;
    ++call.primary;
    if (call.is_explained) explain(call, features, prediction);
    report(call, features, prediction);
  }
}

void Predictor::explain(Call& call, std::span<const data::Cell> cells, Prediction& out) {
  const auto log_odds = room(call.scratch.log_odds, cells.size());
  const double bias = call.snapshot.explainer->explain(call.snapshot.model, call.encoded,
                                                       call.scratch.explainer, log_odds);
  const double sum = std::accumulate(log_odds.begin(), log_odds.end(), bias);
  const double error = std::abs(sum - static_cast<double>(out.margin));
  explanation_error_.set(error);
  if (!(error <= kAdditivityTolerance * (1.0 + std::abs(static_cast<double>(out.margin))))) {
    explanation_failures_.add();
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

void Predictor::fall_back(Call& call, std::string_view reason, Prediction& out) {
  const learn::ModelFacts& facts = call.snapshot.model.facts();
  out.level = Level::kBaseRate;
  out.reason = reason;
  out.margin = margin_of(facts.base_rate);
  out.probability = static_cast<float>(facts.base_rate);
  out.is_positive = facts.base_rate >= facts.threshold;
  out.features_time = 0;
  ++call.base_rate;
  core::Counter& counter = reason == kUnknownEntity      ? unknown_entity_
                           : reason == kStoreUnavailable ? store_unavailable_
                                                         : invalid_score_;
  counter.add();
  report(call, {}, out);
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
  event.feature_names = call.snapshot.input_names;
  event.features = cells;
  event.features_time = prediction.features_time;
  event.margin = prediction.margin;
  event.probability = prediction.probability;
  event.is_positive = prediction.is_positive;
  event.level = prediction.level;
  const std::int64_t elapsed_us = (collaborators_.clock.monotonic_ns() - call.start_ns) / 1000;
  event.latency_us = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(elapsed_us, 0, std::numeric_limits<std::uint32_t>::max()));
  collaborators_.sink->append(event);
}

void Predictor::report_store_failure(const core::Error& error) {
  const std::int64_t now = collaborators_.clock.monotonic_ns();
  std::int64_t before = store_failure_logged_ns_.load(std::memory_order_relaxed);
  if (before != 0 && now - before < kLogIntervalNs) return;
  if (!store_failure_logged_ns_.compare_exchange_strong(before, now)) return;
  core::log_error("serving", "features cannot be read; the base rate answers",
                  {{"error.message", std::string_view(error.message)}});
}

}  // namespace tenure::serving
