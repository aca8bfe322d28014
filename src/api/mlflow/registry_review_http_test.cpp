#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/mlflow/test_mlflow.h"

namespace tenure::api::mlflow {
namespace {

class RegistryReviewTest : public ::testing::Test {
 protected:
  static constexpr std::string_view kModel = "/api/tenure/models/churn%20model/";

  void SetUp() override {
    server_.act_as("ann");
    post("/api/2.0/mlflow/registered-models/create", R"({"name":"churn model"})");
    experiment_ = server_.services().experiments.create("e")->id;
    for (const double auc : {0.8, 0.85}) add_version(auc, auc > 0.8 ? "6" : "4");
  }
  void add_version(double auc, std::string depth) {
    auto& runs = server_.services().runs;
    const auto run =
        runs.create({.experiment_id = experiment_, .name = "r", .user = "ann", .tags = {}});
    ASSERT_TRUE(run) << run.error().message;
    const tracking::Metric metrics[] = {{.key = "auc", .value = auc, .timestamp_ms = 1}};
    ASSERT_TRUE(runs.log(run->id, metrics, {{"depth", depth}, {"rounds", "100"}}));
    const tracking::DatasetInput data{
        .dataset = {"customers", "digest" + depth, "local", "{}", "", ""},
        .tags = {{"mlflow.data.context", "training"}}};
    ASSERT_TRUE(runs.log_inputs(run->id, {&data, 1}, {}));
    const auto made = post(
        "/api/2.0/mlflow/model-versions/create",
        fmt::format(R"({{"name":"churn model","source":"runs:/r/model","run_id":"{}"}})", run->id));
    ASSERT_EQ(made.status, 200) << made.body;
  }
  net::Response post(std::string_view path, std::string_view body) {
    return server_.post(path, body);
  }
  net::Response decide(std::string_view what, std::string_view reason = "good") {
    return post(fmt::format("{}versions/{}", kModel, what),
                fmt::format(R"({{"reason":"{}"}})", reason));
  }
  net::Response get(std::string_view path) {
    return server_.get(fmt::format("{}{}", kModel, path));
  }
  net::Response promote(std::string_view version) {
    return post(
        "/api/2.0/mlflow/registered-models/alias",
        fmt::format(R"({{"name":"churn model","alias":"champion","version":"{}"}})", version));
  }
  static const core::Json* row(const core::Json& rows, std::string_view key) {
    for (const core::Json& each : rows.as_array())
      if (each.at("key") == core::Json(key)) return &each;
    return nullptr;
  }

  TestMlflow server_{{registry_routes}, {}, {.aliases = {"champion"}, .stages = {"Production"}}};
  std::string experiment_;
};

TEST_F(RegistryReviewTest, ComparesVersionsAndMarksWhatDiffers) {
  const auto answer = get("compare?versions=1,2");
  ASSERT_EQ(answer.status, 200) << answer.error_detail;
  const core::Json body = TestMlflow::json(answer);
  EXPECT_EQ(body.at("model"), "churn model");
  ASSERT_EQ(body.at("versions").as_array().size(), 2U);
  EXPECT_EQ(core::to_text(*row(body.at("params"), "depth")),
            R"({"key":"depth","values":["4","6"],"differs":true})");
  EXPECT_EQ(row(body.at("params"), "rounds")->at("differs"), false);
  EXPECT_EQ(row(body.at("metrics"), "auc")->at("values").at(1), 0.85);
  EXPECT_EQ(core::to_text(*row(body.at("datasets"), "customers (training)")),
            R"x({"key":"customers (training)","values":["digest4","digest6"],"differs":true})x");
  EXPECT_EQ(row(body.at("attributes"), "stage")->at("differs"), false);
}

TEST_F(RegistryReviewTest, RefusesWhatCannotBeCompared) {
  EXPECT_EQ(get("compare").status, 400);
  EXPECT_EQ(get("compare?versions=1").status, 400);
  EXPECT_EQ(get("compare?versions=1,1").status, 400);
  EXPECT_EQ(get("compare?versions=1,9").status, 404);
  EXPECT_EQ(get("compare?versions=1,@nope").status, 404);
  EXPECT_EQ(server_.get("/api/tenure/models/nope/compare?versions=1,2").status, 404);
}

TEST_F(RegistryReviewTest, PromotionThroughMlflowWaitsForApproval) {
  const auto refused = promote("1");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(TestMlflow::error(refused).substr(0, 80),
            "PERMISSION_DENIED: version 1 of 'churn model' may not get alias 'champion' yet: ");
  EXPECT_EQ(post("/api/2.0/mlflow/model-versions/transition-stage",
                 R"({"name":"churn model","version":"1","stage":"Production"})")
                .status,
            403);
  EXPECT_EQ(decide("1/approve").status, 403);  // ann registered it
  server_.act_as("bob");
  const auto approved = decide("1/approve");
  ASSERT_EQ(approved.status, 200) << approved.error_detail;
  EXPECT_EQ(TestMlflow::json(approved).at("approval").at("approved"), true);
  EXPECT_EQ(TestMlflow::json(approved).at("evidence").at("champion"), nullptr);
  EXPECT_EQ(promote("1").body, "{}");

  // The evidence of the next one is measured against it.
  const core::Json next = TestMlflow::json(decide("2/approve"));
  const core::Json* auc = row(next.at("evidence").at("metrics"), "auc");
  ASSERT_NE(auc, nullptr);
  EXPECT_EQ(auc->at("champion"), 0.8);
  EXPECT_NEAR(auc->at("difference").as_double(), 0.05, 1e-9);
  EXPECT_EQ(next.at("evidence").at("champion").at("version"), 1);
  EXPECT_EQ(TestMlflow::json(get("versions/2/approval")).at("approval").at("approved"), true);
}

TEST_F(RegistryReviewTest, ADecisionIsKeptWithItsReason) {
  server_.act_as("bob");
  EXPECT_EQ(decide("2/reject", "worse for seniors").status, 200);
  const core::Json trail = TestMlflow::json(get("audit?version=2&limit=1"));
  const core::Json& entry = trail.at("entries").at(0);
  EXPECT_EQ(entry.at("action"), "reject");
  EXPECT_EQ(entry.at("actor"), "bob");
  EXPECT_EQ(entry.at("reason"), "worse for seniors");
  EXPECT_EQ(entry.at("subject"), "models/churn model/2");
  EXPECT_TRUE(entry.at("evidence").at("metrics").is_array());
  EXPECT_EQ(TestMlflow::json(get("audit")).at("entries").as_array().size(), 4U);

  EXPECT_EQ(decide("2/approve", "").status, 400);
  EXPECT_EQ(post(fmt::format("{}versions/2/approve", kModel), "{}").status, 400);
  EXPECT_EQ(post(fmt::format("{}versions/2/approve", kModel), "not json").status, 400);
  EXPECT_EQ(decide("9/approve").status, 404);
  EXPECT_EQ(decide("x/approve").status, 404);
  EXPECT_EQ(get("audit?limit=0").status, 400);
  EXPECT_EQ(get("audit?version=x").status, 400);
  EXPECT_EQ(server_.get("/api/tenure/models/nope/audit").status, 404);
}

}  // namespace
}  // namespace tenure::api::mlflow
