#include "tracking/registry.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "storage/testing/child_process.h"
#include "storage/testing/temporary_folder.h"
#include "storage/testing/test_database.h"
#include "tracking/experiments.h"

namespace tenure::tracking {
namespace {

using storage::testing::ChildProcess;
using storage::testing::TemporaryFolder;

constexpr core::Micros kNow = 1'700'000'000'000'000;

class RegistryTest : public ::testing::Test {
 protected:
  void open() {
    database_ = storage::testing::open_test_database(folder_.path());
    ASSERT_TRUE(prepare_schema(*database_, kNow));
    registry_ = std::make_unique<Registry>(*database_, clock_);
  }
  void SetUp() override { open(); }
  void make_versions(int count) {
    ASSERT_TRUE(registry_->create_model_if_missing("m", change_));
    for (int i = 0; i < count; ++i)
      ASSERT_TRUE(registry_->create_version("m", "s3://b/m", "run", {}, change_));
  }
  std::int64_t alias(std::string_view name = "champion") {
    auto found = registry_->find_by_alias("m", name);
    return found && *found ? (**found).version : 0;
  }
  std::string stage(std::int64_t version) { return registry_->get_version("m", version)->stage; }
  TemporaryFolder folder_;
  core::ManualClock clock_{kNow};
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<Registry> registry_;
  Change change_{"ann", "better", core::JsonObject{{"auc", 0.9}}};
};

TEST_F(RegistryTest, CreatesAModelOnce) {
  auto model = registry_->create_model_if_missing("telco churn", change_);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->created_ms, kNow / 1000);
  clock_.advance(1'000'000);
  EXPECT_EQ(registry_->create_model_if_missing("telco churn", change_)->created_ms, kNow / 1000);
  EXPECT_EQ(registry_->list_models()->size(), 1U);
  EXPECT_EQ(registry_->audit("models/telco churn/")->size(), 1U);
  EXPECT_EQ(registry_->create_model_if_missing("bad/name", change_).error().message,
            "Invalid model name 'bad/name'. Names cannot contain '/' or ':'.");
  EXPECT_EQ(registry_->get_model("nope").error().message,
            "Registered Model with name=nope not found");
}

TEST_F(RegistryTest, NumbersVersionsAndKeepsWhatTheyAreMadeOf) {
  make_versions(1);
  clock_.advance(1'000'000);
  auto second = registry_->create_version("m", "s3://b/2", "", {{"k", "v"}}, change_);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->version, 2);
  EXPECT_EQ(second->stage, "None");
  EXPECT_EQ(second->status, "READY");
  EXPECT_EQ(second->user, "ann");
  EXPECT_EQ(second->source, "s3://b/2");
  EXPECT_EQ(second->run_id, "");
  EXPECT_EQ(second->tags.at("k"), "v");
  EXPECT_EQ(registry_->get_version("m", 1)->run_id, "run");
  EXPECT_EQ(registry_->get_model("m")->updated_ms, kNow / 1000 + 1000);
  auto versions = registry_->list_versions("m");
  ASSERT_EQ(versions->size(), 2U);
  EXPECT_EQ(versions->front().version, 2);
  EXPECT_EQ(registry_->create_version("nope", "s", "", {}, change_).error().code,
            core::ErrorCode::kNotFound);
  EXPECT_EQ(registry_->create_version("m", "", "", {}, change_).error().code,
            core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(registry_->get_version("m", 9).error().message,
            "Model Version (name=m, version=9) not found");
  EXPECT_EQ(registry_->list_versions("nope").error().code, core::ErrorCode::kNotFound);
  EXPECT_EQ(registry_->set_stage("nope", 2, "Staging", false, change_).error().message,
            "Model Version (name=nope, version=2) not found");
  EXPECT_EQ(registry_->get_by_alias("nope", "champion").error().message,
            "Registered Model with name=nope not found");
}

TEST_F(RegistryTest, ADeletedVersionIsHiddenAndItsNumberNotUsedAgain) {
  make_versions(2);
  ASSERT_TRUE(database_->execute(
      "UPDATE model_versions SET current_stage = 'Deleted_Internal' WHERE version = 2"));
  EXPECT_FALSE(registry_->get_version("m", 2));
  EXPECT_EQ(registry_->list_versions("m")->size(), 1U);
  EXPECT_EQ(registry_->create_version("m", "s", "", {}, change_)->version, 3);
  EXPECT_EQ(registry_->set_alias("m", "champion", 2, change_).error().code,
            core::ErrorCode::kNotFound);
}

TEST_F(RegistryTest, AliasesMoveAndGo) {
  make_versions(2);
  EXPECT_EQ(alias(), 0);
  ASSERT_TRUE(registry_->set_alias("m", "champion", 1, change_));
  EXPECT_EQ(alias(), 1);
  ASSERT_TRUE(registry_->set_alias("m", "champion", 2, change_));
  EXPECT_EQ(alias(), 2);
  EXPECT_EQ(registry_->get_version("m", 2)->aliases, std::vector<std::string>{"champion"});
  EXPECT_EQ(registry_->get_model("m")->aliases.at("champion"), 2);
  EXPECT_EQ(alias("latest"), 2);
  ASSERT_TRUE(registry_->delete_alias("m", "champion", change_));
  ASSERT_TRUE(registry_->delete_alias("m", "champion", change_));
  EXPECT_EQ(alias(), 0);
  EXPECT_EQ(registry_->set_alias("m", "v1", 1, change_).error().code,
            core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(registry_->set_alias("nope", "a", 1, change_).error().code, core::ErrorCode::kNotFound);
  EXPECT_EQ(registry_->set_alias("m", "a", 5, change_).error().code, core::ErrorCode::kNotFound);
  EXPECT_FALSE(registry_->find_by_alias("nope", "a")->has_value());
}

TEST_F(RegistryTest, EachChangeLeavesItsReason) {
  make_versions(2);
  clock_.advance(7);
  ASSERT_TRUE(registry_->set_alias("m", "champion", 1, change_));
  ASSERT_TRUE(registry_->set_alias("m", "champion", 2, {"bob", "wins the test", nullptr}));
  ASSERT_TRUE(registry_->set_alias("m", "champion", 2, change_));  // changes nothing
  auto entries = registry_->audit("models/m/@champion");
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 2U);
  const AuditEntry& newest = entries->front();
  EXPECT_EQ(newest.action, "set_alias");
  EXPECT_EQ(newest.actor, "bob");
  EXPECT_EQ(newest.reason, "wins the test");
  EXPECT_EQ(newest.from, "1");
  EXPECT_EQ(newest.to, "2");
  EXPECT_EQ(newest.time, kNow + 7);
  EXPECT_TRUE(newest.evidence.is_null());
  EXPECT_EQ(core::json_number(entries->back().evidence, "auc").value(), 0.9);
  EXPECT_EQ(registry_->audit("models/m/", 3)->size(), 3U);
  EXPECT_EQ(registry_->audit("models/m/")->size(), 5U);  // a model, two versions, two moves
  EXPECT_TRUE(registry_->audit("models/%")->empty());
}

TEST_F(RegistryTest, AFailedChangeLeavesNoTrace) {
  make_versions(1);
  const std::size_t before = registry_->audit("")->size();
  ASSERT_TRUE(database_->execute(
      database_->backend() == "sqlite"
          ? "CREATE TRIGGER stop BEFORE INSERT ON tenure_audit BEGIN SELECT RAISE(ABORT, 'no'); END"
          : "ALTER TABLE tenure_audit ADD CONSTRAINT stop CHECK (false) NOT VALID"));
  EXPECT_FALSE(registry_->set_alias("m", "champion", 1, change_));
  EXPECT_FALSE(registry_->create_version("m", "s", "", {}, change_));
  EXPECT_FALSE(registry_->set_stage("m", 1, "Production", false, change_));
  EXPECT_FALSE(registry_->set_version_tag("m", 1, "k", "v", change_));
  EXPECT_EQ(registry_->audit("")->size(), before);
  EXPECT_EQ(alias(), 0);
  EXPECT_EQ(stage(1), "None");
  EXPECT_EQ(registry_->list_versions("m")->size(), 1U);
  EXPECT_TRUE(registry_->get_version("m", 1)->tags.empty());
}

TEST_F(RegistryTest, StagesMoveAndArchiveOthers) {
  make_versions(3);
  ASSERT_TRUE(registry_->set_stage("m", 1, "production", false, change_));
  EXPECT_EQ(stage(1), "Production");
  ASSERT_TRUE(registry_->set_stage("m", 2, "Production", false, change_));
  EXPECT_EQ(stage(1), "Production");
  ASSERT_TRUE(registry_->set_stage("m", 3, "PRODUCTION", true, change_));
  EXPECT_EQ(stage(1), "Archived");
  EXPECT_EQ(stage(2), "Archived");
  EXPECT_EQ(stage(3), "Production");
  EXPECT_EQ(registry_->audit("models/m/2")->front().to, "Archived");
  EXPECT_EQ(registry_->set_stage("m", 1, "Foo", false, change_).error().message,
            "Invalid Model Version stage: Foo. Value must be one of None, Staging, Production, "
            "Archived.");
  EXPECT_EQ(registry_->set_stage("m", 1, "None", true, change_).error().code,
            core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(registry_->set_stage("m", 9, "None", false, change_).error().code,
            core::ErrorCode::kNotFound);
}

TEST_F(RegistryTest, VersionTagsAreReplaced) {
  make_versions(1);
  ASSERT_TRUE(registry_->set_version_tag("m", 1, "k", "1"));
  ASSERT_TRUE(registry_->set_version_tag("m", 1, "k", "2", change_));
  EXPECT_EQ(registry_->get_version("m", 1)->tags.at("k"), "2");
  EXPECT_EQ(registry_->audit("models/m/1")->front().from, "k=1");
  EXPECT_EQ(registry_->set_version_tag("m", 2, "k", "1").error().code, core::ErrorCode::kNotFound);
  EXPECT_EQ(registry_->set_version_tag("m", 1, "k*", "1").error().code,
            core::ErrorCode::kInvalidArgument);
}

TEST_F(RegistryTest, RollsBackMoveByMove) {
  make_versions(3);
  EXPECT_EQ(registry_->roll_back("m", "champion", change_).error().code,
            core::ErrorCode::kNotFound);
  ASSERT_TRUE(registry_->set_alias("m", "champion", 1, change_));
  EXPECT_EQ(registry_->roll_back("m", "champion", change_).error().code,
            core::ErrorCode::kNotFound);
  ASSERT_TRUE(registry_->set_alias("m", "champion", 2, change_));
  ASSERT_TRUE(registry_->set_alias("m", "champion", 3, change_));
  EXPECT_EQ(registry_->roll_back("m", "champion", change_)->version, 2);
  EXPECT_EQ(alias(), 2);
  EXPECT_EQ(registry_->roll_back("m", "champion", change_)->version, 1);
  EXPECT_EQ(registry_->roll_back("m", "champion", change_).error().code,
            core::ErrorCode::kNotFound);
  ASSERT_TRUE(registry_->set_alias("m", "champion", 3, change_));
  EXPECT_EQ(registry_->roll_back("m", "champion", change_)->version, 1);
  EXPECT_EQ(registry_->audit("models/m/@champion")->front().action, "roll_back");
}

TEST_F(RegistryTest, RollsBackADeletedAliasAndOverADeletedVersion) {
  make_versions(3);
  for (const int version : {1, 2, 3})
    ASSERT_TRUE(registry_->set_alias("m", "champion", version, change_));
  ASSERT_TRUE(database_->execute(
      "UPDATE model_versions SET current_stage = 'Deleted_Internal' WHERE version = 2"));
  ASSERT_TRUE(registry_->delete_alias("m", "champion", change_));
  EXPECT_EQ(registry_->roll_back("m", "champion", change_)->version, 3);
  EXPECT_EQ(registry_->roll_back("m", "champion", change_)->version, 1);
}

TEST_F(RegistryTest, RollsBackAMoveAnotherProgramMade) {
  make_versions(3);
  ASSERT_TRUE(registry_->set_alias("m", "champion", 1, change_));
  ASSERT_TRUE(database_->execute("UPDATE registered_model_aliases SET version = 3"));
  EXPECT_EQ(registry_->roll_back("m", "champion", change_)->version, 1);
}

TEST_F(RegistryTest, SeveralProcessesNumberVersionsWithoutGaps) {
  make_versions(0);
  registry_.reset();
  database_.reset();
  constexpr int kProcesses = 4;
  constexpr int kRounds = 10;
  const auto body = [&](const ChildProcess::Reporter&) -> int {
    open();
    for (int i = 0; i < kRounds; ++i)
      if (!registry_->create_version("m", "s", "", {}, change_)) return 1;
    return 0;
  };
  {
    std::vector<std::unique_ptr<ChildProcess>> children;
    for (int p = 0; p < kProcesses; ++p) children.push_back(std::make_unique<ChildProcess>(body));
    for (auto& child : children) EXPECT_EQ(child->wait(), 0);
  }
  open();
  auto versions = registry_->list_versions("m");
  ASSERT_EQ(versions->size(), std::size_t{kProcesses * kRounds});
  for (std::size_t i = 0; i < versions->size(); ++i)
    EXPECT_EQ((*versions)[i].version, static_cast<std::int64_t>(versions->size() - i));
  EXPECT_EQ(registry_->audit("models/m/", 1000)->size(), std::size_t{kProcesses * kRounds} + 1);
}

}  // namespace
}  // namespace tenure::tracking
