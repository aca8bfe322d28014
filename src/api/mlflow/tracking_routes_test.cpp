#include <cmath>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/mlflow/test_mlflow.h"

namespace tenure::api::mlflow {
namespace {

using core::Json;
using net::Method;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

constexpr std::string_view kSeeDocs =
    " See the API docs for more information about request parameters.";

class TrackingRoutes : public ::testing::Test {
 protected:
  static constexpr std::string_view kApi = "/api/2.0/mlflow/";

  net::Response post(std::string_view call, std::string_view body) const {
    return server_.post(fmt::format("{}{}", kApi, call), body);
  }
  net::Response get(std::string_view call_and_query) const {
    return server_.get(fmt::format("{}{}", kApi, call_and_query));
  }
  /// The answer to a call that must succeed.
  Json posted(std::string_view call, std::string_view body) const {
    const net::Response response = post(call, body);
    EXPECT_EQ(response.status, 200) << call << ' ' << body << ": " << response.body;
    return TestMlflow::json(response);
  }
  Json got(std::string_view call_and_query) const {
    const net::Response response = get(call_and_query);
    EXPECT_EQ(response.status, 200) << call_and_query << ": " << response.body;
    return TestMlflow::json(response);
  }
  std::string refused(std::string_view call, std::string_view body) const {
    const net::Response response = post(call, body);
    EXPECT_NE(response.status, 200) << call << ' ' << body << ": " << response.body;
    return TestMlflow::error(response);
  }
  std::string refused_get(std::string_view call_and_query) const {
    return TestMlflow::error(get(call_and_query));
  }
  static std::string text(const Json& json) { return std::string(json.as_string().c_str()); }

  std::string new_experiment(std::string_view name) const {
    return text(
        posted("experiments/create", fmt::format(R"({{"name":"{}"}})", name)).at("experiment_id"));
  }
  std::string new_run(std::string_view experiment_id = "0") const {
    const Json made =
        posted("runs/create", fmt::format(R"({{"experiment_id":"{}"}})", experiment_id));
    return text(made.at("run").at("info").at("run_id"));
  }
  void log(std::string_view run, std::string_view key, double value, int step) const {
    posted("runs/log-metric",
           fmt::format(R"({{"run_id":"{}","key":"{}","value":{},"timestamp":{},"step":{}}})", run,
                       key, value, 1000 + step, step));
  }
  static std::string missing(std::string_view name) {
    return fmt::format("INVALID_PARAMETER_VALUE: Missing value for required parameter '{}'.{}",
                       name, kSeeDocs);
  }

  TestMlflow server_{tracking_routes};
};

TEST_F(TrackingRoutes, AreServedUnderBothPrefixesWithTheRoleOfWhatTheyDo) {
  for (const net::Route& route : server_.router().routes()) {
    EXPECT_TRUE(route.is_blocking) << route.path;
    const std::string_view path = route.path;
    const bool is_ajax = path.starts_with("/ajax-api/2.0/mlflow/");
    EXPECT_TRUE(is_ajax || path.starts_with(kApi)) << path;
    EXPECT_EQ(route.summary.empty(), is_ajax) << path;
    const bool reads = path.find("/search") != std::string_view::npos ||
                       path.find("/get") != std::string_view::npos;
    EXPECT_EQ(route.role, reads ? net::Role::kViewer : net::Role::kOperator) << path;
  }
  EXPECT_EQ(server_.get("/ajax-api/2.0/mlflow/experiments/get?experiment_id=0").status, 200);
  EXPECT_EQ(server_.get("/api/3.0/mlflow/experiments/get?experiment_id=0").status, 404);
  EXPECT_EQ(server_.get("/api/2.0/mlflow/runs/create").status, 405);
}

TEST_F(TrackingRoutes, MakeAndShowAnExperiment) {
  const Json made =
      posted("experiments/create", R"({"name":"e1","tags":[{"key":"team","value":"churn"}]})");
  EXPECT_EQ(made, Json({{"experiment_id", "1"}}));
  EXPECT_EQ(get("experiments/get?experiment_id=1").body,
            R"({"experiment":{"experiment_id":"1","name":"e1",)"
            R"("artifact_location":"mlflow-artifacts:/1","lifecycle_stage":"active",)"
            R"("last_update_time":1700000000000,"creation_time":1700000000000,)"
            R"("tags":[{"key":"team","value":"churn"}]}})");
  EXPECT_EQ(got("experiments/get-by-name?experiment_name=e1"),
            got("experiments/get?experiment_id=1"));
  EXPECT_EQ(refused_get("experiments/get-by-name?experiment_name=nope"),
            "RESOURCE_DOES_NOT_EXIST: Could not find experiment with name 'nope'");
  EXPECT_EQ(refused_get("experiments/get?experiment_id=999"),
            "RESOURCE_DOES_NOT_EXIST: No Experiment with id=999 exists");
  EXPECT_EQ(refused_get("experiments/get?experiment_id=abc"),
            "INVALID_PARAMETER_VALUE: Invalid experiment ID 'abc'. Experiment ID must be a valid "
            "integer.");
  EXPECT_THAT(refused("experiments/create", R"({"name":"e1"})"),
              StartsWith("RESOURCE_ALREADY_EXISTS: Experiment(name=e1) already exists."));
  EXPECT_EQ(refused("experiments/create", "{}"), missing("name"));
  EXPECT_EQ(refused("experiments/create", R"({"name":5})"),
            fmt::format("INVALID_PARAMETER_VALUE: Invalid value 5 for parameter 'name' supplied:  "
                        "Hint: Value was of type 'int'.{}",
                        kSeeDocs));
}

TEST_F(TrackingRoutes, RenameDeleteRestoreAndTagAnExperiment) {
  const std::string id = new_experiment("e1");
  const auto with = [&](std::string_view rest) {
    return fmt::format(R"({{"experiment_id":"{}"{}}})", id, rest);
  };
  EXPECT_EQ(post("experiments/update", with(R"(,"new_name":"e2")")).body, "{}");
  posted("experiments/set-experiment-tag", with(R"(,"key":"a","value":"1")"));
  posted("experiments/set-experiment-tag", with(R"(,"key":"b")"));
  EXPECT_EQ(got("experiments/get?experiment_id=1").at("experiment").at("tags"),
            core::parse_json(R"([{"key":"a","value":"1"},{"key":"b","value":""}])").value());
  posted("experiments/delete-experiment-tag", with(R"(,"key":"a")"));
  EXPECT_EQ(refused("experiments/delete-experiment-tag", with(R"(,"key":"a")")),
            "RESOURCE_DOES_NOT_EXIST: No tag with name: a in experiment with id 1");
  posted("experiments/delete", with(""));
  EXPECT_EQ(text(got("experiments/get?experiment_id=1").at("experiment").at("lifecycle_stage")),
            "deleted");
  EXPECT_EQ(post("experiments/delete", with("")).status, 404);
  posted("experiments/restore", with(""));
  EXPECT_EQ(post("experiments/restore", with("")).status, 404);
  EXPECT_EQ(text(got("experiments/get?experiment_id=1").at("experiment").at("name")), "e2");
}

TEST_F(TrackingRoutes, SearchExperimentsByGetAndByPost) {
  for (const char* name : {"a", "b", "c"}) new_experiment(name);
  const Json page = posted("experiments/search", R"({"max_results":2})");
  EXPECT_EQ(page.at("experiments").as_array().size(), 2U);
  const std::string token = text(page.at("next_page_token"));
  const Json last = got("experiments/search?max_results=2&page_token=" + token);
  EXPECT_EQ(last.at("experiments").as_array().size(), 2U);
  EXPECT_FALSE(last.as_object().contains("next_page_token"));
  const Json ordered =
      got("experiments/search?order_by=name%20DESC&filter=name%20ILIKE%20%27%25b%25%27");
  EXPECT_EQ(text(ordered.at("experiments").at(0).at("name")), "b");
  EXPECT_EQ(got("experiments/search?view_type=DELETED_ONLY"), Json(core::JsonObject()));
  EXPECT_EQ(got("experiments/search?view_type=2"), Json(core::JsonObject()));
  EXPECT_THAT(refused("experiments/search", R"({"max_results":50001})"),
              StartsWith("INVALID_PARAMETER_VALUE: Invalid value 50001 for parameter "
                         "'max_results' supplied"));
  EXPECT_THAT(refused_get("experiments/search?page_token=evil&max_results=1"),
              StartsWith("INVALID_PARAMETER_VALUE: Invalid page token"));
}

TEST_F(TrackingRoutes, CreateARunAsTheClientSaysIt) {
  const std::string id = new_experiment("e1");
  const net::Response made =
      post("runs/create", R"({"experiment_id":"1","start_time":1700000000000,)"
                          R"("user_id":"u","run_name":"painted-gnu-162",)"
                          R"("tags":[{"key":"t1","value":"v1"}]})");
  const std::string run = text(TestMlflow::json(made).at("run").at("info").at("run_id"));
  EXPECT_THAT(run, MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(made.body,
            fmt::format(R"({{"run":{{"info":{{"run_uuid":"{0}","experiment_id":"1",)"
                        R"("run_name":"painted-gnu-162","user_id":"u","status":"RUNNING",)"
                        R"("start_time":1700000000000,)"
                        R"("artifact_uri":"mlflow-artifacts:/1/{0}/artifacts",)"
                        R"("lifecycle_stage":"active","run_id":"{0}"}},)"
                        R"("data":{{"tags":[{{"key":"mlflow.runName","value":"painted-gnu-162"}},)"
                        R"({{"key":"t1","value":"v1"}}]}},"inputs":{{}}}}}})",
                        run));
  const Json shown = got("runs/get?run_uuid=" + run).at("run");
  EXPECT_EQ(shown.at("outputs"), Json(core::JsonObject()));
  EXPECT_EQ(shown.at("inputs"), Json(core::JsonObject()));
}

TEST_F(TrackingRoutes, CreateARunWithoutAWord) {
  const Json info = posted("runs/create", "{}").at("run").at("info");
  EXPECT_EQ(text(info.at("experiment_id")), "0");
  EXPECT_EQ(text(info.at("user_id")), "");
  EXPECT_EQ(info.at("start_time").as_int64(), 0);
  EXPECT_THAT(text(info.at("run_name")), MatchesRegex("[a-z]+-[a-z]+-[0-9]+"));
  EXPECT_THAT(refused("runs/create", R"({"experiment_id":1})"),
              HasSubstr("Invalid value 1 for parameter 'experiment_id' supplied"));
  EXPECT_EQ(refused("runs/create", R"({"experiment_id":"0","run_name":"a",)"
                                   R"("tags":[{"key":"mlflow.runName","value":"b"}]})"),
            "INVALID_PARAMETER_VALUE: Both 'run_name' argument and 'mlflow.runName' tag are "
            "specified, but with different values (run_name='a', mlflow.runName='b').");
}

TEST_F(TrackingRoutes, UpdateARun) {
  const std::string run = new_run();
  const auto with = [&](std::string_view rest) {
    return fmt::format(R"({{"run_id":"{0}","run_uuid":"{0}"{1}}})", run, rest);
  };
  const Json info = posted("runs/update", with(R"(,"status":"FINISHED","end_time":"1700000009999",)"
                                               R"("run_name":"renamed")"))
                        .at("run_info");
  EXPECT_EQ(text(info.at("status")), "FINISHED");
  EXPECT_EQ(info.at("end_time").as_int64(), 1'700'000'009'999);
  EXPECT_EQ(text(info.at("run_name")), "renamed");
  EXPECT_EQ(text(posted("runs/update", with(R"(,"status":4)")).at("run_info").at("status")),
            "FAILED");
  EXPECT_THAT(refused("runs/update", with(R"(,"status":"BOGUS")")),
              HasSubstr("Invalid value \"BOGUS\" for parameter 'status' supplied"));
  EXPECT_EQ(refused("runs/update", R"({"status":"FINISHED"})"), missing("run_id"));
  EXPECT_EQ(refused("runs/update", R"({"run_id":"nope"})"),
            "RESOURCE_DOES_NOT_EXIST: Run with id=nope not found");
}

TEST_F(TrackingRoutes, DeleteAndRestoreARun) {
  const std::string run = new_run();
  const std::string body = fmt::format(R"({{"run_id":"{}"}})", run);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(post("runs/delete", body).body, "{}");
  EXPECT_EQ(refused("runs/set-tag", fmt::format(R"({{"run_id":"{}","key":"k"}})", run)),
            fmt::format("INVALID_PARAMETER_VALUE: The run {} must be in the 'active' state. "
                        "Current state is deleted.",
                        run));
  EXPECT_EQ(text(got("runs/get?run_id=" + run).at("run").at("info").at("lifecycle_stage")),
            "deleted");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(post("runs/restore", body).body, "{}");
  EXPECT_EQ(refused("runs/delete", R"({"run_uuid":"old name"})"), missing("run_id"));
}

TEST_F(TrackingRoutes, LogMetricsInEveryFormANumberHas) {
  const std::string run = new_run();
  const auto log_value = [&](std::string_view key, std::string_view value) {
    return post("runs/log-metric", fmt::format(R"({{"run_uuid":"{}","key":"{}","value":{},)"
                                               R"("timestamp":"1700000000000","step":"2"}})",
                                               run, key, value))
        .body;
  };
  for (const auto& [key, value] : std::map<std::string, std::string>{{"a-text", "\"NaN\""},
                                                                     {"b-token", "NaN"},
                                                                     {"c-inf", "\"Infinity\""},
                                                                     {"d-low", "-Infinity"},
                                                                     {"e-whole", "3"},
                                                                     {"f-small", "\"0.25\""}})
    EXPECT_EQ(log_value(key, value), "{}");
  const std::string shown = get("runs/get?run_id=" + run).body;
  for (const char* metric :
       {R"({"key":"a-text","value":"NaN","timestamp":1700000000000,"step":2})",
        R"({"key":"b-token","value":"NaN","timestamp":1700000000000,"step":2})",
        R"({"key":"c-inf","value":1.7976931348623157e+308,"timestamp":1700000000000,"step":2})",
        R"({"key":"d-low","value":-1.7976931348623157e+308,"timestamp":1700000000000,"step":2})",
        R"({"key":"e-whole","value":3.0,"timestamp":1700000000000,"step":2})",
        R"({"key":"f-small","value":0.25,"timestamp":1700000000000,"step":2})"})
    EXPECT_THAT(shown, HasSubstr(metric));
}

TEST_F(TrackingRoutes, RefuseMetricsThatAreWrong) {
  const std::string run = new_run();
  const auto log_with = [&](std::string_view rest) {
    return refused("runs/log-metric", fmt::format(R"({{"run_id":"{}"{}}})", run, rest));
  };
  EXPECT_EQ(log_with(R"(,"value":1,"timestamp":1)"), missing("key"));
  EXPECT_EQ(log_with(R"(,"key":"m","timestamp":1)"), missing("value"));
  EXPECT_EQ(log_with(R"(,"key":"m","value":1)"), missing("timestamp"));
  EXPECT_THAT(log_with(R"(,"key":"m","value":true,"timestamp":1)"),
              HasSubstr("Invalid value true for parameter 'value' supplied"));
  EXPECT_THAT(log_with(R"(,"key":"m","value":1,"timestamp":1.5)"),
              HasSubstr("for parameter 'timestamp' supplied"));
  EXPECT_EQ(log_with(R"(,"key":"m","value":1,"timestamp":-1)"),
            "INVALID_PARAMETER_VALUE: Invalid value -1 for parameter 'timestamp' supplied: metric "
            "'m' (value=1.0). Timestamp must be a nonnegative long (64-bit integer) ");
  EXPECT_EQ(log_with(R"(,"key":"a*b","value":1,"timestamp":1)"),
            "INVALID_PARAMETER_VALUE: Invalid value \"a*b\" for parameter 'name' supplied: Names "
            "may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), "
            "colon(:) and slashes (/).");
  EXPECT_EQ(log_with(R"(,"key":"a/../b","value":1,"timestamp":1)"),
            "INVALID_PARAMETER_VALUE: Invalid value \"a/../b\" for parameter 'name' supplied: "
            "Names may be treated as files in certain cases, and must not resolve to other names "
            "when treated as such. This name would resolve to 'b'");
  EXPECT_EQ(log_with(fmt::format(R"(,"key":"{}","value":1,"timestamp":1)", std::string(251, 'k'))),
            "INVALID_PARAMETER_VALUE: 'Metric name' exceeds the maximum length of 250 characters");
}

TEST_F(TrackingRoutes, LogParamsOnce) {
  const std::string run = new_run();
  const auto body = [&](std::string_view value) {
    return fmt::format(R"({{"run_id":"{}","key":"p","value":"{}"}})", run, value);
  };
  EXPECT_EQ(post("runs/log-parameter", body("1")).body, "{}");
  EXPECT_EQ(post("runs/log-parameter", body("1")).body, "{}");
  EXPECT_EQ(refused("runs/log-parameter", body("2")),
            fmt::format("INVALID_PARAMETER_VALUE: Changing param values is not allowed. Param with "
                        "key='p' was already logged with value='1' for run ID='{}'. Attempted "
                        "logging new value '2'.",
                        run));
  posted("runs/log-parameter", fmt::format(R"({{"run_id":"{}","key":"empty"}})", run));
  EXPECT_THAT(get("runs/get?run_id=" + run).body,
              HasSubstr(R"("params":[{"key":"empty","value":""},{"key":"p","value":"1"}])"));
}

TEST_F(TrackingRoutes, SetAndDeleteTags) {
  const std::string run = new_run();
  const auto body = [&](std::string_view rest) {
    return fmt::format(R"({{"run_id":"{}"{}}})", run, rest);
  };
  posted("runs/set-tag", body(R"(,"key":"mlflow.runName","value":"other")"));
  EXPECT_EQ(text(got("runs/get?run_id=" + run).at("run").at("info").at("run_name")), "other");
  posted("runs/set-tag", body(R"(,"key":"tag","value":"\u00e9\n\"")"));
  EXPECT_THAT(get("runs/get?run_id=" + run).body,
              HasSubstr("{\"key\":\"tag\",\"value\":\"\xC3\xA9\\n\\\"\"}"));
  posted("runs/delete-tag", body(R"(,"key":"tag")"));
  EXPECT_EQ(refused("runs/delete-tag", body(R"(,"key":"tag")")),
            fmt::format("RESOURCE_DOES_NOT_EXIST: No tag with name: tag in run with id {}", run));
  EXPECT_EQ(refused("runs/delete-tag", body("")), missing("key"));
}

TEST_F(TrackingRoutes, LogABatchAllOrNothing) {
  const std::string run = new_run();
  const auto body = [&](std::string_view rest) {
    return fmt::format(R"({{"run_id":"{}",{}}})", run, rest);
  };
  posted("runs/log-batch",
         body(R"("metrics":[{"key":"m","value":1,"timestamp":1,"step":1},)"
              R"({"key":"m","value":2,"timestamp":2,"step":2}],)"
              R"("params":[{"key":"p","value":"x"}],"tags":[{"key":"t","value":"y"}])"));
  const std::string before = get("runs/get?run_id=" + run).body;
  EXPECT_THAT(before, HasSubstr(R"({"key":"m","value":2.0,"timestamp":2,"step":2})"));
  const std::string refusal =
      refused("runs/log-batch", body(R"("metrics":[{"key":"n","value":1,"timestamp":1}],)"
                                     R"("params":[{"key":"p","value":"CHANGED"},)"
                                     R"({"key":"q","value":"new"}])"));
  EXPECT_THAT(refusal, StartsWith("INVALID_PARAMETER_VALUE: Changing param values is not allowed. "
                                  "Params were already logged='[{'key': 'p', 'old_value': 'x', "
                                  "'new_value': 'CHANGED'}]' for run ID="));
  EXPECT_EQ(get("runs/get?run_id=" + run).body, before);
  EXPECT_EQ(posted("runs/log-batch", fmt::format(R"({{"run_id":"{}"}})", run)),
            Json(core::JsonObject()));
}

TEST_F(TrackingRoutes, NameThePlaceOfAMistakeInABatch) {
  const std::string run = new_run();
  const auto batch = [&](std::string_view rest) {
    return refused("runs/log-batch", fmt::format(R"({{"run_id":"{}",{}}})", run, rest));
  };
  EXPECT_EQ(refused("runs/log-batch", R"({"metrics":[]})"), missing("run_id"));
  EXPECT_EQ(batch(R"("metrics":[{"key":"m","value":1}])"), missing("metrics[0].timestamp"));
  EXPECT_EQ(batch(R"("metrics":[{"key":"m","timestamp":1}])"), missing("metrics[0].value"));
  EXPECT_EQ(batch(R"("params":[{"key":"a","value":"1"},{"value":"1"}])"), missing("params[1].key"));
  EXPECT_EQ(batch(R"("tags":[{"value":"1"}])"), missing("tags[0].key"));
  EXPECT_THAT(batch(R"("metrics":[{"key":"a*","value":1,"timestamp":1}])"),
              StartsWith("INVALID_PARAMETER_VALUE: Invalid value \"a*\" for parameter "
                         "'metrics[0].name' supplied: Names may only contain"));
  EXPECT_THAT(batch(R"("params":[{"key":"a*","value":"1"}])"),
              HasSubstr("parameter 'params[0].key'"));
  EXPECT_THAT(batch(R"("tags":[{"key":"ok"},{"key":"/a"}])"), HasSubstr("parameter 'tags[1].key'"));
  EXPECT_THAT(batch(R"("metrics":{"key":"m"})"),
              HasSubstr("for parameter 'metrics' supplied:  Hint: Value was of type 'dict'."));
  EXPECT_EQ(batch(R"("params":[{"key":"d","value":"1"},{"key":"d","value":"1"}])"),
            "INVALID_PARAMETER_VALUE: Duplicate parameter keys have been submitted: ['d']. Please "
            "ensure the request contains only one param value per param key.");
}

/// `count` items: {"key":"k0", ...}, {"key":"k1", ...}
std::string items(int count, std::string_view rest) {
  std::string list;
  for (int i = 0; i < count; ++i)
    list += fmt::format("{}{{\"key\":\"k{}\",{}}}", i == 0 ? "" : ",", i, rest);
  return '[' + list + ']';
}

TEST_F(TrackingRoutes, LimitTheSizeOfABatch) {
  const std::string run = new_run();
  const std::string metric = R"("value":1,"timestamp":1)", pair = R"("value":"1")";
  const auto batch = [&](int metrics, int params, int tags) {
    return fmt::format(R"({{"run_id":"{}","metrics":{},"params":{},"tags":{}}})", run,
                       items(metrics, metric), items(params, pair), items(tags, pair));
  };
  const auto too_many = [](int max, std::string_view what, int count) {
    return fmt::format(
        "INVALID_PARAMETER_VALUE: A batch logging request can contain at most {0} "
        "{1}. Got {2} {1}. Please split up {1} across multiple requests and try "
        "again.",
        max, what, count);
  };
  EXPECT_EQ(refused("runs/log-batch", batch(0, 101, 0)), too_many(100, "params", 101));
  EXPECT_EQ(refused("runs/log-batch", batch(0, 0, 101)), too_many(100, "tags", 101));
  EXPECT_EQ(refused("runs/log-batch", batch(1001, 0, 0)), too_many(1000, "metrics", 1001));
  EXPECT_EQ(refused("runs/log-batch", batch(900, 100, 1)),
            too_many(1000, "metrics, params, and tags", 1001));
  posted("runs/log-batch", batch(800, 100, 100));
  EXPECT_EQ(got("runs/get?run_id=" + run).at("run").at("data").at("metrics").as_array().size(),
            800U);
}

TEST_F(TrackingRoutes, LogInputsAndOutputs) {
  const std::string run = new_run();
  posted("runs/log-inputs",
         fmt::format(R"({{"run_id":"{}","datasets":[{{"tags":[{{"key":"mlflow.data.context",)"
                     R"("value":"training"}}],"dataset":{{"name":"d","digest":"abc",)"
                     R"("source_type":"local","source":"{{}}","schema":"{{}}"}}}}],)"
                     R"("models":[{{"model_id":"m-1"}}]}})",
                     run));
  posted("runs/outputs",
         fmt::format(R"({{"run_id":"{}","models":[{{"model_id":"m-2","step":"7"}}]}})", run));
  const Json shown = got("runs/get?run_id=" + run).at("run");
  EXPECT_EQ(shown.at("inputs"),
            core::parse_json(R"({"dataset_inputs":[{"tags":[{"key":"mlflow.data.context",)"
                             R"("value":"training"}],"dataset":{"name":"d","digest":"abc",)"
                             R"("source_type":"local","source":"{}","schema":"{}"}}],)"
                             R"("model_inputs":[{"model_id":"m-1"}]})")
                .value());
  EXPECT_EQ(shown.at("outputs"),
            core::parse_json(R"({"model_outputs":[{"model_id":"m-2","step":7}]})").value());
  EXPECT_EQ(refused("runs/outputs", fmt::format(R"({{"run_id":"{}"}})", run)), missing("models"));
  EXPECT_EQ(refused("runs/log-inputs",
                    fmt::format(R"({{"run_id":"{}","datasets":[{{"dataset":{{}}}}]}})", run)),
            missing("datasets[0].dataset.name"));
  const Json summaries =
      posted("experiments/search-datasets", R"({"experiment_ids":["0"]})").at("dataset_summaries");
  EXPECT_EQ(summaries, core::parse_json(R"([{"experiment_id":"0","name":"d","digest":"abc",)"
                                        R"("context":"training"}])")
                           .value());
}

TEST_F(TrackingRoutes, RecordAModelAsOldClientsTellIt) {
  const std::string run = new_run();
  const auto body = [&](std::string_view model) {
    core::JsonObject fields{{"run_id", run}, {"model_json", model}};
    return core::to_text(fields);
  };
  posted("runs/log-model", body(fmt::format(R"({{"run_id":"{}","artifact_path":"model",)"
                                            R"("utc_time_created":"2024-01-01","flavors":{{}}}})",
                                            run)));
  EXPECT_THAT(get("runs/get?run_id=" + run).body, HasSubstr("mlflow.log-model.history"));
  EXPECT_EQ(refused("runs/log-model", body("no json")),
            "INVALID_PARAMETER_VALUE: Malformed model info. \n no json \n is not a valid JSON.");
  EXPECT_THAT(refused("runs/log-model", body(R"({"flavors":{}})")),
              StartsWith("INVALID_PARAMETER_VALUE: Model json is missing mandatory fields: {"));
}

TEST_F(TrackingRoutes, SearchRuns) {
  const std::string experiment = new_experiment("e");
  const std::string first = new_run(experiment), second = new_run(experiment);
  log(first, "auc", 0.7, 1);
  log(second, "auc", 0.9, 1);
  const Json page = posted("runs/search", R"({"experiment_ids":["1"],"max_results":1,)"
                                          R"("order_by":["metrics.auc DESC"]})");
  ASSERT_EQ(page.at("runs").as_array().size(), 1U);
  EXPECT_EQ(page.at("runs").at(0), got("runs/get?run_id=" + second).at("run"));
  const Json rest =
      posted("runs/search", fmt::format(R"({{"experiment_ids":["1"],"max_results":1,"order_by":)"
                                        R"(["metrics.auc DESC"],"page_token":"{}"}})",
                                        text(page.at("next_page_token"))));
  EXPECT_EQ(text(rest.at("runs").at(0).at("info").at("run_id")), first);
  EXPECT_FALSE(rest.as_object().contains("next_page_token"));
  EXPECT_EQ(posted("runs/search", R"({"experiment_ids":["1"],"filter":"metrics.auc > 0.8"})")
                .at("runs")
                .as_array()
                .size(),
            1U);
  EXPECT_EQ(posted("runs/search", "{}"), Json(core::JsonObject()));
  EXPECT_EQ(posted("runs/search", R"({"experiment_ids":["1"],"run_view_type":"DELETED_ONLY"})"),
            Json(core::JsonObject()));
  EXPECT_THAT(refused("runs/search", R"({"experiment_ids":["1"],"max_results":123456789})"),
              StartsWith("INVALID_PARAMETER_VALUE: Invalid value 123456789 for parameter "
                         "'max_results' supplied"));
  EXPECT_THAT(refused("runs/search", R"({"experiment_ids":"1"})"),
              HasSubstr("Invalid value \"1\" for parameter 'experiment_ids' supplied"));
}

TEST_F(TrackingRoutes, PageThroughAHistory) {
  const std::string run = new_run();
  for (int step = 0; step < 10; ++step) log(run, "m", step, step);
  const std::string asked = "metrics/get-history?metric_key=m&run_id=" + run;
  EXPECT_EQ(got(asked).at("metrics").as_array().size(), 10U);
  std::vector<std::size_t> sizes;
  std::string token;
  do {
    const Json page = got(asked + "&max_results=4" + (token.empty() ? "" : "&page_token=" + token));
    sizes.push_back(page.at("metrics").as_array().size());
    const Json* const next = page.as_object().if_contains("next_page_token");
    token = next == nullptr ? "" : text(*next);
  } while (!token.empty());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{4, 4, 2}));
  EXPECT_EQ(get("metrics/get-history?metric_key=other&run_id=" + run).body, "{}");
  EXPECT_THAT(get(asked + "&max_results=1").body,
              StartsWith(R"({"metrics":[{"key":"m","value":0.0,"timestamp":1000,"step":0}],)"
                         R"("next_page_token":")"));
  // MLflow's own tokens are good, too.
  EXPECT_EQ(get(asked + "&max_results=1&page_token=eyJvZmZzZXQiOiA5fQ==").body,
            R"({"metrics":[{"key":"m","value":9.0,"timestamp":1009,"step":9}]})");
  EXPECT_THAT(refused_get(asked + "&max_results=4&page_token=random"),
              StartsWith("INVALID_PARAMETER_VALUE: Invalid page token"));
  EXPECT_EQ(refused_get("metrics/get-history?metric_key=m"), missing("run_id"));
  EXPECT_EQ(refused_get("metrics/get-history?run_id=" + run), missing("metric_key"));
}

TEST_F(TrackingRoutes, GiveTheHistoriesOfSeveralRuns) {
  const std::string a = new_run(), b = new_run();
  for (int step = 0; step < 10; ++step) log(a, "m", step, step);
  for (int step = 0; step < 20; ++step) log(b, "m", step, step);
  const std::string runs = fmt::format("run_id={}&run_id={}", a, b);
  EXPECT_EQ(got("metrics/get-history-bulk?metric_key=m&" + runs).at("metrics").as_array().size(),
            30U);
  EXPECT_EQ(refused_get("metrics/get-history-bulk?metric_key=m"),
            "INVALID_PARAMETER_VALUE: GetMetricHistoryBulk request must specify at least one "
            "run_id.");
  EXPECT_EQ(refused_get("metrics/get-history-bulk?" + runs),
            "INVALID_PARAMETER_VALUE: GetMetricHistoryBulk request must specify a metric_key.");
}

TEST_F(TrackingRoutes, GiveEvenlyChosenStepsOfSeveralRuns) {
  const std::string a = new_run(), b = new_run();
  for (int step = 0; step < 10; ++step) log(a, "m", step, step);
  for (int step = 0; step < 20; ++step) log(b, "m", step, step);
  const auto steps = [&](std::string_view query) {
    std::vector<std::int64_t> found;
    const Json answer =
        got(fmt::format("metrics/get-history-bulk-interval?metric_key=m&{}", query));
    for (const Json& metric : answer.at("metrics").as_array())
      found.push_back(metric.at("step").as_int64());
    return found;
  };
  using Steps = std::vector<std::int64_t>;
  EXPECT_EQ(steps(fmt::format("run_ids={}&max_results=5", a)), (Steps{0, 2, 4, 6, 8, 9}));
  EXPECT_EQ(steps(fmt::format("run_ids={}&run_ids={}&max_results=5", a, b)),
            (Steps{0, 4, 8, 9, 0, 4, 8, 9, 12, 16, 19}));
  EXPECT_EQ(steps(fmt::format("run_ids={}&start_step=2&end_step=3", a)), (Steps{2, 3}));
  const auto refusal = [&](std::string_view query) {
    return refused_get(
        fmt::format("metrics/get-history-bulk-interval?metric_key=m&run_ids={}&{}", a, query));
  };
  EXPECT_EQ(refusal("start_step=1&end_step=0"),
            "INVALID_PARAMETER_VALUE: end_step must be greater than start_step. Found "
            "start_step=1 and end_step=0.");
  EXPECT_EQ(refusal("start_step=1"),
            "INVALID_PARAMETER_VALUE: If either start step or end step are specified, both must be "
            "specified.");
  EXPECT_EQ(
      refusal("max_results=2501"),
      "INVALID_PARAMETER_VALUE: max_results must be between 1 and 2500. See the API docs for more "
      "information about request parameters.");
  EXPECT_EQ(refused_get("metrics/get-history-bulk-interval?metric_key=m"), missing("run_ids"));
  std::string many;
  for (int i = 0; i < 101; ++i) many += "&run_ids=x";
  EXPECT_EQ(
      refusal(many.substr(1)),
      "INVALID_PARAMETER_VALUE: GetMetricHistoryBulkInterval request must specify at most "
      "100 run_ids. Received 102 run_ids. See the API docs for more information about request "
      "parameters.");
}

TEST_F(TrackingRoutes, ReadWhatClientsSendOddly) {
  EXPECT_EQ(TestMlflow::error(server_.send(Method::kPost, "/api/2.0/mlflow/experiments/create",
                                           R"({"name":"x"})", "")),
            "INVALID_PARAMETER_VALUE: Bad Request. Content-Type header is missing.");
  EXPECT_EQ(TestMlflow::error(server_.send(Method::kPost, "/api/2.0/mlflow/experiments/create",
                                           R"({"name":"x"})", "text/plain")),
            "INVALID_PARAMETER_VALUE: Bad Request. Content-Type must be one of "
            "['application/json'].");
  posted("experiments/create", R"("{\"name\":\"twice encoded\"}")");
  EXPECT_EQ(got("experiments/get-by-name?experiment_name=twice+encoded").as_object().size(), 1U);
  for (const char* body : {"", "{", "null", "\"\"", "\"[\""})
    EXPECT_NE(post("experiments/create", body).status, 200) << body;
  EXPECT_EQ(post("experiments/create", "[]").status, 400);
  EXPECT_EQ(post("experiments/create", std::string(1'000'000, '[')).status, 400);
  const std::string long_name(100'000, 'n');
  EXPECT_EQ(post("experiments/create", fmt::format(R"({{"name":"{}"}})", long_name)).status, 400);
}

}  // namespace
}  // namespace tenure::api::mlflow
