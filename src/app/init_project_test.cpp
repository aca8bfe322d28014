#include "app/init_project.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/testing/temporary_folder.h"

namespace tenure::app {
namespace {

TEST(InitProject, RefusesWhatOnlyATableCouldUse) {
  const storage::testing::TemporaryFolder folder;
  InitRequest request;
  request.folder = folder.path() / "project";
  request.label = "churned";
  const auto made = init_project(request);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_THAT(made.error().message, ::testing::StartsWith("--label needs --from FILE"));
  EXPECT_FALSE(std::filesystem::exists(request.folder)) << "nothing was written";
}

}  // namespace
}  // namespace tenure::app
