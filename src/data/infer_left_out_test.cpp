#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/infer.h"
#include "data/testing/inference_test_base.h"

// What infer_table leaves out because it can be no feature, and what it keeps although it looks so.
namespace tenure::data {
namespace {

using testing::HasSubstr;

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

}  // namespace
}  // namespace tenure::data
