#include "tracking/stored_metrics.h"

#include <limits>
#include <map>
#include <tuple>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tenure::tracking {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMax = std::numeric_limits<double>::max();

auto row_of(const StoredMetric& metric) {
  return std::make_tuple(*metric.key, metric.timestamp_ms, metric.step, metric.value,
                         metric.is_nan);
}

Metric metric_of(std::string key, double value, std::int64_t timestamp, std::int64_t step) {
  Metric metric;
  metric.key = std::move(key);
  metric.value = value;
  metric.timestamp_ms = timestamp;
  metric.step = step;
  return metric;
}

TEST(StoredMetrics, AreWhatTheTablesCanHold) {
  const std::vector<Metric> metrics = {metric_of("n", kNan, 1, 1), metric_of("p", kInfinity, 1, 1),
                                       metric_of("q", -kInfinity, 1, 1)};
  const auto stored = in_order_of_keys(metrics);
  EXPECT_EQ(row_of(stored[0]), row_of({&metrics[0].key, 0.0, 1, 1, 1}));
  EXPECT_EQ(row_of(stored[1]), row_of({&metrics[1].key, kMax, 1, 1, 0}));
  EXPECT_EQ(row_of(stored[2]), row_of({&metrics[2].key, -kMax, 1, 1, 0}));
}

TEST(StoredMetrics, HaveNoneOfNothing) {
  EXPECT_TRUE(in_order_of_keys({}).empty());
  EXPECT_TRUE(latest_of_keys({}).empty());
}

TEST(StoredMetrics, TheLatestIsTheGreatestStepThenTimeThenValue) {
  const std::vector<Metric> metrics = {metric_of("a", 9, 900, 1), metric_of("a", 1, 10, 2),
                                       metric_of("a", 3, 20, 2), metric_of("a", 2, 20, 2),
                                       metric_of("b", kNan, 5, 0)};
  const auto ordered = in_order_of_keys(metrics);
  const auto latest = latest_of_keys(ordered);
  ASSERT_EQ(latest.size(), 2u);
  EXPECT_EQ(row_of(*latest[0]), row_of({&metrics[2].key, 3.0, 20, 2, 0}));
  EXPECT_EQ(row_of(*latest[1]), row_of({&metrics[4].key, 0.0, 5, 0, 1}));
}

RC_GTEST_PROP(StoredMetrics, ComeInTheOrderOfThePrimaryKey, ()) {
  const auto points = *rc::gen::container<std::vector<std::tuple<int, int, int, int>>>(
      rc::gen::tuple(rc::gen::inRange(0, 4), rc::gen::inRange(0, 3), rc::gen::inRange(0, 3),
                     rc::gen::inRange(0, 3)));
  std::vector<Metric> metrics;
  for (const auto& [key, time, step, value] : points)
    metrics.push_back(metric_of(std::string(1, static_cast<char>('d' - key)), value, time, step));
  const auto ordered = in_order_of_keys(metrics);
  RC_ASSERT(ordered.size() == metrics.size());
  for (std::size_t i = 1; i < ordered.size(); ++i)
    RC_ASSERT(row_of(ordered[i - 1]) <= row_of(ordered[i]));
  std::map<std::string, std::tuple<std::int64_t, std::int64_t, double>> greatest;
  for (const Metric& metric : metrics) {
    auto& known = greatest.try_emplace(metric.key, -1, -1, -1.0).first->second;
    known = std::max(known, std::make_tuple(metric.step, metric.timestamp_ms, metric.value));
  }
  const auto latest = latest_of_keys(ordered);
  RC_ASSERT(latest.size() == greatest.size());
  for (const StoredMetric* metric : latest)
    RC_ASSERT(greatest[*metric->key] ==
              std::make_tuple(metric->step, metric->timestamp_ms, metric->value));
}

}  // namespace
}  // namespace tenure::tracking
