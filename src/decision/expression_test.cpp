#include "decision/expression.h"

#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"

namespace tenure::decision {
namespace {

using data::Cell;
using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Vocabulary telco() {
  return {.features = {{"tenure", ValueType::kNumber},
                       {"Contract", ValueType::kText},
                       {"InternetService", ValueType::kText},
                       {"MonthlyCharges", ValueType::kNumber},
                       {"Partner", ValueType::kBoolean},
                       {"Größe in cm", ValueType::kNumber},
                       {"min", ValueType::kNumber},
                       {"probability", ValueType::kText}},
          .variables = {"probability", "value"}};
}

/// A customer of three months with fibre, whose Größe is missing.
constexpr std::array<Cell, 8> kRow = {{{Cell::Kind::kNumber, 3, {}},
                                       {Cell::Kind::kText, 0, "Month-to-month"},
                                       {Cell::Kind::kText, 0, "Fiber optic"},
                                       {Cell::Kind::kNumber, 70.35, {}},
                                       {Cell::Kind::kNumber, 1, {}},
                                       {Cell::Kind::kNull, 0, {}},
                                       {Cell::Kind::kNumber, -2, {}},
                                       {Cell::Kind::kText, 0, "a column"}}};
constexpr std::array<double, 2> kVariables = {0.25, 200};

double number(std::string_view text) {
  const auto expression = Expression::compile(text, telco(), ValueType::kNumber);
  EXPECT_TRUE(expression.has_value()) << text << ": " << expression.error().message;
  return expression ? expression->number({kRow, kVariables}) : kNan;
}

bool holds(std::string_view text) {
  const auto expression = Expression::compile(text, telco(), ValueType::kBoolean);
  EXPECT_TRUE(expression.has_value()) << text << ": " << expression.error().message;
  return expression && expression->is_true({kRow, kVariables});
}

std::string mistake(std::string_view text, ValueType wanted = ValueType::kBoolean) {
  const auto expression = Expression::compile(text, telco(), wanted);
  EXPECT_FALSE(expression.has_value()) << text;
  return expression ? "" : expression.error().message;
}

TEST(Expression, ComputesWithTheUsualPrecedence) {
  EXPECT_EQ(number("1 + 2 * 3"), 7);
  EXPECT_EQ(number("(1 + 2) * 3"), 9);
  EXPECT_EQ(number("10 - 4 - 3"), 3);
  EXPECT_EQ(number("12 / 2 / 3"), 2);
  EXPECT_EQ(number("-tenure * 2"), -6);
  EXPECT_EQ(number("2 - -3"), 5);
  EXPECT_EQ(number(".5 + 1e1"), 10.5);
  EXPECT_EQ(number("tenure * MonthlyCharges"), 3 * 70.35);
}

TEST(Expression, KnowsItsFunctions) {
  EXPECT_EQ(number("min(3, 1, 2)"), 1);
  EXPECT_EQ(number("max(tenure, 1, 2)"), 3);
  EXPECT_EQ(number("abs(1 - 5)"), 4);
  EXPECT_EQ(number("floor(-1.5)"), -2);
  EXPECT_EQ(number("log(10)"), std::log(10.0));
  EXPECT_EQ(number("exp(2)"), std::exp(2.0));
  EXPECT_EQ(number("if(tenure < 6, 1, 2)"), 1);
  EXPECT_EQ(number("if(tenure > 6, 1, if(Partner, 3, 4))"), 3);
  EXPECT_EQ(number("coalesce(\"Größe in cm\", 170)"), 170);
  EXPECT_EQ(number("coalesce(tenure, 170)"), 3);
  EXPECT_EQ(number("1 + coalesce(\"Größe in cm\", \"Größe in cm\", 5) * 2"), 11);
}

TEST(Expression, ComparesNumbersTextsAndBooleans) {
  EXPECT_TRUE(holds("tenure <= 3 and tenure >= 3 and tenure = 3 and tenure == 3"));
  EXPECT_FALSE(holds("tenure < 3 or tenure > 3 or tenure != 3 or tenure <> 3"));
  EXPECT_TRUE(holds("Contract = 'Month-to-month'"));
  EXPECT_TRUE(holds("Contract != InternetService"));
  EXPECT_TRUE(holds("Partner"));
  EXPECT_TRUE(holds("Partner = true and Partner != false"));
  EXPECT_TRUE(holds("'it''s' = 'it''s'"));
}

TEST(Expression, FindsValuesInLists) {
  EXPECT_TRUE(holds("Contract in ('One year', 'Month-to-month')"));
  EXPECT_FALSE(holds("Contract in ('One year', 'Two year')"));
  EXPECT_TRUE(holds("Contract not in ('One year')"));
  EXPECT_TRUE(holds("tenure in (5, 3, -1)"));
  EXPECT_TRUE(holds("min in (-1, -2)"));
  EXPECT_FALSE(holds("tenure not in (5, 3, -1)"));
  EXPECT_TRUE(holds("Partner in (true)"));
}

TEST(Expression, BindsNotTighterThanAndTighterThanOr) {
  EXPECT_TRUE(holds("true or false and false"));
  EXPECT_FALSE(holds("(true or false) and false"));
  EXPECT_TRUE(holds("not false and true"));
  EXPECT_FALSE(holds("not (false or true)"));
  EXPECT_TRUE(holds("not tenure = 4"));
}

TEST(Expression, TellsAVariableFromAColumnOfTheSameNameByQuotes) {
  EXPECT_EQ(number("probability * value"), 50);
  EXPECT_TRUE(holds("\"probability\" = 'a column'"));
  EXPECT_EQ(number("min(min, 3)"), -2);  // a word is a function only before a bracket
}

TEST(MissingValues, SpreadThroughArithmetic) {
  for (const char* text : {"\"Größe in cm\" + 1", "-\"Größe in cm\"", "min(1, \"Größe in cm\")",
                           "max(\"Größe in cm\", 1)", "1 / 0", "0 / 0", "log(0)", "log(-1)",
                           "exp(1000)", "1e308 * 10", "if(false, 1, 0 / 0)"})
    EXPECT_TRUE(std::isnan(number(text))) << text;
}

TEST(MissingValues, MakeComparisonsFalse) {
  for (const char* comparison : {"<", "<=", ">", ">=", "=", "!="})
    EXPECT_FALSE(holds(fmt::format("\"Größe in cm\" {} 3", comparison))) << comparison;
  EXPECT_FALSE(holds("\"Größe in cm\" in (1, 2)"));
  EXPECT_FALSE(holds("\"Größe in cm\" not in (1, 2)"));
  EXPECT_TRUE(holds("not (\"Größe in cm\" in (1, 2))"));
  EXPECT_TRUE(holds("\"Größe in cm\" is missing and tenure is not missing"));
  EXPECT_TRUE(holds("1 / 0 is missing"));
}

TEST(MissingValues, MakeConditionsFalseAndAreVisibleAtTheTop) {
  const auto truth = [](std::string_view text) {
    return Expression::compile(text, telco(), ValueType::kBoolean)->truth({});
  };
  EXPECT_EQ(truth("Partner"), Expression::Truth::kMissing);
  EXPECT_EQ(truth("coalesce(Partner, Partner)"), Expression::Truth::kMissing);
  EXPECT_EQ(truth("coalesce(Partner, true)"), Expression::Truth::kTrue);
  EXPECT_EQ(truth("not Partner"), Expression::Truth::kTrue);
  EXPECT_EQ(truth("Partner or Partner"), Expression::Truth::kFalse);
  EXPECT_EQ(truth("true and Partner"), Expression::Truth::kFalse);
  EXPECT_EQ(truth("if(Partner, true, false)"), Expression::Truth::kFalse);
  EXPECT_EQ(truth("Contract = Contract"), Expression::Truth::kFalse);
  EXPECT_EQ(truth("Contract is missing and probability is missing"), Expression::Truth::kTrue);
}

TEST(Expression, ReadsCellsOfAnotherKindThanTheColumn) {
  std::array<Cell, 8> row{};
  row[0] = Cell::of(std::string_view("3"));  // a text where a number belongs
  row[1] = Cell::of(2.5);                    // a number where a text belongs
  row[2] = Cell::of(-2.2250738585072014e-308);
  row[3] = Cell::of(std::numeric_limits<double>::infinity());
  row[4] = Cell::of(std::string_view("yes"));
  row[7] = Cell::of(std::string_view());
  const auto truth = [&row](std::string_view text) {
    return Expression::compile(text, telco(), ValueType::kBoolean)->is_true({row});
  };
  EXPECT_TRUE(truth("tenure is missing and MonthlyCharges is missing and Partner is missing"));
  EXPECT_TRUE(truth("Contract = '2.5' and Contract in ('2.5', '3')"));
  EXPECT_TRUE(truth("InternetService = '-2.2250738585072014e-308' and Contract = '2.5'"));
  EXPECT_TRUE(truth("InternetService != Contract"));
  EXPECT_TRUE(truth("\"probability\" = ''"));
}

TEST(Expression, KnowsWhetherItIsConstant) {
  EXPECT_TRUE(Expression::compile("2 * 5", telco(), ValueType::kNumber)->is_constant());
  EXPECT_FALSE(Expression::compile("value", telco(), ValueType::kNumber)->is_constant());
  EXPECT_FALSE(Expression::compile("tenure", telco(), ValueType::kNumber)->is_constant());
  EXPECT_EQ(Expression::compile(" 2 ", telco(), ValueType::kNumber)->text(), " 2 ");
}

TEST(ExpressionErrors, SayWhereAndWhatWasExpected) {
  EXPECT_EQ(mistake(""), "at character 1: expected a name, a value or '(', found the end");
  EXPECT_EQ(mistake("tenure <"), "at character 9: expected a name, a value or '(', found the end");
  EXPECT_EQ(mistake("tenure 3"), "at character 8: expected an operator or the end, found '3'");
  EXPECT_EQ(mistake("tenure > 3 AND Partner"),
            "at character 12: expected an operator or the end, found 'AND' (did you mean 'and'?)");
  EXPECT_EQ(mistake("(tenure > 3"), "at character 12: expected an operator or ')', found the end");
  EXPECT_EQ(mistake("Contract is empty"), "at character 13: expected 'missing', found 'empty'");
  EXPECT_EQ(mistake("Contract in 'a'"),
            "at character 13: expected '(' and a list of values, found 'a'");
  EXPECT_EQ(mistake("tenure in (tenure)"),
            "at character 12: expected a value such as 'text', 12 or true, found 'tenure'");
  EXPECT_EQ(mistake("1 < tenure < 3"),
            "at character 12: comparisons do not chain; join them with and");
  EXPECT_THAT(mistake("tenure > and"), HasSubstr("found the word 'and'"));
  EXPECT_THAT(mistake("Contract = 'One"), HasSubstr("at character 12: this quote has no end"));
  EXPECT_THAT(mistake("tenure > 1e999"), HasSubstr("too large"));
  EXPECT_THAT(mistake("tenure > 3x"), HasSubstr("at character 11: a number ends here"));
  EXPECT_THAT(mistake("Größe > 3"), HasSubstr("at character 3: a name with characters other"));
  EXPECT_THAT(mistake("Partner && true"), HasSubstr("write and, or, not"));
  EXPECT_THAT(mistake("tenure % 2 = 0"), HasSubstr("'%' has no meaning here"));
}

TEST(ExpressionErrors, CountCharactersAndNotBytes) {
  EXPECT_THAT(mistake("\"Größe in cm\" > x"), HasSubstr("at character 17: "));
}

TEST(ExpressionErrors, NameTheNearestKnownName) {
  EXPECT_EQ(mistake("Contrakt = 'One year'"),
            "at character 1: there is no input named Contrakt (did you mean 'Contract'?)");
  EXPECT_THAT(mistake("Contract = \"One year\""), HasSubstr("a text stands in single quotes"));
  EXPECT_THAT(mistake("xyzzy > 3"), HasSubstr("known: tenure, Contract"));
  EXPECT_THAT(mistake("probabilty > 0.5"), HasSubstr("did you mean 'probability'?"));
  EXPECT_EQ(mistake("coalece(tenure, 1) > 0"),
            "at character 1: there is no function 'coalece' (did you mean 'coalesce'?); known: "
            "min, max, abs, floor, log, exp, if, coalesce");
}

TEST(ExpressionErrors, SayWhichTypeDoesNotFit) {
  EXPECT_EQ(mistake("Contract > 3"),
            "at character 1: an order needs a number, but Contract is text");
  EXPECT_EQ(mistake("tenure = 'a'"),
            "at character 10: a comparison needs values of one type, but tenure is a number and "
            "'a' is text");
  EXPECT_EQ(mistake("tenure and Partner"),
            "at character 1: and needs true or false, but tenure is a number");
  EXPECT_EQ(mistake("tenure + 1"),
            "at character 1: the expression needs true or false, but tenure + 1 is a number");
  EXPECT_EQ(mistake("Partner", ValueType::kNumber),
            "at character 1: the expression needs a number, but Partner is true or false; "
            "if(..., 1, 0) makes a number of it");
  EXPECT_THAT(mistake("Contract in ('a', 3)"), HasSubstr("in needs values of one type"));
  EXPECT_THAT(mistake("if(Partner, 1, 'a') = 1"), HasSubstr("if() needs values of one type"));
  EXPECT_THAT(mistake("if(1, 1, 2) = 1"), HasSubstr("if() needs true or false"));
  EXPECT_THAT(mistake("coalesce(tenure, 'a') = 1"), HasSubstr("coalesce() needs values"));
  EXPECT_THAT(mistake("abs(1, 2) = 1"), HasSubstr("abs() takes 1 argument, found 2"));
  EXPECT_THAT(mistake("min(1) = 1"), HasSubstr("min() takes at least 2 arguments, found 1"));
}

TEST(ExpressionLimits, StopTextsThatAreTooLongOrTooDeep) {
  const auto code = [](const std::string& text) {
    const auto expression = Expression::compile(text, telco(), ValueType::kBoolean);
    return expression ? core::ErrorCode::kInternal : expression.error().code;
  };
  EXPECT_EQ(code(std::string(ExpressionLimits::kBytesMax + 1, ' ')),
            core::ErrorCode::kResourceExhausted);
  EXPECT_EQ(code(std::string(2000, '(')), core::ErrorCode::kResourceExhausted);
  EXPECT_EQ(code(std::string(2000, '-')), core::ErrorCode::kResourceExhausted);
  std::string nots;
  for (int i = 0; i < 500; ++i) nots += "not ";
  EXPECT_EQ(code(nots + "true"), core::ErrorCode::kResourceExhausted);
  std::string sum = "1";
  for (int i = 0; i < 600; ++i) sum += "+1";
  EXPECT_EQ(code(sum + " = 601"), core::ErrorCode::kResourceExhausted);
}

TEST(ExpressionLimits, LeaveRoomForLongListsOfConditions) {
  std::string text = "tenure = 0";
  for (int i = 1; i < 250; ++i) text += fmt::format(" or tenure={}", i);
  EXPECT_TRUE(holds(text));
}

TEST(ExpressionLimits, TheDeepestExpressionFitsTheStack) {
  std::string text = "1";
  for (std::uint32_t i = 1; i < ExpressionLimits::kNestingMax; ++i)  // if() is the last level
    text = "min(1, if(1 < 2 + 3 * 1, 1, 0), 2 + 3 * " + text + ")";
  EXPECT_EQ(number(text), 1);
  std::string bracketed = "1";
  for (std::uint32_t i = 0; i < ExpressionLimits::kNestingMax; ++i)
    bracketed = "1 + 2 * (" + bracketed + ")";
  EXPECT_EQ(number(bracketed), std::pow(2.0, ExpressionLimits::kNestingMax + 1) - 1);
}

TEST(Expression, SurvivesTheSeedsOfTheFuzzer) {
  const auto folder = std::filesystem::path(__FILE__).parent_path() / "corpus" / "expression";
  int compiled = 0;
  int refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto text = core::read_file(entry.path());
    ASSERT_TRUE(text.has_value());
    const Vocabulary names = {.features = {{"tenure", ValueType::kNumber},
                                           {"net", ValueType::kText},
                                           {"a b", ValueType::kBoolean},
                                           {"t", ValueType::kText}},
                              .variables = {"probability", "value"}};
    bool is_good = false;
    for (const ValueType wanted : {ValueType::kNumber, ValueType::kBoolean}) {
      const auto expression = Expression::compile(*text, names, wanted);
      is_good = is_good || expression.has_value();
      if (expression && wanted == ValueType::kNumber) static_cast<void>(expression->number({}));
      if (expression && wanted == ValueType::kBoolean) static_cast<void>(expression->truth({}));
    }
    (is_good ? compiled : refused)++;
  }
  EXPECT_GE(compiled, 5);
  EXPECT_GE(refused, 2);
}

/// Every line of a block ```text of the reference page is an expression over the page's names.
TEST(ExpressionReference, ItsExamplesCompile) {
  const auto page = core::read_file(std::filesystem::path(__FILE__).parent_path() /
                                    "../../docs/reference/expressions.md");
  ASSERT_TRUE(page.has_value()) << page.error().message;
  const Vocabulary names = {.features = {{"tenure", ValueType::kNumber},
                                         {"Contract", ValueType::kText},
                                         {"InternetService", ValueType::kText},
                                         {"Monthly Charges", ValueType::kNumber},
                                         {"Partner", ValueType::kBoolean}},
                            .variables = {"probability", "value"}};
  int examples = 0;
  const std::string open = "```text\n";
  for (auto at = page->find(open); at != std::string::npos; at = page->find(open, at)) {
    const auto end = page->find("```", at + open.size());
    std::string_view block(*page);
    block = block.substr(at + open.size(), end - at - open.size());
    while (!block.empty()) {
      const auto line = block.substr(0, block.find('\n'));
      block.remove_prefix(std::min(block.size(), line.size() + 1));
      const bool is_good = Expression::compile(line, names, ValueType::kBoolean).has_value() ||
                           Expression::compile(line, names, ValueType::kNumber).has_value();
      EXPECT_TRUE(is_good) << line;
      ++examples;
    }
    at = end;
  }
  EXPECT_GT(examples, 5);
}

}  // namespace
}  // namespace tenure::decision
