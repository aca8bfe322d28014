#include "data/label.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenure::data {
namespace {

using testing::HasSubstr;
using Values = std::vector<LabelValue>;

TEST(ChoosePositive, KnowsTheWordsForTheEvent) {
  for (const auto& [event, other] :
       std::vector<std::pair<std::string, std::string>>{{"Yes", "No"},
                                                        {"1", "0"},
                                                        {"True", "False"},
                                                        {"Exited", "Retained"},
                                                        {"left", "stayed"},
                                                        {"Attrited Customer", "Existing Customer"},
                                                        {"churned", "x"},
                                                        {"y", "active"},
                                                        {"Leaver", "Stayer"},
                                                        {"churned", "active"},
                                                        {"not renewed", "renewed"},
                                                        {"Churned_Customer", "Loyal_Customer"},
                                                        {"churn", "non-churn"},
                                                        {"Has left", "Is here"},
                                                        {"x", "did not churn"},
                                                        {"1", "-1"},
                                                        {"1.0", "0.0"},
                                                        {"T", "F"}}) {
    // The event may be the more frequent value, and come in either place.
    EXPECT_EQ(choose_positive(Values{{event, 90}, {other, 10}}, "").value_or("?"), event);
    EXPECT_EQ(choose_positive(Values{{other, 10}, {event, 90}}, "").value_or("?"), event);
  }
}

TEST(ChoosePositive, TakesTheRarerOfUnknownWords) {
  // Words of the same meaning on both sides say nothing.
  EXPECT_EQ(*choose_positive(Values{{"left", 90}, {"cancelled", 10}}, ""), "cancelled");
  EXPECT_EQ(*choose_positive(Values{{"leftover", 90}, {"stayover", 10}}, ""), "stayover");
  EXPECT_EQ(*choose_positive(Values{{"blue", 90}, {"red", 10}}, ""), "red");
  EXPECT_EQ(*choose_positive(Values{{"blue", 10}, {"red", 90}}, ""), "blue");
}

TEST(ChoosePositive, FollowsTheUser) {
  EXPECT_EQ(*choose_positive(Values{{"Yes", 1}, {"No", 9}}, "No"), "No");
  EXPECT_EQ(*choose_positive(Values{{"Yes", 1}, {"No", 9}}, " yes "), "Yes");
  EXPECT_EQ(*choose_positive(Values{{"1.0", 1}, {"0.0", 9}}, "1"), "1.0");
  // Exactly before any likeness.
  EXPECT_EQ(*choose_positive(Values{{"a", 1}, {"A", 9}}, "A"), "A");
}

TEST(ChoosePositive, RefusesAndListsTheValues) {
  const auto message = [](const Values& values, std::string_view wanted) {
    const auto chosen = choose_positive(values, wanted);
    EXPECT_FALSE(chosen);
    return chosen ? std::string() : chosen.error().message;
  };
  EXPECT_THAT(message({}, ""), HasSubstr("missing in every row"));
  EXPECT_THAT(message({{"Yes", 5}}, "Yes"), HasSubstr("one class only: 'Yes' (5 rows)"));
  EXPECT_THAT(message({{"a", 5}, {"b", 4}, {"c", 3}}, "a"), HasSubstr("'c' (3 rows)"));
  EXPECT_THAT(message({{"a", 5}, {"b", 4}}, "z"), HasSubstr("positive value 'z'"));
}

}  // namespace
}  // namespace tenure::data
