#include "core/metric.h"

#include <cmath>
#include <limits>
#include <thread>

#include <gtest/gtest.h>

namespace tenure::core {
namespace {

TEST(MetricRegistry, WritesThePrometheusTextFormat) {
  MetricRegistry registry;
  registry.counter("tenure_predictions_total", "Predictions.", {{"model", "churn"}}).add(3);
  registry.counter("tenure_predictions_total", "Predictions.", {{"model", "b"}}).add();
  registry.gauge("tenure_up", "Back\\slash and\nline \"quoted\".").set(-0.5);
  Histogram& latency = registry.histogram("tenure_latency_seconds", "Time.", {0.001, 1}, {});
  for (const double value : {0.0005, 0.001, 0.5, 2.0}) latency.observe(value);
  EXPECT_EQ(registry.prometheus_text(),
            "# HELP tenure_predictions_total Predictions.\n"
            "# TYPE tenure_predictions_total counter\n"
            "tenure_predictions_total{model=\"churn\"} 3\n"
            "tenure_predictions_total{model=\"b\"} 1\n"
            "# HELP tenure_up Back\\\\slash and\\nline \"quoted\".\n"
            "# TYPE tenure_up gauge\n"
            "tenure_up -0.5\n"
            "# HELP tenure_latency_seconds Time.\n"
            "# TYPE tenure_latency_seconds histogram\n"
            "tenure_latency_seconds_bucket{le=\"0.001\"} 2\n"
            "tenure_latency_seconds_bucket{le=\"1\"} 3\n"
            "tenure_latency_seconds_bucket{le=\"+Inf\"} 4\n"
            "tenure_latency_seconds_sum 2.5015\n"
            "tenure_latency_seconds_count 4\n");
}

TEST(MetricRegistry, EscapesLabelValues) {
  MetricRegistry registry;
  registry.gauge("drift", "d", {{"feature", "Total \"Charges\"\\\n"}}).set(1);
  EXPECT_NE(registry.prometheus_text().find("drift{feature=\"Total \\\"Charges\\\"\\\\\\n\"} 1\n"),
            std::string::npos);
}

TEST(MetricRegistry, PutsTheBoundAfterOtherLabels) {
  MetricRegistry registry;
  registry.histogram("h", "h", {1}, {{"a", "x"}}).observe(1);
  EXPECT_NE(registry.prometheus_text().find("h_bucket{a=\"x\",le=\"1\"} 1\n"), std::string::npos);
  EXPECT_NE(registry.prometheus_text().find("h_count{a=\"x\"} 1\n"), std::string::npos);
}

TEST(MetricRegistry, WritesNumbersThatAreNone) {
  MetricRegistry registry;
  registry.gauge("a", "a").set(std::nan(""));
  registry.gauge("b", "b").set(std::numeric_limits<double>::infinity());
  registry.gauge("c", "c").set(-std::numeric_limits<double>::infinity());
  const std::string text = registry.prometheus_text();
  EXPECT_NE(text.find("a NaN\n"), std::string::npos);
  EXPECT_NE(text.find("b +Inf\n"), std::string::npos);
  EXPECT_NE(text.find("c -Inf\n"), std::string::npos);
}

TEST(MetricRegistry, ReturnsTheSameObjectForTheSameNameAndLabels) {
  MetricRegistry registry;
  Counter& first = registry.counter("n", "n", {{"a", "1"}});
  for (int i = 0; i < 100; ++i) registry.counter("n", "n", {{"a", std::to_string(i)}}).add();
  EXPECT_EQ(&first, &registry.counter("n", "n", {{"a", "1"}}));
  EXPECT_EQ(first.value(), 1u);
}

TEST(MetricRegistryDeathTest, AbortsOnNamesThatPrometheusRefuses) {
  MetricRegistry registry;
  registry.counter("n", "n");
  EXPECT_DEATH(registry.gauge("n", "n"), "internal error");
  EXPECT_DEATH(registry.gauge("a-b", "n"), "internal error");
  EXPECT_DEATH(registry.gauge("1a", "n"), "internal error");
  EXPECT_DEATH(registry.gauge("a", "n", {{"x:y", "1"}}), "internal error");
  EXPECT_DEATH(Histogram({2, 1}), "internal error");
}

TEST(Histogram, LeavesOutWhatIsNotANumber) {
  Histogram histogram({1});
  histogram.observe(std::nan(""));
  histogram.observe(std::numeric_limits<double>::infinity());
  EXPECT_EQ(histogram.counts(), (std::vector<std::uint64_t>{0, 1}));
  EXPECT_EQ(histogram.count(), 1u);
}

TEST(Histogram, LosesNoObservationOfManyThreads) {
  Histogram histogram(latency_bounds_s());
  Counter counter;
  constexpr int kEach = 20'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        histogram.observe(i % 2 == 0 ? 0.25 : 100);
        counter.add();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 4u * kEach);
  EXPECT_EQ(histogram.count(), 4u * kEach);
  EXPECT_EQ(histogram.counts().back(), 2u * kEach);
  EXPECT_EQ(histogram.sum(), 2 * kEach * 0.25 + 2 * kEach * 100);
}

TEST(LatencyBounds, GrowFromTenMicrosecondsToTenSeconds) {
  const auto bounds = latency_bounds_s();
  EXPECT_EQ(bounds.front(), 1e-5);
  EXPECT_EQ(bounds.back(), 10);
  for (std::size_t i = 1; i < bounds.size(); ++i) EXPECT_GT(bounds[i], bounds[i - 1]);
}

}  // namespace
}  // namespace tenure::core
