#include <algorithm>

#include <gtest/gtest.h>

#include "tracking/test_registry.h"

namespace tenure::tracking {
namespace {

class RegistryVersionsTest : public ::testing::Test, protected RegistryWorld {
 protected:
  /// Numbers of the newest versions by stage, in the order answered.
  std::vector<std::int64_t> latest(const std::vector<std::string>& stages = {}) {
    std::vector<std::int64_t> numbers;
    const auto versions = registry_->latest_versions("m", stages);
    for (const ModelVersion& version : *versions) numbers.push_back(version.version);
    return numbers;
  }
};

TEST_F(RegistryVersionsTest, AVersionKeepsAllThatWasSaid) {
  make_versions(0);
  const auto made = registry_->create_version({.name = "m",
                                               .source = "models:/other/2",
                                               .run_id = "run1",
                                               .tags = {{"k", "v"}},
                                               .description = "first",
                                               .run_link = "http://x/run1",
                                               .storage_location = "s3://b/other"},
                                              change_);
  ASSERT_TRUE(made) << made.error().message;
  const auto read = registry_->get_version("m", 1);
  for (const auto* version : {&*made, &*read}) {
    EXPECT_EQ(version->version, 1);
    EXPECT_EQ(version->description, "first");
    EXPECT_EQ(version->run_link, "http://x/run1");
    EXPECT_EQ(version->source, "models:/other/2");
    EXPECT_EQ(version->download_uri(), "s3://b/other");
    EXPECT_EQ(version->user, "ann");
    EXPECT_EQ(version->stage, "None");
    EXPECT_EQ(version->tags.at("k"), "v");
  }
  EXPECT_EQ(registry_->create_version({.name = "n", .source = "s"}, change_).error().message,
            "Registered Model with name=n not found");
  EXPECT_FALSE(registry_->create_version({.name = "m", .source = std::string(501, 's')}, change_));
}

TEST_F(RegistryVersionsTest, ADeletedVersionIsRedactedAndFreesItsAliases) {
  make_versions(2);
  ASSERT_TRUE(registry_->set_alias("m", "champion", 2, change_));
  ASSERT_TRUE(registry_->set_version_tag("m", 2, "k", "v", change_));
  clock_.advance(1'000'000);
  ASSERT_TRUE(registry_->remove_version("m", 2, change_));
  EXPECT_EQ(registry_->get_version("m", 2).error().message,
            "Model Version (name=m, version=2) not found");
  EXPECT_FALSE(registry_->find_by_alias("m", "champion")->has_value());
  EXPECT_EQ(registry_->get_model("m")->updated_ms, kNowMs + 1000);
  EXPECT_EQ(cell("SELECT current_stage || ' ' || source || ' ' || run_id || ' ' || run_link FROM "
                 "model_versions WHERE version = 2"),
            "Deleted_Internal REDACTED-SOURCE-PATH REDACTED-RUN-ID REDACTED-RUN-LINK");
  EXPECT_EQ(cell("SELECT storage_location FROM model_versions WHERE version = 2"), "null");
  EXPECT_EQ(registry_->create_version("m", "s", "", {}, change_)->version, 3);
  EXPECT_EQ(registry_->audit("models/m/2")->front().action, "delete_version");
  EXPECT_EQ(registry_->audit("models/m/@champion")->front().action, "delete_alias");
  EXPECT_EQ(registry_->remove_version("m", 2, change_).error().code, core::ErrorCode::kNotFound);
  EXPECT_EQ(registry_->describe_version("m", 2, "x", change_).error().code,
            core::ErrorCode::kNotFound);
}

// Vector of MLflow's own test of latest versions.
TEST_F(RegistryVersionsTest, TheNewestVersionOfEachStageIsFound) {
  make_versions(7);
  const char* stages[] = {"Archived", "Production", "Archived", "Production", "Staging", "Staging"};
  for (int i = 0; i < 6; ++i)
    ASSERT_TRUE(registry_->set_stage("m", i + 1, stages[i], false, change_));
  EXPECT_EQ(latest({"None"}), (std::vector<std::int64_t>{7}));
  EXPECT_EQ(latest({"staging"}), (std::vector<std::int64_t>{6}));
  EXPECT_EQ(latest({"None", "Staging", "NONE"}), (std::vector<std::int64_t>{6, 7}));
  EXPECT_EQ(latest(), (std::vector<std::int64_t>{3, 4, 6, 7}));
  EXPECT_FALSE(registry_->latest_versions("m", {"Foo"}));
  EXPECT_EQ(registry_->latest_versions("nope").error().code, core::ErrorCode::kNotFound);
}

TEST_F(RegistryVersionsTest, TheNewestVersionsOfManyModelsComeTogether) {
  make_versions(2, "a");
  make_versions(1, "b");
  make_versions(0, "c");
  ASSERT_TRUE(registry_->set_version_tag("a", 2, "k", "v", change_));
  ASSERT_TRUE(registry_->set_version_tag("a", 1, "k", "old", change_));
  ASSERT_TRUE(registry_->set_alias("a", "y", 2, change_));
  ASSERT_TRUE(registry_->set_alias("a", "x", 2, change_));
  ASSERT_TRUE(registry_->remove_version("b", 1, change_));
  const std::vector<std::string> names{"a", "b", "c", "nope"};
  const auto latest = registry_->latest_of_models(names);
  ASSERT_TRUE(latest) << latest.error().message;
  ASSERT_EQ(latest->size(), 1U);
  const ModelVersion& version = latest->at("a").front();
  EXPECT_EQ(version.version, 2);
  EXPECT_EQ(version.tags.at("k"), "v");
  EXPECT_EQ(version.aliases, (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(registry_->latest_of_models({})->empty());
}

TEST_F(RegistryVersionsTest, DescribingAVersionLeavesTheModelsTimeAlone) {
  make_versions(1);
  clock_.advance(2'000'000);
  const auto described = registry_->describe_version("m", 1, "better", change_);
  ASSERT_TRUE(described) << described.error().message;
  EXPECT_EQ(described->description, "better");
  EXPECT_EQ(registry_->get_version("m", 1)->updated_ms, kNowMs + 2000);
  EXPECT_EQ(registry_->get_model("m")->updated_ms, kNowMs);
  ASSERT_TRUE(registry_->set_version_tag("m", 1, "k", "v", change_));
  ASSERT_TRUE(registry_->delete_version_tag("m", 1, "k", change_));
  ASSERT_TRUE(registry_->delete_version_tag("m", 1, "k", change_));
  EXPECT_TRUE(registry_->get_version("m", 1)->tags.empty());
  EXPECT_EQ(registry_->audit("models/m/1")->front().action, "delete_tag");
}

TEST_F(RegistryVersionsTest, AnAliasIsFoundInMlflowsWords) {
  make_versions(3);
  ASSERT_TRUE(registry_->set_alias("m", "champion", 1, change_));
  EXPECT_EQ(registry_->get_by_alias("m", "champion")->version, 1);
  EXPECT_EQ(registry_->get_by_alias("m", "Latest")->version, 3);
  EXPECT_EQ(registry_->get_by_alias("m", "Champion").error().message,
            "Registered model alias Champion not found.");
  EXPECT_EQ(registry_->get_by_alias("m", "Champion").error().code,
            core::ErrorCode::kInvalidArgument);
  const auto refusal = [&](std::string_view alias) {
    return registry_->set_alias("m", alias, 1, change_).error().message;
  };
  EXPECT_EQ(refusal("LATEST"), "'latest' alias name (case insensitive) is reserved.");
  EXPECT_EQ(refusal("v1"), "Version alias name 'v1' is reserved.");
  EXPECT_EQ(refusal("bad alias"),
            "Invalid alias name: 'bad alias'. Names may only contain alphanumerics, underscores "
            "(_), and dashes (-).");
  EXPECT_EQ(refusal(""), "Registered model alias name cannot be empty.");
  EXPECT_FALSE(registry_->delete_alias("m", "v1", change_));
}

}  // namespace
}  // namespace tenure::tracking
