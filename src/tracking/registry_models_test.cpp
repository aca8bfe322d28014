#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tracking/test_registry.h"

namespace tenure::tracking {
namespace {

class RegistryModelsTest : public ::testing::Test, protected RegistryWorld {};

TEST_F(RegistryModelsTest, AModelIsMadeWithDescriptionAndTagsOnce) {
  const std::map<std::string, std::string> tags{{"key", "value"}, {"empty", ""}};
  const auto made = registry_->create_model("m", "what it does", tags, change_);
  ASSERT_TRUE(made) << made.error().message;
  const auto read = registry_->get_model("m");
  for (const auto* model : {&*made, &*read}) {
    EXPECT_EQ(model->description, "what it does");
    EXPECT_EQ(model->tags, tags);
    EXPECT_EQ(model->created_ms, kNowMs);
    EXPECT_EQ(model->updated_ms, kNowMs);
  }
  const auto again = registry_->create_model("m", "", {}, change_);
  EXPECT_EQ(again.error().code, core::ErrorCode::kAlreadyExists);
  EXPECT_EQ(again.error().message, "Registered Model (name=m) already exists.");
  EXPECT_EQ(registry_->create_model("a/b", "", {}, change_).error().message,
            "Invalid model name 'a/b'. Names cannot contain '/' or ':'.");
  EXPECT_EQ(registry_->create_model("  ", "", {}, change_).error().message,
            "Missing value for required parameter 'name'.");
  EXPECT_EQ(registry_->create_model("n", "", {{"a*b", ""}}, change_).error().code,
            core::ErrorCode::kInvalidArgument);
  EXPECT_FALSE(registry_->get_model("n"));
}

TEST_F(RegistryModelsTest, ALongTagIsRefusedBeyondMlflowsLimit) {
  make_versions(1);
  // SQLite does not mind the length that MLflow's schema gives the column; PostgreSQL does.
  const std::string longest(database_->backend() == "sqlite" ? 100'000 : 5'000, 'x');
  EXPECT_TRUE(registry_->set_model_tag("m", "k", longest, change_));
  EXPECT_EQ(registry_->get_model("m")->tags.at("k").size(), longest.size());
  EXPECT_FALSE(registry_->set_model_tag("m", "k", longest + "x", change_));
  EXPECT_FALSE(registry_->set_version_tag("m", 1, "k", longest + "x", change_));
  EXPECT_FALSE(registry_->set_model_tag("m", std::string(251, 'k'), "v", change_));
}

TEST_F(RegistryModelsTest, ARenamedModelKeepsVersionsTagsAliasesAndTimes) {
  make_versions(2);
  ASSERT_TRUE(registry_->set_model_tag("m", "k", "v", change_));
  ASSERT_TRUE(registry_->set_version_tag("m", 1, "vk", "vv", change_));
  ASSERT_TRUE(registry_->set_alias("m", "champion", 2, change_));
  clock_.advance(5'000'000);
  const auto renamed = registry_->rename_model("m", "n", change_);
  ASSERT_TRUE(renamed) << renamed.error().message;
  EXPECT_EQ(renamed->name, "n");
  EXPECT_EQ(renamed->created_ms, kNowMs);
  EXPECT_EQ(renamed->updated_ms, kNowMs + 5000);
  EXPECT_EQ(renamed->tags.at("k"), "v");
  EXPECT_EQ(renamed->aliases.at("champion"), 2);
  EXPECT_FALSE(registry_->get_model("m"));
  const auto versions = registry_->list_versions("n");
  ASSERT_EQ(versions->size(), 2U);
  EXPECT_EQ(versions->back().tags.at("vk"), "vv");
  EXPECT_EQ(versions->back().updated_ms, kNowMs + 5000);
  EXPECT_EQ(registry_->find_by_alias("n", "champion")->value().version, 2);

  make_versions(0, "other");
  EXPECT_EQ(registry_->rename_model("n", "other", change_).error().message,
            "Registered Model (name=other) already exists.");
  EXPECT_EQ(registry_->rename_model("gone", "x", change_).error().message,
            "Registered Model with name=gone not found");
  EXPECT_FALSE(registry_->rename_model("n", "a:b", change_));
  EXPECT_TRUE(registry_->rename_model("n", "n", change_));
}

TEST_F(RegistryModelsTest, HistoryFollowsAModelThroughItsNames) {
  make_versions(2, "a");
  ASSERT_TRUE(registry_->set_alias("a", "champion", 1, change_));
  ASSERT_TRUE(registry_->rename_model("a", "b", change_));
  ASSERT_TRUE(registry_->set_alias("b", "champion", 2, change_));
  ASSERT_TRUE(registry_->rename_model("b", "c", change_));
  make_versions(1, "a");  // another model, with a name that is free again
  ASSERT_TRUE(registry_->set_alias("a", "champion", 1, by("zoe")));

  EXPECT_EQ(registry_->roll_back("c", "champion", change_)->version, 1);
  EXPECT_EQ(registry_->roll_back("a", "champion", change_).error().code,
            core::ErrorCode::kNotFound);
  const auto trail = registry_->audit_of_model("c");
  ASSERT_TRUE(trail) << trail.error().message;
  EXPECT_EQ(trail->front().action, "roll_back");
  EXPECT_EQ(trail->back().action, "create_model");
  EXPECT_EQ(trail->back().subject, "models/a/");
  for (const AuditEntry& entry : *trail) EXPECT_NE(entry.actor, "zoe");
  const auto of_one = registry_->audit_of_model("c", 2);
  ASSERT_EQ(of_one->size(), 1U);
  EXPECT_EQ(of_one->front().subject, "models/a/2");
  EXPECT_EQ(registry_->audit_of_model("c", std::nullopt, 2)->size(), 2U);
}

TEST_F(RegistryModelsTest, ADeletedModelLeavesNothingButItsHistory) {
  make_versions(2);
  ASSERT_TRUE(registry_->set_model_tag("m", "k", "v", change_));
  ASSERT_TRUE(registry_->set_version_tag("m", 1, "k", "v", change_));
  ASSERT_TRUE(registry_->set_alias("m", "champion", 1, change_));
  ASSERT_TRUE(registry_->set_alias("m", "champion", 2, change_));
  ASSERT_TRUE(registry_->remove_model("m", change_));
  for (const char* table : {"registered_models", "model_versions", "registered_model_tags",
                            "model_version_tags", "registered_model_aliases"})
    EXPECT_EQ(database_->query(fmt::format("SELECT 1 FROM {}", table))->size(), 0U) << table;
  EXPECT_EQ(registry_->audit_of_model("m")->front().action, "delete_model");
  EXPECT_EQ(registry_->remove_model("m", change_).error().code, core::ErrorCode::kNotFound);

  // The next one of that name begins anew.
  make_versions(3);
  EXPECT_EQ(registry_->list_versions("m")->size(), 3U);
  ASSERT_TRUE(registry_->set_alias("m", "champion", 3, change_));
  EXPECT_EQ(registry_->roll_back("m", "champion", change_).error().code,
            core::ErrorCode::kNotFound);
}

TEST_F(RegistryModelsTest, DescriptionsAndTagsChange) {
  make_versions(1);
  clock_.advance(1'000'000);
  EXPECT_EQ(registry_->describe_model("m", "new", change_)->description, "new");
  EXPECT_EQ(registry_->get_model("m")->updated_ms, kNowMs + 1000);
  EXPECT_EQ(registry_->describe_model("m", "", change_)->description, "");
  EXPECT_FALSE(registry_->describe_model("m", std::string(5001, 'x'), change_));
  EXPECT_EQ(registry_->describe_model("n", "x", change_).error().code, core::ErrorCode::kNotFound);
  ASSERT_TRUE(registry_->set_model_tag("m", "k", "1", change_));
  ASSERT_TRUE(registry_->set_model_tag("m", "k", "2", change_));
  EXPECT_EQ(registry_->audit("models/m/")->front().from, "k=1");
  ASSERT_TRUE(registry_->delete_model_tag("m", "k", change_));
  ASSERT_TRUE(registry_->delete_model_tag("m", "k", change_));  // again is fine
  EXPECT_TRUE(registry_->get_model("m")->tags.empty());
  EXPECT_EQ(registry_->delete_model_tag("n", "k", change_).error().code,
            core::ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tenure::tracking
