#include "serving/prediction_metrics.h"

#include <utility>

namespace tenure::serving {

namespace {

std::string name_of(const MetricIdentity& identity, std::string_view what) {
  return (identity.is_shadow ? "tenure_shadow_" : "tenure_") + std::string(what);
}

}  // namespace

std::vector<core::MetricRegistry::Label> MetricIdentity::labels() const {
  std::vector<core::MetricRegistry::Label> labels;
  if (!model.empty()) labels.push_back({"model", model});
  if (!variant.empty()) labels.push_back({"variant", variant});
  return labels;
}

PredictionMetrics::PredictionMetrics(core::MetricRegistry& registry, MetricIdentity identity)
    : swaps(registry.counter("tenure_model_swaps_total", "Models put live.", identity.labels())),
      load_failures(registry.counter("tenure_model_load_failures_total",
                                     "Versions that should have become live, but failed.",
                                     identity.labels())),
      explanation_failures(
          registry.counter("tenure_explanation_failures_total",
                           "Explanations withheld because they did not add up to the margin.")),
      explanation_error(registry.gauge(
          "tenure_explanation_additivity_error",
          "Distance between the last explanation's sum and its margin, in log-odds.")),
      duration(registry.histogram(
          name_of(identity, "prediction_duration_seconds"),
          "From decoded rows to their predictions, feature look-up included, one a request.",
          core::latency_bounds_s(), identity.labels())),
      registry_(registry),
      identity_(std::move(identity)) {
  for (std::size_t i = 1; i < kFallbackReasons; ++i) {
    const auto reason = static_cast<FallbackReason>(i);
    auto labels = identity_.labels();
    labels.push_back({"reason", std::string(reason_name(reason))});
    by_reason_[i] =
        &registry.counter(name_of(identity_, "prediction_fallbacks_total"),
                          "Predictions that the model could not answer, by reason.", labels);
  }
}

const PredictionMetrics::Version* PredictionMetrics::find(std::string_view model,
                                                          std::int64_t version) const {
  const Version* known = newest_.load(std::memory_order_acquire);
  while (known != nullptr && (known->version != version || known->model != model))
    known = known->next;
  return known;
}

const PredictionMetrics::Version& PredictionMetrics::of_version(std::string_view model,
                                                                std::int64_t version) {
  if (const Version* known = find(model, version)) return *known;
  const std::lock_guard guard(mutex_);
  if (const Version* known = find(model, version)) return *known;
  Version& added = versions_.emplace_back();
  added.model = model;
  added.version = version;
  for (const Level level : kAllLevels) {
    std::vector<core::MetricRegistry::Label> labels = {{"model", added.model},
                                                       {"version", std::to_string(version)},
                                                       {"level", std::string(level_name(level))}};
    if (!identity_.variant.empty()) labels.push_back({"variant", identity_.variant});
    added.by_level[static_cast<std::size_t>(level)] = &registry_.counter(
        name_of(identity_, "predictions_total"),
        identity_.is_shadow ? "Predictions that nobody got, by model version and by who made them."
                            : "Predictions, by model version and by who answered.",
        labels);
  }
  added.next = newest_.load(std::memory_order_relaxed);
  newest_.store(&added, std::memory_order_release);
  return added;
}

std::uint64_t PredictionMetrics::answers(Level level) const {
  std::uint64_t count = 0;
  for (const Version* one = newest_.load(std::memory_order_acquire); one != nullptr;
       one = one->next)
    count += one->by_level[static_cast<std::size_t>(level)]->value();
  return count;
}

}  // namespace tenure::serving
