#include "decision/recourse.h"

#include <cmath>
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"

namespace tenure::decision {
namespace {

using data::Cell;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<Vocabulary::Feature> kInputs = {
    {"tenure", ValueType::kNumber},        {"InternetService", ValueType::kText},
    {"PhoneService", ValueType::kBoolean}, {"PaperlessBilling", ValueType::kBoolean},
    {"PaymentMethod", ValueType::kText},   {"Contract", ValueType::kText},
    {"TechSupport", ValueType::kBoolean},  {"OnlineSecurity", ValueType::kBoolean},
    {"MonthlyCharges", ValueType::kNumber}};
enum Input : std::size_t {
  kTenure,
  kInternet,
  kPhone,
  kPaperless,
  kPayment,
  kContract,
  kSupport,
  kSecurity,
  kCharges
};

/// Fibre, phone, electronic check, paperless, television, by the month, for three months.
const std::vector<Cell> kCustomer = {Cell::of(3),
                                     Cell::of("Fiber optic"),
                                     Cell::of(1),
                                     Cell::of(1),
                                     Cell::of("Electronic check"),
                                     Cell::of("Month-to-month"),
                                     Cell::of(0),
                                     Cell::of(0),
                                     Cell::of(80)};

/// The coefficients of the generator of synthetic customers; television is always there.
double churn(std::span<const Cell> row) {
  const double lt = std::log1p(row[kTenure].number);
  const double fibre = row[kInternet].text == "Fiber optic" ? 1 : 0;
  const double one = row[kContract].text == "One year" ? 1 : 0;
  const double two = row[kContract].text == "Two year" ? 1 : 0;
  const double check = row[kPayment].text == "Electronic check" ? 1 : 0;
  const double eta = .843 - .748 * lt - 1.714 * one - 4.743 * two + .983 * fibre -
                     .556 * row[kPhone].number - .333 * row[kSecurity].number -
                     .294 * row[kSupport].number + .306 + .345 * row[kPaperless].number +
                     .329 * check + .341 * one * lt + .777 * two * lt - .315 * fibre * one;
  return 1 / (1 + std::exp(-eta));
}

std::vector<double> score(std::span<const Cell> cells, std::size_t rows) {
  std::vector<double> probabilities;
  const std::size_t width = cells.size() / rows;
  for (std::size_t i = 0; i < rows; ++i)
    probabilities.push_back(churn(cells.subspan(i * width, width)));
  return probabilities;
}

constexpr std::string_view kActions = R"(
decision:
  actions:
    one year: {sets: {Contract: One year}, cost: 60, eligible: "Contract = 'Month-to-month'"}
    two years: {sets: {Contract: Two year}, cost: 200, eligible: "Contract != 'Two year'"}
    auto-pay: {sets: {PaymentMethod: Bank transfer (automatic)}, cost: 5}
    paper bill: {sets: {PaperlessBilling: "false"}, cost: 4}
    support: {label: Technical support, sets: {TechSupport: "true", MonthlyCharges: MonthlyCharges + 5}, cost: 20}
    security: {sets: {OnlineSecurity: "true", MonthlyCharges: MonthlyCharges + 5}, cost: 15}
    dsl: {sets: {InternetService: DSL, MonthlyCharges: MonthlyCharges - 25}, cost: 300,
          eligible: InternetService = 'Fiber optic'}
)";

core::Result<Recourse> read(std::string_view text) {
  const auto config = core::parse_config(text, {});
  EXPECT_TRUE(config.has_value()) << config.error().message;
  return Recourse::from_config(*config, kInputs);
}

Recourse telco() {
  auto made = read(kActions);
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return *std::move(made);
}

std::string names_of(const Recourse& recourse, const Recourse::Option& option) {
  std::string names;
  for (const std::uint32_t action : option.actions)
    names += (names.empty() ? "" : " + ") + recourse.actions()[action].name;
  return names;
}

TEST(Recourse, GivesTheWorkedExample) {
  EXPECT_NEAR(churn(kCustomer), .770838, 2e-5);
  // All that was tried, by name: a target nobody reaches.
  const Recourse recourse = telco();
  std::map<std::string, double> seen;
  std::vector<std::vector<Cell>> rows;
  const auto answer = recourse.search(
      kCustomer, churn(kCustomer), 0, [&](std::span<const Cell> cells, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
          const auto row = cells.subspan(i * kCustomer.size(), kCustomer.size());
          rows.emplace_back(row.begin(), row.end());
        }
        return score(cells, n);
      });
  EXPECT_FALSE(answer.is_reached);
  const auto with = [&](std::map<Input, Cell> changes) {
    std::vector<Cell> row = kCustomer;
    for (const auto& [input, cell] : changes) row[input] = cell;
    return churn(row);
  };
  const Cell yes = Cell::of(1), no = Cell::of(0), bank = Cell::of("Bank transfer (automatic)");
  EXPECT_NEAR(with({{kPayment, bank}}), .707661, 2e-5);
  EXPECT_NEAR(with({{kPaperless, no}}), .704340, 2e-5);
  EXPECT_NEAR(with({{kSupport, yes}}), .714849, 2e-5);
  EXPECT_NEAR(with({{kSecurity, yes}}), .706833, 2e-5);
  EXPECT_NEAR(with({{kSupport, yes}, {kSecurity, yes}}), .642459, 2e-5);
  EXPECT_NEAR(with({{kContract, Cell::of("One year")}}), .415027, 2e-5);
  EXPECT_NEAR(with({{kContract, Cell::of("Two year")}}), .079234, 2e-5);
  EXPECT_NEAR(with({{kInternet, Cell::of("DSL")}}), .557261, 2e-5);
  EXPECT_NEAR(
      with(
          {{kContract, Cell::of("One year")}, {kSupport, yes}, {kSecurity, yes}, {kPayment, bank}}),
      .214296, 2e-5);
  // The charge follows the services, also of two at once.
  const auto both = std::ranges::find_if(rows, [](const std::vector<Cell>& row) {
    return row[kSupport].number == 1 && row[kSecurity].number == 1 && row[kCharges].number == 90;
  });
  EXPECT_NE(both, rows.end());
}

TEST(Recourse, FindsTheCheapestWayFirst) {
  const Recourse recourse = telco();
  const auto answer = recourse.search(kCustomer, churn(kCustomer), 0.42, score);
  ASSERT_TRUE(answer.is_reached);
  ASSERT_EQ(answer.options.size(), 3U);
  EXPECT_EQ(names_of(recourse, answer.options[0]), "one year");
  EXPECT_DOUBLE_EQ(answer.options[0].cost, 60);
  EXPECT_NEAR(answer.options[0].probability, .415027, 2e-5);
  ASSERT_EQ(answer.options[0].changes.size(), 1U);
  EXPECT_EQ(answer.options[0].changes[0].input, kContract);
  EXPECT_EQ(answer.options[0].changes[0].from.text, "Month-to-month");
  EXPECT_EQ(answer.options[0].changes[0].to.text, "One year");
  EXPECT_EQ(names_of(recourse, answer.options[1]), "two years");
  for (std::size_t i = 1; i < 3; ++i) {
    EXPECT_LE(answer.options[i - 1].cost, answer.options[i].cost);
    EXPECT_LE(answer.options[i].probability, 0.42);
    EXPECT_NE(names_of(recourse, answer.options[i]), "one year + support");
  }
}

TEST(Recourse, SaysWhatComesNearestWhenNothingReachesTheTarget) {
  const Recourse recourse = telco();
  const auto answer = recourse.search(kCustomer, churn(kCustomer), 0.001, score);
  EXPECT_FALSE(answer.is_reached);
  ASSERT_FALSE(answer.options.empty());
  EXPECT_THAT(names_of(recourse, answer.options[0]), HasSubstr("two years"));
  EXPECT_GT(answer.options[0].probability, 0.001);
}

TEST(Recourse, GoesBeyondThreeChangesWhereThatIsNeeded) {
  const auto recourse = read(R"(
decision:
  actions:
    auto-pay: {sets: {PaymentMethod: Bank transfer (automatic)}}
    paper bill: {sets: {PaperlessBilling: "false"}}
    support: {sets: {TechSupport: "true"}}
    security: {sets: {OnlineSecurity: "true"}}
)");
  ASSERT_TRUE(recourse.has_value());
  std::vector<Cell> all = kCustomer;
  all[kPayment] = Cell::of("x");
  all[kPaperless] = Cell::of(0);
  all[kSupport] = all[kSecurity] = Cell::of(1);
  const auto answer = recourse->search(kCustomer, churn(kCustomer), churn(all) + 1e-9, score);
  ASSERT_TRUE(answer.is_reached);
  ASSERT_EQ(answer.options.size(), 1U);
  EXPECT_THAT(answer.options[0].actions, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(answer.tried, 15U) << "every combination of four";
}

TEST(Recourse, ChangesNothingThatNoActionNames) {
  const Recourse recourse = telco();
  const auto answer = recourse.search(
      kCustomer, churn(kCustomer), 0.3, [](std::span<const Cell> cells, std::size_t rows) {
        for (std::size_t i = 0; i < rows; ++i) {
          EXPECT_EQ(cells[i * kCustomer.size() + kTenure].number, 3);
          EXPECT_EQ(cells[i * kCustomer.size() + kPhone].number, 1);
        }
        return score(cells, rows);
      });
  EXPECT_TRUE(answer.is_reached);
}

TEST(Recourse, OffersNoWayBackAndNothingThatIsThere) {
  std::vector<Cell> row = kCustomer;
  row[kContract] = Cell::of("Two year");
  row[kSupport] = Cell::of(1);
  const Recourse recourse = telco();
  const auto answer = recourse.search(row, churn(row), 0, score);
  for (const Recourse::Option& option : answer.options) {
    EXPECT_THAT(names_of(recourse, option), testing::Not(HasSubstr("year")));
    EXPECT_THAT(names_of(recourse, option), testing::Not(HasSubstr("support")));
  }
}

TEST(Recourse, TakesNoMissingValueForAReason) {
  std::vector<Cell> row = kCustomer;
  row[kContract] = Cell::null();
  row[kCharges] = Cell::null();
  const Recourse recourse = telco();
  const auto answer = recourse.search(row, 0.9, 0, [](std::span<const Cell>, std::size_t rows) {
    return std::vector<double>(rows, 0.8);
  });
  for (const Recourse::Option& option : answer.options)
    for (const std::uint32_t action : option.actions)
      EXPECT_THAT(recourse.actions()[action].name, testing::AnyOf("auto-pay", "paper bill"));
}

TEST(Recourse, AsksForNothingWhenTheTargetIsReached) {
  const auto answer = telco().search(kCustomer, 0.2, 0.3, [](std::span<const Cell>, std::size_t) {
    ADD_FAILURE();
    return std::vector<double>();
  });
  EXPECT_TRUE(answer.is_reached);
  EXPECT_TRUE(answer.options.empty());
}

/// Many actions on numbers: a beam instead of all combinations, and what it finds holds.
TEST(Recourse, KeepsWithinBoundsWithManyActions) {
  std::vector<Vocabulary::Feature> inputs;
  std::string text = "decision:\n  actions:\n";
  std::vector<Cell> row;
  for (int i = 0; i < 60; ++i) {
    inputs.push_back({fmt::format("x{}", i), ValueType::kNumber});
    text += fmt::format("    a{0}: {{sets: {{x{0}: 1}}, cost: {1}}}\n", i, 1 + i % 7);
    row.push_back(Cell::of(0));
  }
  const auto config = core::parse_config(text, {});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  const auto recourse = Recourse::from_config(*config, inputs);
  ASSERT_TRUE(recourse.has_value());
  core::Random random(3);
  std::vector<double> weights;
  for (int i = 0; i < 60; ++i) weights.push_back(random.uniform());
  const auto answer =
      recourse->search(row, 1, 0.02, [&](std::span<const Cell> cells, std::size_t rows) {
        std::vector<double> probabilities(rows);
        for (std::size_t i = 0; i < rows; ++i) {
          double sum = 0;
          for (std::size_t k = 0; k < 60; ++k) sum += cells[i * 60 + k].number * weights[k];
          probabilities[i] = std::exp(-sum);
        }
        return probabilities;
      });
  EXPECT_TRUE(answer.is_reached);
  EXPECT_LE(answer.tried, 60U + 5U * 32U * 60U);
  for (const Recourse::Option& option : answer.options) {
    double sum = 0, cost = 0;
    for (const std::uint32_t action : option.actions) {
      sum += weights[action];
      cost += 1 + action % 7;
    }
    EXPECT_NEAR(option.probability, std::exp(-sum), 1e-12);
    EXPECT_DOUBLE_EQ(option.cost, cost);
  }
}

std::string mistake(std::string_view text) {
  const auto made = read(text);
  EXPECT_FALSE(made.has_value());
  return made ? "" : made.error().message;
}

TEST(Recourse, NamesWhatIsWrongInTheFile) {
  EXPECT_THAT(mistake("decision: {actions: {a: {sets: {Contrat: One year}}}}"),
              testing::AllOf(HasSubstr("decision.actions.a.sets.Contrat"), HasSubstr("Contract")));
  EXPECT_THAT(mistake("decision: {actions: {a: {cost: 1}}}"), HasSubstr("sets"));
  EXPECT_THAT(mistake("decision: {actions: {a: {sets: {tenure: tenure +}}}}"),
              HasSubstr("decision.actions.a.sets.tenure"));
  EXPECT_THAT(mistake("decision: {actions: {a: {sets: {TechSupport: 1 + 1}}}}"),
              HasSubstr("true or false"));
  EXPECT_THAT(mistake("decision: {actions: {a: {sets: {Contract: x}, cost: -1}}}"),
              HasSubstr("cost"));
}

}  // namespace
}  // namespace tenure::decision
