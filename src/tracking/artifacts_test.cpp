#include "tracking/artifacts.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "storage/testing/temporary_folder.h"

namespace tenure::tracking {
namespace {

namespace fs = std::filesystem;

class ArtifactLocatorTest : public ::testing::Test {
 protected:
  ArtifactLocatorTest() {
    proxied_ = std::move(
        *storage::open_object_store("file:///objects/artifacts", folder_.path().string()));
    fs::create_directories(folder_.path() / "objects/other");
    fs::create_directories(folder_.path() / "a root");
    fs::create_directories(folder_.path() / "secret");
    root_ = fs::canonical(folder_.path()).string();
    locator_ = std::make_unique<ArtifactLocator>(
        *proxied_, std::vector<std::string>{"file://" + root_ + "/objects", root_ + "/a root/"});
  }
  core::ErrorCode error_of(std::string_view uri) {
    const auto place = locator_->find(uri);
    EXPECT_FALSE(place) << uri << " gave " << place->key;
    return place ? core::ErrorCode::kInternal : place.error().code;
  }

  storage::testing::TemporaryFolder folder_;
  std::unique_ptr<storage::ObjectStore> proxied_;
  std::string root_;
  std::unique_ptr<ArtifactLocator> locator_;
};

TEST_F(ArtifactLocatorTest, FindsProxiedArtifactsInTheStoreOfTheServer) {
  const std::pair<const char*, const char*> cases[] = {
      {"mlflow-artifacts:", ""},
      {"mlflow-artifacts:/", ""},
      {"mlflow-artifacts:/1/run/artifacts", "1/run/artifacts"},
      {"mlflow-artifacts:///1/run/", "1/run"},
      {"mlflow-artifacts://host:5000/1/run", "1/run"},
      {"http://host/api/2.0/mlflow-artifacts/artifacts", ""},
      {"http://host/api/2.0/mlflow-artifacts/artifacts/1/x", "1/x"},
      {"https://h:1/prefix/ajax-api/2.0/mlflow-artifacts/artifacts/a%20b", "a b"}};
  for (const auto& [uri, key] : cases) {
    const auto place = locator_->find(uri);
    ASSERT_TRUE(place) << uri << place.error().message;
    EXPECT_EQ(place->store, proxied_.get()) << uri;
    EXPECT_EQ(place->key, key) << uri;
  }
}

TEST_F(ArtifactLocatorTest, JoinsAPathToTheUri) {
  EXPECT_EQ(locator_->find("mlflow-artifacts:/1/run/artifacts", "model/./MLmodel")->key,
            "1/run/artifacts/model/MLmodel");
  EXPECT_EQ(locator_->find("mlflow-artifacts:/", "a%20b")->key, "a b");
  EXPECT_EQ(locator_->find("mlflow-artifacts:/1", "")->key, "1");
  for (const std::string_view bad : {"../2", "/etc", "%2e%2e/2", "a\\..\\b", "file:///etc"}) {
    const auto place = locator_->find("mlflow-artifacts:/1", bad);
    ASSERT_FALSE(place) << bad;
    EXPECT_EQ(place.error().message, "Invalid path") << bad;
  }
}

TEST_F(ArtifactLocatorTest, FindsLocalArtifactsBelowTheRootsOnly) {
  const auto proxied = locator_->find("file://" + root_ + "/objects/artifacts/1/x");
  ASSERT_TRUE(proxied) << proxied.error().message;
  EXPECT_EQ(proxied->store, proxied_.get());
  EXPECT_EQ(proxied->key, "1/x");

  std::ofstream(folder_.path() / "a root/100% #1") << "content";
  const auto local = locator_->find("file://" + root_ + "/a%20root/100%25%20%231");
  ASSERT_TRUE(local) << local.error().message;
  EXPECT_EQ(local->key, "100% #1");
  EXPECT_EQ(local->store->get(local->key).value(), "content");
  EXPECT_EQ(locator_->find(root_ + "/a root/100% #1")->store, local->store);
  EXPECT_EQ(locator_->find("file:" + root_ + "/a%20root")->key, "");

  for (const std::string_view uri : {"file:///etc/passwd", "/etc/passwd", "file://localhost/etc",
                                     "relative/path", "", "file:relative", "."})
    EXPECT_EQ(error_of(uri), core::ErrorCode::kPermissionDenied) << uri;
  for (const std::string& uri :
       {root_ + "/secret", root_ + "/objects/../secret", root_,
        "file://" + root_ + "/objects/%2e%2e/secret", root_ + "/a rootless"})
    EXPECT_EQ(error_of(uri), core::ErrorCode::kPermissionDenied) << uri;
}

TEST_F(ArtifactLocatorTest, DoesNotFollowLinksOutOfTheRoots) {
  fs::create_symlink(folder_.path() / "secret", folder_.path() / "a root/link");
  EXPECT_EQ(error_of(root_ + "/a root/link/x"), core::ErrorCode::kPermissionDenied);
  const auto place = locator_->find(root_ + "/a root", "link/x");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->store->get(place->key).error().code, core::ErrorCode::kInvalidArgument);
}

TEST_F(ArtifactLocatorTest, TellsWhichSchemesItCannotOpen) {
  for (const std::string_view uri :
       {"ftp://host/x", "gs://bucket/x", "dbfs:/x", "http://host/elsewhere",
        "http://host/mlflow-artifacts/artifactsX/y", "file://host/x", "runs:/abc/model"})
    EXPECT_EQ(error_of(uri), core::ErrorCode::kUnimplemented) << uri;
}

TEST_F(ArtifactLocatorTest, FindsBucketsWhereTheConfigurationSaysTheyAre) {
  ::unsetenv("AWS_ACCESS_KEY_ID");
  ::setenv("AWS_SHARED_CREDENTIALS_FILE", (root_ + "/none").c_str(), 1);
  ::setenv("AWS_CONFIG_FILE", (root_ + "/none").c_str(), 1);
  EXPECT_NE(ArtifactLocator(*proxied_, {"s3://bkt"})
                .find("s3://bkt/x")
                .error()
                .message.find("AWS_ACCESS_KEY_ID"),
            std::string::npos);
  ::setenv("AWS_ACCESS_KEY_ID", "test", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "test", 1);
  ArtifactLocator locator(*proxied_, {root_ + "/a root", "s3://bkt",
                                      "s3://bkt/runs?endpoint="
                                      "http://127.0.0.1:9000&region=eu-north-1"});
  const auto place = locator.find("s3://bkt/runs/1/a%20b?endpoint=http://elsewhere", "c/d");
  ASSERT_TRUE(place) << place.error().message;
  EXPECT_EQ(place->key, "runs/1/a b/c/d");
  EXPECT_EQ(place->store->uri(place->key), "s3://bkt/runs/1/a b/c/d");
  const std::string url =
      *place->store->presigned_url(storage::ObjectStore::Access::kRead, place->key, 60);
  EXPECT_TRUE(url.starts_with("http://127.0.0.1:9000/bkt/runs/1/a%20b/c/d?")) << url;
  EXPECT_NE(url.find("eu-north-1"), std::string::npos) << url;
  EXPECT_EQ(locator.find("s3://bkt/other")->store, place->store);
  for (const std::string_view bad : {"s3://bkt/../x", "s3://bkt/%2e%2e/x"})
    EXPECT_EQ(locator.find(bad).error().code, core::ErrorCode::kInvalidArgument) << bad;
}

TEST_F(ArtifactLocatorTest, FindsBucketsBelowTheRootsOnly) {
  ::setenv("AWS_ACCESS_KEY_ID", "test", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "test", 1);
  ArtifactLocator locator(*proxied_, {"s3://bkt/runs/", "s3://all?endpoint=http://127.0.0.1:9000"});
  for (const std::string_view uri :
       {"s3://bkt/runs", "s3://bkt/runs/1/x", "s3://all", "s3://all/x/y"})
    EXPECT_TRUE(locator.find(uri)) << uri;
  for (const std::string_view uri : {"s3://bkt", "s3://bkt/", "s3://bkt/runs2/x", "s3://bkt/other",
                                     "s3://other/runs", "s3://b?k/x", "s3://b@d"})
    EXPECT_EQ(locator.find(uri).error().code, core::ErrorCode::kPermissionDenied) << uri;
}

TEST_F(ArtifactLocatorTest, KeepsItsOwnFoldersToItself) {
  for (const std::string& uri : {std::string("mlflow-artifacts:/.tenure-uploads"),
                                 std::string("mlflow-artifacts:/%2etenure-uploads/x"),
                                 "file://" + root_ + "/objects/artifacts/.tenure-unfinished/x"})
    EXPECT_EQ(error_of(uri), core::ErrorCode::kInvalidArgument) << uri;
  EXPECT_FALSE(locator_->find("mlflow-artifacts:/", "./.tenure-uploads/x"));
  EXPECT_TRUE(locator_->find("mlflow-artifacts:/1/.tenure-uploads"));
}

}  // namespace
}  // namespace tenure::tracking
