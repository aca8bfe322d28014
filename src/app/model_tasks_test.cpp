#include "app/model_tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/registry_tasks.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::app {
namespace {

using ::testing::HasSubstr;

/// A folder without tenure.yaml, and a database that an override names.
class TrackingWithoutProject : public ::testing::Test {
 protected:
  core::ConfigSource source() const {
    core::ConfigSource source;
    source.file = folder_.path() / "tenure.yaml";
    source.overrides = {"storage.database=sqlite:///mlflow.db", "log.level=error"};
    return source;
  }

  void register_versions(Project& project, int count) {
    auto registry = project.registry();
    ASSERT_TRUE(registry);
    const tracking::Change by_ann{.actor = "ann", .reason = ""};
    ASSERT_TRUE((*registry)->create_model_if_missing("py-churn", by_ann));
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE((*registry)->create_version("py-churn", "mlflow-artifacts:/1/a/artifacts/model",
                                              "", {}, by_ann));
    }
    ASSERT_TRUE((*registry)->set_alias("py-churn", "champion", 1, by_ann));
  }

  storage::testing::TemporaryFolder folder_;
};

TEST_F(TrackingWithoutProject, OpensWhereSomethingNamesTheDatabase) {
  auto project = Project::open_tracking(source());
  ASSERT_TRUE(project) << project.error().message;
  EXPECT_EQ((*project)->name(), "tracking");
  register_versions(**project, 2);
  const auto models = list_models(**project, "");
  ASSERT_TRUE(models) << models.error().message;
  EXPECT_EQ(models->size(), 2U);
  EXPECT_TRUE(compare_models(**project, "py-churn", {"@champion", "2"}));
}

TEST_F(TrackingWithoutProject, AsksForAProjectWhereNothingNamesTheDatabase) {
  core::ConfigSource nameless = source();
  nameless.overrides.clear();
  const auto project = Project::open_tracking(nameless);
  ASSERT_FALSE(project);
  EXPECT_EQ(project.error().code, core::ErrorCode::kNotFound);
  EXPECT_THAT(project.error().message, HasSubstr("tenure init"));
}

TEST_F(TrackingWithoutProject, SaysHowToMakeTheFirstModelOrWhichThereAre) {
  auto project = Project::open_tracking(source());
  ASSERT_TRUE(project);
  const auto none = show_model(**project, "py-churn", "");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, core::ErrorCode::kNotFound);
  EXPECT_EQ(none.error().message, "there is no model 'py-churn' yet; train one with `tenure run`");

  register_versions(**project, 1);
  const std::string known =
      "there is no model 'py-chrun' (did you mean 'py-churn'?); there are: py-churn";
  EXPECT_EQ(show_model(**project, "py-chrun", "1").error().message, known);
  EXPECT_EQ(list_models(**project, "py-chrun").error().message, known);
  EXPECT_EQ(roll_back_model(**project, "py-chrun", "", "").error().message, known);
  EXPECT_EQ(compare_models(**project, "py-chrun", {"1", "2"}).error().message, known);
  EXPECT_EQ(audit_model(**project, "py-chrun", "", 10).error().message, known);
}

TEST_F(TrackingWithoutProject, TellsAWrongVersionFromAWrongAlias) {
  auto project = Project::open_tracking(source());
  ASSERT_TRUE(project);
  register_versions(**project, 2);
  EXPECT_EQ(show_model(**project, "py-churn", "7").error().message,
            "model 'py-churn' has no version '7'; there are: 2, 1 (@champion)");
  EXPECT_EQ(compare_models(**project, "py-churn", {"1", "@chanpion"}).error().message,
            "model 'py-churn' has no alias '@chanpion' (did you mean '@champion'?); there are: 2, "
            "1 (@champion)");
}

}  // namespace
}  // namespace tenure::app
