#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/mlflow/test_artifacts.h"

namespace tenure::api::mlflow {
namespace {

using net::Method;

constexpr std::string_view kMpu = "/api/2.0/mlflow-artifacts/mpu";

class ArtifactMultipart : public ::testing::Test {
 protected:
  net::Response call(std::string_view verb, std::string_view folder, const core::JsonObject& body,
                     const TestArtifacts::Headers& headers = {{"Host", "server:8000"}}) const {
    return files_.send(Method::kPost, fmt::format("{}/{}/{}", kMpu, verb, folder),
                       core::to_text(body), headers);
  }
  /// The path of a URL on this server.
  static std::string path_of(const core::Json& credential) {
    const std::string url(credential.at("url").as_string());
    EXPECT_TRUE(url.starts_with("http://server:8000/")) << url;
    return url.substr(url.find('/', 8));
  }

  TestMlflow server_{{artifact_routes}};
  TestArtifacts files_{server_.services()};
};

TEST_F(ArtifactMultipart, TakesAFileInPartsAtUrlsOfItsOwn) {
  const core::Json begun = TestMlflow::json(
      call("create", "1/run/artifacts", {{"path", "/home/me/model.bin"}, {"num_parts", 3}}));
  const std::string id(begun.at("upload_id").as_string());
  EXPECT_EQ(id.size(), 32U);
  const core::JsonArray& credentials = begun.at("credentials").as_array();
  ASSERT_EQ(credentials.size(), 3U);
  core::JsonArray parts;
  std::string expected;
  for (const core::Json& credential : credentials) {
    const std::string bytes(20'000, static_cast<char>('a' + parts.size()));
    const auto stored = files_.put(path_of(credential), bytes);
    ASSERT_EQ(stored.status, 200) << stored.body;
    parts.push_back(core::JsonObject{{"part_number", credential.at("part_number")},
                                     {"etag", TestArtifacts::header(stored, "ETag")},
                                     {"url", credential.at("url")}});
    expected += bytes;
  }
  EXPECT_EQ(files_.get("/api/2.0/mlflow-artifacts/artifacts").body, "{}") << "nothing to be seen";
  const core::JsonObject whole{
      {"path", "/home/me/model.bin"}, {"upload_id", id}, {"parts", std::move(parts)}};
  const auto done = call("complete", "1/run/artifacts", whole);
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(done.body, "{}");
  EXPECT_EQ(files_.get("/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/model.bin").body,
            expected);
  EXPECT_EQ(call("complete", "1/run/artifacts", whole).status, 200) << "asked again";
}

TEST_F(ArtifactMultipart, NamesItsUrlsAsTheClientReachesTheServer) {
  const auto url_of = [&](const TestArtifacts::Headers& headers) {
    const core::Json begun =
        TestMlflow::json(files_.send(Method::kPost, fmt::format("{}/create", kMpu),
                                     R"({"path": "x", "num_parts": "1"})", headers));
    const std::string url(begun.at("credentials").as_array()[0].at("url").as_string());
    return url.substr(0, url.find("/api"));
  };
  EXPECT_EQ(url_of({{"Host", "a:1"}}), "http://a:1");
  EXPECT_EQ(url_of({{"Host", "a"}, {"X-Forwarded-Proto", "https"}}), "https://a");
  MlflowServices services = server_.services();
  services.is_tls = true;
  const TestArtifacts encrypted(services);
  EXPECT_NE(encrypted
                .send(Method::kPost, fmt::format("{}/create", kMpu),
                      R"({"path": "x", "num_parts": 1})", {{"Host", "a"}})
                .body.find("\"https://a/"),
            std::string::npos);
}

TEST_F(ArtifactMultipart, ForgetsAnAbortedUpload) {
  const core::Json begun = TestMlflow::json(call("create", "1", {{"path", "f"}, {"num_parts", 1}}));
  const core::JsonObject upload{{"path", "f"}, {"upload_id", begun.at("upload_id")}};
  const std::string part = path_of(begun.at("credentials").as_array()[0]);
  ASSERT_EQ(files_.put(part, "x").status, 200);
  EXPECT_EQ(call("abort", "1", upload).body, "{}");
  EXPECT_EQ(files_.put(part, "x").status, 404);
  EXPECT_EQ(call("abort", "1", upload).status, 404);
}

TEST_F(ArtifactMultipart, TellsWhatIsWrong) {
  EXPECT_EQ(call("create", "1", {{"num_parts", 1}}).status, 400);
  EXPECT_EQ(call("create", "1", {{"path", "f"}}).status, 400);
  EXPECT_EQ(call("create", "1", {{"path", "f"}, {"num_parts", 0}}).status, 400);
  EXPECT_EQ(call("create", "1", {{"path", "f"}, {"num_parts", 10'001}}).status, 400);
  EXPECT_EQ(call("create", "1", {{"path", ".."}, {"num_parts", 1}}).status, 400);
  EXPECT_EQ(call("create", "1", {{"path", "a/"}, {"num_parts", 1}}).status, 400);
  EXPECT_EQ(call("create", "1", {{"path", "f"}, {"num_parts", 1}}, {}).status, 400) << "no host";
  EXPECT_EQ(call("complete", "1", {{"path", "f"}, {"upload_id", "x"}}).status, 404);
  const core::Json begun = TestMlflow::json(call("create", "1", {{"path", "f"}, {"num_parts", 1}}));
  const std::string part = path_of(begun.at("credentials").as_array()[0]);
  EXPECT_EQ(files_.put(part.substr(0, part.size() - 1) + "2", "x").status, 400);
  EXPECT_EQ(files_.put(part + "x", "x").status, 400);
  EXPECT_EQ(
      call("complete", "1",
           {{"path", "f"}, {"upload_id", begun.at("upload_id")}, {"parts", core::JsonArray{}}})
          .status,
      400);
  EXPECT_EQ(call("complete", "2", {{"path", "f"}, {"upload_id", begun.at("upload_id")}}).status,
            400)
      << "another folder";
}

TEST_F(ArtifactMultipart, HidesItsPartsFromEveryOtherRoute) {
  const core::Json begun = TestMlflow::json(call("create", "1", {{"path", "f"}, {"num_parts", 1}}));
  ASSERT_EQ(files_.put(path_of(begun.at("credentials").as_array()[0]), "x").status, 200);
  const std::string below = fmt::format("/api/2.0/mlflow-artifacts/artifacts/.tenure-uploads/{}",
                                        begun.at("upload_id").as_string().c_str());
  for (const Method method : {Method::kGet, Method::kPut, Method::kDelete})
    EXPECT_EQ(files_.send(method, below + "/upload.json", "{}").status, 400);
  EXPECT_EQ(files_.get("/api/2.0/mlflow-artifacts/artifacts?path=.tenure-uploads").status, 400);
}

}  // namespace
}  // namespace tenure::api::mlflow
