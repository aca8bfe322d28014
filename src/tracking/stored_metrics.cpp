#include "tracking/stored_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <tuple>
#include <unordered_map>

namespace tenure::tracking {
namespace {

StoredMetric to_stored(const Metric& metric) {
  const bool is_nan = std::isnan(metric.value);
  double value = is_nan ? 0.0 : metric.value;
  if (std::isinf(value)) value = std::copysign(std::numeric_limits<double>::max(), value);
  return {&metric.key, value, metric.timestamp_ms, metric.step, is_nan ? 1 : 0};
}

/// Of two metrics with the same key.
bool is_before(const StoredMetric& a, const StoredMetric& b) {
  return std::tie(a.timestamp_ms, a.step, a.value, a.is_nan) <
         std::tie(b.timestamp_ms, b.step, b.value, b.is_nan);
}

bool is_later(const StoredMetric& a, const StoredMetric& b) {
  return std::tie(a.step, a.timestamp_ms, a.value) > std::tie(b.step, b.timestamp_ms, b.value);
}

/// The metrics of one key, and where they go.
struct Group {
  std::string_view key;
  std::size_t size = 0;
  std::size_t end = 0;  ///< of those that are in their place
};

}  // namespace

std::vector<StoredMetric> in_order_of_keys(std::span<const Metric> metrics) {
  std::vector<Group> groups;
  std::vector<std::size_t> group_of(metrics.size());
  std::unordered_map<std::string_view, std::size_t> known;
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const auto [found, is_new] = known.try_emplace(metrics[i].key, groups.size());
    if (is_new) groups.push_back({metrics[i].key});
    group_of[i] = found->second;
    ++groups[found->second].size;
  }
  std::vector<Group*> by_key;
  by_key.reserve(groups.size());
  for (Group& group : groups) by_key.push_back(&group);
  std::sort(by_key.begin(), by_key.end(),
            [](const Group* a, const Group* b) { return a->key < b->key; });
  std::size_t begin = 0;
  for (Group* const group : by_key) {
    group->end = begin;
    begin += group->size;
  }
  std::vector<StoredMetric> ordered(metrics.size());
  for (std::size_t i = 0; i < metrics.size(); ++i)
    ordered[groups[group_of[i]].end++] = to_stored(metrics[i]);
  for (const Group& group : groups) {
    const std::span<StoredMetric> points(ordered.data() + (group.end - group.size), group.size);
    if (!std::is_sorted(points.begin(), points.end(), is_before))
      std::sort(points.begin(), points.end(), is_before);
  }
  return ordered;
}

std::vector<const StoredMetric*> latest_of_keys(std::span<const StoredMetric> ordered) {
  std::vector<const StoredMetric*> latest;
  for (const StoredMetric& metric : ordered) {
    if (latest.empty() || *latest.back()->key != *metric.key) {
      latest.push_back(&metric);
    } else if (is_later(metric, *latest.back())) {
      latest.back() = &metric;
    }
  }
  return latest;
}

}  // namespace tenure::tracking
