#include "data/table.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace tenure::data {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(ColumnTypeNames, ReadBackToTheSameType) {
  for (const ColumnType type : {ColumnType::kBoolean, ColumnType::kInteger, ColumnType::kNumber,
                                ColumnType::kText, ColumnType::kTimestamp}) {
    const auto parsed = parse_column_type(column_type_name(type));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, type);
  }
}

TEST(ColumnTypeNames, NameTheAcceptedOnesWhenUnknown) {
  const auto parsed = parse_column_type("varchar");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_NE(parsed.error().message.find("'varchar'"), std::string::npos);
  EXPECT_NE(parsed.error().message.find("timestamp"), std::string::npos);
}

TEST(Column, OfNumbersTakesNanAsMissing) {
  const Column column = Column::of_numbers("x", {1.5, kNaN, -2});
  EXPECT_EQ(column.size(), 3u);
  EXPECT_FALSE(column.is_null(0));
  EXPECT_TRUE(column.is_null(1));
  EXPECT_EQ(column.number(2), -2);
  EXPECT_TRUE(std::isnan(column.number(1)));
  EXPECT_EQ(column.display(0), "1.5");
  EXPECT_EQ(column.display(1), "");
  EXPECT_EQ(column.cell(1).kind, Cell::Kind::kNull);
}

TEST(Column, OfNumbersWithoutNanHasNoValidityBytes) {
  EXPECT_TRUE(Column::of_numbers("x", {1, 2}).valid.empty());
}

TEST(Column, OfTextsKeepsEachTextOnce) {
  const Column column = Column::of_texts("plan", {"a", "b", "a", ""});
  const auto& texts = std::get<TextValues>(column.values);
  EXPECT_EQ(texts.dictionary, (std::vector<std::string>{"a", "b", ""}));
  EXPECT_EQ(texts.codes, (std::vector<std::uint32_t>{0, 1, 0, 2}));
  EXPECT_EQ(column.text(2), "a");
  EXPECT_EQ(column.cell(1).text, "b");
}

TEST(Column, ShowsValuesAsAPersonWouldWriteThem) {
  EXPECT_EQ(Column::of_integers("n", {-7}).display(0), "-7");
  EXPECT_EQ(Column::of_timestamps("t", {0}).display(0), "1970-01-01T00:00:00Z");
  Column flag;
  flag.type = ColumnType::kBoolean;
  flag.values = std::vector<std::uint8_t>{1, 0};
  EXPECT_EQ(flag.display(0), "true");
  EXPECT_EQ(flag.display(1), "false");
  EXPECT_EQ(flag.number(0), 1);
}

TEST(Column, TextOfAMissingValueIsEmpty) {
  Column column = Column::of_texts("plan", {"a", "b"});
  column.valid = {1, 0};
  EXPECT_EQ(column.text(1), "");
  EXPECT_EQ(column.display(1), "");
}

TEST(Table, NamesTheColumnsItHasWhenAskedForAnother) {
  Table table;
  table.columns.push_back(Column::of_integers("age", {1, 2}));
  table.columns.push_back(Column::of_texts("plan", {"a", "b"}));
  EXPECT_EQ(table.row_count(), 2u);
  ASSERT_TRUE(table.column("plan"));
  EXPECT_EQ((*table.column("plan"))->name, "plan");
  EXPECT_EQ(table.find("Plan"), nullptr);
  const auto missing = table.column("tenure");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, core::ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("age, plan"), std::string::npos);
}

TEST(Table, WithoutColumnsHasNoRows) {
  EXPECT_EQ(Table{}.row_count(), 0u);
}

}  // namespace
}  // namespace tenure::data
