#include "decision/offer_selection.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/random.h"

namespace tenure::decision {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint16_t kNone = OfferSelection::kNoOffer;
using Customers = std::vector<std::vector<OfferCandidate>>;

OfferSelection::Selection selected(double budget, const Customers& customers) {
  auto selection = OfferSelection::within(budget);
  EXPECT_TRUE(selection.has_value());
  for (const auto& candidates : customers) EXPECT_TRUE(selection->add(candidates).has_value());
  return std::move(*selection).select();
}

TEST(OfferSelection, FindsTheOptimumOfTheReference) {
  const auto selection =
      selected(50, {{{0, 60, 10}}, {{0, 100, 20}}, {{0, 120, 30}}, {{0, 40, 8}}, {{0, 30, 5}}});
  EXPECT_EQ(selection.value, 230);
  EXPECT_EQ(selection.cost, 43);
  EXPECT_EQ(selection.bound, 258);
  EXPECT_EQ(selection.chosen, 4U);
  EXPECT_THAT(selection.offers, ElementsAre(0, 0, kNone, 0, 0));
}

TEST(OfferSelection, GivesEachCustomerOneOfSeveralOffers) {
  // The dear offer of the first customer is worth its 30 more only while the budget allows.
  const Customers customers = {{{7, 50, 10}, {9, 80, 30}}, {{7, 45, 10}, {9, 46, 30}}};
  EXPECT_THAT(selected(20, customers).offers, ElementsAre(7, 7));
  EXPECT_THAT(selected(40, customers).offers, ElementsAre(9, 7));
  const auto all = selected(std::numeric_limits<double>::infinity(), customers);
  EXPECT_THAT(all.offers, ElementsAre(9, 9));
  EXPECT_EQ(all.value, 126);
  EXPECT_EQ(all.bound, 126);
  EXPECT_EQ(all.chosen, 2U);
}

TEST(OfferSelection, TakesTheSingleBestOfferWhereThatIsWorthMore) {
  const auto selection = selected(100, {{{0, 2, 1}}, {{0, 100, 100}}});
  EXPECT_THAT(selection.offers, ElementsAre(kNone, 0));
  EXPECT_EQ(selection.value, 100);
  EXPECT_EQ(selection.cost, 100);
  EXPECT_EQ(selection.bound, 101);
}

TEST(OfferSelection, LeavesOutWhatIsWorthNothingOrDominated) {
  const auto selection = selected(
      100, {{}, {{0, -5, 1}, {1, 0, 0}}, {{0, 10, 5}, {1, 10, 6}, {2, 9, 7}}, {{3, 500, 101}}});
  EXPECT_THAT(selection.offers, ElementsAre(kNone, kNone, 0, kNone));
  EXPECT_EQ(selection.bound, 10);
}

TEST(OfferSelection, TakesWhatCostsNothingWithoutABudget) {
  const auto selection = selected(0, {{{0, 1, 0}, {1, 3, 0}, {2, 9, 1}}, {{5, 2, 0}}});
  EXPECT_THAT(selection.offers, ElementsAre(1, 5));
  EXPECT_EQ(selection.value, 5);
  EXPECT_EQ(selection.cost, 0);
}

TEST(OfferSelection, GoesByTheOrderOfCustomersAmongEquals) {
  EXPECT_THAT(selected(2, {{{0, 5, 1}}, {{0, 5, 1}}, {{0, 5, 1}}}).offers,
              ElementsAre(0, 0, kNone));
}

TEST(OfferSelection, OfNobodyIsEmpty) {
  const auto selection = selected(10, {});
  EXPECT_TRUE(selection.offers.empty());
  EXPECT_EQ(selection.value, 0);
  EXPECT_EQ(selection.bound, 0);
}

TEST(OfferSelection, RefusesNumbersThatAreNone) {
  EXPECT_FALSE(OfferSelection::within(-1).has_value());
  EXPECT_FALSE(OfferSelection::within(std::nan("")).has_value());
  auto selection = *OfferSelection::within(10);
  const auto mistake = [&selection](OfferCandidate candidate) {
    const auto added = selection.add(std::vector{candidate});
    EXPECT_FALSE(added.has_value());
    return added ? std::string() : added.error().message;
  };
  EXPECT_THAT(mistake({0, 1, -1}), HasSubstr("customer 0: offer 0 has value 1 and cost -1"));
  EXPECT_THAT(mistake({0, std::nan(""), 1}), HasSubstr("finite"));
  EXPECT_THAT(mistake({kNone, 1, 1}), HasSubstr("no offer's number"));
  EXPECT_FALSE(
      selection.add(std::vector<OfferCandidate>(OfferSelection::kCandidatesMax + 1)).has_value());
  EXPECT_TRUE(std::move(selection).select().offers.empty());
}

/// The best value of all possible choices, from customer `at` on.
double optimum(const Customers& customers, std::size_t at, double budget) {
  if (at == customers.size()) return 0;
  double best = optimum(customers, at + 1, budget);
  for (const OfferCandidate& candidate : customers[at])
    if (candidate.cost <= budget)
      best = std::max(best, candidate.value + optimum(customers, at + 1, budget - candidate.cost));
  return best;
}

RC_GTEST_PROP(OfferSelectionProperty, LiesBetweenHalfOfTheOptimumAndTheBound,
              (std::uint64_t seed)) {
  core::Random random(seed);
  Customers customers(random.below(7));
  for (auto& candidates : customers)
    for (std::uint64_t i = random.below(4); i > 0; --i)
      candidates.push_back({static_cast<std::uint16_t>(i),
                            static_cast<double>(random.below(40)) - 4,
                            static_cast<double>(random.below(20))});
  const double budget = static_cast<double>(random.below(50));
  const auto selection = selected(budget, customers);

  double value = 0;
  double cost = 0;
  for (std::size_t i = 0; i < customers.size(); ++i) {
    if (selection.offers[i] == kNone) continue;
    const auto chosen =
        std::find_if(customers[i].begin(), customers[i].end(),
                     [&](const auto& one) { return one.offer == selection.offers[i]; });
    RC_ASSERT(chosen != customers[i].end());
    value += chosen->value;
    cost += chosen->cost;
  }
  const double best = optimum(customers, 0, budget);
  RC_ASSERT(std::fabs(value - selection.value) < 1e-9);
  RC_ASSERT(std::fabs(cost - selection.cost) < 1e-9);
  RC_ASSERT(cost <= budget);
  RC_ASSERT(value <= best + 1e-9);
  RC_ASSERT(value >= best / 2 - 1e-9);
  RC_ASSERT(best <= selection.bound + 1e-9);
}

}  // namespace
}  // namespace tenure::decision
