#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/mlflow/test_mlflow.h"

namespace tenure::api::mlflow {
namespace {

using net::Method;

class RegistryRoutesTest : public ::testing::Test {
 protected:
  static constexpr std::string_view kBase = "/api/2.0/mlflow/";

  net::Response post(std::string_view path, std::string_view body) {
    return server_.post(fmt::format("{}{}", kBase, path), body);
  }
  net::Response get(std::string_view path) { return server_.get(fmt::format("{}{}", kBase, path)); }
  net::Response patch(std::string_view path, std::string_view body) {
    return server_.send(Method::kPatch, fmt::format("{}{}", kBase, path), body);
  }
  net::Response erase(std::string_view path, std::string_view body) {
    return server_.send(Method::kDelete, fmt::format("{}{}", kBase, path), body);
  }
  static std::string error(const net::Response& response) { return TestMlflow::error(response); }
  void make(int versions, std::string_view name = "m") {
    ASSERT_EQ(error(post("registered-models/create", fmt::format(R"({{"name":"{}"}})", name))), "");
    for (int i = 0; i < versions; ++i)
      ASSERT_EQ(error(post("model-versions/create",
                           fmt::format(R"({{"name":"{}","source":"runs:/r/model"}})", name))),
                "");
  }
  core::JsonArray versions_of(const net::Response& response) {
    const core::Json body = TestMlflow::json(response);
    const core::Json* list = body.as_object().if_contains("model_versions");
    core::JsonArray numbers;
    if (list == nullptr) return numbers;
    for (const core::Json& version : list->as_array()) numbers.push_back(version.at("version"));
    return numbers;
  }

  TestMlflow server_{{registry_routes}};
};

TEST_F(RegistryRoutesTest, AModelIsAnsweredAsMlflowDoes) {
  const auto made = post("registered-models/create",
                         R"({"name":"m","tags":[{"key":"k","value":"v"}],"description":"d"})");
  EXPECT_EQ(made.status, 200);
  EXPECT_EQ(made.body, R"({"registered_model":{"name":"m","creation_timestamp":1700000000000,)"
                       R"("last_updated_timestamp":1700000000000,"description":"d",)"
                       R"("tags":[{"key":"k","value":"v"}]}})");
  EXPECT_EQ(get("registered-models/get?name=m").body, made.body);
  EXPECT_EQ(server_.get("/ajax-api/2.0/mlflow/registered-models/get?name=m").body, made.body);
  EXPECT_EQ(error(post("registered-models/create", R"({"name":"m"})")),
            "RESOURCE_ALREADY_EXISTS: Registered Model (name=m) already exists.");
  EXPECT_EQ(post("registered-models/create", R"({"name":"m"})").status, 400);
  EXPECT_EQ(
      error(post("registered-models/create", "{}")),
      "INVALID_PARAMETER_VALUE: Missing value for required parameter 'name'. See the API docs "
      "for more information about request parameters.");
  EXPECT_EQ(error(post("registered-models/create", R"({"name":"bad/name"})")),
            "INVALID_PARAMETER_VALUE: Invalid model name 'bad/name'. Names cannot contain '/' or "
            "':'.");
  EXPECT_EQ(get("registered-models/get?name=nope").status, 404);
  EXPECT_EQ(error(get("registered-models/get?name=nope")),
            "RESOURCE_DOES_NOT_EXIST: Registered Model with name=nope not found");
}

TEST_F(RegistryRoutesTest, AVersionIsAnsweredAsMlflowDoes) {
  make(0);
  server_.act_as("ann");
  const auto made = post("model-versions/create",
                         R"({"name":"m","source":"runs:/r/model","run_id":"r","tags":[{"key":"k",)"
                         R"("value":""}]})");
  EXPECT_EQ(made.body,
            R"({"model_version":{"name":"m","version":"1","creation_timestamp":1700000000000,)"
            R"("last_updated_timestamp":1700000000000,"user_id":"ann","current_stage":"None",)"
            R"("description":"","source":"runs:/r/model","run_id":"r","status":"READY",)"
            R"("tags":[{"key":"k","value":""}],"run_link":""}})");
  EXPECT_EQ(get("model-versions/get?name=m&version=1").body, made.body);
  ASSERT_EQ(
      post("registered-models/alias", R"({"name":"m","alias":"champion","version":"1"})").body,
      "{}");
  const auto by_alias = get("registered-models/alias?name=m&alias=champion");
  EXPECT_NE(by_alias.body.find(R"("aliases":["champion"])"), std::string::npos) << by_alias.body;
  EXPECT_EQ(get("registered-models/alias?name=m&alias=LATEST").body, by_alias.body);
  // The model shows it, as the same entity, and the alias.
  const core::Json model = TestMlflow::json(get("registered-models/get?name=m"));
  EXPECT_EQ(model.at("registered_model").at("latest_versions").at(0),
            TestMlflow::json(by_alias).at("model_version"));
  EXPECT_EQ(core::to_text(model.at("registered_model").at("aliases")),
            R"([{"alias":"champion","version":"1"}])");
  EXPECT_EQ(get("model-versions/get-download-uri?name=m&version=1").body,
            R"({"artifact_uri":"runs:/r/model"})");
}

TEST_F(RegistryRoutesTest, WrongVersionsAliasesAndStagesAreRefusedInMlflowsWords) {
  make(1);
  EXPECT_EQ(error(get("model-versions/get?name=m&version=x")),
            "INVALID_PARAMETER_VALUE: Parameter 'version' must be an integer, got 'x'.");
  EXPECT_EQ(error(get("model-versions/get?name=m&version=9")),
            "RESOURCE_DOES_NOT_EXIST: Model Version (name=m, version=9) not found");
  EXPECT_EQ(error(get("registered-models/alias?name=m&alias=Champion")),
            "INVALID_PARAMETER_VALUE: Registered model alias Champion not found.");
  EXPECT_EQ(error(post("registered-models/alias", R"({"name":"m","alias":"v1","version":"1"})")),
            "INVALID_PARAMETER_VALUE: Version alias name 'v1' is reserved.");
  EXPECT_EQ(
      error(post("model-versions/transition-stage", R"({"name":"m","version":"1","stage":"Foo"})")),
      "INVALID_PARAMETER_VALUE: Invalid Model Version stage: Foo. Value must be one of None, "
      "Staging, Production, Archived.");
  EXPECT_EQ(
      error(post("model-versions/transition-stage", R"({"name":"m","version":"1","stage":"None",)"
                                                    R"("archive_existing_versions":true})")),
      "INVALID_PARAMETER_VALUE: Model version transition cannot archive existing model "
      "versions because 'None' is not an Active stage. Valid stages are ['Staging', "
      "'Production']");
  EXPECT_EQ(erase("registered-models/alias", R"({"name":"m","alias":"gone"})").body, "{}");
  EXPECT_EQ(
      error(post("model-versions/create", R"({"name":"m","source":"/etc/passwd"})")).substr(0, 69),
      "INVALID_PARAMETER_VALUE: Invalid model version source: '/etc/passwd'.");
}

TEST_F(RegistryRoutesTest, StagesMoveAndTheNewestOfEachIsFound) {
  make(3);
  const auto moved =
      post("model-versions/transition-stage", R"({"name":"m","version":"1","stage":"production"})");
  EXPECT_EQ(TestMlflow::json(moved).at("model_version").at("current_stage"), "Production");
  post("model-versions/transition-stage",
       R"({"name":"m","version":"2","stage":"Production","archive_existing_versions":true})");
  EXPECT_EQ(core::to_text(versions_of(get("registered-models/get-latest-versions?name=m"))),
            R"(["1","2","3"])");
  EXPECT_EQ(core::to_text(versions_of(
                get("registered-models/get-latest-versions?name=m&stages=Production&stages=None"))),
            R"(["2","3"])");
  EXPECT_EQ(core::to_text(versions_of(post("registered-models/get-latest-versions",
                                           R"({"name":"m","stages":["archived"]})"))),
            R"(["1"])");
  EXPECT_EQ(
      post("registered-models/get-latest-versions", R"({"name":"m","stages":["staging"]})").body,
      "{}");
}

TEST_F(RegistryRoutesTest, ModelsAndVersionsAreRenamedDescribedAndDeleted) {
  make(2);
  EXPECT_EQ(TestMlflow::json(post("registered-models/rename", R"({"name":"m","new_name":"n"})"))
                .at("registered_model")
                .at("latest_versions")
                .at(0)
                .at("name"),
            "n");
  EXPECT_EQ(get("registered-models/get?name=m").status, 404);
  EXPECT_EQ(
      TestMlflow::json(patch("registered-models/update", R"({"name":"n","description":"new"})"))
          .at("registered_model")
          .at("description"),
      "new");
  EXPECT_EQ(patch("registered-models/update", R"({"name":"n"})").body.find("description\":\"new"),
            std::string::npos);
  EXPECT_EQ(TestMlflow::json(patch("model-versions/update",
                                   R"({"name":"n","version":"1","description":"first"})"))
                .at("model_version")
                .at("description"),
            "first");
  post("registered-models/alias", R"({"name":"n","alias":"champion","version":"2"})");
  EXPECT_EQ(erase("model-versions/delete", R"({"name":"n","version":"2"})").body, "{}");
  EXPECT_EQ(get("model-versions/get?name=n&version=2").status, 404);
  EXPECT_EQ(get("registered-models/alias?name=n&alias=champion").status, 400);
  EXPECT_EQ(
      TestMlflow::json(post("model-versions/create", R"({"name":"n","source":"models:/n/1"})"))
          .at("model_version")
          .at("version"),
      "3");
  EXPECT_EQ(get("model-versions/get-download-uri?name=n&version=3").body,
            R"({"artifact_uri":"runs:/r/model"})");
  EXPECT_EQ(erase("registered-models/delete", R"({"name":"n"})").body, "{}");
  EXPECT_EQ(get("registered-models/get?name=n").status, 404);
}

TEST_F(RegistryRoutesTest, TagsComeAndGo) {
  make(1);
  for (const auto& [path, version] :
       {std::pair("registered-models", ""), std::pair("model-versions", R"(,"version":"1")")}) {
    const auto body = [&](std::string_view rest) {
      return fmt::format(R"({{"name":"m"{},{}}})", version, rest);
    };
    const std::string set = fmt::format("{}/set-tag", path);
    const std::string gone = fmt::format("{}/delete-tag", path);
    EXPECT_EQ(post(set, body(R"("key":"k","value":"v")")).body, "{}");
    EXPECT_EQ(post(set, body(R"("key":"empty","value":"")")).body, "{}");
    EXPECT_EQ(erase(gone, body(R"("key":"k")")).body, "{}");
    EXPECT_EQ(erase(gone, body(R"("key":"k")")).body, "{}");
    EXPECT_EQ(post(set, body(R"("key":"a*b","value":"v")")).status, 400);
    EXPECT_EQ(post(set, body(R"("value":"v")")).status, 400);
  }
  EXPECT_NE(get("registered-models/get?name=m").body.find(R"("tags":[{"key":"empty","value":""}])"),
            std::string::npos);
  EXPECT_NE(get("model-versions/get?name=m&version=1")
                .body.find(R"("tags":[{"key":"empty","value":""}])"),
            std::string::npos);
}

TEST_F(RegistryRoutesTest, SearchesComeWithNewestVersionsAndAliases) {
  make(2, "a");
  make(1, "b");
  post("registered-models/alias", R"({"name":"a","alias":"champion","version":"1"})");
  const core::Json models =
      TestMlflow::json(get("registered-models/search?max_results=1&order_by=name%20ASC"));
  EXPECT_EQ(models.at("registered_models").at(0).at("name"), "a");
  EXPECT_EQ(models.at("registered_models").at(0).at("latest_versions").at(0).at("version"), "2");
  EXPECT_EQ(models.at("next_page_token"), "eyJvZmZzZXQiOiAxfQ==");
  const core::Json versions =
      TestMlflow::json(get("model-versions/search?filter=name%3D%27a%27%20and%20version_number=1"));
  EXPECT_EQ(versions.at("model_versions").as_array().size(), 1U);
  EXPECT_EQ(core::to_text(versions.at("model_versions").at(0).at("aliases")), R"(["champion"])");
  EXPECT_EQ(get("registered-models/search?filter=name%3D%27zzz%27").body, "{}");
  EXPECT_EQ(get("registered-models/search?max_results=0").status, 400);
}

TEST_F(RegistryRoutesTest, AVersionOfALoggedModelIsNotedInIt) {
  make(0);
  const auto& services = server_.services();
  const auto experiment = services.experiments.create("e");
  ASSERT_TRUE(experiment) << experiment.error().message;
  const auto model = services.logged_models.create({.experiment_id = experiment->id,
                                                    .name = "lm",
                                                    .model_type = {},
                                                    .source_run_id = "run7",
                                                    .params = {},
                                                    .tags = {}});
  ASSERT_TRUE(model) << model.error().message;
  const std::string body =
      fmt::format(R"({{"name":"m","source":"models:/{0}","model_id":"{0}"}})", model->id);
  const auto made = post("model-versions/create", body);
  ASSERT_EQ(error(made), "");
  EXPECT_EQ(TestMlflow::json(made).at("model_version").at("run_id"), "run7");
  EXPECT_EQ(
      TestMlflow::json(get("model-versions/get-download-uri?name=m&version=1")).at("artifact_uri"),
      core::Json(model->artifact_uri));
  post("model-versions/create", body);
  EXPECT_EQ(services.logged_models.get(model->id)->tags.at("mlflow.modelVersions"),
            R"([{"name":"m","version":"1"},{"name":"m","version":"2"}])");
  // What MLflow 3's client does next: it reads the tag and adds the version once more.
  ASSERT_TRUE(services.logged_models.set_tags(
      model->id,
      {{"mlflow.modelVersions",
        R"([{"name":"m","version":"1"},{"name":"m","version":"2"},{"name":"m","version":2}])"}}));
  EXPECT_EQ(services.logged_models.get(model->id)->tags.at("mlflow.modelVersions"),
            R"([{"name":"m","version":"1"},{"name":"m","version":"2"}])");
  EXPECT_EQ(error(post("model-versions/create",
                       R"({"name":"m","source":"models:/m-nope","model_id":"m-nope"})")),
            "RESOURCE_DOES_NOT_EXIST: Logged model with ID 'm-nope' not found.");
}

TEST_F(RegistryRoutesTest, ChangesTellWhoMadeThem) {
  make(1);
  server_.act_as("ann");
  post("registered-models/alias", R"({"name":"m","alias":"champion","version":"1"})");
  const auto trail = server_.services().registry.audit("models/m/");
  ASSERT_TRUE(trail) << trail.error().message;
  EXPECT_EQ(trail->front().actor, "ann");
  EXPECT_EQ(trail->back().actor, "mlflow");
}

TEST_F(RegistryRoutesTest, OnlyDeletingAModelAsksForAnAdministrator) {
  for (const net::Route& route : server_.router().routes()) {
    const bool reads = route.method == Method::kGet || route.path.ends_with("/get-latest-versions");
    const bool removes = route.path.ends_with("/registered-models/delete");
    EXPECT_EQ(route.role, removes ? net::Role::kAdmin
                          : reads ? net::Role::kViewer
                                  : net::Role::kOperator)
        << route.path;
  }
}

}  // namespace
}  // namespace tenure::api::mlflow
