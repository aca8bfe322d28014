#include "data/infer.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/id.h"
#include "core/random.h"
#include "data/dataset.h"
#include "data/missing_words.h"
#include "data/parquet_file.h"
#include "data/telco_generator.h"

namespace tenure::data {
namespace {

using core::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// One cell of a test table: the row's number, its outcome, and chance.
using MakeCell = std::function<std::string(int row, bool is_churned, core::Random& random)>;

class InferTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / core::random_hex_id();
    std::filesystem::create_directories(folder_);
    engine_ = std::move(*Engine::open({.path = "", .temporary = folder_ / "spill", .threads = 2}));
    request_.file = folder_ / "customers.csv";
    request_.label = "Churn";
    add("customer_id", [](int row, bool, core::Random&) { return fmt::format("C-{:05}", row); });
    add("usage", [](int, bool churned, core::Random& random) {
      return fmt::format("{:.3f}", random.normal() + (churned ? 1.0 : 0.0));
    });
  }
  void TearDown() override {
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }

  void add(std::string name, MakeCell cell) {
    columns_.emplace_back(std::move(name), std::move(cell));
  }
  /// Every fourth customer left.
  void write(int rows = 400) {
    core::Random random(7);
    std::ofstream file(request_.file, std::ios::binary);
    for (const auto& column : columns_) file << column.first << ",";
    file << "Churn\n";
    for (int row = 0; row < rows; ++row) {
      const bool is_churned = (row * 7) % 4 == 1;
      for (const auto& column : columns_) file << column.second(row, is_churned, random) << ",";
      file << (is_churned ? "Yes" : "No") << "\n";
    }
  }
  void write_text(std::string_view content) {
    std::ofstream(request_.file, std::ios::binary) << content;
  }

  /// Infers, and checks that the table loads as it was inferred.
  InferredTable inferred() {
    auto table = infer_table(*engine_, request_);
    EXPECT_TRUE(table) << table.error().message;
    if (!table) return {};
    EXPECT_EQ(*engine_->query_integer("SELECT count(*) FROM duckdb_tables()"), 0);
    DataSpec spec;
    spec.source = request_.file;
    spec.id = table->id;
    spec.time = table->time;
    spec.label = table->label;
    spec.positive = table->positive;
    spec.null_markers = *default_null_markers();
    for (const auto& ignored : table->ignored) spec.ignored[ignored.column] = ignored.why;
    for (const InferredColumn& column : table->features) {
      ColumnRule rule;
      rule.name = column.name;
      rule.type = column.type;
      rule.null_markers = column.null_markers;
      spec.columns.push_back(rule);
    }
    auto dataset = load_dataset(*engine_, spec, folder_ / "clean.parquet", 1'704'067'200'000'000);
    EXPECT_TRUE(dataset) << dataset.error().message;
    if (dataset) {
      EXPECT_EQ(dataset->columns.size(), table->features.size());
    }
    return *table;
  }
  std::string refused(ErrorCode code = ErrorCode::kInvalidArgument) {
    const auto table = infer_table(*engine_, request_);
    EXPECT_FALSE(table);
    if (table) return {};
    EXPECT_EQ(table.error().code, code) << table.error().message;
    return table.error().message;
  }
  static std::optional<InferredColumn> feature(const InferredTable& table, std::string_view name) {
    for (const InferredColumn& column : table.features)
      if (column.name == name) return column;
    return std::nullopt;
  }
  /// Why the column is no feature; "" = it is one.
  static std::string why(const InferredTable& table, std::string_view name) {
    for (const auto& ignored : table.ignored)
      if (ignored.column == name) return ignored.why;
    EXPECT_TRUE(feature(table, name).has_value()) << name << " is neither";
    return {};
  }
  /// The reason for a single further column.
  std::string why_of(const std::string& name, MakeCell cell, int rows = 400) {
    add(name, std::move(cell));
    write(rows);
    return why(inferred(), name);
  }

  std::filesystem::path folder_;
  std::unique_ptr<Engine> engine_;
  InferRequest request_;
  std::vector<std::pair<std::string, MakeCell>> columns_;
};

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

TEST_F(InferTest, LeavesOutWhatHoldsNoInformation) {
  add("country", [](int, bool, core::Random&) { return "USA"; });
  add("fax", [](int, bool, core::Random&) { return ""; });
  add("only_some", [](int row, bool, core::Random&) { return row % 5 == 0 ? "x" : ""; });
  write();
  const InferredTable table = inferred();
  EXPECT_EQ(why(table, "country"), "every row has the same value, 'USA'");
  EXPECT_EQ(why(table, "fax"), "it has no values");
  EXPECT_EQ(why(table, "only_some"), "");
}

TEST_F(InferTest, LeavesOutCopiesOfTheLabel) {
  add("Churn Value", [](int, bool churned, core::Random&) { return churned ? "1" : "0"; });
  add("Churn Label", [](int, bool churned, core::Random&) { return churned ? "left" : "here"; });
  add("guess", [](int row, bool churned, core::Random& random) {  // a leaked prediction, reversed
    return fmt::format("{:.4f}", (churned ? 0.1 : 0.9) + 0.05 * random.normal() + row * 1e-6);
  });
  write();
  const InferredTable table = inferred();
  EXPECT_THAT(why(table, "Churn Value"), HasSubstr("gives Churn away"));
  EXPECT_THAT(why(table, "Churn Label"), HasSubstr("gives Churn away"));
  EXPECT_THAT(why(table, "guess"), HasSubstr("gives Churn away"));
}

/// Numbers whose AUC is known: Phi(shift / sqrt 2).
MakeCell shifted(double shift) {
  return [shift](int, bool churned, core::Random& random) {
    return fmt::format("{:.5f}", random.normal() + (churned ? shift : 0.0));
  };
}

TEST_F(InferTest, KeepsHonestStrongPredictorsButNotUnderTheNameOfAnOutcome) {
  add("days_idle", shifted(2.05));  // AUC 0.926
  add("Churn Score", shifted(2.05));
  add("Credit Score", shifted(0.5));  // the name alone is no reason
  add("after_effect", shifted(2.9));  // AUC 0.980
  write(4000);
  const InferredTable table = inferred();
  EXPECT_EQ(why(table, "days_idle"), "");
  EXPECT_THAT(why(table, "Churn Score"), HasSubstr("speaks of the outcome"));
  EXPECT_EQ(why(table, "Credit Score"), "");
  EXPECT_THAT(why(table, "after_effect"), HasSubstr("written after the outcome"));
}

TEST_F(InferTest, EstimatesStrengthOnTablesOfManyRows) {
  add("days_idle", shifted(2.05));
  add("after_effect", shifted(2.9));
  // Mostly one value, as balances are; the rest decides little.
  add("balance", [](int row, bool, core::Random& random) {
    return row % 3 > 0 ? std::string("0") : fmt::format("{:.4f}", random.normal());
  });
  write(60'000);
  const InferredTable table = inferred();
  EXPECT_EQ(why(table, "days_idle"), "");
  EXPECT_EQ(why(table, "balance"), "");
  EXPECT_THAT(why(table, "after_effect"), HasSubstr("written after the outcome"));
}

TEST_F(InferTest, LeavesOutWhatIsFilledInForOneClassOnly) {
  add("Reason", [](int row, bool churned, core::Random&) {
    return !churned ? "" : row % 2 == 0 ? "price" : "moved";
  });
  add("next_renewal_value", [](int row, bool churned, core::Random&) {
    return churned && row % 8 != 3 ? "" : std::to_string(row % 9);
  });
  write();
  const InferredTable table = inferred();
  EXPECT_EQ(
      why(table, "Reason"),
      "it has values only where Churn is 'Yes' (100 rows), so it was written after the outcome");
  EXPECT_THAT(why(table, "next_renewal_value"),
              HasSubstr("it is missing only where Churn is 'Yes'"));
}

/// Missing in a share of the rows of one class, and never in the other.
MakeCell gaps(bool in_churned, int share_percent) {
  return [=](int row, bool churned, core::Random&) {
    const bool is_gap = churned == in_churned && row / 4 % 100 < share_percent;
    return is_gap ? "" : std::to_string(row % 31);
  };
}

TEST_F(InferTest, KeepsHonestGapsOfOneClassAndAsksAPersonAboutThem) {
  add("last_usage", gaps(true, 25));
  add("total", gaps(false, 30));
  add("cancelled_orders", gaps(true, 25));  // the name speaks of the outcome
  add("open_orders", gaps(true, 70));       // most of those who left
  write(2000);
  const InferredTable table = inferred();
  EXPECT_EQ(why(table, "last_usage"), "");
  EXPECT_EQ(why(table, "total"), "");
  EXPECT_THAT(why(table, "cancelled_orders"), HasSubstr("emptied after the outcome"));
  EXPECT_THAT(why(table, "open_orders"), HasSubstr("70 % of them"));
  EXPECT_THAT(table.notes, testing::Contains(HasSubstr("column 'last_usage': it is missing only "
                                                       "where Churn is 'Yes' (125 rows); if")));
}

TEST_F(InferTest, LeavesOutTimesCountedSince1970) {
  const auto moment = [](std::int64_t unit) {
    return [unit](int row, bool, core::Random& random) {
      return std::to_string((1'600'000'000 + row * 40'007 % 90'000'000) * unit +
                            static_cast<std::int64_t>(random.normal() * 10));
    };
  };
  add("x17", moment(1));
  add("seen", moment(1000));
  add("early_signup", [](int row, bool, core::Random&) {  // 1995: only the name tells
    return std::to_string(800'000'000 + row % 30 * 86'400);
  });
  add("early",
      [](int row, bool, core::Random&) { return std::to_string(800'000'000 + row % 30 * 86'400); });
  add("revenue", [](int row, bool, core::Random&) {
    return std::to_string(900'000'000 + static_cast<std::int64_t>(row) * 7919 % 400 * 15'000'000);
  });
  add("login_count", [](int row, bool, core::Random&) { return std::to_string(row % 50); });
  write();
  const InferredTable table = inferred();
  EXPECT_THAT(why(table, "x17"), HasSubstr("times as seconds since 1970"));
  EXPECT_THAT(why(table, "seen"), HasSubstr("times as milliseconds since 1970"));
  EXPECT_THAT(why(table, "early_signup"), HasSubstr("times as seconds since 1970"));
  EXPECT_EQ(why(table, "early"), "");
  EXPECT_EQ(why(table, "revenue"), "");
  EXPECT_EQ(why(table, "login_count"), "");
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

TEST_F(InferTest, KeepsAColumnWithAFewGapsInOneClass) {
  EXPECT_EQ(why_of(
                "total",
                [](int row, bool churned, core::Random&) {
                  return row < 90 && !churned && row % 9 == 0 ? "" : std::to_string(row % 31);
                },
                2000),
            "");
}

TEST_F(InferTest, DoesNotTakeManyRareCategoriesForALeak) {
  // 100 categories of four rows: chance alone makes many of them pure.
  EXPECT_EQ(
      why_of(
          "branch", [](int row, bool, core::Random&) { return fmt::format("b{}", row / 5); }, 500),
      "");
}

TEST_F(InferTest, LeavesOutCategoriesThatDecideTheLabel) {
  EXPECT_THAT(why_of("Customer Status",
                     [](int row, bool churned, core::Random&) {
                       return churned ? "Churned" : row % 5 == 0 ? "Joined" : "Stayed";
                     }),
              HasSubstr("gives Churn away completely"));
}

TEST_F(InferTest, LeavesOutDates) {
  add("joined",
      [](int row, bool, core::Random&) { return fmt::format("2024-01-{:02}", 1 + row % 28); });
  add("us_date", [](int row, bool, core::Random&) {
    return fmt::format("{}/{}/2023", 1 + row % 12, 1 + row % 28);
  });
  add("packed",
      [](int row, bool, core::Random&) { return fmt::format("202402{:02}", 1 + row % 28); });
  write();
  const InferredTable table = inferred();
  EXPECT_THAT(why(table, "joined"), HasSubstr("it is a date"));
  EXPECT_THAT(why(table, "us_date"), HasSubstr("it holds dates such as"));
  EXPECT_THAT(why(table, "packed"), HasSubstr("it holds dates such as"));
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

TEST_F(InferTest, LeavesOutCodes) {
  add("phone",
      [](int row, bool, core::Random&) { return std::to_string(3'824'657'000 + row / 2 * 977); });
  add("area code", [](int row, bool, core::Random&) { return std::to_string(408 + row % 3); });
  add("clientnum",
      [](int row, bool, core::Random&) { return std::to_string(708'082'083 + row * 311'357); });
  write();
  const InferredTable table = inferred();
  EXPECT_THAT(why(table, "phone"), HasSubstr("only name something"));
  EXPECT_EQ(why(table, "area code"), "");
  // Two keys: the first is the id, the other is no feature.
  EXPECT_EQ(table.id, "customer_id");
  EXPECT_THAT(why(table, "clientnum"), HasSubstr("a key and no measurement"));
}

TEST_F(InferTest, KeepsMeasurementsThatAreDifferentInEveryRow) {
  EXPECT_EQ(why_of("revenue",
                   [](int row, bool, core::Random&) {
                     return std::to_string(row * 7919 % 400 * 104'729 + row);
                   }),
            "");
}

TEST_F(InferTest, LeavesOutFreeTextAndTextsThatDoNotRepeat) {
  add("comment", [](int row, bool, core::Random&) {
    return fmt::format("the customer called about topic number {} and was not amused", row / 2);
  });
  add("surname", [](int row, bool, core::Random&) { return fmt::format("n{}", row / 3); });
  add("city", [](int row, bool, core::Random&) { return fmt::format("c{}", row % 40); });
  write();
  const InferredTable table = inferred();
  EXPECT_THAT(why(table, "comment"), HasSubstr("it is free text"));
  EXPECT_THAT(why(table, "surname"), HasSubstr("134 different texts in 400 rows"));
  EXPECT_EQ(why(table, "city"), "");
}

TEST_F(InferTest, LeavesOutColumnsThatSayTheSameAsAnEarlierOne) {
  add("minutes", [](int row, bool, core::Random&) { return fmt::format("{}", row * 37 % 160); });
  add("charge",
      [](int row, bool, core::Random&) { return fmt::format("{:.2f}", row * 37 % 160 * 0.17); });
  add("minutes again",
      [](int row, bool, core::Random&) { return fmt::format("{}.0", row * 37 % 160); });
  add("plan", [](int row, bool, core::Random&) { return row % 3 == 0 ? "basic" : "plus"; });
  add("plan_code", [](int row, bool, core::Random&) { return row % 3 == 0 ? "7" : "2"; });
  add("shuffled",
      [](int row, bool, core::Random&) { return fmt::format("{}", (row * 37 % 160) * 71 % 163); });
  add("permuted", [](int row, bool, core::Random&) {  // the values of minutes, at other rows
    return fmt::format("{}", (row * 37 % 160) * 71 % 160);
  });
  write();
  const InferredTable table = inferred();
  EXPECT_EQ(why(table, "minutes"), "");
  EXPECT_EQ(why(table, "charge"), "it and 'minutes' determine each other, value by value");
  EXPECT_EQ(why(table, "minutes again"), "it has the same values as 'minutes' in every row");
  EXPECT_EQ(why(table, "plan"), "");
  EXPECT_EQ(why(table, "plan_code"), "it and 'plan' determine each other, value by value");
  // The same groups of rows, but no order in common: a table that was repeated looks so.
  EXPECT_EQ(why(table, "shuffled"), "");
  EXPECT_EQ(why(table, "permuted"), "");
}

TEST_F(InferTest, LeavesOutNamesThatTheCleanedTableUses) {
  EXPECT_THAT(why_of("label", [](int row, bool, core::Random&) { return std::to_string(row % 5); }),
              HasSubstr("rename it"));
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
