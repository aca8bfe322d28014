#include "api/mlflow/graphql/graphql_http.h"

#include <cmath>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/mlflow/test_mlflow.h"

namespace tenure::api::mlflow {
namespace {

using core::Json;
using ::testing::HasSubstr;

class Graphql : public ::testing::Test {
 protected:
  void SetUp() override {
    experiment_ = must(server_.services().experiments.create("e", {{"k", "v"}})).id;
    run_ = must(server_.services().runs.create({.experiment_id = experiment_,
                                                .name = "first",
                                                .user = "u",
                                                .start_ms = 1'700'000'000'000,
                                                .tags = {}}))
               .id;
    std::vector<tracking::Metric> metrics;
    for (int step = 0; step < 10; ++step)
      metrics.push_back({.key = "m", .value = step / 2.0, .timestamp_ms = 5, .step = step});
    metrics.push_back({.key = "nan", .value = std::nan(""), .timestamp_ms = 5, .step = 0});
    ASSERT_TRUE(server_.services().runs.log(run_, metrics, {{"p", "1"}}));
  }
  template <class T>
  static T must(core::Result<T> result) {
    EXPECT_TRUE(result) << result.error().message;
    return *std::move(result);
  }
  std::string ask(std::string_view query, const core::JsonObject& variables = {},
                  std::string_view operation = "") const {
    core::JsonObject body{{"query", query}, {"variables", variables}};
    if (!operation.empty()) body["operationName"] = operation;
    const net::Response response = server_.post("/graphql", core::to_text(body));
    EXPECT_EQ(response.status, 200);
    return response.body;
  }

  TestMlflow server_{ui_routes};
  std::string experiment_;
  std::string run_;
};

TEST_F(Graphql, GivesAnExperiment) {
  EXPECT_EQ(
      ask("query MlflowGetExperimentQuery($input: MlflowGetExperimentInput!) "
          "@component(name: \"MLflow.ExperimentRunTracking\") {"
          " mlflowGetExperiment(input: $input) { apiError { code message } experiment {"
          " artifactLocation creationTime experimentId lastUpdateTime lifecycleStage name"
          " tags { key value __typename } __typename } __typename } }",
          {{"input", core::JsonObject{{"experimentId", experiment_}}}}, "MlflowGetExperimentQuery"),
      R"({"data":{"mlflowGetExperiment":{"apiError":null,"experiment":{)"
      R"("artifactLocation":"mlflow-artifacts:/1","creationTime":"1700000000000",)"
      R"("experimentId":"1","lastUpdateTime":"1700000000000","lifecycleStage":"active",)"
      R"("name":"e","tags":[{"key":"k","value":"v","__typename":"MlflowExperimentTag"}],)"
      R"("__typename":"MlflowExperiment"},"__typename":"MlflowGetExperimentResponse"}},)"
      R"("errors":null})");
}

TEST_F(Graphql, GivesARunWithItsExperiment) {
  EXPECT_EQ(ask(fmt::format(R"(query testQuery @component(name: "Test") {{
                  mlflowGetRun(input: {{runId: "{}"}}) {{ run {{
                    info {{ status runName startTime endTime }} experiment {{ name }}
                    data {{ metrics {{ key value step }} params {{ key value }} }}
                    inputs {{ datasetInputs {{ tags {{ key }} }} modelInputs {{ modelId }} }}
                    outputs {{ modelOutputs {{ modelId step }} }} }} }} }})",
                            run_),
                {}, "testQuery"),
            R"({"data":{"mlflowGetRun":{"run":{"info":{"status":"RUNNING","runName":"first",)"
            R"("startTime":"1700000000000","endTime":null},"experiment":{"name":"e"},)"
            R"("data":{"metrics":[{"key":"m","value":4.5,"step":"9"},)"
            R"({"key":"nan","value":null,"step":"0"}],"params":[{"key":"p","value":"1"}]},)"
            R"("inputs":{"datasetInputs":[],"modelInputs":[]},"outputs":{"modelOutputs":[]}}}},)"
            R"("errors":null})");
}

TEST_F(Graphql, GivesTheModelVersionsOfARun) {
  auto& registry = server_.services().registry;
  ASSERT_TRUE(registry.create_model_if_missing("churn", {}));
  ASSERT_TRUE(registry.create_version("churn", "s3://b/p", run_, {}, {}));
  EXPECT_EQ(ask(fmt::format("{{ mlflowSearchRuns(input: {{experimentIds: [\"{}\"]}}) "
                            "{{ runs {{ modelVersions {{ name version status }} }} }} }}",
                            experiment_)),
            R"({"data":{"mlflowSearchRuns":{"runs":[{"modelVersions":)"
            R"([{"name":"churn","version":"1","status":"READY"}]}]}},"errors":null})");
}

TEST_F(Graphql, SearchesRunsByPages) {
  must(server_.services().runs.create(
      {.experiment_id = experiment_, .name = "second", .user = {}, .tags = {}}));
  const core::JsonObject input{{"experimentIds", core::JsonArray{experiment_}},
                               {"maxResults", "1"},
                               {"runViewType", "ACTIVE_ONLY"},
                               {"orderBy", core::JsonArray{"attributes.start_time DESC"}}};
  const Json answer = must(core::parse_json(
      ask("query SearchRuns($data: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $data) { "
          "apiError { code } nextPageToken runs { info { runName } } } }",
          {{"data", input}}, "SearchRuns")));
  const Json& page = answer.at("data").at("mlflowSearchRuns");
  EXPECT_EQ(page.at("runs").at(0).at("info").at("runName").as_string(), "first");
  EXPECT_TRUE(page.at("nextPageToken").is_string());
}

TEST_F(Graphql, GivesSampledHistories) {
  const Json answer = must(
      core::parse_json(ask("query GetMetricHistoryBulkInterval($data: In!) { "
                           "mlflowGetMetricHistoryBulkInterval(input: $data) { __typename metrics "
                           "{ timestamp step runId key value } apiError { code message } } }",
                           {{"data", core::JsonObject{{"runIds", core::JsonArray{run_}},
                                                      {"metricKey", "m"},
                                                      {"startStep", nullptr},
                                                      {"maxResults", 5}}}})));
  const Json& history = answer.at("data").at("mlflowGetMetricHistoryBulkInterval");
  EXPECT_EQ(history.at("metrics").as_array().size(), 6U);
  EXPECT_EQ(core::to_text(history.at("metrics").at(1).at("step")), "\"2\"");
  EXPECT_EQ(history.at("metrics").at(1).at("value").as_double(), 1.0);
}

TEST_F(Graphql, TellsWhatTheDomainRefusesBesideTheData) {
  EXPECT_EQ(ask("{ mlflowGetRun(input: {runId: \"nope\"}) { run { info { status } } } "
                "ok: mlflowGetExperiment(input: {experimentId: \"0\"}) { apiError { code } } }"),
            R"({"data":{"mlflowGetRun":null,"ok":{"apiError":null}},)"
            R"("errors":["Run with id=nope not found"]})");
}

TEST_F(Graphql, RefusesAQueryThatIsWrong) {
  for (const auto& [query, error] : std::map<std::string, std::string>{
           {"{ mlflowGetRun(input: ", "Syntax Error: "},
           {"{ test { output } }", "Cannot query field 'test' on type 'Query'."},
           {"{ mlflowGetExperiment(input: {experimentId: \"0\"}) { experiment { color } } }",
            "Cannot query field 'color' on type 'MlflowExperiment'."},
           {"{ mlflowGetExperiment(input: {experimentId: \"0\"}) { experiment } }",
            "Field 'experiment' of type 'MlflowExperiment' must have a selection of subfields."},
           {"{ mlflowGetExperiment(input: {experimentId: \"0\"}) { experiment { name { x } } } }",
            "Field 'name' must not have a selection since it has no subfields."}}) {
    const std::string answer = ask(query);
    EXPECT_THAT(answer, HasSubstr("{\"data\":null,\"errors\":[\"" + error)) << query;
  }
}

TEST_F(Graphql, RefusesABodyWithoutAQuery) {
  EXPECT_EQ(server_.get("/graphql").status, 400);
  EXPECT_EQ(server_.post("/graphql", "[]").status, 400);
  EXPECT_EQ(server_.post("/graphql", R"({"query": 5})").status, 400);
  EXPECT_EQ(server_.post("/graphql", R"({"query": "{ a }", "variables": 5})").status, 400);
}

}  // namespace
}  // namespace tenure::api::mlflow
