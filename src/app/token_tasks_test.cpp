#include "app/token_tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/testing/temporary_folder.h"

namespace tenure::app {
namespace {

TEST(CreateToken, RefusesALifetimeWithoutItsUnit) {
  const storage::testing::TemporaryFolder folder;
  core::ConfigSource source;
  source.file = folder.path() / "tenure.yaml";
  source.overrides = {"storage.database=sqlite:///tokens.db"};
  auto project = Project::open_tracking(source);
  ASSERT_TRUE(project) << project.error().message;
  const auto created =
      create_token(**project, {.name = "ci", .role = "viewer", .models = "", .lifetime = "90"});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_THAT(created.error().message, ::testing::HasSubstr("90d"));
  EXPECT_TRUE(
      create_token(**project, {.name = "ci", .role = "viewer", .models = "", .lifetime = "90d"}));
}

}  // namespace
}  // namespace tenure::app
