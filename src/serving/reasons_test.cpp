#include "serving/reasons.h"

#include <array>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenure::serving {
namespace {

using data::Cell;
using testing::HasSubstr;

std::vector<std::uint32_t> top(std::vector<float> log_odds, bool is_positive, std::size_t k) {
  std::vector<Contribution> all;
  for (std::uint32_t i = 0; i < log_odds.size(); ++i)
    all.push_back({.input = i, .log_odds = log_odds[i], .value = {}});
  Prediction prediction;
  prediction.is_positive = is_positive;
  prediction.contributions = all;
  std::vector<Contribution> out(k);
  out.resize(top_reasons(prediction, out));
  std::vector<std::uint32_t> inputs;
  for (const Contribution& one : out) inputs.push_back(one.input);
  return inputs;
}

TEST(TopReasons, TakesTheLargestTowardTheDecidedSide) {
  const std::vector<float> log_odds{.3F, -.9F, .1F, .8F, -.2F, .3F};
  EXPECT_EQ(top(log_odds, true, 3), (std::vector<std::uint32_t>{3, 0, 5}));
  EXPECT_EQ(top(log_odds, true, 9), (std::vector<std::uint32_t>{3, 0, 5, 2}));
  EXPECT_EQ(top(log_odds, false, 9), (std::vector<std::uint32_t>{1, 4}));
  EXPECT_EQ(top(log_odds, true, 0), (std::vector<std::uint32_t>{}));
}

TEST(TopReasons, LeavesOutWhatIsNoReason) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(top({.00009F, .0001F, 0, nan}, true, 4), (std::vector<std::uint32_t>{1}));
}

learn::InputField field(data::ColumnType type) {
  return {.name = "Contract", .type = type};
}

std::string value_text(data::ColumnType type, const Cell& cell) {
  std::string out;
  append_value(out, field(type), cell);
  return out;
}

TEST(AppendValue, WritesValuesForPeople) {
  using enum data::ColumnType;
  EXPECT_EQ(value_text(kNumber, Cell::of(29.85)), "29.85");
  EXPECT_EQ(value_text(kInteger, Cell::of(5.0)), "5");
  EXPECT_EQ(value_text(kBoolean, Cell::of(1.0)), "true");
  EXPECT_EQ(value_text(kText, Cell::of("Two year")), "Two year");
  EXPECT_EQ(value_text(kTimestamp, Cell::of(1704412800e6)), "2024-01-05T00:00:00Z");
  EXPECT_EQ(value_text(kNumber, Cell::null()), "missing");
  EXPECT_EQ(value_text(kNumber, Cell{}), "missing");
}

core::Config config(std::string_view yaml) {
  auto loaded = core::parse_config(yaml, {});
  EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
  return *std::move(loaded);
}

TEST(ReasonTexts, PutTheValueIntoTheSentence) {
  const auto texts = ReasonTexts::from_config(
      config("project: p\nmodel:\n  reasons:\n    Contract:\n"
             "      raises: 'may leave any month ({value}; yes, {value})'\n"));
  ASSERT_TRUE(texts.has_value());
  std::string out;
  texts->append(out, field(data::ColumnType::kText), Cell::of("Month-to-month"), true);
  EXPECT_EQ(out, "may leave any month (Month-to-month; yes, Month-to-month)");
  out.clear();
  texts->append(out, field(data::ColumnType::kText), Cell::of("Two year"), false);
  EXPECT_EQ(out, "Contract is Two year");
  EXPECT_EQ(texts->inputs(), (std::vector<std::string_view>{"Contract"}));
}

TEST(ReasonTexts, RefuseUnknownPlaceholders) {
  const auto texts = ReasonTexts::from_config(
      config("project: p\nmodel:\n  reasons:\n    Contract:\n      lowers: 'is {vlaue}'\n"));
  ASSERT_FALSE(texts.has_value());
  EXPECT_THAT(texts.error().message, HasSubstr("'{vlaue}'"));
  EXPECT_THAT(texts.error().message, HasSubstr("model.reasons.Contract.lowers"));
}

}  // namespace
}  // namespace tenure::serving
