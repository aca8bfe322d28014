#include "tracking/validation.h"

#include <array>

#include <gtest/gtest.h>

#include "tracking/run_name.h"

namespace tenure::tracking {
namespace {

TEST(Validation, TakesTheKeysMlflowTakes) {
  for (const std::string_view key : {"a", "a/b/c", "A-b_c.d e:f/1", "caf\xc3\xa9", "..", "a.b"}) {
    EXPECT_EQ(check_key(key, "key", "key").has_value(), key != "..") << key;
  }
  EXPECT_TRUE(check_key(std::string(250, 'k'), "key", "key"));
}

TEST(Validation, RefusesTheKeysMlflowRefuses) {
  const auto bad = std::to_array<std::string>({"", "a*b", "a//b", "a/", "/a", "a/../b", ".", "../a",
                                               "a/./b", "./a", "a\nb", std::string(251, 'k'),
                                               std::string("a\0b", 3), "\xff"});
  for (const std::string& key : bad) {
    auto checked = check_key(key, "key", "key");
    ASSERT_FALSE(checked) << key;
    EXPECT_EQ(checked.error().code, core::ErrorCode::kInvalidArgument) << key;
  }
  EXPECT_EQ(check_key("a*b", "name", "Metric name").error().message,
            "Invalid value \"a*b\" for parameter 'name' supplied: Names may only contain "
            "alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and "
            "slashes (/).");
  EXPECT_EQ(check_key("a/../b", "name", "Metric name").error().message,
            "Invalid value \"a/../b\" for parameter 'name' supplied: Names may be treated as files "
            "in certain cases, and must not resolve to other names when treated as such. This name "
            "would resolve to 'b'");
  EXPECT_EQ(check_key(std::string(251, 'k'), "name", "Metric name").error().message,
            "'Metric name' exceeds the maximum length of 250 characters");
}

TEST(Validation, CountsCharactersAndCutsBetweenThem) {
  std::string accents;
  for (int i = 0; i < 250; ++i) accents += "\xc3\xa9";
  EXPECT_TRUE(check_key(accents, "key", "key"));
  EXPECT_EQ(truncated("a\xc3\xa9z", 2), "a\xc3\xa9");
  EXPECT_EQ(truncated("a\xc3\xa9z", 1), "a");
  EXPECT_EQ(truncated("abc", 3), "abc");
  EXPECT_EQ(truncated("\xc3\xa9", 1), "\xc3\xa9");
}

TEST(Validation, ChecksModelNamesAndAliases) {
  EXPECT_TRUE(check_model_name("telco churn"));
  for (const std::string_view name : {"", "  ", "a/b", "a:b", ".", ".."})
    EXPECT_FALSE(check_model_name(name)) << name;
  EXPECT_TRUE(check_alias("champion-2_B"));
  EXPECT_TRUE(check_alias("caf\xc3\xa9"));
  for (const std::string_view alias : {"", "Latest", "v1", "V22", "bad alias", "a/b"})
    EXPECT_FALSE(check_alias(alias)) << alias;
  EXPECT_TRUE(check_alias("v"));
  EXPECT_TRUE(check_alias("v1a"));
}

TEST(RunName, IsShortAndTheSameForTheSameRun) {
  for (int i = 0; i < 2000; ++i) {
    const std::string id = std::to_string(i * 7919);
    EXPECT_LE(run_name_for(id).size(), 20U) << run_name_for(id);
  }
  EXPECT_EQ(run_name_for("a"), run_name_for("a"));
  EXPECT_NE(run_name_for("a"), run_name_for("b"));
}

}  // namespace
}  // namespace tenure::tracking
