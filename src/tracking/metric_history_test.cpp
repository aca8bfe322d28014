#include "tracking/metric_history.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <rapidcheck.h>
#include <set>

#include <gtest/gtest.h>

#include "tracking/metric_sampling.h"
#include "tracking/testing/tracking_world.h"

namespace tenure::tracking {
namespace {

using Steps = std::vector<std::int64_t>;

class MetricHistory : public ::testing::Test, protected testing::TrackingWorld {
 protected:
  std::string run_with(const Steps& steps) {
    const std::string id = new_run().id;
    std::vector<Metric> metrics;
    for (const std::int64_t step : steps) metrics.push_back({"m", double(step), 1, step});
    EXPECT_TRUE(runs().log(id, metrics));
    return id;
  }
  static Steps up_to(std::int64_t end, std::int64_t stride = 1) {
    Steps steps;
    for (std::int64_t step = 0; step < end; step += stride) steps.push_back(step);
    return steps;
  }
  Steps sampled(const std::vector<std::string>& ids, std::int64_t max,
                std::optional<StepRange> range = std::nullopt) {
    auto points = sampled_metric_history(*database_, ids, "m", range, max);
    EXPECT_TRUE(points) << points.error().message;
    Steps steps;
    for (const RunMetric& point : *points) steps.push_back(point.metric.step);
    return steps;
  }
};

TEST_F(MetricHistory, IsPaged) {
  const std::string id = new_run().id;
  std::vector<Metric> metrics;
  for (int i = 0; i < 10; ++i) metrics.push_back({"m", 9.0 - i, 100 + i / 2, 50 - i});
  ASSERT_TRUE(runs().log(id, metrics));
  std::vector<std::size_t> sizes;
  std::vector<Metric> all;
  std::string token;
  do {
    auto page = metric_history(*database_, id, "m", 4, token);
    ASSERT_TRUE(page) << page.error().message;
    sizes.push_back(page->items.size());
    all.insert(all.end(), page->items.begin(), page->items.end());
    token = page->next_page_token;
  } while (!token.empty());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{4, 4, 2}));
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), [](const Metric& a, const Metric& b) {
    return std::tie(a.timestamp_ms, a.step, a.value) < std::tie(b.timestamp_ms, b.step, b.value);
  }));
  EXPECT_EQ(metric_history(*database_, id, "m", 2, "")->next_page_token, "eyJvZmZzZXQiOiAyfQ==");
  EXPECT_EQ(metric_history(*database_, id, "m", 10, "")->next_page_token, "");
  EXPECT_EQ(metric_history(*database_, id, "m", std::nullopt, "")->items.size(), 10U);
  EXPECT_EQ(metric_history(*database_, id, "m", std::numeric_limits<std::int64_t>::max(), "")
                ->items.size(),
            10U);
  EXPECT_TRUE(metric_history(*database_, id, "other", 4, "")->items.empty());
  EXPECT_EQ(code_of(metric_history(*database_, id, "m", 4, "?")),
            core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(metric_history(*database_, id, "m", 0, "")), core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(message_of(metric_history(*database_, "nope", "m", 4, "")),
            "Run with id=nope not found");
}

TEST_F(MetricHistory, OfSeveralRunsComesByRunAndEndsAtTheLimit) {
  std::vector<std::string> ids = {run_with({2, 1}), run_with({3}), run_with({4, 5}), "unknown"};
  std::vector<std::string> sorted = ids;
  std::sort(sorted.begin(), sorted.end());
  auto points = bulk_metric_history(*database_, ids, "m", 25'000);
  ASSERT_EQ(points->size(), 5U);
  EXPECT_TRUE(
      std::is_sorted(points->begin(), points->end(), [](const RunMetric& a, const RunMetric& b) {
        return std::tie(a.run_id, a.metric.step) < std::tie(b.run_id, b.metric.step);
      }));
  EXPECT_EQ(bulk_metric_history(*database_, ids, "m", 3)->size(), 3U);
  EXPECT_EQ(message_of(bulk_metric_history(*database_, {}, "m", 3)),
            "GetMetricHistoryBulk request must specify at least one run_id.");
  EXPECT_EQ(message_of(bulk_metric_history(*database_, ids, "", 3)),
            "GetMetricHistoryBulk request must specify a metric_key.");
  ids.resize(101, "x");
  EXPECT_EQ(message_of(bulk_metric_history(*database_, ids, "m", 3)),
            "GetMetricHistoryBulk request cannot specify more than 100 run_ids. Received 101 "
            "run_ids.");
}

TEST_F(MetricHistory, IsSampledAtMlflowsSteps) {
  const std::string a = run_with(up_to(10));
  EXPECT_EQ(sampled({a}, 5), (Steps{0, 2, 4, 6, 8, 9}));
  EXPECT_EQ(sampled({a}, 10), up_to(10));
  EXPECT_EQ(sampled({a}, 5, StepRange{2, 5}), (Steps{2, 3, 4, 5}));
  EXPECT_EQ(sampled({a}, 2, StepRange{2, 7}), (Steps{2, 5, 7}));
  const std::string b = run_with(up_to(20));
  EXPECT_EQ(sampled({a, b}, 5), (Steps{0, 4, 8, 9, 0, 4, 8, 9, 12, 16, 19}));
  EXPECT_EQ(sampled({b, a}, 5), (Steps{0, 4, 8, 9, 12, 16, 19, 0, 4, 8, 9}));
  EXPECT_TRUE(sampled({"unknown"}, 5).empty());
  EXPECT_TRUE(sampled({a}, 5, StepRange{50, 60}).empty());
}

TEST_F(MetricHistory, NegativeStepsNeedARange) {
  const std::string id = run_with({-3, -2, -1, 0, 1});
  EXPECT_EQ(sampled({id}, 100), (Steps{0, 1}));
  EXPECT_EQ(sampled({id}, 100, StepRange{-2, 0}), (Steps{-2, -1, 0}));
  EXPECT_TRUE(sampled({run_with({-5, -4})}, 100).empty());
}

TEST_F(MetricHistory, TheSampledCallHasMlflowsLimits) {
  std::vector<std::string> ids(101, "x");
  EXPECT_EQ(message_of(sampled_metric_history(*database_, ids, "m", std::nullopt, 5)),
            "GetMetricHistoryBulkInterval request must specify at most 100 run_ids. Received 101 "
            "run_ids.");
  ids.resize(1);
  for (const std::int64_t max : {std::int64_t{0}, std::int64_t{2501}}) {
    EXPECT_EQ(message_of(sampled_metric_history(*database_, ids, "m", std::nullopt, max)),
              "max_results must be between 1 and 2500.");
  }
  EXPECT_EQ(message_of(sampled_metric_history(*database_, ids, "m", StepRange{1, 0}, 5)),
            "end_step must be greater than start_step. Found start_step=1 and end_step=0.");
  EXPECT_FALSE(sampled_metric_history(*database_, ids, "", std::nullopt, 5));
  EXPECT_FALSE(sampled_metric_history(*database_, {}, "m", std::nullopt, 5));
}

TEST_F(MetricHistory, AllPointsOfASampledStepComeByTimeAndValue) {
  const std::string id = new_run().id;
  const std::vector<Metric> metrics = {
      {"m", 2, 5, 0}, {"m", 1, 5, 0}, {"m", 9, 4, 0}, {"m", std::nan(""), 6, 0}};
  ASSERT_TRUE(runs().log(id, metrics));
  auto points = sampled_metric_history(*database_, std::span(&id, 1), "m", std::nullopt, 1);
  ASSERT_EQ(points->size(), 4U);
  EXPECT_EQ((*points)[0].metric.value, 9);
  EXPECT_EQ((*points)[1].metric.value, 1);
  EXPECT_EQ((*points)[2].metric.value, 2);
  EXPECT_TRUE(std::isnan((*points)[3].metric.value));
  EXPECT_EQ((*points)[0].run_id, id);
  EXPECT_EQ((*points)[0].metric.key, "m");
}

TEST_F(MetricHistory, DistinctStepsAreThoseOfAnyRun) {
  const bool holds = rc::check("distinct steps", [&] {
    const auto run_count = *rc::gen::inRange(1, 4);
    std::vector<std::string> ids;
    std::set<std::int64_t> expected;
    for (int i = 0; i < run_count; ++i) {
      const auto stride = *rc::gen::inRange(1, 4);
      const auto length = *rc::gen::inRange(0, 30);
      Steps steps;
      for (int k = 0; k < length; ++k) steps.push_back(std::int64_t{k} * stride);
      const auto extra = *rc::gen::container<std::vector<int>>(rc::gen::inRange(-20, 120));
      steps.insert(steps.end(), extra.begin(), extra.end());
      expected.insert(steps.begin(), steps.end());
      ids.push_back(run_with(steps));
    }
    auto extents = read_step_extents(*database_, ids, "m");
    RC_ASSERT(extents.has_value());
    auto steps = read_distinct_steps(*database_, *extents, "m");
    RC_ASSERT(steps.has_value());
    RC_ASSERT(*steps == Steps(expected.begin(), expected.end()));
  });
  EXPECT_TRUE(holds);
}

TEST(StepPattern, IsTheLongestRegularBeginning) {
  const auto pattern = [](Steps steps) {
    const StepPattern found = leading_pattern(steps);
    return Steps{found.first, found.last, found.stride};
  };
  EXPECT_EQ(pattern({5}), (Steps{5, 5, 1}));
  EXPECT_EQ(pattern({0, 1, 2, 3}), (Steps{0, 3, 1}));
  EXPECT_EQ(pattern({0, 10, 20, 25}), (Steps{0, 20, 10}));
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(pattern({kMin, kMax}), (Steps{kMin, kMin, 1}));
  EXPECT_EQ(pattern({kMin, 0, kMax}), (Steps{kMin, kMin, 1}));
  EXPECT_EQ(pattern({-kMax, 0, kMax}), (Steps{-kMax, 0, kMax}));
}

TEST_F(MetricHistory, TheGreatestStepsAreSampledToo) {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  const std::string a = run_with({kMin, -7, 0, 7, kMax});
  const std::string b = run_with({kMin, 3, kMax});
  EXPECT_EQ(sampled({a, b}, 100, StepRange{kMin, kMax}),
            (Steps{kMin, -7, 0, 7, kMax, kMin, 3, kMax}));
  // Six distinct steps, every third and the ends.
  EXPECT_EQ(sampled({a, b}, 2, StepRange{kMin, kMax}), (Steps{kMin, kMax, kMin, 3, kMax}));
}

}  // namespace
}  // namespace tenure::tracking
