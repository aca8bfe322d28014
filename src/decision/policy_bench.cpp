// What a decision costs: one rule, one decision over four offers, and a campaign of a million.

#include <array>
#include <cstdlib>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/random.h"
#include "decision/policy.h"

namespace tenure::decision {
namespace {

const std::vector<Vocabulary::Feature> kInputs = {{"tenure", ValueType::kNumber},
                                                  {"MonthlyCharges", ValueType::kNumber},
                                                  {"Contract", ValueType::kText},
                                                  {"InternetService", ValueType::kText}};

std::array<data::Cell, 4> customer(core::Random& random) {
  static constexpr std::array<std::string_view, 3> kContracts = {"Month-to-month", "One year",
                                                                 "Two year"};
  return {data::Cell::of(static_cast<double>(random.below(72))),
          data::Cell::of(20 + 100 * random.uniform()), data::Cell::of(kContracts[random.below(3)]),
          data::Cell::of(std::string_view("Fiber optic"))};
}

Policy policy_of_four_offers() {
  const auto config = core::parse_config(R"yaml(
decision:
  threshold: profit
  value: MonthlyCharges * max(3, 24 - tenure) * 0.4
  contact_cost: 2
  do_not_contact: tenure is missing
  offers:
    call: {acceptance: 0.1}
    discount: {cost: 0.2 * value, acceptance: 0.3}
    upgrade: {cost: 30, acceptance: 0.25, eligible: "InternetService != 'Fiber optic'"}
    contract: {cost: 60, acceptance: 0.45, eligible: "Contract in ('Month-to-month', 'One year')"}
)yaml",
                                         {});
  if (!config) std::abort();
  auto policy = Policy::from_config(*config, kInputs, 0.26);
  if (!policy) std::abort();
  return *std::move(policy);
}

void evaluate_rule(benchmark::State& state) {
  const auto rule = Expression::compile(
      "InternetService = 'Fiber optic' and tenure <= 6 and Contract in ('Month-to-month')",
      {.features = kInputs, .variables = {}}, ValueType::kBoolean);
  core::Random random(1);
  std::vector<std::array<data::Cell, 4>> rows(1024);
  for (auto& row : rows) row = customer(random);
  std::size_t at = 0;
  for (auto _ : state) benchmark::DoNotOptimize(rule->is_true({rows[at++ & 1023U]}));
}
BENCHMARK(evaluate_rule);

void decide(benchmark::State& state) {
  const Policy policy = policy_of_four_offers();
  core::Random random(1);
  std::vector<std::array<data::Cell, 4>> rows(1024);
  for (auto& row : rows) row = customer(random);
  std::size_t at = 0;
  for (auto _ : state) {
    const auto& cells = rows[at++ & 1023U];
    benchmark::DoNotOptimize(policy.decide({.cells = cells, .probability = 0.3}));
  }
}
BENCHMARK(decide);

void select_offers(benchmark::State& state) {
  const auto customers = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    core::Random random(1);
    auto selection = OfferSelection::within(static_cast<double>(customers));
    if (!selection) std::abort();
    selection->reserve(customers);
    for (std::size_t i = 0; i < customers; ++i) {
      std::array<OfferCandidate, 3> candidates;
      for (std::uint16_t offer = 0; offer < 3; ++offer)
        candidates[offer] = {
            .offer = offer, .value = 100 * random.uniform() - 20, .cost = 20 * random.uniform()};
      if (!selection->add(candidates)) std::abort();
    }
    const auto chosen = std::move(*selection).select();
    state.counters["chosen"] = static_cast<double>(chosen.chosen);
    state.counters["of_bound"] = chosen.value / chosen.bound;
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(select_offers)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tenure::decision
