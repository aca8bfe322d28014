#include "decision/profit.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/random.h"

namespace tenure::decision {
namespace {

using testing::HasSubstr;

constexpr double kTight = 1e-12;

struct Scored {
  std::vector<std::uint8_t> labels;
  std::vector<double> probabilities;
};

/// The documented example of empulse's empc_score.
Scored small_example() {
  return {{0, 1, 0, 1, 0, 1, 0, 1}, {.1, .2, .3, .4, .5, .7, .8, .9}};
}

/// Four who leave among twenty.
Scored twenty() {
  return {
      {1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
      {.95, .9, .8, .6, .85, .7, .65, .5, .45, .4, .35, .3, .28, .25, .2, .18, .15, .1, .05, .01}};
}

/// The class sizes of the Telco table.
Scored telco(bool is_perfect) {
  Scored scored;
  for (int i = 0; i < 7043; ++i) {
    scored.labels.push_back(i < 1869 ? 1 : 0);
    scored.probabilities.push_back(!is_perfect ? 0.5 : i < 1869 ? 0.9 : 0.1);
  }
  return scored;
}

TEST(BreakEven, IsWhereContactingStartsToPay) {
  EXPECT_NEAR(break_even({}), .16417910447761194, 1e-15);
  EXPECT_NEAR(break_even({.contact_cost = 2, .offer_cost = 20, .acceptance = .3, .value = 100}), .5,
              1e-15);
  const OfferTerms terms;
  EXPECT_NEAR(expected_profit(terms, break_even(terms)), 0, kTight);
  EXPECT_NEAR(expected_profit(terms, 1), .3 * 190 - 1, kTight);
  EXPECT_NEAR(expected_profit(terms, 0), -11, kTight);
  EXPECT_NEAR(expected_cost(terms, 0), 11, kTight);
  EXPECT_NEAR(expected_cost(terms, 1), 4, kTight);
}

TEST(BreakEven, IsNeverForAnOfferThatCostsMoreThanItBrings) {
  EXPECT_GT(break_even({.contact_cost = 1, .offer_cost = 10, .acceptance = .3, .value = 5}), 1);
  EXPECT_EQ(break_even({.contact_cost = 1, .offer_cost = 0, .acceptance = 0, .value = 100}),
            std::numeric_limits<double>::infinity());
}

TEST(ExpectedMaximumProfit, AgreesWithThePublishedExample) {
  const auto [labels, probabilities] = small_example();
  const auto empc = expected_maximum_profit(labels, probabilities, {});
  ASSERT_TRUE(empc.has_value());
  EXPECT_NEAR(empc->profit, 23.875593418348124, 1e-10);
  EXPECT_NEAR(empc->contacted, .8743700763487141, 1e-12);
  ASSERT_EQ(empc->corners.size(), 3U);
  EXPECT_EQ(empc->corners[0].acceptance_from, 0);
  EXPECT_NEAR(empc->corners[1].acceptance_from, .005263157894736843, kTight);
  EXPECT_NEAR(empc->corners[2].acceptance_from, .06315789473684211, kTight);
  EXPECT_EQ(empc->corners[1].true_positive_rate, .25);
  EXPECT_EQ(empc->corners[2].false_positive_rate, .75);
  const auto mpc = maximum_profit(labels, probabilities, {});
  EXPECT_NEAR(mpc->profit, 23.875, kTight);
  EXPECT_EQ(mpc->contacted, .875);
  EXPECT_EQ(mpc->threshold, .2);
}

TEST(ExpectedMaximumProfit, AgreesWithTheReferenceOnTwentyCustomers) {
  const auto [labels, probabilities] = twenty();
  const auto empc = expected_maximum_profit(labels, probabilities, {});
  EXPECT_NEAR(empc->profit, 9.554273117391256, 1e-10);
  EXPECT_NEAR(empc->contacted, .34675996871855114, 1e-12);
  const auto mpc = maximum_profit(labels, probabilities, {});
  EXPECT_NEAR(mpc->profit, 9.55, kTight);
  EXPECT_NEAR(mpc->contacted, .35, kTight);
}

TEST(ExpectedMaximumProfit, AgreesWithTheReferenceForADearOffer) {
  const auto [labels, probabilities] = twenty();
  const CampaignTerms terms = {.value = 100, .offer_cost = 20, .contact_cost = 2};
  const auto empc = expected_maximum_profit(labels, probabilities, terms);
  EXPECT_NEAR(empc->profit, 2.361810430385739, 1e-10);
  EXPECT_NEAR(empc->contacted, .14827858795441864, 1e-12);
  ASSERT_EQ(empc->corners.size(), 4U);
  const double from[] = {0, .025, .3, .575};
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(empc->corners[i].acceptance_from, from[i], kTight) << i;
  const auto mpc = maximum_profit(labels, probabilities, terms);
  EXPECT_NEAR(mpc->profit, 2.2, kTight);
  EXPECT_NEAR(mpc->contacted, .10, kTight);
}

TEST(ExpectedMaximumProfit, IsThatOfThePopulationForPerfectScores) {
  const auto [labels, probabilities] = telco(true);
  const auto empc = expected_maximum_profit(labels, probabilities, {});
  EXPECT_NEAR(empc->profit, 14.8607, 5e-5);
  EXPECT_NEAR(empc->contacted, .2654, 5e-5);
}

TEST(ProfitCurve, EndsWithContactingEverybody) {
  const auto [labels, probabilities] = telco(false);
  const auto curve = profit_curve(labels, probabilities, {});
  ASSERT_EQ(curve->size(), 2U);
  EXPECT_EQ(curve->front().profit, 0);
  EXPECT_EQ(curve->front().contacted, 0);
  EXPECT_NEAR(curve->back().profit, 6.7798, 5e-5);
  EXPECT_EQ(curve->back().contacted, 1);
  EXPECT_EQ(curve->back().threshold, .5);
}

TEST(Profit, RefusesWhatMakesNoSense) {
  const auto [labels, probabilities] = small_example();
  const auto mistake = [](const auto& result) {
    EXPECT_FALSE(result.has_value());
    return result ? std::string() : result.error().message;
  };
  EXPECT_THAT(mistake(profit_curve(labels, std::vector<double>{.5}, {})),
              HasSubstr("8 labels, but 1"));
  EXPECT_THAT(mistake(profit_curve(std::vector<std::uint8_t>{1, 1}, std::vector{.5, .6}, {})),
              HasSubstr("of 2 customers all left"));
  EXPECT_THAT(mistake(maximum_profit({}, {}, {})), HasSubstr("of 0 customers none left"));
  EXPECT_THAT(
      mistake(maximum_profit(std::vector<std::uint8_t>{1, 0}, std::vector{.5, std::nan("")}, {})),
      HasSubstr("row 1 is not a number"));
  EXPECT_THAT(mistake(expected_maximum_profit(labels, probabilities, {.value = 10})),
              HasSubstr("the offer costs 10"));
  EXPECT_THAT(mistake(expected_maximum_profit(labels, probabilities, {.value = 0})),
              HasSubstr("value of a customer"));
  EXPECT_THAT(mistake(expected_maximum_profit(labels, probabilities, {.contact_cost = -1})),
              HasSubstr("a contact -1"));
  EXPECT_THAT(mistake(expected_maximum_profit(labels, probabilities, {.alpha = 0})),
              HasSubstr("Beta(0, 14)"));
}

Scored random_scores(std::uint64_t seed) {
  core::Random random(seed);
  Scored scored;
  const std::uint64_t rows = 2 + random.below(200);
  for (std::uint64_t i = 0; i < rows; ++i) {
    scored.labels.push_back(i == 0 || (i > 1 && random.bernoulli(0.3)) ? 1 : 0);
    // A few values only, so that there are ties.
    scored.probabilities.push_back(static_cast<double>(random.below(30)) / 29);
  }
  return scored;
}

RC_GTEST_PROP(ProfitProperty, TheHullIsBestForEveryAcceptance, (std::uint64_t seed)) {
  // EMPC by its definition: the best cut for each acceptance, averaged over a fine grid.
  const auto [labels, probabilities] = random_scores(seed);
  const CampaignTerms terms;
  const auto empc = expected_maximum_profit(labels, probabilities, terms);
  const auto curve = profit_curve(labels, probabilities, terms);
  RC_ASSERT(empc.has_value() && curve.has_value());
  const double positives = static_cast<double>(std::count(labels.begin(), labels.end(), 1)) /
                           static_cast<double>(labels.size());
  double sum = 0;
  double weights = 0;
  constexpr int kSteps = 4000;
  for (int step = 0; step < kSteps; ++step) {
    const double acceptance = (step + 0.5) / kSteps;
    const double weight = std::pow(acceptance, 5) * std::pow(1 - acceptance, 13);
    double best = 0;
    for (const ProfitPoint& point : *curve) {
      const double reached = positives * point.reached;
      best = std::max(best, reached * (acceptance * 190 - 1) - (point.contacted - reached) * 11);
    }
    sum += weight * best;
    weights += weight;
  }
  RC_ASSERT(std::fabs(empc->profit - sum / weights) < 1e-4);
  for (std::size_t i = 1; i < empc->corners.size(); ++i)
    RC_ASSERT(empc->corners[i].acceptance_from > empc->corners[i - 1].acceptance_from);
}

}  // namespace
}  // namespace tenure::decision
