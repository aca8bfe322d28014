#include "data/infer.h"

#include <fstream>
#include <functional>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/parquet_file.h"
#include "data/telco_generator.h"
#include "data/testing/inference_test_base.h"

// What is found in a table: types, missing values, the id, the label; large tables; refusals. What
// is left out, and why: infer_left_out_test.cpp.
namespace tenure::data {
namespace {

using core::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(InferTest, FindsAllOfTheTelcoTable) {
  ASSERT_TRUE(write_telco_csv({.rows = 3000}, request_.file));
  const InferredTable table = inferred();
  EXPECT_EQ(table.rows, 3000);
  EXPECT_EQ(table.id, "customerID");
  EXPECT_EQ(table.time, "");
  EXPECT_EQ(table.label, "Churn");
  EXPECT_EQ(table.positive, "Yes");
  EXPECT_NEAR(table.positive_share, 0.265, 0.03);
  EXPECT_EQ(table.features.size(), 19U);
  EXPECT_THAT(table.ignored, IsEmpty());
  EXPECT_THAT(table.notes, IsEmpty());
  EXPECT_EQ(feature(table, "TotalCharges")->type, ColumnType::kNumber);
  EXPECT_THAT(feature(table, "TotalCharges")->null_markers, IsEmpty());
  EXPECT_GT(feature(table, "TotalCharges")->null_share, 0);
  EXPECT_EQ(feature(table, "SeniorCitizen")->type, ColumnType::kInteger);
  EXPECT_EQ(feature(table, "Contract")->type, ColumnType::kText);
  EXPECT_EQ(feature(table, "Contract")->distinct, 3);
}

TEST_F(InferTest, FindsTypes) {
  add("flag", [](int row, bool, core::Random&) { return row % 3 == 0 ? "True" : "False"; });
  add("calls", [](int row, bool, core::Random&) { return std::to_string(row % 6); });
  add("plan", [](int row, bool, core::Random&) { return row % 5 < 2 ? "basic" : "plus"; });
  add("area", [](int row, bool, core::Random&) { return fmt::format("0{}", 30 + row % 7); });
  write();
  const InferredTable table = inferred();
  EXPECT_EQ(feature(table, "usage")->type, ColumnType::kNumber);
  EXPECT_EQ(feature(table, "flag")->type, ColumnType::kBoolean);
  EXPECT_EQ(feature(table, "calls")->type, ColumnType::kInteger);
  EXPECT_EQ(feature(table, "plan")->type, ColumnType::kText);
  EXPECT_EQ(feature(table, "area")->type, ColumnType::kText);
}

TEST_F(InferTest, ReadsAFewWordsAmongNumbersAsMissing) {
  add("balance", [](int row, bool, core::Random& random) -> std::string {
    switch (row % 20) {
      case 0:
        return "N/A";
      case 1:
        return " ";
      case 2:
        return "?";
      case 3:
        return "-";
      case 4:
        return "unknown";
      case 5:
        return "n.bek.";
      default:
        return fmt::format("{:.2f}", 100 * random.uniform());
    }
  });
  write();
  const InferredTable table = inferred();
  const auto column = feature(table, "balance");
  ASSERT_TRUE(column);
  EXPECT_EQ(column->type, ColumnType::kNumber);
  EXPECT_DOUBLE_EQ(column->null_share, 0.3);
  EXPECT_THAT(column->null_markers, testing::UnorderedElementsAre("-", "unknown", "n.bek."));
  EXPECT_THAT(table.notes, testing::Contains(HasSubstr("'unknown' is read as missing")));
}

TEST_F(InferTest, KeepsUnknownAsACategoryOfTexts) {
  add("job", [](int row, bool, core::Random&) {
    return row % 3 == 0 ? "Unknown" : row % 3 == 1 ? "clerk" : "\\N";
  });
  write();
  const auto column = feature(inferred(), "job");
  ASSERT_TRUE(column);
  EXPECT_EQ(column->distinct, 2);
  EXPECT_THAT(column->null_markers, ElementsAre("\\N"));
}

TEST_F(InferTest, LeavesNumbersWrittenForPeopleAsTextsAndSaysSo) {
  add("income",
      [](int row, bool, core::Random&) { return fmt::format("\"${},{:03}\"", 1 + row, row); });
  add("band", [](int row, bool, core::Random&) { return fmt::format("{} %", 10 * (row % 5)); });
  write();
  const InferredTable table = inferred();
  EXPECT_THAT(why(table, "income"), HasSubstr("'$1,000'"));
  EXPECT_EQ(feature(table, "band")->type, ColumnType::kText);
  EXPECT_THAT(table.notes, testing::Contains(HasSubstr("column 'band': its numbers are written")));
}

TEST_F(InferTest, PrefersTheBestNameForTheId) {
  columns_.clear();
  add("RowNumber", [](int row, bool, core::Random&) { return std::to_string(row + 1); });
  add("email", [](int row, bool, core::Random&) { return fmt::format("m{}@x.org", row); });
  add("CustomerId",
      [](int row, bool, core::Random&) { return std::to_string(15'634'602 + 17 * row); });
  add("usage", [](int, bool, core::Random& random) { return fmt::format("{}", random.normal()); });
  write();
  const InferredTable table = inferred();
  EXPECT_EQ(table.id, "CustomerId");
  EXPECT_THAT(why(table, "RowNumber"), HasSubstr("number the rows"));
  EXPECT_THAT(why(table, "email"), HasSubstr("its own text"));
}

TEST_F(InferTest, TakesTheFirstUniqueTextWhenNoNameFits) {
  columns_[0].first = "tag";
  write();
  EXPECT_EQ(inferred().id, "tag");
}

TEST_F(InferTest, NumbersTheRowsWhenNothingIsUnique) {
  columns_.erase(columns_.begin());
  write();
  const InferredTable table = inferred();
  EXPECT_EQ(table.id, "");
  EXPECT_THAT(table.notes, ElementsAre(HasSubstr("they are numbered")));
}

TEST_F(InferTest, KeepsWordsOfAColumnOfFewNumbersAsCategories) {
  add("volume", [](int row, bool, core::Random&) {
    return row % 12 == 0 ? std::string("unlimited") : std::to_string(1 + row % 5);
  });
  add("spend", [](int row, bool, core::Random&) {
    return row % 12 == 0 ? std::string("pending") : std::to_string(row * 37 % 211);
  });
  write();
  const InferredTable table = inferred();
  EXPECT_EQ(feature(table, "volume")->type, ColumnType::kText);
  EXPECT_THAT(feature(table, "volume")->null_markers, IsEmpty());
  EXPECT_EQ(feature(table, "spend")->type, ColumnType::kInteger);
  EXPECT_THAT(table.notes, testing::Contains(HasSubstr("'pending' is no number and read as")));
}

TEST_F(InferTest, UsesTheTimeThatIsNamed) {
  columns_[0].second = [](int row, bool, core::Random&) { return fmt::format("C-{}", row / 2); };
  add("seen", [](int row, bool, core::Random&) { return fmt::format("2024-0{}-01", 1 + row % 2); });
  request_.time = "seen";
  write();
  const InferredTable table = inferred();
  EXPECT_EQ(table.time, "seen");
  EXPECT_EQ(table.id, "customer_id");
  request_.time = "usage";
  EXPECT_THAT(refused(), HasSubstr("expected a time such as"));
  request_.time = "sen";
  EXPECT_THAT(refused(ErrorCode::kNotFound), HasSubstr("did you mean 'seen'?"));
}

TEST_F(InferTest, CountsRowsWithoutLabel) {
  std::string text = "id,x,Churn\n";
  for (int row = 0; row < 120; ++row)
    text += fmt::format("k{},{},{}\n", row, row % 7, row < 12 ? "" : row % 4 == 0 ? " yes" : "no");
  write_text(text);
  const InferredTable table = inferred();
  EXPECT_EQ(table.rows, 120);
  EXPECT_EQ(table.positive, "yes");
  EXPECT_DOUBLE_EQ(table.positive_share, 27.0 / 108);
  EXPECT_THAT(table.notes, ElementsAre("12 rows have no label and are left out of training"));
}

TEST_F(InferTest, TakesThePositiveValueThatIsNamed) {
  write();
  request_.positive = "no";
  EXPECT_EQ(inferred().positive, "No");
  request_.positive = "maybe";
  EXPECT_THAT(refused(), HasSubstr("never has the positive value 'maybe'"));
}

TEST_F(InferTest, ReadsParquet) {
  write();
  const auto csv = request_.file;
  request_.file = folder_ / "customers.parquet";
  ASSERT_TRUE(write_parquet(
      *engine_,
      fmt::format(
          "SELECT customer_id, usage, usage > 0 AS is_busy, TIMESTAMP '2024-01-01' + "
          "INTERVAL (CAST(10 * abs(usage) AS INTEGER)) HOUR AS at, CASE WHEN usage > 1 THEN "
          "'inf'::DOUBLE ELSE usage END AS ratio, Churn = 'Yes' AS Churn "
          "FROM read_csv({})",
          quote_path(csv)),
      request_.file));
  const InferredTable table = inferred();
  EXPECT_EQ(table.id, "customer_id");
  EXPECT_EQ(table.positive, "true");
  EXPECT_EQ(feature(table, "is_busy")->type, ColumnType::kBoolean);
  EXPECT_THAT(why(table, "at"), HasSubstr("it is a date"));
  EXPECT_THAT(why(table, "ratio"), HasSubstr("infinity"));
}

/// A small sample is taken of these rows; what stands in one row alone is not in it.
constexpr SampleRule kSmallSample = {
    .whole_bytes = 0, .cells = 0, .rows_min = 3000, .rows_max = 3000, .class_rows = 0};
constexpr int kManyRows = 60'000;
constexpr int kRareRow = 53'456;

TEST_F(InferTest, ChecksEveryRowOfATableThatIsOnlySampled) {
  request_.sample = kSmallSample;
  const auto rarely = [](std::string rare, std::function<std::string(int)> usual) {
    return [=](int row, bool, core::Random&) { return row == kRareRow ? rare : usual(row); };
  };
  const auto count = [](int row) { return std::to_string(row % 50); };
  const auto one = [](int) { return std::string("EUR"); };
  const auto none = [](int) { return std::string(); };
  add("bands",
      rarely("12+", [](int row) { return std::to_string(row * 11 % 47); }));  // one more category
  add("calls", rarely("not asked", count));  // a word that nobody listed
  add("minutes", rarely("7.25", [](int row) {
        return std::to_string(row * 7 % 53);
      }));  // no integer after all
  add("codes", rarely("7x", [](int row) { return std::to_string(row * 7919 % 40'009); }));
  add("currency", rarely("CHF", one));
  add("country", [](int, bool, core::Random&) { return "DE"; });
  add("fax", rarely("12", none));
  write(kManyRows);
  const InferredTable table = inferred();
  EXPECT_EQ(table.rows, kManyRows);
  EXPECT_EQ(table.id, "customer_id");
  EXPECT_EQ(feature(table, "bands")->type, ColumnType::kText);
  EXPECT_EQ(feature(table, "calls")->type, ColumnType::kInteger);
  EXPECT_THAT(feature(table, "calls")->null_markers, ElementsAre("not asked"));
  EXPECT_EQ(feature(table, "minutes")->type, ColumnType::kNumber);
  EXPECT_THAT(why(table, "codes"), HasSubstr("not all of its values are an integer"));
  EXPECT_EQ(why(table, "currency"), "1 of the 60000 rows have another value than 'EUR'");
  EXPECT_EQ(why(table, "country"), "every row has the same value, 'DE'");
  EXPECT_EQ(why(table, "fax"), "1 of the 60000 rows have a value at all");
  EXPECT_THAT(table.notes, testing::Contains(HasSubstr("of the 60000 rows")));
  const InferredTable again = inferred();
  EXPECT_EQ(table.notes, again.notes);
}

TEST_F(InferTest, FindsAKeyThatRepeatsOnceInATableThatIsOnlySampled) {
  request_.sample = kSmallSample;
  columns_[0].second = [](int row, bool, core::Random&) {
    return fmt::format("C-{}", row == kRareRow ? 77 : row);
  };
  write(kManyRows);
  EXPECT_EQ(inferred().id, "");
  request_.id = "customer_id";
  EXPECT_THAT(refused(), HasSubstr("column 'customer_id', the id, repeats in 1 rows"));
}

TEST_F(InferTest, SamplesATableWhoseRowsRepeat) {
  request_.sample = kSmallSample;
  columns_.clear();
  add("plan", [](int row, bool, core::Random&) { return row % 3 == 0 ? "basic" : "plus"; });
  add("visits", [](int row, bool, core::Random&) { return std::to_string(row % 5); });
  write(kManyRows);
  const InferredTable table = inferred();
  EXPECT_EQ(table.rows, kManyRows);
  EXPECT_EQ(table.features.size(), 2u);
  EXPECT_THAT(table.notes, testing::Contains(HasSubstr("of the 60000 rows")));
}

TEST_F(InferTest, RefusesFilesThatHoldNoTable) {
  EXPECT_THAT(refused(ErrorCode::kNotFound), HasSubstr("customers.csv"));
  write_text("");
  EXPECT_THAT(refused(), HasSubstr("empty"));
  write_text("id,x,Churn\n");
  EXPECT_THAT(refused(), HasSubstr("has a header and no rows"));
  write_text("id,x,Churn\n1,2\n");
  EXPECT_THAT(refused(), HasSubstr("line 2"));
}

TEST_F(InferTest, RefusesColumnsThatAreNotThere) {
  write();
  request_.label = "churned";
  EXPECT_THAT(refused(ErrorCode::kNotFound), HasSubstr("did you mean 'Churn'?"));
  request_.label = "";
  EXPECT_THAT(refused(), HasSubstr("no label is named"));
  request_.label = "Churn";
  request_.id = "customerid";
  EXPECT_THAT(refused(ErrorCode::kNotFound), HasSubstr("did you mean 'customer_id'?"));
  request_.id = "Churn";
  EXPECT_THAT(refused(), HasSubstr("different columns"));
}

TEST_F(InferTest, RefusesAnIdThatRepeats) {
  add("branch", [](int row, bool, core::Random&) { return fmt::format("b{}", row % 8); });
  request_.id = "branch";
  write();
  EXPECT_THAT(refused(), HasSubstr("column 'branch', the id, repeats in 392 rows"));
}

TEST_F(InferTest, RefusesLabelsThatAreNoTwoClasses) {
  const auto write_labels = [&](const std::function<std::string(int)>& label, int rows) {
    std::string text = "id,x,Churn\n";
    for (int row = 0; row < rows; ++row)
      text += fmt::format("k{},{},{}\n", row, row % 7, label(row));
    write_text(text);
  };
  write_labels([](int) { return "No"; }, 100);
  EXPECT_THAT(refused(), HasSubstr("one class only: 'No' (100 rows)"));
  write_labels([](int row) { return std::string(1, "abc"[row % 3]); }, 99);
  EXPECT_THAT(refused(), HasSubstr("more than two values: 'a' (33 rows), 'b'"));
  write_labels([](int row) { return row % 2 == 0 ? "Yes" : "No"; }, 49);
  EXPECT_THAT(refused(), HasSubstr("49 rows with a label are too little to learn from"));
  write_labels([](int row) { return row < 9 ? "Yes" : "No"; }, 100);
  EXPECT_THAT(refused(), HasSubstr("only 9 rows have 'Yes' as their Churn"));
}

TEST_F(InferTest, RefusesATableWithoutAnythingToLearnFrom) {
  columns_.pop_back();
  add("country", [](int, bool, core::Random&) { return "USA"; });
  write();
  EXPECT_THAT(refused(), HasSubstr("no column is left to learn from\n  country: every row"));
}

}  // namespace
}  // namespace tenure::data
