#include "learn/reference.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/importance.h"

namespace tenure::learn {
namespace {

TEST(MakeReference, SketchesNumbersCategoriesAndScores) {
  std::vector<double> numbers;
  for (int i = 0; i <= 100; ++i) numbers.push_back(i);
  numbers.push_back(std::numeric_limits<double>::quiet_NaN());
  numbers.push_back(std::numeric_limits<double>::infinity());
  std::vector<std::string> texts(103, "a");
  texts[0] = "é";
  texts[1] = texts[2] = "b";
  data::Table table{
      .columns = {data::Column::of_numbers("n", numbers), data::Column::of_texts("t", texts)}};
  table.columns[1].valid.assign(103, 1);
  table.columns[1].valid[102] = 0;
  const std::vector<InputField> inputs = {{.name = "n", .type = data::ColumnType::kNumber},
                                          {.name = "t", .type = data::ColumnType::kText}};
  const std::vector<double> scores = {0.1, 0.2, 0.3};
  const core::Json reference = make_reference(inputs, table, scores);
  EXPECT_EQ(reference.at("rows").as_int64(), 103);
  const core::Json& number = reference.at("columns").at(0);
  EXPECT_EQ(number.at("nulls").as_int64(), 2);
  EXPECT_EQ(number.at("min").as_double(), 0);
  EXPECT_EQ(number.at("max").as_double(), 100);
  EXPECT_EQ(number.at("mean").as_double(), 50);
  EXPECT_NEAR(number.at("sd").as_double(), 29.154759474226502, 1e-12);
  EXPECT_EQ(number.at("deciles").as_array().size(), 9U);
  EXPECT_EQ(number.at("deciles").at(0).as_double(), 10);
  std::int64_t counted = 0;
  for (const core::Json& bin : number.at("bins").as_array()) counted += bin.at("count").as_int64();
  EXPECT_EQ(counted, 101);
  const core::Json& category = reference.at("columns").at(1);
  EXPECT_EQ(category.at("nulls").as_int64(), 1);
  EXPECT_EQ(category.at("categories").at(0).at("value").as_string(), "a");
  EXPECT_EQ(category.at("categories").at(0).at("count").as_int64(), 99);
  EXPECT_EQ(category.at("distinct").as_int64(), 3);
  EXPECT_EQ(reference.at("scores").at("count").as_int64(), 3);
  EXPECT_NEAR(reference.at("scores").at("deciles").at(4).as_double(), 0.2, 1e-12);
}

TEST(MakeReference, PutsRepeatedDecilesIntoOneBin) {
  std::vector<double> numbers(100, 0.0);
  numbers[99] = 5;
  const data::Table table{.columns = {data::Column::of_numbers("n", numbers)}};
  const std::vector<InputField> inputs = {{.name = "n", .type = data::ColumnType::kNumber}};
  const core::Json reference = make_reference(inputs, table, {});
  const auto& bins = reference.at("columns").at(0).at("bins").as_array();
  ASSERT_EQ(bins.size(), 2U);
  EXPECT_EQ(bins[0].at("count").as_int64(), 99);
  EXPECT_EQ(bins[1].at("upper").as_double(), 5);
  EXPECT_EQ(reference.at("scores").at("count").as_int64(), 0);
}

TEST(MakeReference, SurvivesAColumnWithoutValues) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const data::Table table{.columns = {data::Column::of_numbers("n", {nan, nan})}};
  const std::vector<InputField> inputs = {{.name = "n", .type = data::ColumnType::kNumber}};
  const core::Json reference = make_reference(inputs, table, {});
  EXPECT_EQ(reference.at("columns").at(0).at("nulls").as_int64(), 2);
  EXPECT_FALSE(reference.at("columns").at(0).as_object().contains("mean"));
}

}  // namespace
}  // namespace tenure::learn
