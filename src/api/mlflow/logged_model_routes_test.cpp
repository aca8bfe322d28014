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

class LoggedModelRoutes : public ::testing::Test {
 protected:
  static constexpr const char* kModels = "/api/2.0/mlflow/logged-models";

  std::string make(std::string_view body) const {
    const net::Response made = server_.post(kModels, body);
    EXPECT_EQ(made.status, 200) << made.body;
    return text(TestMlflow::json(made).at("model").at("info").at("model_id"));
  }
  static std::string text(const Json& json) { return std::string(json.as_string().c_str()); }
  std::string at(std::string_view id, std::string_view rest = "") const {
    return fmt::format("{}/{}{}", kModels, id, rest);
  }
  Json shown(std::string_view id) const {
    return TestMlflow::json(server_.get(at(id))).at("model");
  }

  TestMlflow server_{logged_model_routes};
};

TEST_F(LoggedModelRoutes, MakeAModel) {
  const net::Response made = server_.post(
      kModels, R"({"experiment_id":"0","name":"lm","model_type":"clf","source_run_id":"4908",)"
               R"("params":[{"key":"p","value":"1"}],"tags":[{"key":"t","value":"x"}]})");
  ASSERT_EQ(made.status, 200) << made.body;
  const std::string id = text(TestMlflow::json(made).at("model").at("info").at("model_id"));
  EXPECT_THAT(id, MatchesRegex("m-[0-9a-f]{32}"));
  EXPECT_EQ(made.body,
            fmt::format(R"({{"model":{{"info":{{"model_id":"{0}","experiment_id":"0","name":"lm",)"
                        R"("creation_timestamp_ms":1700000000000,)"
                        R"("last_updated_timestamp_ms":1700000000000,)"
                        R"("artifact_uri":"mlflow-artifacts:/0/models/{0}/artifacts",)"
                        R"("status":"LOGGED_MODEL_PENDING","model_type":"clf",)"
                        R"("source_run_id":"4908","tags":[{{"key":"t","value":"x"}}]}},)"
                        R"("data":{{"params":[{{"key":"p","value":"1"}}]}}}}}})",
                        id));
  EXPECT_EQ(server_.get(at(id)).body, made.body);
}

TEST_F(LoggedModelRoutes, FinishAModelByNameOrNumber) {
  const std::string id = make(R"({"experiment_id":"0"})");
  const auto finish = [&](std::string_view status) {
    return server_.send(Method::kPatch, at(id),
                        fmt::format(R"({{"model_id":"{}","status":{}}})", id, status));
  };
  EXPECT_EQ(finish("\"LOGGED_MODEL_READY\"").status, 200);
  EXPECT_EQ(text(shown(id).at("info").at("status")), "LOGGED_MODEL_READY");
  EXPECT_EQ(finish("3").status, 200);
  EXPECT_EQ(text(shown(id).at("info").at("status")), "LOGGED_MODEL_UPLOAD_FAILED");
  EXPECT_THAT(TestMlflow::error(finish("\"READY\"")),
              HasSubstr("Invalid value \"READY\" for parameter 'status' supplied"));
  EXPECT_THAT(TestMlflow::error(server_.send(Method::kPatch, at(id), "{}")),
              HasSubstr("Missing value for required parameter 'status'."));
}

TEST_F(LoggedModelRoutes, DeleteAModelAndShowItOnlyWhenAllowed) {
  const std::string id = make(R"({"experiment_id":"0"})");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(server_.send(Method::kDelete, at(id), "", "").body, "{}");
  EXPECT_EQ(TestMlflow::error(server_.get(at(id))),
            fmt::format("RESOURCE_DOES_NOT_EXIST: Logged model with ID '{}' not found.", id));
  EXPECT_EQ(server_.get(at(id, "?allow_deleted=true")).status, 200);
  EXPECT_EQ(TestMlflow::error(server_.get(at("m-nope"))),
            "RESOURCE_DOES_NOT_EXIST: Logged model with ID 'm-nope' not found.");
}

TEST_F(LoggedModelRoutes, ChangeTagsAndParams) {
  const std::string id = make(R"({"experiment_id":"0"})");
  EXPECT_EQ(server_
                .send(Method::kPatch, at(id, "/tags"),
                      R"({"tags":[{"key":"a b","value":"1"},{"key":"c","value":"2"}]})")
                .body,
            "{}");
  EXPECT_EQ(server_.send(Method::kDelete, at(id, "/tags/a%20b")).body, "{}");
  EXPECT_EQ(TestMlflow::error(server_.send(Method::kDelete, at(id, "/tags/a%20b"))),
            fmt::format("RESOURCE_DOES_NOT_EXIST: No tag with key 'a b' found for model with ID "
                        "'{}'.",
                        id));
  const std::string params = R"({"params":[{"key":"p","value":"1"}]})";
  EXPECT_EQ(server_.post(at(id, "/params"), params).body, "{}");
  EXPECT_EQ(server_.post(at(id, "/params"), params).body, "{}");
  EXPECT_EQ(server_.post(at(id, "/params"), R"({"params":[{"key":"p","value":"2"}]})").status, 400);
  EXPECT_EQ(shown(id).at("info").at("tags"),
            core::parse_json(R"([{"key":"c","value":"2"}])").value());
  EXPECT_EQ(shown(id).at("data").at("params"),
            core::parse_json(R"([{"key":"p","value":"1"}])").value());
}

TEST_F(LoggedModelRoutes, RefuseWhatIsWrong) {
  EXPECT_THAT(TestMlflow::error(server_.post(kModels, "{}")),
              HasSubstr("Missing value for required parameter 'experiment_id'."));
  EXPECT_EQ(TestMlflow::error(server_.post(kModels, R"({"experiment_id":"0","name":"bad/name"})")),
            "INVALID_PARAMETER_VALUE: Invalid model name ('bad/name') provided. Model name must be "
            "a non-empty string and cannot contain the following characters: ('/', ':', '.', '%', "
            "'\"', \"'\")");
}

TEST_F(LoggedModelRoutes, SearchModels) {
  const std::string id = make(R"({"experiment_id":"0","name":"a"})");
  make(R"({"experiment_id":"0","name":"b"})");
  const auto search = [&](std::string_view body) {
    return TestMlflow::json(server_.post(at("search"), body));
  };
  const Json page = search(R"({"experiment_ids":["0"],"max_results":1,)"
                           R"("order_by":[{"field_name":"name","ascending":true}]})");
  EXPECT_EQ(page.at("models").at(0), shown(id));
  const std::string token = text(page.at("next_page_token"));
  const Json rest =
      search(fmt::format(R"({{"experiment_ids":["0"],"max_results":1,"page_token":"{}",)"
                         R"("order_by":[{{"field_name":"name","ascending":true}}]}})",
                         token));
  EXPECT_EQ(text(rest.at("models").at(0).at("info").at("name")), "b");
  EXPECT_FALSE(rest.as_object().contains("next_page_token"));
  EXPECT_EQ(
      search(R"({"experiment_ids":["0"],"filter":"name = 'a'"})").at("models").as_array().size(),
      1U);
  EXPECT_THAT(TestMlflow::error(server_.post(at("search"), "{}")),
              HasSubstr("Missing value for required parameter 'experiment_ids'."));
  EXPECT_THAT(TestMlflow::error(server_.post(
                  at("search"), R"({"experiment_ids":["0"],"order_by":[{"ascending":true}]})")),
              HasSubstr("Missing value for required parameter 'order_by[0].field_name'."));
}

}  // namespace
}  // namespace tenure::api::mlflow
