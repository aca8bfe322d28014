#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "decision/policy.h"
#include "decision/rule_set.h"

namespace {
// Every operator new of the test binary counts here.
std::atomic<std::size_t> allocation_count{0};  // NOLINT
}  // namespace

// Not inlined: GCC 12 would take malloc and free for a mismatched pair.
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  if (void* block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
  std::free(block);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}

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
  const std::size_t before = allocation_count.load();
  std::size_t found = 0;
  for (int i = 0; i < 100; ++i) {
    for (const auto& cells : rows) {
      const Policy::Customer customer{.cells = cells, .probability = 0.01 * i};
      found += policy->decide(customer).is_positive ? 1 : 0;
      found += policy->candidates(customer, candidates);
      found += rules->first_match(cells).has_value() ? 1 : 0;
    }
  }
  const std::size_t after = allocation_count.load();
  EXPECT_EQ(after - before, 0U);
  EXPECT_GT(found, 100U);
}

}  // namespace
}  // namespace tenure::decision
