#include "serving/outcomes.h"

#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/random.h"
#include "serving/traffic_options.h"

namespace tenure::serving {
namespace {

using ::testing::HasSubstr;

const GuardOptions kOptions{.labels_min = 100};

/// Customers whose probabilities are drawn between two bounds; what happens to one does so with the
/// probability that `truth` makes of what was said.
template <typename Truth>
OutcomeSums drawn(std::uint64_t seed, int customers, double from, double to, Truth truth) {
  core::Random random(seed);
  OutcomeSums sums;
  for (int i = 0; i < customers; ++i) {
    const double said = from + (to - from) * random.uniform();
    sums.add(said, random.uniform() < truth(said));
  }
  return sums;
}
double as_said(double p) {
  return p;
}

TEST(OutcomeSums, HasTheStatisticsOfAHandComputedExample) {
  OutcomeSums sums;
  sums.add(0.2, false);
  sums.add(0.2, true);
  sums.add(0.9, true);
  sums.add(0.5, false);
  EXPECT_EQ(sums.customers, 4U);
  EXPECT_EQ(sums.events, 2U);
  EXPECT_NEAR(sums.expected, 1.8, 1e-12);
  EXPECT_NEAR(sums.variance, 0.16 + 0.16 + 0.09 + 0.25, 1e-12);
  EXPECT_NEAR(sums.observed_to_expected(), 2 / 1.8, 1e-12);
  EXPECT_NEAR(sums.brier(), (0.04 + 0.64 + 0.01 + 0.25) / 4, 1e-12);
  EXPECT_NEAR(sums.events_z(), 0.2 / std::sqrt(0.66), 1e-12);
  // Sum of (y - p)(1 - 2p): -0.12 + 0.48 - 0.08 + 0; of its variances: 2 * 0.16 * 0.36 + 0.09 *
  // 0.64.
  EXPECT_NEAR(sums.excess_brier(), 0.28 / 4, 1e-12);
  EXPECT_NEAR(sums.spiegelhalter_z(), 0.28 / std::sqrt(2 * 0.16 * 0.36 + 0.09 * 0.64), 1e-12);
  EXPECT_EQ(OutcomeSums{}.observed_to_expected(), 0);
  EXPECT_EQ(OutcomeSums{}.spiegelhalter_z(), 0);
}

RC_GTEST_PROP(OutcomeSums, SinceAnEarlierStateHasTheCustomersBetween, ()) {
  const auto seed = *rc::gen::inRange<std::uint64_t>(1, 1'000'000);
  const OutcomeSums early = drawn(seed, 50, 0, 1, as_said);
  const OutcomeSums rest = drawn(seed + 1, 70, 0, 1, as_said);
  OutcomeSums all = early;
  all.customers += rest.customers;
  all.events += rest.events;
  all.expected += rest.expected;
  all.variance += rest.variance;
  const OutcomeSums since = all.since(early);
  RC_ASSERT(since.customers == rest.customers);
  RC_ASSERT(since.events == rest.events);
  RC_ASSERT(std::abs(since.expected - rest.expected) < 1e-9);
}

TEST(AlwaysValidBound, IsWiderThanAnyFixedTestAndGrowsSlowlyWithTheVariance) {
  EXPECT_NEAR(always_valid_bound(40, 0.01), std::sqrt(50 * std::log(50 / 0.001)), 1e-9);
  for (const double variance : {1.0, 10.0, 100.0, 10'000.0}) {
    const double deviations = always_valid_bound(variance, 0.01) / std::sqrt(variance);
    EXPECT_GT(deviations, 2.576);  // what one look would take
    EXPECT_LT(deviations, 12);
  }
  EXPECT_LT(always_valid_bound(100, 0.05), always_valid_bound(100, 0.001));
}

TEST(OutcomeObjection, SparesAVersionThatIsRightHoweverOftenItIsLookedAt) {
  // Each looked at after every customer: 1 % may go, and far more would by a fixed test of 1 %.
  int taken_out = 0, by_fixed_test = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    core::Random random(seed);
    OutcomeSums sums;
    bool is_out = false, is_fixed_out = false;
    for (int i = 0; i < 2'000; ++i) {
      const double p = 0.05 + 0.4 * random.uniform();
      sums.add(p, random.uniform() < p);
      is_out |=
          !outcome_objection(
               {.labels_min = 100, .calibration_margin = 0.001, .brier_margin = 0.0001}, {}, sums)
               .empty();
      is_fixed_out |= sums.customers >= 100 && std::abs(sums.events_z()) > 2.576;
    }
    taken_out += is_out ? 1 : 0;
    by_fixed_test += is_fixed_out ? 1 : 0;
  }
  EXPECT_LE(taken_out, 8);
  EXPECT_GT(by_fixed_test, 20);
}

TEST(OutcomeObjection, NamesTheEventsThatWereTooManyOrTooFew) {
  const OutcomeSums fewer = drawn(1, 1'000, 0.3, 0.7, [](double p) { return p / 2; });
  EXPECT_THAT(outcome_objection(kOptions, {}, fewer), HasSubstr("of 1000 customers with labels"));
  const OutcomeSums more = drawn(2, 1'000, 0.1, 0.3, [](double p) { return 2 * p; });
  EXPECT_THAT(outcome_objection(kOptions, {}, more), HasSubstr("times as many"));
  EXPECT_EQ(
      outcome_objection({.labels_min = 100, .calibration_margin = 0, .brier_margin = 0}, {}, more),
      "");
}

TEST(OutcomeObjection, NamesTheBrierScoreWhereTheNumberOfEventsIsRight) {
  // Half of the customers at 0.1 and half at 0.9, and either leaves with 0.5.
  core::Random random(3);
  OutcomeSums sums;
  for (int i = 0; i < 1'000; ++i) sums.add(i % 2 == 0 ? 0.1 : 0.9, random.uniform() < 0.5);
  EXPECT_THAT(outcome_objection(kOptions, {}, sums), HasSubstr("Spiegelhalter's z"));
  // Too modest probabilities give a better score than they promise, which is no harm.
  const OutcomeSums modest = drawn(4, 2'000, 0, 1, [](double p) { return p < 0.5 ? 0.02 : 0.98; });
  EXPECT_LT(modest.excess_brier(), 0);
  EXPECT_EQ(outcome_objection({.labels_min = 100, .calibration_margin = 0}, {}, modest), "");
}

TEST(OutcomeObjection, JudgesNothingOnFewLabelsOrLabelsOfOneKind) {
  const OutcomeSums few = drawn(5, 99, 0.4, 0.6, [](double) { return 0.97; });
  EXPECT_EQ(outcome_objection(kOptions, {}, few), "");
  OutcomeSums leavers;
  for (int i = 0; i < 1'000; ++i) leavers.add(0.2, true);
  EXPECT_EQ(outcome_objection(kOptions, {}, leavers), "") << "who stays is not told";
  OutcomeSums stayers;
  for (int i = 0; i < 1'000; ++i) stayers.add(0.2, false);
  EXPECT_EQ(outcome_objection(kOptions, {}, stayers), "");
}

TEST(OutcomeObjection, SparesAnArmThatIsNoFurtherOffThanTheChampion) {
  // Campaigns keep half of those who would leave, whoever named them.
  const auto saved = [](double p) { return p / 2; };
  const OutcomeSums champion = drawn(6, 3'000, 0.2, 0.6, saved);
  const OutcomeSums arm = drawn(7, 3'000, 0.2, 0.6, saved);
  EXPECT_NE(outcome_objection(kOptions, {}, arm), "") << "of the champion nothing is known";
  EXPECT_EQ(outcome_objection(kOptions, champion, arm), "");
  const OutcomeSums worse = drawn(8, 3'000, 0.2, 0.6, [](double p) { return p / 4; });
  EXPECT_THAT(outcome_objection(kOptions, champion, worse), HasSubstr("the champion's 0."));
}

}  // namespace
}  // namespace tenure::serving
