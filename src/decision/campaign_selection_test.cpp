#include "decision/campaign_selection.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/random.h"

namespace tenure::decision {
namespace {

using testing::ElementsAre;
constexpr std::uint16_t kNone = OfferSelection::kNoOffer;
using Customers = std::vector<std::vector<OfferCandidate>>;

OfferSelection::Selection selected(const CampaignLimits& limits, const Customers& customers) {
  auto selection = CampaignSelection::within(limits);
  EXPECT_TRUE(selection.has_value());
  for (const auto& candidates : customers) EXPECT_TRUE(selection->add(candidates).has_value());
  return std::move(*selection).select();
}

/// v = 60, 100, 120, 40, 30 for c = 10, 20, 30, 8, 5.
const Customers kFive = {{{0, 60, 10}}, {{0, 100, 20}}, {{0, 120, 30}}, {{0, 40, 8}}, {{0, 30, 5}}};

TEST(CampaignSelection, IsTheBudgetsWithoutACapacity) {
  const auto selection = selected({.budget = 50}, kFive);
  EXPECT_THAT(selection.offers, ElementsAre(0, 0, kNone, 0, 0));
  EXPECT_EQ(selection.value, 230);
  EXPECT_EQ(selection.bound, 258);
}

TEST(CampaignSelection, TakesTheMostValuableWhenOnlyPeopleAreShort) {
  const auto selection = selected({.capacity = 2}, kFive);
  EXPECT_THAT(selection.offers, ElementsAre(kNone, 0, 0, kNone, kNone));
  EXPECT_EQ(selection.value, 220);
  EXPECT_NEAR(selection.bound, 220, 1e-6);
  EXPECT_EQ(selection.chosen, 2U);
}

TEST(CampaignSelection, TakesDearerOffersWhereContactsAreShort) {
  // By value for cost the first three would be taken, and half of the budget would be left.
  const auto selection = selected({.budget = 50, .capacity = 2},
                                  {{{0, 60, 10}}, {{0, 30, 5}}, {{0, 40, 8}}, {{0, 120, 30}}});
  EXPECT_THAT(selection.offers, ElementsAre(0, kNone, kNone, 0));
  EXPECT_EQ(selection.value, 180);
}

TEST(CampaignSelection, ChoosesAmongEqualsAsManyAsCanBeServed) {
  const auto selection = selected({.capacity = 3}, Customers(10, {{4, 5, 1}}));
  EXPECT_EQ(selection.chosen, 3U);
  EXPECT_EQ(selection.value, 15);
  EXPECT_NEAR(selection.bound, 15, 1e-6);
}

TEST(CampaignSelection, ServesNobodyWithoutPeople) {
  const auto selection = selected({.capacity = 0}, kFive);
  EXPECT_EQ(selection.chosen, 0U);
  EXPECT_EQ(selection.value, 0);
}

TEST(CampaignSelection, RefusesABudgetThatIsNone) {
  EXPECT_FALSE(CampaignSelection::within({.budget = -1}).has_value());
}

double optimum(const Customers& customers, std::size_t at, double budget, std::size_t capacity) {
  if (at == customers.size() || capacity == 0) return 0;
  double best = optimum(customers, at + 1, budget, capacity);
  for (const OfferCandidate& candidate : customers[at])
    if (candidate.cost <= budget)
      best = std::max(best, candidate.value +
                                optimum(customers, at + 1, budget - candidate.cost, capacity - 1));
  return best;
}

RC_GTEST_PROP(CampaignSelectionProperty, KeepsToBothLimitsAndBelowItsBound, (std::uint64_t seed)) {
  core::Random random(seed);
  Customers customers(random.below(7));
  for (auto& candidates : customers)
    for (std::uint64_t i = random.below(4); i > 0; --i)
      candidates.push_back({static_cast<std::uint16_t>(i),
                            static_cast<double>(random.below(40)) - 4,
                            static_cast<double>(random.below(20))});
  const CampaignLimits limits{.budget = static_cast<double>(random.below(50)),
                              .capacity = random.below(5)};
  const auto selection = selected(limits, customers);
  double value = 0, cost = 0;
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < customers.size(); ++i) {
    if (selection.offers[i] == kNone) continue;
    const auto found = std::ranges::find(customers[i], selection.offers[i], &OfferCandidate::offer);
    value += found->value;
    cost += found->cost;
    ++chosen;
  }
  RC_ASSERT(std::fabs(value - selection.value) < 1e-9);
  RC_ASSERT(std::fabs(cost - selection.cost) < 1e-9);
  RC_ASSERT(cost <= limits.budget);
  RC_ASSERT(chosen == selection.chosen);
  RC_ASSERT(chosen <= limits.capacity);
  const double best = optimum(customers, 0, limits.budget, limits.capacity);
  RC_ASSERT(value <= best + 1e-9);
  RC_ASSERT(best <= selection.bound + 1e-6);
}

}  // namespace
}  // namespace tenure::decision
