#include "storage/objects/s3_options.h"

#include <map>

#include <gtest/gtest.h>

#include "core/file.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::storage {
namespace {

using Variables = std::map<std::string, std::string>;

core::Result<S3Options> read(std::string_view url, Variables more = {}) {
  more.insert({{"AWS_ACCESS_KEY_ID", "key"}, {"AWS_SECRET_ACCESS_KEY", "very-secret"}});
  return read_s3_options(url, [more](const char* name) -> std::optional<std::string> {
    const auto found = more.find(name);
    return found == more.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(S3Options, ReadsAUrl) {
  const auto options =
      read("s3://my-bucket/a/b/?endpoint=http%3A%2F%2F127.0.0.1:9000&region=eu-north-1");
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->bucket, "my-bucket");
  EXPECT_EQ(options->prefix, "a/b");
  EXPECT_EQ(options->endpoint, "http://127.0.0.1:9000");
  EXPECT_EQ(options->region, "eu-north-1");
  EXPECT_TRUE(options->is_path_style);
  EXPECT_EQ(options->credentials.access_key, "key");
  EXPECT_EQ(options->credentials.secret_key, "very-secret");
}

TEST(S3Options, TakesAmazonsServersByDefault) {
  const auto options = read("s3://b1", {{"AWS_DEFAULT_REGION", "us-west-2"}});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->endpoint, "https://s3.us-west-2.amazonaws.com");
  EXPECT_FALSE(options->is_path_style);
  EXPECT_TRUE(read("s3://with.dots")->is_path_style);
  EXPECT_EQ(read("s3://b1", {{"AWS_REGION", "r1"}, {"AWS_DEFAULT_REGION", "r2"}})->region, "r1");
}

TEST(S3Options, TakesTheEndpointOfTheEnvironmentInMlflowsOrder) {
  Variables variables{{"AWS_ENDPOINT_URL", "http://c"}};
  EXPECT_EQ(read("s3://b1", variables)->endpoint, "http://c");
  variables["AWS_ENDPOINT_URL_S3"] = "http://b/";
  EXPECT_EQ(read("s3://b1", variables)->endpoint, "http://b");
  variables["MLFLOW_S3_ENDPOINT_URL"] = "https://a:443";
  EXPECT_EQ(read("s3://b1", variables)->endpoint, "https://a");
  EXPECT_TRUE(read("s3://b1", variables)->is_path_style);
  EXPECT_EQ(read("s3://b1?endpoint=http://q:80&path_style=false", variables)->endpoint, "http://q");
  EXPECT_FALSE(read("s3://b1?endpoint=http://q&path_style=false")->is_path_style);
}

TEST(S3Options, RefusesWhatIsWrongWithoutShowingSecrets) {
  for (const std::string_view url :
       {"s3://", "s3:///prefix", "s3://user:very-secret@bucket/x", "s3://b1/../x", "s3://b1/a//b",
        "s3://b1?endpoint=ftp://x", "s3://b1?endpoint=http://user:very-secret@host",
        "s3://b1?endpoint=http://host/path", "s3://b1?endpoint=", "s3://b1?path_style=maybe",
        "s3://b1?secret_key=very-secret", "s3://b1?region=a/b", "file:///x", "s3://b"}) {
    const auto options = read(url);
    ASSERT_FALSE(options) << url;
    EXPECT_EQ(options.error().code, core::ErrorCode::kInvalidArgument) << url;
    EXPECT_EQ(options.error().message.find("very-secret"), std::string::npos)
        << options.error().message;
  }
}

class AwsFiles : public ::testing::Test {
 protected:
  static constexpr std::string_view kCredentials =
      "# keys\n[default]\naws_access_key_id = one\naws_secret_access_key=secret one\r\n"
      "[ team ]\naws_access_key_id=two\naws_secret_access_key=two2\naws_session_token=t\n"
      "[half]\naws_access_key_id=three\n";
  static constexpr std::string_view kConfig =
      "[default]\nregion = eu-west-1\ns3 =\n  region = no\n[profile team]\nregion=eu-north-1\n"
      "[profile only]\naws_access_key_id=four\naws_secret_access_key=four4\n";

  AwsFiles() {
    EXPECT_TRUE(core::write_file_atomically(folder_.path() / "credentials", kCredentials));
    EXPECT_TRUE(core::write_file_atomically(folder_.path() / "config", kConfig));
    variables_ = {{"AWS_SHARED_CREDENTIALS_FILE", folder_.path() / "credentials"},
                  {"AWS_CONFIG_FILE", folder_.path() / "config"}};
  }
  core::Result<S3Options> read_with(Variables more = {}) const {
    more.insert(variables_.begin(), variables_.end());
    return read_s3_options("s3://b1", [more](const char* name) -> std::optional<std::string> {
      const auto found = more.find(name);
      return found == more.end() ? std::nullopt : std::optional(found->second);
    });
  }

  testing::TemporaryFolder folder_;
  Variables variables_;
};

TEST_F(AwsFiles, GiveTheKeysAndTheRegionOfAProfile) {
  const auto usual = read_with();
  ASSERT_TRUE(usual) << usual.error().message;
  EXPECT_EQ(usual->credentials.access_key, "one");
  EXPECT_EQ(usual->credentials.secret_key, "secret one");
  EXPECT_EQ(usual->region, "eu-west-1");
  const auto team = read_with({{"AWS_PROFILE", "team"}});
  ASSERT_TRUE(team) << team.error().message;
  EXPECT_EQ(team->credentials.access_key, "two");
  EXPECT_EQ(team->credentials.session_token, "t");
  EXPECT_EQ(team->region, "eu-north-1");
  EXPECT_EQ(read_with({{"AWS_DEFAULT_PROFILE", "only"}})->credentials.access_key, "four");
}

TEST_F(AwsFiles, ComeAfterTheEnvironment) {
  const auto options = read_with({{"AWS_ACCESS_KEY_ID", "mine"},
                                  {"AWS_SECRET_ACCESS_KEY", "x"},
                                  {"AWS_PROFILE", "team"},
                                  {"AWS_REGION", "us-west-2"}});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->credentials.access_key, "mine");
  EXPECT_EQ(options->credentials.session_token, "");
  EXPECT_EQ(options->region, "us-west-2");
}

TEST_F(AwsFiles, AreToldOfWhenAProfileIsMissingOrHalf) {
  EXPECT_NE(read_with({{"AWS_PROFILE", "nobody"}}).error().message.find("'nobody'"),
            std::string::npos);
  EXPECT_NE(read_with({{"AWS_PROFILE", "half"}}).error().message.find("aws_secret_access_key"),
            std::string::npos);
}

TEST(S3Options, AsksForCredentials) {
  const auto none = read_s3_options(
      "s3://b1", [](const char*) -> std::optional<std::string> { return std::nullopt; });
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("AWS_ACCESS_KEY_ID"), std::string::npos);
}

}  // namespace
}  // namespace tenure::storage
