#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/mlflow/test_artifacts.h"
#include "core/file.h"

namespace tenure::api::mlflow {
namespace {

using net::Method;

/// A run with the artifacts a.txt and dir/b.txt.
class OwnedArtifacts : public ::testing::Test {
 protected:
  OwnedArtifacts() {
    EXPECT_TRUE(server_.services().experiments.get("0"));
    run_ = server_.services().runs.create(run_in("0")).value();
    EXPECT_TRUE(run_.artifact_uri.starts_with("mlflow-artifacts:/0/")) << run_.artifact_uri;
    root_ = server_.folder() / "artifacts/0" / run_.id / "artifacts";
    std::filesystem::create_directories(root_ / "dir");
    std::ofstream(root_ / "a.txt") << "abcdefg";
    std::ofstream(root_ / "dir/b.txt") << "1";
  }
  static tracking::NewRun run_in(const std::string& experiment) {
    tracking::NewRun run;
    run.experiment_id = experiment;
    return run;
  }
  core::Result<tracking::LoggedModel> new_model() const {
    tracking::NewLoggedModel model;
    model.experiment_id = "0";
    model.name = "m";
    return server_.services().logged_models.create(model);
  }
  std::string list(std::string_view query) const {
    return files_.get(fmt::format("/api/2.0/mlflow/artifacts/list?{}", query)).body;
  }

  TestMlflow server_{{artifact_routes}};
  TestArtifacts files_{server_.services()};
  tracking::Run run_;
  std::filesystem::path root_;
};

TEST_F(OwnedArtifacts, ListsARunsArtifactsRelativeToItsRoot) {
  EXPECT_EQ(
      list("run_id=" + run_.id),
      fmt::format(R"({{"root_uri":"{}","files":[{{"path":"a.txt","is_dir":false,"file_size":7}},)"
                  R"({{"path":"dir","is_dir":true}}]}})",
                  run_.artifact_uri));
  EXPECT_EQ(
      list("run_uuid=" + run_.id + "&path=dir"),
      fmt::format(
          R"({{"root_uri":"{}","files":[{{"path":"dir/b.txt","is_dir":false,"file_size":1}}]}})",
          run_.artifact_uri));
  EXPECT_EQ(list("run_id=" + run_.id + "&path=a.txt"),
            fmt::format(R"({{"root_uri":"{}"}})", run_.artifact_uri));
  EXPECT_EQ(files_.get("/ajax-api/2.0/mlflow/artifacts/list?run_id=" + run_.id).body,
            list("run_id=" + run_.id));
}

TEST_F(OwnedArtifacts, SendsAFileOfARun) {
  for (const std::string_view route : {"/get-artifact", "/ajax-api/2.0/mlflow/get-artifact"}) {
    const auto sent = files_.get(fmt::format("{}?run_uuid={}&path=a.txt", route, run_.id));
    EXPECT_EQ(sent.status, 200);
    EXPECT_EQ(sent.body, "abcdefg");
    EXPECT_EQ(sent.content_type, "text/plain");
    EXPECT_EQ(TestArtifacts::header(sent, "Content-Disposition"), "attachment; filename=a.txt");
    const auto part = files_.get(fmt::format("{}?run_id={}&path=a.txt", route, run_.id),
                                 {{"Range", "bytes=1-2"}});
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, "bc");
  }
  const auto missing = files_.get(fmt::format("/get-artifact?run_id={}&path=dir/x", run_.id));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(TestMlflow::error(missing), "RESOURCE_DOES_NOT_EXIST: No such artifact: 'dir/x'");
  EXPECT_EQ(files_.get(fmt::format("/get-artifact?run_id={}&path=dir", run_.id)).status, 404);
  EXPECT_EQ(files_.get("/get-artifact?run_id=" + run_.id).status, 400);
  EXPECT_EQ(TestMlflow::error(files_.get("/get-artifact?run_id=nope&path=a")),
            "RESOURCE_DOES_NOT_EXIST: Run with id=nope not found");
}

TEST_F(OwnedArtifacts, SendsAFileOfAModelVersionAlsoBehindTwoSlashes) {
  const tracking::Change change{"me", "test"};
  auto& registry = server_.services().registry;
  ASSERT_TRUE(registry.create_model_if_missing("m", change));
  ASSERT_TRUE(registry.create_version("m", run_.artifact_uri + "/dir", run_.id, {}, change));
  ASSERT_TRUE(registry.create_version("m", "mlflow-artifacts:", run_.id, {}, change));
  for (const std::string_view route :
       {"/model-versions/get-artifact", "//model-versions/get-artifact",
        "/ajax-api/2.0/mlflow/model-versions/get-artifact"}) {
    EXPECT_EQ(files_.get(fmt::format("{}?name=m&version=1&path=b.txt", route)).body, "1") << route;
    EXPECT_EQ(
        files_.get(fmt::format("{}?name=m&version=2&path=0/{}/artifacts/a.txt", route, run_.id))
            .body,
        "abcdefg");
    EXPECT_EQ(TestMlflow::error(files_.get(fmt::format("{}?name=m&version=x&path=b", route))),
              "INVALID_PARAMETER_VALUE: Parameter 'version' must be an integer, got 'x'.");
    EXPECT_EQ(files_.get(fmt::format("{}?name=m&version=9&path=b.txt", route)).status, 404);
    EXPECT_EQ(TestMlflow::error(files_.get(fmt::format("{}?name=none&version=9&path=../b", route))),
              "INVALID_PARAMETER_VALUE: Invalid path")
        << "told before the model is looked for";
  }
}

TEST_F(OwnedArtifacts, ShowsTheArtifactsOfALoggedModel) {
  const auto model = new_model();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->artifact_uri, fmt::format("mlflow-artifacts:/0/models/{}/artifacts", model->id));
  const auto stored = files_.put(fmt::format("/api/2.0/mlflow-artifacts/artifacts/0/models/{}/"
                                             "artifacts/sub/MLmodel",
                                             model->id),
                                 "flavors:");
  ASSERT_EQ(stored.status, 200);
  EXPECT_EQ(
      files_
          .get(fmt::format("/api/2.0/mlflow/logged-models/{}/artifacts/directories"
                           "?artifact_directory_path=sub",
                           model->id))
          .body,
      fmt::format(
          R"({{"root_uri":"{}","files":[{{"path":"sub/MLmodel","is_dir":false,"file_size":8}}]}})",
          model->artifact_uri));
  const std::string files =
      fmt::format("/ajax-api/2.0/mlflow/logged-models/{}/artifacts/files", model->id);
  EXPECT_EQ(files_.get(files + "?artifact_file_path=sub/MLmodel").body, "flavors:");
  EXPECT_EQ(TestMlflow::error(files_.get(files)),
            "INVALID_PARAMETER_VALUE: Request must include the \"artifact_file_path\" query "
            "parameter.");
  EXPECT_EQ(files_.get("/api/2.0/mlflow/logged-models/m-nope/artifacts/directories").status, 404);
}

TEST_F(OwnedArtifacts, TakesASmallFileOfTheWebPage) {
  const auto upload = [&](std::string_view query, std::string_view body,
                          const TestArtifacts::Headers& headers = {}) {
    return files_.send(Method::kPost, fmt::format("/ajax-api/2.0/mlflow/upload-artifact?{}", query),
                       body, headers);
  };
  const std::string target = "run_uuid=" + run_.id + "&path=new/c.txt";
  const auto stored = upload(target, "data");
  EXPECT_EQ(stored.status, 200);
  EXPECT_EQ(stored.body, "");
  EXPECT_EQ(core::read_file(root_ / "new/c.txt").value_or(""), "data");
  const auto invalid = [](std::string_view text) {
    return "INVALID_PARAMETER_VALUE: " + std::string(text);
  };
  EXPECT_EQ(TestMlflow::error(upload("path=x", "d")), invalid("Request must specify run_uuid."));
  EXPECT_EQ(TestMlflow::error(upload("run_uuid=" + run_.id, "d")),
            invalid("Request must specify path."));
  EXPECT_EQ(TestMlflow::error(upload(target, "")), invalid("Request must specify data."));
  const std::string too_large(10 * 1024 * 1024 + 1, 'x');
  const std::string told = invalid("Artifact size is too large. Max size is 10MB.");
  EXPECT_EQ(TestMlflow::error(upload(target, too_large)), told) << "chunked";
  EXPECT_EQ(TestMlflow::error(upload(target, "", {{"Content-Length", "10485761"}})), told);
  EXPECT_EQ(upload(target, std::string_view(too_large).substr(1)).status, 200);
  EXPECT_EQ(TestMlflow::error(upload("run_uuid=" + run_.id + "&path=../x", "d")),
            invalid("Invalid path"));
  EXPECT_EQ(upload("run_uuid=nope&path=x", "d").status, 404);
}

TEST_F(OwnedArtifacts, PresignsNothingOutsideOfBuckets) {
  const auto answer = files_.post("/api/2.0/mlflow/artifacts/presigned-upload-url",
                                  fmt::format(R"({{"run_id": "{}", "path": "x"}})", run_.id));
  EXPECT_EQ(answer.status, 400);
}

TEST_F(OwnedArtifacts, PresignsUploadsIntoBuckets) {
  ::setenv("AWS_ACCESS_KEY_ID", "test", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "very-secret", 1);
  ::setenv("MLFLOW_S3_ENDPOINT_URL", "http://127.0.0.1:9000", 1);
  const auto experiment = server_.services().experiments.create("b", {}, "s3://bkt/x");
  ASSERT_TRUE(experiment) << experiment.error().message;
  const auto run = server_.services().runs.create(run_in(experiment->id));
  const auto ask = [&](std::string_view more) {
    return files_.post("/api/2.0/mlflow/artifacts/presigned-upload-url",
                       fmt::format(R"({{"run_id": "{}", "path": "a/b c"{}}})", run->id, more));
  };
  const std::string object =
      fmt::format("http://127.0.0.1:9000/bkt/x/{}/artifacts/a/b%20c?", run->id);
  const auto answer = ask("");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_NE(answer.body.find(object), std::string::npos) << answer.body;
  EXPECT_NE(answer.body.find("X-Amz-Expires=900"), std::string::npos);
  EXPECT_EQ(answer.body.find("very-secret"), std::string::npos);
  EXPECT_NE(ask(R"(, "expiration": 60)").body.find("X-Amz-Expires=60&"), std::string::npos);
  for (const std::string_view bad : {"0", "-1", "604801", "4294967356"})
    EXPECT_EQ(ask(fmt::format(R"(, "expiration": {})", bad)).status, 400) << bad;
}

TEST_F(OwnedArtifacts, PresignsDownloadsAndForLoggedModels) {
  const std::string target = "/api/2.0/mlflow/artifacts/presigned-download-url";
  const auto ask = [&](const std::string& body) {
    return TestMlflow::error(files_.post(target, body));
  };
  // Here nothing lies in a bucket.
  EXPECT_NE(ask(fmt::format(R"({{"run_id": "{}", "path": "x"}})", run_.id)).find("in a bucket"),
            std::string::npos);
  EXPECT_NE(
      ask(fmt::format(R"({{"model_id": "{}", "path": "x"}})", new_model()->id)).find("in a bucket"),
      std::string::npos);
  EXPECT_NE(ask(R"({"model_id": "m-1", "run_id": "r", "path": "x"})").find("Exactly one"),
            std::string::npos);
  EXPECT_NE(ask(R"({"path": "x"})").find("run_id"), std::string::npos);
  EXPECT_NE(ask(R"({"run_id": "nope", "path": "x"})").find("not found"), std::string::npos);
  EXPECT_NE(ask(R"({"run_id": "nope", "path": "../x"})").find("Invalid path"), std::string::npos);
}

TEST_F(OwnedArtifacts, NoPathLeavesTheRun) {
  const auto model = new_model();
  for (const std::string_view path :
       {"../path", "%2e%2e/x", "%252e%252e%252fx", "a/../../x", "..%5cx", "/etc/passwd",
        "%2fetc/passwd", "a%00b", "C:/x", "file:/etc", "a%23b"}) {
    for (const std::string& target :
         {fmt::format("/api/2.0/mlflow/artifacts/list?run_id={}&path={}", run_.id, path),
          fmt::format("/get-artifact?run_id={}&path={}", run_.id, path),
          fmt::format("//model-versions/get-artifact?name=m&version=1&path={}", path),
          fmt::format("/api/2.0/mlflow/logged-models/{}/artifacts/directories"
                      "?artifact_directory_path={}",
                      model->id, path),
          fmt::format("/ajax-api/2.0/mlflow/logged-models/{}/artifacts/files?artifact_file_path={}",
                      model->id, path)})
      EXPECT_EQ(TestMlflow::error(files_.get(target)), "INVALID_PARAMETER_VALUE: Invalid path")
          << target;
  }
}

TEST_F(OwnedArtifacts, DoesNotOpenTheMachinesFilesThroughAnExperiment) {
  auto& services = server_.services();
  const auto experiment = services.experiments.create("outside", {}, "file:///etc");
  ASSERT_TRUE(experiment);
  const auto run = services.runs.create(run_in(experiment->id));
  ASSERT_TRUE(run);
  ASSERT_TRUE(
      services.database.execute("UPDATE runs SET artifact_uri = 'file:///etc' WHERE "
                                "run_uuid = :id",
                                {run->id}));
  EXPECT_EQ(files_.get(fmt::format("/get-artifact?run_id={}&path=passwd", run->id)).status, 403);
  EXPECT_EQ(files_.get(fmt::format("/api/2.0/mlflow/artifacts/list?run_id={}", run->id)).status,
            403);
}

}  // namespace
}  // namespace tenure::api::mlflow
