#include "tracking/metric_history.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <rapidcheck.h>
#include <set>

#include <gtest/gtest.h>

#include "tracking/metric_sampling.h"
#include "tracking/search/page_token.h"
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
  struct Pages {
    std::vector<std::size_t> sizes;
    std::vector<MetricPoint> points;
  };
  Pages read_pages(const std::string& id, std::int64_t size) {
    Pages pages;
    std::string token;
    do {
      auto page = metric_history(*database_, id, "m", size, token);
      EXPECT_TRUE(page) << page.error().message;
      pages.sizes.push_back(page->points.size());
      pages.points.insert(pages.points.end(), page->points.begin(), page->points.end());
      token = page->next_page_token;
    } while (!token.empty() && pages.sizes.size() < 100);
    return pages;
  }
  static bool is_before(const MetricPoint& a, const MetricPoint& b) {
    return std::tie(a.timestamp_ms, a.step, a.value) < std::tie(b.timestamp_ms, b.step, b.value);
  }
  static std::size_t count(const std::vector<RunSeries>& series) {
    std::size_t points = 0;
    for (const RunSeries& of_run : series) points += of_run.points.size();
    return points;
  }
  Steps sampled(const std::vector<std::string>& ids, std::int64_t max,
                std::optional<StepRange> range = std::nullopt) {
    auto points = sampled_metric_history(*database_, ids, "m", range, max);
    EXPECT_TRUE(points) << points.error().message;
    Steps steps;
    for (const RunSeries& series : *points)
      for (const MetricPoint& point : series.points) steps.push_back(point.step);
    return steps;
  }
};

TEST_F(MetricHistory, IsPaged) {
  const std::string id = new_run().id;
  std::vector<Metric> metrics;
  for (int i = 0; i < 10; ++i) metrics.push_back({"m", 9.0 - i, 100 + i / 2, 50 - i});
  ASSERT_TRUE(runs().log(id, metrics));
  const Pages pages = read_pages(id, 4);
  EXPECT_EQ(pages.sizes, (std::vector<std::size_t>{4, 4, 2}));
  EXPECT_TRUE(std::is_sorted(pages.points.begin(), pages.points.end(), is_before));
  EXPECT_EQ(metric_history(*database_, id, "m", 2, "")->next_page_token, "eyJvZmZzZXQiOiAyfQ==");
  EXPECT_EQ(metric_history(*database_, id, "m", 10, "")->next_page_token, "");
  EXPECT_EQ(metric_history(*database_, id, "m", std::nullopt, "")->points.size(), 10U);
  EXPECT_EQ(
      metric_history(*database_, id, "m", std::nullopt, "eyJvZmZzZXQiOiAyfQ==")->points.size(), 8U);
  EXPECT_EQ(metric_history(*database_, id, "m", std::numeric_limits<std::int64_t>::max(), "")
                ->points.size(),
            10U);
  EXPECT_TRUE(metric_history(*database_, id, "other", 4, "")->points.empty());
  EXPECT_EQ(code_of(metric_history(*database_, id, "m", 4, "?")),
            core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(metric_history(*database_, id, "m", 0, "")), core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(message_of(metric_history(*database_, "nope", "m", 4, "")),
            "Run with id=nope not found");
}

TEST_F(MetricHistory, PagesOfATrainingRunAreFoundByTheirFirstPoint) {
  const std::string id = new_run().id;
  const double nan = std::nan("");
  const std::vector<Metric> metrics = {{"m", 0.1, 1, -3},  {"m", 5, 2, 0},   {"m", 6, 2, 0},
                                       {"m", 0, 3, 1},     {"m", nan, 3, 1}, {"m", 1e-300, 4, 1},
                                       {"m", -1e300, 5, 2}};
  ASSERT_TRUE(runs().log(id, metrics));
  for (std::int64_t size = 1; size <= 8; ++size) {
    const Pages pages = read_pages(id, size);
    ASSERT_EQ(pages.points.size(), metrics.size()) << size;
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      EXPECT_EQ(std::isnan(pages.points[i].value), std::isnan(metrics[i].value));
      if (!std::isnan(metrics[i].value)) {
        EXPECT_EQ(pages.points[i].value, metrics[i].value);
      }
      EXPECT_EQ(pages.points[i].timestamp_ms, metrics[i].timestamp_ms);
      EXPECT_EQ(pages.points[i].step, metrics[i].step);
    }
  }
  // MLflow's own token, and one whose position is no position, count from the beginning.
  EXPECT_EQ(metric_history(*database_, id, "m", 4, page_token(5))->points.size(), 2U);
  EXPECT_EQ(
      metric_history(*database_, id, "m", 4, encode_token(R"({"offset": 5, "after": [1, "x", 2]})"))
          ->points.size(),
      2U);
}

TEST_F(MetricHistory, OfAnySeriesComesByTimeWhateverTheSizeOfThePages) {
  const bool holds = rc::check("pages of a history", [&] {
    const std::string id = new_run().id;
    std::vector<Metric> metrics;
    const auto count = *rc::gen::inRange(1, 25);
    const bool follows = *rc::gen::arbitrary<bool>();
    for (int i = 0; i < count; ++i) {
      const auto time = follows ? i / 2 : *rc::gen::inRange(0, 10);
      metrics.push_back({"m", double(*rc::gen::inRange(0, 3)), time, follows ? i / 3 : i});
    }
    RC_ASSERT(runs().log(id, metrics).has_value());
    const auto whole = metric_history(*database_, id, "m", std::nullopt, "");
    RC_ASSERT(whole.has_value());
    RC_ASSERT(std::is_sorted(whole->points.begin(), whole->points.end(), is_before));
    const Pages pages = read_pages(id, *rc::gen::inRange<std::int64_t>(1, 9));
    RC_ASSERT(pages.points.size() == whole->points.size());
    for (std::size_t i = 0; i < whole->points.size(); ++i) {
      RC_ASSERT(!is_before(pages.points[i], whole->points[i]));
      RC_ASSERT(!is_before(whole->points[i], pages.points[i]));
    }
  });
  EXPECT_TRUE(holds);
}

TEST_F(MetricHistory, OfSeveralRunsComesByRunAndEndsAtTheLimit) {
  std::vector<std::string> ids = {run_with({2, 1}), run_with({3}), run_with({4, 5}), "unknown"};
  std::vector<std::string> sorted = ids;
  std::sort(sorted.begin(), sorted.end());
  const auto series = bulk_metric_history(*database_, ids, "m", 25'000);
  ASSERT_EQ(series->size(), 3U);
  EXPECT_EQ(count(*series), 5U);
  for (std::size_t i = 0; i < series->size(); ++i) {
    const RunSeries& of_run = (*series)[i];
    EXPECT_TRUE(i == 0 || (*series)[i - 1].run_id < of_run.run_id);
    EXPECT_TRUE(std::is_sorted(of_run.points.begin(), of_run.points.end(), is_before));
  }
  EXPECT_EQ(count(*bulk_metric_history(*database_, ids, "m", 3)), 3U);
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
            "run_ids. See the API docs for more information about request parameters.");
  ids.resize(1);
  for (const std::int64_t max : {std::int64_t{0}, std::int64_t{2501}}) {
    EXPECT_EQ(message_of(sampled_metric_history(*database_, ids, "m", std::nullopt, max)),
              "max_results must be between 1 and 2500. See the API docs for more information about "
              "request parameters.");
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
  ASSERT_EQ(points->size(), 1U);
  EXPECT_EQ(points->front().run_id, id);
  const std::vector<MetricPoint>& of_run = points->front().points;
  ASSERT_EQ(of_run.size(), 4U);
  EXPECT_EQ(of_run[0].value, 9);
  EXPECT_EQ(of_run[1].value, 1);
  EXPECT_EQ(of_run[2].value, 2);
  EXPECT_TRUE(std::isnan(of_run[3].value));
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
