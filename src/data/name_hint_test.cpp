#include "data/name_hint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/missing_words.h"

namespace tenure::data {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(NameWords, SplitsAtSignsAndCapitals) {
  EXPECT_THAT(name_words("customerID"), ElementsAre("customer", "id"));
  EXPECT_THAT(name_words("Customer Id"), ElementsAre("customer", "id"));
  EXPECT_THAT(name_words("IDNumber"), ElementsAre("id", "number"));
  EXPECT_THAT(name_words("total_day-minutes"), ElementsAre("total", "day", "minutes"));
  EXPECT_THAT(name_words("--"), IsEmpty());
}

TEST(IdRank, KnowsKeysOfCustomers) {
  for (const auto* name : {"customerID", "CustomerId", "CLIENTNUM", "user_id", "account number",
                           "custid", "AccountNo"})
    EXPECT_EQ(id_rank(name), 3) << name;
  for (const auto* name : {"id", "uuid", "account"}) EXPECT_EQ(id_rank(name), 2) << name;
  for (const auto* name : {"RowNumber", "phone number", "email"})
    EXPECT_EQ(id_rank(name), 1) << name;
  for (const auto* name : {"tenure", "paid", "humidity", "width"})
    EXPECT_EQ(id_rank(name), 0) << name;
}

TEST(OutcomeName, IsFoundInAnyCase) {
  EXPECT_TRUE(is_outcome_name("Churn Score"));
  EXPECT_TRUE(is_outcome_name("RetentionCalls"));
  EXPECT_TRUE(is_outcome_name("CLTV"));
  EXPECT_FALSE(is_outcome_name("MonthlyCharges"));
}

TEST(TimeName, IsAWordOfTheName) {
  for (const auto* name : {"signup_date", "created_at", "LastLogin", "ts", "Event Time", "dob"})
    EXPECT_TRUE(is_time_name(name)) << name;
  for (const auto* name : {"tenure", "at", "updates_sent", "seats", "lifetime_value", "rate"})
    EXPECT_FALSE(is_time_name(name)) << name;
}

TEST(ChooseMarkers, TakesMissingWordsAmongNumbers) {
  EXPECT_THAT(choose_markers(100, 8, {{"Unknown", 5}, {"-", 2}}, 2), ElementsAre("Unknown", "-"));
}

TEST(ChooseMarkers, TakesNoneWhenAValueIsMeant) {
  EXPECT_THAT(choose_markers(100, 60, {{"unknown", 5}, {"10+", 2}}, 2), IsEmpty());
  EXPECT_THAT(choose_markers(100, 60, {{"unknown", 150}}, 1), IsEmpty());
  EXPECT_THAT(choose_markers(100, 60, {{"often", 30}}, 1), IsEmpty());
}

TEST(ChooseMarkers, TakesWordsThatNobodyListedOnlyAmongManyNumbers) {
  EXPECT_THAT(choose_markers(1000, 300, {{"pending", 90}}, 1), ElementsAre("pending"));
  // A plan's volume of 1, 2, 5 or "unlimited": a category, and no gap.
  EXPECT_THAT(choose_markers(1000, 4, {{"unlimited", 90}}, 1), IsEmpty());
  EXPECT_THAT(choose_markers(1000, 4, {{"unknown", 90}}, 1), ElementsAre("unknown"));
}

TEST(ChooseMarkers, TakesTechnicalOnesInAnyCase) {
  EXPECT_THAT(choose_markers(0, 0, {{"Unknown", 5}, {"#N/A", 2}}, 40), ElementsAre("#N/A"));
}

}  // namespace
}  // namespace tenure::data
