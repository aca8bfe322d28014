#include "decision/rule_set.h"

#include <array>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenure::decision {
namespace {

using data::Cell;
using testing::HasSubstr;

const std::vector<Vocabulary::Feature> kInputs = {{"tenure", ValueType::kNumber},
                                                  {"Internet Service", ValueType::kText}};

core::Result<RuleSet> read(const std::string& rules) {
  const auto config = core::parse_config("serving:\n  fallback:\n    rules:\n" + rules, {});
  EXPECT_TRUE(config.has_value()) << config.error().message;
  return RuleSet::from_config(*config, kInputs);
}

std::string mistake(const std::string& rules) {
  const auto made = read(rules);
  EXPECT_FALSE(made.has_value());
  return made ? "" : made.error().message;
}

// Rates of the Telco table.
const std::string kRules = R"(
      new fibre: {when: "\"Internet Service\" = 'Fiber optic' and tenure <= 6", probability: 0.74}
      fibre: {when: "\"Internet Service\" = 'Fiber optic'", probability: 0.4189}
      by.age: {when: tenure is not missing, probability: 1 / tenure}
)";

TEST(RuleSet, AnswersByTheFirstRuleThatFits) {
  const auto rules = read(kRules);
  ASSERT_TRUE(rules.has_value()) << rules.error().message;
  EXPECT_EQ(rules->size(), 3U);
  const auto match = [&rules](Cell tenure, std::string_view service) {
    const std::array<Cell, 2> cells = {tenure, Cell::of(service)};
    return rules->first_match(cells);
  };
  EXPECT_EQ(match(Cell::of(3), "Fiber optic")->probability, 0.74);
  EXPECT_EQ(rules->name(match(Cell::of(3), "Fiber optic")->rule), "new fibre");
  EXPECT_EQ(match(Cell::of(7), "Fiber optic")->rule, 1U);
  EXPECT_EQ(match(Cell::null(), "Fiber optic")->rule, 1U);
  EXPECT_EQ(match(Cell::of(8), "DSL")->probability, 0.125);
  EXPECT_EQ(rules->name(2), "by.age");
  EXPECT_FALSE(match(Cell::null(), "DSL").has_value());
  EXPECT_FALSE(rules->first_match({}).has_value());
}

TEST(RuleSet, PassesOverAProbabilityThatIsMissingAndClampsOneOutOfRange) {
  const auto rules = read(kRules);
  const auto probability = [&rules](double tenure) {
    const std::array<Cell, 1> cells = {Cell::of(tenure)};
    const auto match = rules->first_match(cells);
    return match ? match->probability : -1;
  };
  EXPECT_EQ(probability(0), -1);  // 1 / 0 is missing
  EXPECT_EQ(probability(0.5), 1);
  EXPECT_EQ(probability(-4), 0);
}

TEST(RuleSet, IsEmptyWhenNoneAreWritten) {
  const auto rules = RuleSet::from_config(*core::parse_config("project: x\n", {}), kInputs);
  ASSERT_TRUE(rules.has_value());
  EXPECT_TRUE(rules->empty());
  EXPECT_FALSE(rules->first_match({}).has_value());
}

TEST(RuleSet, RefusesRulesThatCannotWork) {
  EXPECT_THAT(mistake("      a: {when: tenur > 3, probability: 0.5}\n"),
              HasSubstr("tenure.yaml:4: serving.fallback.rules.a.when: at character 1: there is no "
                        "input named tenur (did you mean 'tenure'?)"));
  EXPECT_THAT(mistake("      a: {when: tenure > 3, probability: 1.5}\n"),
              HasSubstr("rules.a.probability: is 1.5; expected a number in 0..1"));
  EXPECT_THAT(mistake("      a: {when: tenure > 3}\n"), HasSubstr("a.probability: is not set"));
  EXPECT_THAT(mistake("      a: {probability: 0.5}\n"), HasSubstr("a.when: is not set"));
  EXPECT_THAT(mistake("      a: {when: tenure, probability: 0.5}\n"),
              HasSubstr("needs true or false, but tenure is a number"));
  std::string many;
  for (std::size_t i = 0; i <= RuleSet::kRulesMax; ++i)
    many += fmt::format("      r{}: {{when: 'true', probability: 0.5}}\n", i);
  const auto made = read(many);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, core::ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace tenure::decision
