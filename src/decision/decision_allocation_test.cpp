#include <array>

#include <gtest/gtest.h>

#include "core/testing/counted_allocations.h"
#include "decision/policy.h"
#include "decision/rule_set.h"

namespace tenure::decision {
namespace {

TEST(DecisionAllocation, IsZeroForDecisionsCandidatesAndRules) {
  const auto config = core::parse_config(R"yaml(
decision:
  threshold: profit
  value: coalesce(charges, 50) * 12
  do_not_contact: plan = 'a plan with a name that is too long to be a small text'
  offers:
    a: {cost: 0.1 * value, acceptance: "if(plan in ('x', 'y'), 0.3, 0.2)"}
    b: {cost: 5, acceptance: 0.1, eligible: plan != '123456.78901234567'}
serving:
  fallback:
    rules: {r: {when: "plan not in ('a', 'b') and charges > 1", probability: exp(-charges)}}
)yaml",
                                         {});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  const std::vector<Vocabulary::Feature> inputs = {{"charges", ValueType::kNumber},
                                                   {"plan", ValueType::kText}};
  const auto policy = Policy::from_config(*config, inputs, 0.2);
  const auto rules = RuleSet::from_config(*config, inputs);
  ASSERT_TRUE(policy.has_value() && rules.has_value());
  std::array<OfferCandidate, 2> candidates;
  const std::array<std::array<data::Cell, 2>, 2> rows = {
      {{data::Cell::of(20), data::Cell::of(std::string_view("x"))},
       {data::Cell::null(), data::Cell::of(123456.78901234567)}}};
  const std::size_t before = core::testing::allocation_count();
  std::size_t found = 0;
  for (int i = 0; i < 100; ++i) {
    for (const auto& cells : rows) {
      const Policy::Customer customer{.cells = cells, .probability = 0.01 * i};
      found += policy->decide(customer).is_positive ? 1 : 0;
      found += policy->candidates(customer, candidates);
      found += rules->first_match(cells).has_value() ? 1 : 0;
    }
  }
  const std::size_t after = core::testing::allocation_count();
  EXPECT_EQ(after - before, 0U);
  EXPECT_GT(found, 100U);
}

}  // namespace
}  // namespace tenure::decision
