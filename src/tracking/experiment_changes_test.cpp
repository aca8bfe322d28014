#include <filesystem>

#include <gtest/gtest.h>

#include "tracking/artifact_uri.h"
#include "tracking/testing/tracking_world.h"

namespace tenure::tracking {
namespace {

class ExperimentChanges : public ::testing::Test, protected testing::TrackingWorld {};

TEST_F(ExperimentChanges, ALocationIsTheClients) {
  EXPECT_EQ(experiments().create("a", {}, "s3://bucket/x?e=1")->artifact_location,
            "s3://bucket/x?e=1");
  EXPECT_EQ(experiments().get("1")->artifact_location, "s3://bucket/x?e=1");
  EXPECT_EQ(experiments().create("b", {}, "/abs/x")->artifact_location, "/abs/x");
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(experiments().create("c", {}, "mlruns/x")->artifact_location, here + "/mlruns/x");
  EXPECT_EQ(experiments().create("d", {}, "file:x")->artifact_location, "file://" + here + "/x");
  NewRun wanted;
  wanted.experiment_id = "1";
  const auto run = runs().create(wanted);
  EXPECT_EQ(run->artifact_uri, "s3://bucket/x/" + run->id + "/artifacts?e=1");
}

TEST_F(ExperimentChanges, SomeLocationsAreRefused) {
  for (const std::string& location :
       {std::string("runs:/abc/x"), std::string("s3://b/x#part"), std::string("s3://b/x;p=1"),
        std::string("s3://b/x?p=../y"), std::string("s3://b/x?p=%252e%252e/y"),
        "s3://b/" + std::string(2048, 'x'), std::string("s3://b/\0x", 9),
        std::string("s3://b/\xff")}) {
    EXPECT_EQ(code_of(experiments().create("x", {}, location)), core::ErrorCode::kInvalidArgument)
        << location;
  }
  EXPECT_EQ(number("SELECT COUNT(*) FROM experiments"), 1);
}

TEST_F(ExperimentChanges, DeletingTakesTheRunsAlongAndRestoringBringsAllBack) {
  const tracking::Run run = new_run();
  const tracking::Run deleted_before = new_run();
  ASSERT_TRUE(runs().remove(deleted_before.id));
  clock_.advance(1'000'000);
  ASSERT_TRUE(experiments().remove("0"));
  EXPECT_EQ(experiments().get("0")->lifecycle_stage, "deleted");
  EXPECT_EQ(experiments().get("0")->updated_ms, kNow / 1000 + 1000);
  EXPECT_EQ(experiments().find("Default")->lifecycle_stage, "deleted");
  EXPECT_EQ(runs().get(run.id)->lifecycle_stage, "deleted");
  EXPECT_EQ(number("SELECT COUNT(*) FROM runs WHERE deleted_time = 1700000001000"), 2);
  EXPECT_EQ(message_of(experiments().remove("0")), "No Experiment with id=0 exists");
  EXPECT_EQ(message_of(runs().create(NewRun{})),
            "The experiment 0 must be in the 'active' state. Current state is deleted.");
  ASSERT_TRUE(experiments().restore("0"));
  EXPECT_EQ(experiments().get("0")->lifecycle_stage, "active");
  EXPECT_EQ(runs().get(run.id)->lifecycle_stage, "active");
  EXPECT_EQ(runs().get(deleted_before.id)->lifecycle_stage, "active");
  EXPECT_EQ(number("SELECT COUNT(*) FROM runs WHERE deleted_time IS NULL"), 2);
  EXPECT_EQ(code_of(experiments().restore("0")), core::ErrorCode::kNotFound);
  EXPECT_EQ(code_of(experiments().remove("abc")), core::ErrorCode::kInvalidArgument);
}

TEST_F(ExperimentChanges, RenamingKeepsNamesUniqueEvenOfDeletedOnes) {
  ASSERT_TRUE(experiments().create("a"));
  ASSERT_TRUE(experiments().create("b"));
  clock_.advance(2'000'000);
  ASSERT_TRUE(experiments().rename("1", "c"));
  EXPECT_EQ(experiments().get("1")->name, "c");
  EXPECT_EQ(experiments().get("1")->updated_ms, kNow / 1000 + 2000);
  ASSERT_TRUE(experiments().remove("2"));
  EXPECT_EQ(message_of(experiments().rename("1", "b")), "Experiment(name=b) already exists.");
  EXPECT_EQ(message_of(experiments().rename("2", "d")), "Cannot rename a non-active experiment.");
  EXPECT_EQ(message_of(experiments().rename("9", "d")), "No Experiment with id=9 exists");
  EXPECT_EQ(message_of(experiments().rename("1", "")),
            "Missing value for required parameter 'new_name'.");
  EXPECT_EQ(code_of(experiments().rename("1", std::string(257, 'x'))),
            core::ErrorCode::kInvalidArgument);
}

TEST_F(ExperimentChanges, TagsOfActiveExperimentsChange) {
  ASSERT_TRUE(experiments().set_tag("0", "t", "1"));
  ASSERT_TRUE(experiments().set_tag("0", "t", ""));
  EXPECT_EQ(experiments().get("0")->tags.at("t"), "");
  EXPECT_EQ(experiments().get("0")->updated_ms, kNow / 1000);
  ASSERT_TRUE(experiments().delete_tag("0", "t"));
  EXPECT_TRUE(experiments().get("0")->tags.empty());
  EXPECT_EQ(message_of(experiments().delete_tag("0", "t")),
            "No tag with name: t in experiment with id 0");
  EXPECT_EQ(message_of(experiments().set_tag("0", "k", std::string(5001, 'v'))),
            "'value' exceeds the maximum length of 5000 characters");
  EXPECT_EQ(code_of(experiments().set_tag("0", "a*b", "v")), core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(experiments().set_tag("9", "k", "v")), core::ErrorCode::kNotFound);
  ASSERT_TRUE(experiments().remove("0"));
  EXPECT_EQ(message_of(experiments().set_tag("0", "k", "v")),
            "The experiment 0 must be in the 'active' state. Current state is deleted.");
}

TEST(ArtifactUri, IsAddedToThePathBeforeTheQuery) {
  EXPECT_EQ(uri_below("s3://b/p?x=1", "a/b"), "s3://b/p/a/b?x=1");
  EXPECT_EQ(uri_below("mlflow-artifacts:/", "a"), "mlflow-artifacts:/a");
  EXPECT_EQ(uri_below("/x//", "a"), "/x/a");
}

}  // namespace
}  // namespace tenure::tracking
