#include "features/online_row.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tenure::features {
namespace {

using data::Cell;

std::string hex(std::string_view bytes) {
  std::string digits;
  for (const char c : bytes) digits += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return digits;
}

std::string sample_row(std::string_view full_key = {}) {
  OnlineRowWriter writer({.schema = 0x04030201, .event_time = 1, .created_time = 2}, 7, full_key);
  writer.add_null();
  writer.add_boolean(false);
  writer.add_boolean(true);
  writer.add_integer(-2);
  writer.add_number(79.85);
  writer.add_text("pro");
  writer.add_timestamp(1000);
  return std::move(writer).finish();
}

TEST(OnlineRow, HasTheDocumentedBytes) {
  EXPECT_EQ(hex(sample_row()),
            "01"
            "00"
            "0700"
            "01020304"
            "0100000000000000"
            "0200000000000000"
            "00"
            "01"
            "02"
            "03feffffffffffffff"
            "046666666666f65340"
            "050370726f"
            "06e803000000000000");
}

TEST(OnlineRow, ReadsBackWhatWasWritten) {
  const std::string bytes = sample_row("the whole key");
  const auto row = OnlineRow::parse(bytes);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->header().schema, 0x04030201U);
  EXPECT_EQ(row->header().event_time, 1);
  EXPECT_EQ(row->header().created_time, 2);
  EXPECT_EQ(row->full_key(), "the whole key");
  ASSERT_EQ(row->feature_count(), 7U);
  std::vector<Cell> cells(7);
  ASSERT_TRUE(row->decode(cells));
  EXPECT_EQ(cells[0].kind, Cell::Kind::kNull);
  EXPECT_EQ(cells[1].number, 0);
  EXPECT_EQ(cells[2].number, 1);
  EXPECT_EQ(cells[3].number, -2);
  EXPECT_EQ(cells[4].number, 79.85);
  EXPECT_EQ(cells[5].kind, Cell::Kind::kText);
  EXPECT_EQ(cells[5].text, "pro");
  EXPECT_EQ(cells[6].number, 1000);
}

TEST(OnlineRow, StoresNanAsNull) {
  OnlineRowWriter writer({}, 1, {});
  writer.add_number(std::nan(""));
  const std::string bytes = std::move(writer).finish();
  std::vector<Cell> cells(1);
  ASSERT_TRUE(OnlineRow::parse(bytes)->decode(cells));
  EXPECT_EQ(cells[0].kind, Cell::Kind::kNull);
}

TEST(OnlineRow, NoticesEveryTruncation) {
  const std::string whole = sample_row("key");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto row = OnlineRow::parse(std::string_view(whole).substr(0, size));
    if (!row) {
      EXPECT_EQ(row.error().code, core::ErrorCode::kCorruption);
      continue;
    }
    std::vector<Cell> cells(row->feature_count());
    const auto decoded = row->decode(cells);
    ASSERT_FALSE(decoded) << size;
    EXPECT_EQ(decoded.error().code, core::ErrorCode::kCorruption);
  }
}

TEST(OnlineRow, RefusesUnknownVersionsFlagsTagsAndTrailingBytes) {
  std::string bytes = sample_row();
  bytes[0] = 2;
  EXPECT_FALSE(OnlineRow::parse(bytes));
  bytes = sample_row();
  bytes[1] = 4;
  EXPECT_FALSE(OnlineRow::parse(bytes));
  std::vector<Cell> cells(7);
  bytes = sample_row();
  bytes[24] = 99;
  EXPECT_FALSE(OnlineRow::parse(bytes)->decode(cells));
  bytes = sample_row() + "x";
  EXPECT_FALSE(OnlineRow::parse(bytes)->decode(cells));
}

RC_GTEST_PROP(OnlineRow, DecodesWhatItEncodes,
              (const std::vector<std::string>& texts, const std::vector<double>& numbers,
               std::int64_t event_time)) {
  OnlineRowWriter writer({.schema = 9, .event_time = event_time}, texts.size() + numbers.size(),
                         {});
  for (const std::string& text : texts) writer.add_text(text);
  for (const double number : numbers) writer.add_number(number);
  const std::string bytes = std::move(writer).finish();
  const auto row = OnlineRow::parse(bytes);
  RC_ASSERT(row.has_value());
  RC_ASSERT(row->header().event_time == event_time);
  std::vector<Cell> cells(row->feature_count());
  RC_ASSERT(row->decode(cells).has_value());
  for (std::size_t i = 0; i < texts.size(); ++i) RC_ASSERT(cells[i].text == texts[i]);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    RC_ASSERT(cells[texts.size() + i].number == numbers[i]);
  }
}

// Bytes from a damaged file may be anything: they may be refused, never read beyond their end.
RC_GTEST_PROP(OnlineRow, SurvivesAnyBytes, (const std::string& tail, std::uint8_t count)) {
  std::string bytes = sample_row().substr(0, 24) + tail;
  bytes[2] = static_cast<char>(count);
  bytes[3] = 0;
  const auto row = OnlineRow::parse(bytes);
  RC_ASSERT(row.has_value());
  std::vector<Cell> cells(row->feature_count());
  if (const auto decoded = row->decode(cells); !decoded) {
    RC_ASSERT(decoded.error().code == core::ErrorCode::kCorruption);
  }
}

TEST(SchemaFingerprint, ChangesWithNamesTypesOrderAndWhereValuesComeFrom) {
  FeatureView view;
  view.source = "/one/table.parquet";
  view.source_name = "data";
  view.timestamp_column = "event_timestamp";
  view.features = {{"a", "a", data::ColumnType::kNumber}, {"b", "b", data::ColumnType::kText}};
  FeatureView other = view;
  EXPECT_EQ(schema_fingerprint(view), schema_fingerprint(other));
  std::swap(other.features[0], other.features[1]);
  EXPECT_NE(schema_fingerprint(view), schema_fingerprint(other));
  other = view;
  other.features[0].type = data::ColumnType::kInteger;
  EXPECT_NE(schema_fingerprint(view), schema_fingerprint(other));
  other = view;
  other.features[0].source_column = "elsewhere";
  EXPECT_NE(schema_fingerprint(view), schema_fingerprint(other));
  for (std::string FeatureView::*member :
       {&FeatureView::source_name, &FeatureView::timestamp_column, &FeatureView::created_column}) {
    other = view;
    other.*member = "elsewhere";
    EXPECT_NE(schema_fingerprint(view), schema_fingerprint(other));
  }
  // A text that moves to its neighbour is a change, too.
  other = view;
  std::swap(other.timestamp_column, other.created_column);
  EXPECT_NE(schema_fingerprint(view), schema_fingerprint(other));
}

TEST(SchemaFingerprint, StaysWhenTheProjectMovesAndWhenTheTableChanges) {
  FeatureView view;
  view.source = "/one/.tenure/data/aa/table.parquet";
  view.source_name = "data";
  view.features = {{"a", "a", data::ColumnType::kNumber}};
  FeatureView other = view;
  other.source = "/two/.tenure/data/bb/table.parquet";
  other.ttl = 1;  // is judged when a row is read
  other.is_online = false;
  EXPECT_EQ(schema_fingerprint(view), schema_fingerprint(other));
}

}  // namespace
}  // namespace tenure::features
