#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/metric.h"
#include "serving/fallback.h"
#include "serving/prediction_sink.h"

namespace tenure::serving {

/// Which predictions a Predictor's metrics tell of; empty texts are no labels.
struct MetricIdentity {
  std::string model;       ///< of a model beside the server's main one
  std::string variant;     ///< of a version that shares the requests of its model with others
  bool is_shadow = false;  ///< nobody gets the answers: they are counted apart
  std::vector<core::MetricRegistry::Label> labels() const;
};

/// What the Predictor counts, registered so that counting looks nothing up. Thread-safe.
class PredictionMetrics {
 public:
  explicit PredictionMetrics(core::MetricRegistry& registry, MetricIdentity identity = {});

  /// The counters of one model version. Kept for the life of the process: versions are few, and a
  /// request under way may still need those of a version just replaced.
  struct Version {
    std::string model;
    std::int64_t version = 0;
    std::array<core::Counter*, 5> by_level{};  ///< by Level; null where there is none
    const Version* next = nullptr;
  };
  /// Registers a version that is new: call it before requests come, so that none does.
  const Version& of_version(std::string_view model, std::int64_t version);

  void count_fallback(FallbackReason reason) { by_reason_[index(reason)]->add(); }
  std::uint64_t fallbacks(FallbackReason reason) const {
    return by_reason_[index(reason)]->value();
  }
  /// Answers of a level since the process began, whatever the version.
  std::uint64_t answers(Level level) const;

  core::Counter& swaps;
  core::Counter& load_failures;
  core::Counter& explanation_failures;
  core::Gauge& explanation_error;
  core::Histogram& duration;

 private:
  static std::size_t index(FallbackReason reason) { return static_cast<std::size_t>(reason); }
  const Version* find(std::string_view model, std::int64_t version) const;

  core::MetricRegistry& registry_;
  MetricIdentity identity_;
  std::array<core::Counter*, kFallbackReasons> by_reason_{};  ///< null for kNone
  std::mutex mutex_;                                          ///< guards versions_
  std::deque<Version> versions_;
  std::atomic<const Version*> newest_{nullptr};
};

}  // namespace tenure::serving
