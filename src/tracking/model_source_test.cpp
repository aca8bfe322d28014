#include "tracking/model_source.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "tracking/test_registry.h"

namespace tenure::tracking {
namespace {

class ModelSourceTest : public ::testing::Test, protected RegistryWorld {
 protected:
  void SetUp() override {
    root_ = (folder_.path() / "artifacts" / "run1").string();
    std::filesystem::create_directories(root_ + "/model");
    add_run("run1", "file://" + root_);
    add_run("proxied", "mlflow-artifacts:/1/proxied/artifacts");
    make_versions(1);
  }
  void add_run(const std::string& id, const std::string& artifact_uri) {
    ASSERT_TRUE(database_->execute(
        "INSERT INTO runs (run_uuid, artifact_uri, lifecycle_stage) VALUES (:id, :uri, 'active')",
        {id, artifact_uri}));
  }
  core::Result<NewModelVersion> resolve(std::string source, std::string run_id = "",
                                        std::string pattern = "", std::string model_id = "") {
    const ModelSource checker(
        *database_, *registry_,
        [&](std::string_view id) -> core::Result<LoggedModel> {
          if (id != "m-1")
            return core::Error{core::ErrorCode::kNotFound,
                               "Logged model with ID '" + std::string(id) + "' not found."};
          LoggedModel model;
          model.id = id;
          model.artifact_uri = root_ + "/model";
          model.source_run_id = "run1";
          return model;
        },
        std::move(pattern));
    return checker.resolve({.name = "m",
                            .source = std::move(source),
                            .run_id = std::move(run_id),
                            .model_id = std::move(model_id)});
  }
  std::string root_;
};

TEST_F(ModelSourceTest, ALocalPathLiesInsideTheArtifactsOfItsRun) {
  EXPECT_TRUE(resolve(root_ + "/model", "run1"));
  EXPECT_TRUE(resolve("file://" + root_ + "/model", "run1"));
  EXPECT_TRUE(resolve("file://localhost" + root_, "run1"));
  const auto refused = resolve("/etc/passwd");
  EXPECT_EQ(refused.error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().message,
            "Invalid model version source: '/etc/passwd'. To use a local path as a model version "
            "source, the run_id request parameter has to be specified and the local path has to be "
            "contained within the artifact directory of the run specified by the run_id.");
  for (const std::string& bad :
       {std::string("/etc/passwd"), std::string("file:///etc/passwd"), root_ + "2",
        root_ + "/../run2", root_ + "/model/../../x", "file://" + root_ + "/%2e%2e/x",
        std::string("model"), "file://elsewhere" + root_, std::string("file:etc")})
    EXPECT_FALSE(resolve(bad, "run1")) << bad;
  EXPECT_FALSE(resolve(root_ + "/model"));
  EXPECT_FALSE(resolve(root_ + "/model", "proxied"));
  EXPECT_EQ(resolve(root_, "nope").error().message, "Run with id=nope not found");
}

TEST_F(ModelSourceTest, ALinkOutOfTheArtifactsIsOutside) {
  std::filesystem::create_directory_symlink("/etc", root_ + "/link");
  EXPECT_FALSE(resolve(root_ + "/link/passwd", "run1"));
}

TEST_F(ModelSourceTest, OtherPlacesAreAbsoluteAndWithoutDots) {
  for (const char* good :
       {"s3://bucket/a/b", "runs:/run_id/model", "mlflow-artifacts:/1/run/artifacts/model",
        "http://host:5000/api/2.0/mlflow-artifacts/artifacts/1", "dbfs:/x/", "s3://b/100%25",
        "s3://b/a..b/..c"})
    EXPECT_TRUE(resolve(good)) << good;
  for (const char* bad :
       {"mlflow-artifacts://host:port/../../../../", "s3:/my_bucket/models/path/../../other/path",
        "http://host:port/api/2.0/mlflow-artifacts/artifacts/../../../../",
        "mlflow-artifacts://host:port/..%2f..%2f..%2f..%2f", "s3://b/%252e%252e/x", "s3://b/./x",
        "http://host:port/api/2.0/mlflow-artifacts/artifacts%00", "s3://bucket", "dbfs:relative",
        "s3://b/x?y=/../../z", "s3://b/a\\..\\b"}) {
    const auto refused = resolve(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().message,
              std::string("Invalid model version source: '") + bad +
                  "'. If supplying a source as an http, https, local file path, ftp, "
                  "objectstore, or mlflow-artifacts uri, an absolute path must be provided "
                  "without relative path references present. Please provide an absolute path.");
  }
}

TEST_F(ModelSourceTest, AModelUriBecomesThePlaceOfWhatItNames) {
  ASSERT_TRUE(registry_->set_alias("m", "champion", 1, change_));
  EXPECT_EQ(resolve("models:/m/1")->storage_location, "s3://b/m");
  EXPECT_EQ(resolve("models:/m/1")->source, "models:/m/1");
  EXPECT_EQ(resolve("models:/m@champion")->storage_location, "s3://b/m");
  EXPECT_EQ(resolve("models:/m/latest")->storage_location, "s3://b/m");
  EXPECT_EQ(resolve("models:/m/9").error().code, core::ErrorCode::kNotFound);
  EXPECT_EQ(resolve("models:/m/9").error().message,
            "Unable to fetch model from model URI source artifact location 'models:/m/9'. Error: "
            "Model Version (name=m, version=9) not found");
  EXPECT_EQ(resolve("models:/m/1")->run_id, registry_->get_version("m", 1)->run_id);
  EXPECT_EQ(resolve("models:/m/1", "other")->run_id, "other");
  EXPECT_FALSE(resolve("models:/m/Production"));
  EXPECT_FALSE(resolve("models:/"));
  EXPECT_FALSE(resolve("models:/m/../1"));
}

TEST_F(ModelSourceTest, ALoggedModelGivesItsPlaceAndItsRun) {
  const auto version = resolve("models:/m-1");
  ASSERT_TRUE(version) << version.error().message;
  EXPECT_EQ(version->storage_location, root_ + "/model");
  EXPECT_EQ(version->run_id, "run1");
  EXPECT_EQ(resolve("models:/m-1", "other")->run_id, "other");
  EXPECT_EQ(resolve("models:/m-9").error().message, "Logged model with ID 'm-9' not found.");
  EXPECT_EQ(resolve("s3://b/x", "", "", "m-9").error().code, core::ErrorCode::kNotFound);
  // A path inside the logged model's own artifacts needs no run.
  EXPECT_TRUE(resolve(root_ + "/model/sub", "", "", "m-1"));
  EXPECT_NE(resolve("/etc/passwd", "", "", "m-1").error().message.find("the model_id request"),
            std::string::npos);
}

TEST_F(ModelSourceTest, ThePatternOfTheServerMustBeFound) {
  EXPECT_TRUE(resolve("mlflow-artifacts:/1/x", "", "^mlflow-artifacts:/"));
  EXPECT_EQ(resolve("s3://b/x", "", "^mlflow-artifacts:/").error().message,
            "Invalid model version source: 's3://b/x'.");
  EXPECT_NE(resolve("s3://b/x", "", "(").error().message.find("no regular expression"),
            std::string::npos);
}

TEST(ModelVersionsTag, ListsEachVersionOnce) {
  EXPECT_EQ(with_model_version("", "m", 1), R"([{"name":"m","version":"1"}])");
  EXPECT_EQ(with_model_version(R"([{"name":"m","version":1},{"name":"m","version":"1"}])", "m", 2),
            R"([{"name":"m","version":"1"},{"name":"m","version":"2"}])");
  EXPECT_EQ(with_model_version(R"([{"name":"m","version":"2"}])", "m", 2),
            R"([{"name":"m","version":"2"}])");
  EXPECT_EQ(with_model_version("no list", "m", 1), R"([{"name":"m","version":"1"}])");
  EXPECT_EQ(
      without_repeated_versions(
          R"([{"name":"m","version":"1"},{"name":"m","version":1},{"name":"n","version":1}])"),
      R"([{"name":"m","version":"1"},{"name":"n","version":"1"}])");
  for (const std::string_view same :
       {R"([{"name": "m", "version": 1}])", "no list", "", R"([{"name":"m"},{"name":"m"}])", "{}"})
    EXPECT_EQ(without_repeated_versions(same), same);
}

}  // namespace
}  // namespace tenure::tracking
