#include "decision/policy.h"

#include <array>
#include <cmath>
#include <filesystem>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "decision/rule_set.h"

namespace tenure::decision {
namespace {

using data::Cell;
using testing::HasSubstr;
using Action = Decision::Action;
using Why = Decision::Why;

const std::vector<Vocabulary::Feature> kInputs = {{"MonthlyCharges", ValueType::kNumber},
                                                  {"Contract", ValueType::kText},
                                                  {"objects", ValueType::kBoolean}};

core::Result<Policy> read(const std::string& section, double prior = 0.26) {
  const auto config = core::parse_config("decision:\n" + section, {});
  EXPECT_TRUE(config.has_value()) << config.error().message;
  return Policy::from_config(*config, kInputs, prior);
}

Policy policy(const std::string& section) {
  auto made = read(section);
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return *std::move(made);
}

std::string mistake(const std::string& section) {
  const auto made = read(section);
  EXPECT_FALSE(made.has_value());
  return made ? "" : made.error().message;
}

/// The terms of the cost model's defaults: p* = 11 / 67 at a value of 200.
const std::string kDiscount = R"(
  threshold: profit
  value: 10 * MonthlyCharges
  contact_cost: 1
  offers:
    discount: {cost: 10, acceptance: 0.3, label: Ten off}
)";

std::array<Cell, 3> customer(double charges, std::string_view contract = "Month-to-month") {
  return {Cell::of(charges), Cell::of(contract), Cell::of(0)};
}

TEST(Policy, MakesAnOfferFromTheBreakEvenOn) {
  const Policy made = policy(kDiscount);
  const auto cells = customer(20);
  const Decision below = made.decide({.cells = cells, .probability = 0.1641});
  EXPECT_EQ(below.action, Action::kNone);
  EXPECT_EQ(below.why, Why::kBelowThreshold);
  EXPECT_EQ(below.offer, Decision::kNoOffer);
  EXPECT_FALSE(below.is_positive);
  EXPECT_NEAR(below.threshold, .16417910447761194, 1e-15);
  EXPECT_EQ(below.value, 200);
  EXPECT_EQ(made.action_name(below), "none");

  const Decision above = made.decide({.cells = cells, .probability = 0.5});
  EXPECT_EQ(above.action, Action::kOffer);
  EXPECT_EQ(above.why, Why::kWorthwhile);
  EXPECT_EQ(above.offer, 0);
  EXPECT_TRUE(above.is_positive);
  EXPECT_NEAR(above.expected_profit, .5 * (.3 * 190 - 1) - .5 * 11, 1e-12);
  EXPECT_EQ(made.action_name(above), "discount");
  EXPECT_EQ(made.offers()[0].label, "Ten off");
}

TEST(Policy, HasAThresholdForEachCustomersValue) {
  const Policy made = policy(kDiscount);
  const auto rich = customer(100);
  const auto poor = customer(1);
  EXPECT_EQ(made.decide({.cells = rich, .probability = 0.1}).action, Action::kOffer);
  EXPECT_EQ(made.decide({.cells = poor, .probability = 0.9}).action, Action::kNone);
  EXPECT_GT(made.decide({.cells = poor, .probability = 0.9}).threshold, 1);
}

TEST(Policy, ChoosesTheOfferWithTheHighestExpectedProfit) {
  const Policy made = policy(R"(
  threshold: profit
  value: 200
  offers:
    call: {acceptance: 0.1}
    upgrade: {cost: 0.3 * value, acceptance: 0.8, eligible: Contract = 'Month-to-month'}
)");
  const auto monthly = customer(20);
  const auto yearly = customer(20, "One year");
  EXPECT_EQ(made.action_name(made.decide({.cells = monthly, .probability = 0.9})), "upgrade");
  EXPECT_EQ(made.action_name(made.decide({.cells = monthly, .probability = 0.2})), "call");
  EXPECT_EQ(made.action_name(made.decide({.cells = yearly, .probability = 0.9})), "call");
}

TEST(Policy, KeepsAFixedThresholdAndStillSpendsOnlyWhereItPays) {
  const Policy made = policy(R"(
  threshold: 0.4
  value: MonthlyCharges
  offers: {gift: {cost: 10, acceptance: 0.5}}
)");
  const auto cells = customer(100);
  const auto poor = customer(11);
  EXPECT_EQ(made.decide({.cells = cells, .probability = 0.39}).why, Why::kBelowThreshold);
  EXPECT_EQ(made.decide({.cells = cells, .probability = 0.4}).action, Action::kOffer);
  const Decision decision = made.decide({.cells = poor, .probability = 0.9});
  EXPECT_TRUE(decision.is_positive);
  EXPECT_EQ(decision.action, Action::kNone);
  EXPECT_EQ(decision.why, Why::kNotWorthwhile);
  EXPECT_EQ(decision.threshold, 0.4);
}

TEST(Policy, TakesThePriorFromTheTrainingRows) {
  const auto made = read("  threshold: prior\n", 0.2654);
  ASSERT_TRUE(made.has_value());
  const Decision decision = made->decide({.cells = {}, .probability = 0.2654});
  EXPECT_TRUE(decision.is_positive);
  EXPECT_EQ(decision.why, Why::kNoOffer);
  EXPECT_EQ(decision.threshold, 0.2654);
  EXPECT_FALSE(made->decide({.cells = {}, .probability = 0.2653}).is_positive);
}

TEST(Policy, NeverContactsWhoMustNotBeContacted) {
  const Policy made = policy(kDiscount + "  do_not_contact: objects\n");
  auto cells = customer(20);
  EXPECT_EQ(made.decide({.cells = cells, .probability = 0.9}).action, Action::kOffer);
  cells[2] = Cell::of(1);
  const Decision forbidden = made.decide({.cells = cells, .probability = 0.9});
  EXPECT_EQ(forbidden.action, Action::kNone);
  EXPECT_EQ(forbidden.why, Why::kDoNotContact);
  EXPECT_TRUE(forbidden.is_positive);
  cells[2] = Cell::null();  // nobody knows: no
  EXPECT_EQ(made.decide({.cells = cells, .probability = 0.9}).why, Why::kDoNotContact);
  EXPECT_EQ(made.decide({.cells = cells, .probability = 0.9, .is_uncertain = true}).why,
            Why::kDoNotContact);
}

TEST(Policy, SendsDoubtfulCasesToAPersonWithAProposal) {
  const Policy made = policy(kDiscount + "  review_band: 0.03\n");
  const auto cells = customer(20);
  for (const double probability : {0.14, 0.18}) {
    const Decision near = made.decide({.cells = cells, .probability = probability});
    EXPECT_EQ(near.action, Action::kReview) << probability;
    EXPECT_EQ(near.why, Why::kNearThreshold);
    EXPECT_EQ(near.offer, 0);
    EXPECT_EQ(made.action_name(near), "review");
  }
  EXPECT_EQ(made.decide({.cells = cells, .probability = 0.13}).action, Action::kNone);
  EXPECT_EQ(made.decide({.cells = cells, .probability = 0.2}).action, Action::kOffer);
  const Decision unsure = made.decide({.cells = cells, .probability = 0.9, .is_uncertain = true});
  EXPECT_EQ(unsure.action, Action::kReview);
  EXPECT_EQ(unsure.why, Why::kUncertain);
  EXPECT_GT(unsure.expected_profit, 0);
}

TEST(Policy, SpendsNothingWhereSomethingIsNotKnown) {
  const Policy made = policy(kDiscount);
  auto cells = customer(20);
  cells[0] = Cell::null();
  const Decision decision = made.decide({.cells = cells, .probability = 0.9});
  EXPECT_EQ(decision.action, Action::kNone);
  EXPECT_EQ(decision.why, Why::kValueMissing);
  EXPECT_TRUE(std::isnan(decision.value));
  const Decision none = made.decide({.cells = customer(20), .probability = std::nan("")});
  EXPECT_EQ(none.action, Action::kNone);
  EXPECT_EQ(none.why, Why::kNoProbability);
  const Policy dear = policy(R"(
  value: 200
  offers: {rebate: {cost: MonthlyCharges, acceptance: 0.5}}
)");
  EXPECT_EQ(dear.decide({.cells = cells, .probability = 0.9}).why, Why::kNoOffer);
  EXPECT_EQ(dear.decide({.cells = {}, .probability = 0.9}).why, Why::kNoOffer);
}

TEST(Policy, ClampsWhatAnExpressionGivesOutOfRange) {
  const Policy made = policy(R"(
  value: 100
  offers: {odd: {cost: 0 - MonthlyCharges, acceptance: MonthlyCharges}}
)");
  const Decision decision = made.decide({.cells = customer(20), .probability = 0.5});
  EXPECT_EQ(decision.action, Action::kOffer);
  EXPECT_EQ(decision.expected_profit, 50);
}

TEST(Policy, ListsWhatABudgetIsSharedBetween) {
  const Policy made = policy(R"(
  threshold: profit
  value: 200
  contact_cost: 1
  budget: 500
  offers:
    call: {acceptance: 0.1}
    never: {cost: 1000, acceptance: 1}
    discount: {cost: 10, acceptance: 0.3}
)");
  EXPECT_EQ(made.budget(), 500);
  std::array<OfferCandidate, 3> out;
  const auto cells = customer(20);
  ASSERT_EQ(made.candidates({.cells = cells, .probability = 0.5}, out), 2U);
  EXPECT_EQ(out[0].offer, 0);
  EXPECT_NEAR(out[0].value, 9, 1e-12);
  EXPECT_NEAR(out[0].cost, 1, 1e-12);
  EXPECT_EQ(out[1].offer, 2);
  EXPECT_NEAR(out[1].value, 22.5, 1e-12);
  EXPECT_NEAR(out[1].cost, 1 + 10 * .65, 1e-12);
  EXPECT_EQ(made.candidates({.cells = cells, .probability = 0.01}, out), 0U);
  EXPECT_EQ(policy(kDiscount).budget(), std::numeric_limits<double>::infinity());
}

TEST(Policy, OfAnEmptySectionOnlyComparesWithTheThreshold) {
  const auto config = core::parse_config("project: churn\n", {});
  const auto made = Policy::from_config(*config, {}, 0.2);
  ASSERT_TRUE(made.has_value());
  EXPECT_TRUE(made->decide({.cells = {}, .probability = 0.5}).is_positive);
  EXPECT_EQ(made->action_name(made->decide({.cells = {}, .probability = 0.5})), "none");
  EXPECT_EQ(made->decide({.cells = {}, .probability = 0.4}).why, Why::kBelowThreshold);
}

TEST(PolicyErrors, NameTheLineTheKeyAndTheMistake) {
  EXPECT_THAT(mistake("  threshold: often\n"),
              HasSubstr("tenure.yaml:2: decision.threshold: is 'often'; expected a number between "
                        "0 and 1, 'prior' or 'profit'"));
  EXPECT_THAT(mistake("  threshold: 1.5\n"), HasSubstr("'1.5'"));
  EXPECT_THAT(mistake("  threshold: profit\n"), HasSubstr("decision.offers is empty"));
  EXPECT_THAT(mistake("  value: MonthlyCharge * 12\n"),
              HasSubstr("decision.value: at character 1: there is no input named MonthlyCharge "
                        "(did you mean 'MonthlyCharges'?)"));
  EXPECT_THAT(mistake("  value: value * 2\n"), HasSubstr("no input named value"));
  EXPECT_THAT(mistake("  offers: {a: {acceptance: 0.5}}\n"),
              HasSubstr("decision.value: is not set"));
  EXPECT_THAT(mistake("  value: 1\n  offers: {a: {cost: 1}}\n"),
              HasSubstr("decision.offers.a.acceptance: is not set; expected an expression"));
  EXPECT_THAT(mistake("  value: 1\n  offers: {a: {acceptance: 1.2}}\n"),
              HasSubstr("decision.offers.a.acceptance: is 1.2; expected a number in 0..1"));
  EXPECT_THAT(mistake("  value: 1\n  offers: {a: {acceptance: 0.5, cost: 0 - 3}}\n"),
              HasSubstr("decision.offers.a.cost: is 0 - 3; expected"));
  EXPECT_THAT(mistake("  value: 1\n  offers: {a: {acceptance: 0.5, eligible: Contract}}\n"),
              HasSubstr("needs true or false, but Contract is text"));
  EXPECT_THAT(mistake("  value: 1\n  offers: {review: {acceptance: 0.5}}\n"),
              HasSubstr("decision.offers.review: is the name of an action"));
  EXPECT_THAT(mistake("  do_not_contact: Contract\n"), HasSubstr("decision.do_not_contact"));
}

TEST(DecisionGuide, ItsExampleIsAccepted) {
  const auto page = core::read_file(std::filesystem::path(__FILE__).parent_path() /
                                    "../../docs/guide/decisions.md");
  ASSERT_TRUE(page.has_value()) << page.error().message;
  const auto first = page->find("```yaml\n") + 8;
  const auto config = core::parse_config(page->substr(first, page->find("```", first) - first), {});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  const std::vector<Vocabulary::Feature> inputs = {{"MonthlyCharges", ValueType::kNumber},
                                                   {"tenure", ValueType::kNumber},
                                                   {"opted_out", ValueType::kBoolean},
                                                   {"InternetService", ValueType::kText},
                                                   {"Contract", ValueType::kText}};
  const auto made = Policy::from_config(*config, inputs, 0.26);
  ASSERT_TRUE(made.has_value()) << made.error().message;
  const auto rules = RuleSet::from_config(*config, inputs);
  ASSERT_TRUE(rules.has_value()) << rules.error().message;
  EXPECT_EQ(rules->size(), 2U);
  const std::array<Cell, 5> cells = {Cell::of(80), Cell::of(3), Cell::of(0),
                                     Cell::of(std::string_view("Fiber optic")),
                                     Cell::of(std::string_view("Month-to-month"))};
  const Decision decision = made->decide({.cells = cells, .probability = 0.74});
  EXPECT_EQ(decision.action, Action::kOffer);
  EXPECT_EQ(decision.value, 80 * 21 * 0.4);
}

TEST(Policy, OffersNothingToTheControlGroupAndDecidesForItAsForOthers) {
  const Policy made =
      policy(kDiscount + "  control_share: 0.3\n  campaign: spring\n  review_band: 0.01\n");
  const ControlGroup group(0.3, "spring");
  const auto cells = customer(20);
  int members = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string id = "C-" + std::to_string(i);
    const Decision decision = made.decide({.cells = cells, .probability = 0.5, .id = id});
    EXPECT_EQ(decision.is_control, group.has(id));
    EXPECT_TRUE(decision.is_positive) << "what is decided by the probability stays";
    EXPECT_EQ(decision.action, decision.is_control ? Action::kNone : Action::kOffer);
    EXPECT_EQ(decision.why, decision.is_control ? Why::kControlGroup : Why::kWorthwhile);
    EXPECT_EQ(decision.offer == Decision::kNoOffer, decision.is_control);
    std::array<OfferCandidate, 1> candidates;
    EXPECT_EQ(made.candidates({.cells = cells, .probability = 0.5, .id = id}, candidates),
              decision.is_control ? 0U : 1U);
    // Not even a person is asked, who could make an offer.
    const Decision uncertain =
        made.decide({.cells = cells, .probability = 0.5, .is_uncertain = true, .id = id});
    EXPECT_EQ(uncertain.action, decision.is_control ? Action::kNone : Action::kReview);
    // Whoever would get nothing anyway says why, in both groups.
    const Decision low = made.decide({.cells = cells, .probability = 0.01, .id = id});
    EXPECT_EQ(low.why, Why::kBelowThreshold);
    members += decision.is_control ? 1 : 0;
  }
  EXPECT_NEAR(members, 60, 30);
  EXPECT_EQ(made.decide({.cells = cells, .probability = 0.5}).action, Action::kOffer);
}

TEST(Policy, LeavesThoseAloneWhoWereContactedRecently) {
  const Policy made =
      policy(kDiscount + "  contact_cap_days: 90\n  days_since_contact: MonthlyCharges\n");
  const auto decide = [&](Cell days) {
    auto cells = customer(20);
    cells[0] = days;
    return made.decide({.cells = cells, .probability = 0.9});
  };
  EXPECT_EQ(decide(Cell::of(89)).why, Why::kContactedRecently);
  EXPECT_EQ(decide(Cell::of(89)).action, Action::kNone);
  EXPECT_EQ(decide(Cell::of(90)).why, Why::kWorthwhile);
  // Never contacted; what the customer is worth is missing here, too, and is the next to say no.
  EXPECT_EQ(decide(Cell::null()).why, Why::kValueMissing);
  EXPECT_THAT(mistake(kDiscount + "  contact_cap_days: 90\n"), HasSubstr("days_since_contact"));
}

TEST(Policy, LooksBackAtWhatAnOfferWouldHaveBrought) {
  const Policy made = policy(kDiscount + "  do_not_contact: objects\n");
  auto cells = customer(20);  // worth 200; an offer of 10 that three in ten leavers take
  EXPECT_NEAR(*made.profit_of_outcome({.cells = cells, .probability = 0.5}, true),
              0.3 * 200 - 1 - 0.3 * 10, 1e-12);
  EXPECT_NEAR(*made.profit_of_outcome({.cells = cells, .probability = 0.5}, false), -11, 1e-12);
  cells[2] = Cell::of(1);
  EXPECT_FALSE(made.profit_of_outcome({.cells = cells, .probability = 0.5}, true).has_value());
}

TEST(Policy, HasANameForEveryReason) {
  EXPECT_EQ(why_name(Why::kControlGroup), "control_group");
  EXPECT_EQ(why_name(Why::kContactedRecently), "contacted_recently");
  EXPECT_EQ(why_name(Why::kWorthwhile), "worthwhile");
  EXPECT_EQ(why_name(Why::kUncertain), "uncertain");
  EXPECT_EQ(why_name(Why::kNoProbability), "no_probability");
}

}  // namespace
}  // namespace tenure::decision
