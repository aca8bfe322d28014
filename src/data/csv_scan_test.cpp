#include "data/csv_scan.h"

#include <filesystem>
#include <fstream>
#include <rapidcheck.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/id.h"

namespace tenure::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CsvScan : public testing::Test {
 protected:
  ~CsvScan() override { std::filesystem::remove(path_); }

  void write(std::string_view content) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << content;
  }
  std::vector<CsvRecord> records(std::string_view content, char delimiter = ',') {
    write(content);
    auto scanner = CsvScanner::open(path_, delimiter);
    EXPECT_TRUE(scanner);
    std::vector<CsvRecord> records;
    CsvRecord record;
    while (scanner && scanner->next(record)) records.push_back(record);
    return records;
  }

  std::filesystem::path path_ = std::filesystem::temp_directory_path() / core::random_hex_id();
};

TEST_F(CsvScan, ReadsFieldsAndLines) {
  const auto got = records("a,b\r\n\n\"x\ny\",\"say \"\"hi\"\"\"\n , \"q\" \nlast,");
  ASSERT_EQ(got.size(), 4u);
  EXPECT_THAT(got[0].fields, ElementsAre("a", "b"));
  EXPECT_THAT(got[1].fields, ElementsAre("x\ny", "say \"hi\""));
  EXPECT_EQ(got[1].line, 3u);
  EXPECT_THAT(got[2].fields, ElementsAre(" ", "q"));
  EXPECT_EQ(got[2].line, 5u);
  EXPECT_THAT(got[3].fields, ElementsAre("last", ""));
  for (const auto& record : got) EXPECT_EQ(record.fault, "");
}

TEST_F(CsvScan, SkipsAByteOrderMarkOnlyAtTheStart) {
  EXPECT_EQ(records("\xef\xbb\xbfid,x\n1,2\n")[0].fields[0], "id");
  EXPECT_EQ(records("id\n\xef\xbb\xbf")[1].fields[0], "\xef\xbb\xbf");
}

TEST_F(CsvScan, StopsAtAQuoteThatIsNeverClosed) {
  const auto got = records("a,b\n1,\"" + std::string(6'000'000, 'x'));
  ASSERT_GE(got.size(), 2u);
  EXPECT_THAT(got[1].fault, HasSubstr("never closed"));
}

TEST_F(CsvScan, FindsTheLineOfARow) {
  write("id,x\n1,\"a\nb\nc\"\n\n2,b\n3,c\n");
  EXPECT_EQ(*line_of_row(path_, ',', 0), 2u);
  EXPECT_EQ(*line_of_row(path_, ',', 1), 6u);
  EXPECT_EQ(*line_of_row(path_, ',', 2), 7u);
  EXPECT_FALSE(line_of_row(path_, ',', 3));
}

TEST_F(CsvScan, PrefersTheDelimiterThatFitsAllLines) {
  // Decimal commas split every row alike, but the header says otherwise.
  write("id;price;churn\n1;1,5;0\n2;2,5;1\n");
  EXPECT_EQ(read_csv_head(path_, 0)->delimiter, ';');
  write("id,note\n1,a;b;c\n2,d\n");
  EXPECT_EQ(read_csv_head(path_, 0)->delimiter, ',');
  write("id|a|b\n1|2|3\n1|2\n");
  EXPECT_EQ(read_csv_head(path_, 0)->delimiter, '|');
}

TEST_F(CsvScan, DropsTheDelimiterAtTheEndOfEveryLine) {
  write("id,x,\n1,2,\n");
  EXPECT_THAT(read_csv_head(path_, 0)->names, ElementsAre("id", "x"));
  write("id,x,\n1,2,3\n");
  EXPECT_THAT(read_csv_head(path_, 0)->names, ElementsAre("id", "x", "column_3"));
}

TEST_F(CsvScan, FindsNoFaultInAGoodFile) {
  write("id,x\n1,2\n2,3,\n\n3,\"\n\"\n");
  const auto head = read_csv_head(path_, 0);
  ASSERT_TRUE(head);
  EXPECT_EQ(*find_csv_fault(path_, *head), std::nullopt);
}

TEST_F(CsvScan, SurvivesTheSeedsOfTheFuzzer) {
  const auto folder = std::filesystem::path(__FILE__).parent_path() / "corpus" / "csv";
  int files = 0;
  int tables = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    ++files;
    const auto head = read_csv_head(entry.path(), 0);
    if (!head) {
      EXPECT_NE(head.error().code, core::ErrorCode::kInternal) << head.error().message;
      continue;
    }
    ++tables;
    const auto fault = find_csv_fault(entry.path(), *head);
    ASSERT_TRUE(fault) << entry.path();
    const bool is_meant_to_be_good = entry.path().stem() == "small_table";
    EXPECT_TRUE(!is_meant_to_be_good || !fault->has_value()) << **fault;
  }
  EXPECT_GE(files, 25);
  EXPECT_GE(tables, 15);
}

/// A field as a CSV writer would write it.
std::string quoted(const std::string& field) {
  std::string text = "\"";
  for (const char c : field) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

TEST_F(CsvScan, ReadsBackWhatWasWritten) {
  EXPECT_TRUE(rc::check([&] {
    const auto alphabet = rc::gen::element('a', 'Z', '"', ',', ';', '\n', ' ', '7', '|');
    const auto rows = *rc::gen::container<std::vector<std::vector<std::string>>>(
        rc::gen::container<std::vector<std::string>>(3, rc::gen::container<std::string>(alphabet)));
    std::string content;
    for (const auto& row : rows)
      content += quoted(row[0]) + ";" + quoted(row[1]) + ";" + quoted(row[2]) + "\r\n";
    const auto got = records(content, ';');
    RC_ASSERT(got.size() == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      RC_ASSERT(got[i].fault.empty());
      RC_ASSERT(got[i].fields == rows[i]);
    }
  }));
}

}  // namespace
}  // namespace tenure::data
