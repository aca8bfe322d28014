#include "decision/profit_band.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "core/random.h"

namespace tenure::decision {
namespace {

TEST(ProfitBand, FollowsTheRankingFromNobodyToEverybody) {
  const std::vector<double> profits = {-1, 10, -1, 4};
  const std::vector<double> probabilities = {0.2, 0.9, 0.6, 0.7};
  const auto band = profit_band(profits, probabilities, {.steps = 4});
  ASSERT_TRUE(band.has_value()) << band.error().message;
  ASSERT_EQ(band->points.size(), 5U);
  const double expected[] = {0, 2.5, 3.5, 3.25, 3};
  const double thresholds[] = {std::numeric_limits<double>::infinity(), 0.9, 0.7, 0.6, 0.2};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_DOUBLE_EQ(band->points[i].share, 0.25 * static_cast<double>(i));
    EXPECT_DOUBLE_EQ(band->points[i].profit, expected[i]);
    EXPECT_EQ(band->points[i].threshold, thresholds[i]);
    EXPECT_LE(band->points[i].low, band->points[i].high);
  }
  EXPECT_EQ(band->best, 2U);
  EXPECT_EQ(band->points[0].low, 0);
  EXPECT_EQ(band->points[0].high, 0);
}

TEST(ProfitBand, IsAsWideAsTheMeanIsUnsure) {
  // Profits of 0 and 1, equally likely, whatever the probability: the mean of n has the standard
  // deviation 0.5 / sqrt(n), and nine in ten lie within 1.645 of it.
  core::Random random(5);
  const std::size_t n = 4000;
  std::vector<double> profits, probabilities;
  for (std::size_t i = 0; i < n; ++i) {
    profits.push_back(random.bernoulli(0.5) ? 1 : 0);
    probabilities.push_back(random.uniform());
  }
  const auto band = profit_band(profits, probabilities, {.steps = 2, .samples = 1000});
  ASSERT_TRUE(band.has_value());
  const ProfitBandPoint all = band->points.back();
  const double expected = 2 * 1.645 * 0.5 / std::sqrt(static_cast<double>(n));
  EXPECT_NEAR(all.high - all.low, expected, 0.1 * expected);
  EXPECT_LT(all.low, all.profit);
  EXPECT_GT(all.high, all.profit);
}

TEST(ProfitBand, IsTheSameForTheSameSeed) {
  const std::vector<double> profits = {1, -2, 3, -4, 5}, probabilities = {0.5, 0.4, 0.3, 0.2, 0.1};
  const auto a = profit_band(profits, probabilities), b = profit_band(profits, probabilities);
  const auto other = profit_band(profits, probabilities, {.seed = 2});
  ASSERT_TRUE(a.has_value() && b.has_value() && other.has_value());
  bool is_other = false;
  for (std::size_t i = 0; i < a->points.size(); ++i) {
    EXPECT_EQ(a->points[i].low, b->points[i].low);
    EXPECT_EQ(a->points[i].profit, other->points[i].profit);
    is_other |=
        a->points[i].low != other->points[i].low || a->points[i].high != other->points[i].high;
  }
  EXPECT_TRUE(is_other);
}

TEST(ProfitBand, RefusesWhatIsNoSample) {
  EXPECT_FALSE(profit_band({}, {}).has_value());
  EXPECT_FALSE(profit_band(std::vector{1.0}, std::vector{0.1, 0.2}).has_value());
  EXPECT_FALSE(profit_band(std::vector{std::nan("")}, std::vector{0.1}).has_value());
  EXPECT_FALSE(profit_band(std::vector{1.0}, std::vector{0.1}, {.steps = 0}).has_value());
}

}  // namespace
}  // namespace tenure::decision
