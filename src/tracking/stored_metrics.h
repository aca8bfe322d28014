#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tracking/run.h"

// Metrics on their way into the tables.
namespace tenure::tracking {

/// A metric as the tables keep it: NaN as 0 with a flag, infinities as the greatest double.
struct StoredMetric {
  const std::string* key;  ///< of the metric it was made of
  double value;
  std::int64_t timestamp_ms;
  std::int64_t step;
  std::int64_t is_nan;
};

/// The metrics by key, time, step, value: the order of the table's primary key. Points into
/// `metrics`. Cost: O(n) when the points of each key come in their order, as those of a training
/// do.
std::vector<StoredMetric> in_order_of_keys(std::span<const Metric> metrics);

/// Of each key the one with the greatest (step, time, value). Points into `ordered`, which is in
/// the order of its keys.
std::vector<const StoredMetric*> latest_of_keys(std::span<const StoredMetric> ordered);

/// What a batch writes, made before its transaction, whose time all writers share.
struct MetricRows {
  explicit MetricRows(std::span<const Metric> metrics)
      : ordered(in_order_of_keys(metrics)), latest(latest_of_keys(ordered)), given(metrics) {}
  MetricRows(const MetricRows&) = delete;
  MetricRows& operator=(const MetricRows&) = delete;

  std::vector<StoredMetric> ordered;
  std::vector<const StoredMetric*> latest;
  std::span<const Metric> given;  ///< kept by the caller
};

}  // namespace tenure::tracking
