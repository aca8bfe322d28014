#include "api/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/test_api.h"

namespace tenure::api {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Health, IsOkWithAndWithoutAModel) {
  TestApi api;
  EXPECT_EQ(api.get("/health").status, 200);
  EXPECT_EQ(TestApi::json(api.get("/health")).at("status").as_string(), "ok");
  EXPECT_EQ(TestApi::json(api.get("/health")).at("time").as_string(), "2024-01-05T00:00:00Z");
}

TEST(Ready, SaysWhyItIsNot) {
  TestApi api;
  net::Response response = api.get("/ready");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("no model is live yet"));
  api.serve_mixed();
  response = api.get("/ready");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(TestApi::json(response).at("model").at("version").as_int64(), 7);
  api.is_draining().store(true);
  response = api.get("/ready");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("shutting down"));
  EXPECT_EQ(api.get("/health").status, 200);
}

TEST(ModelInfo, TellsWhatIsLive) {
  TestApi api;
  EXPECT_EQ(api.get("/model-info").status, 503);
  api.serve_mixed();
  const core::Json info = TestApi::json(api.get("/model-info"));
  EXPECT_EQ(info.at("name").as_string(), "churn");
  EXPECT_EQ(info.at("version").as_int64(), 7);
  EXPECT_EQ(info.at("sha256").as_string(), "abc123");
  EXPECT_EQ(info.at("loaded_at").as_string(), "2024-01-05T00:00:00Z");
  EXPECT_EQ(core::to_text(info.at("trees")), "1");
  const core::JsonArray& inputs = info.at("inputs").as_array();
  ASSERT_EQ(inputs.size(), 4U);
  EXPECT_EQ(inputs[0].at("type").as_string(), "integer");
  EXPECT_EQ(core::to_text(inputs[2].at("categories")), R"(["Basic","Pro"])");
  EXPECT_TRUE(info.at("watcher").as_object().contains("live_version"));
}

TEST(Metrics, AreInPrometheusTextFormat) {
  TestApi api;
  const net::Response response = api.get("/metrics");
  EXPECT_THAT(std::string(response.content_type), StartsWith("text/plain; version=0.0.4"));
  EXPECT_THAT(response.body, HasSubstr("# TYPE "));
}

TEST(OpenApi, SpellsOutTheInputsOfTheLiveModel) {
  TestApi api;
  EXPECT_EQ(TestApi::json(api.get("/openapi.json")).at("openapi").as_string(), "3.1.0");
  api.serve_mixed();
  const core::Json document = TestApi::json(api.get("/openapi.json"));
  const core::Json& schemas = document.at("components").at("schemas");
  const core::Json& properties = schemas.at("Features").at("properties");
  EXPECT_EQ(core::to_text(properties.at("tenure").at("type")), R"(["number","null"])");
  EXPECT_EQ(core::to_text(properties.at("plan").at("type")), R"(["string","null"])");
  EXPECT_THAT(std::string(properties.at("plan").at("description").as_string()),
              HasSubstr("'Basic', 'Pro'"));
  EXPECT_TRUE(schemas.as_object().contains("HTTPValidationError"));
  EXPECT_TRUE(schemas.as_object().contains("ValidationError"));
}

TEST(OpenApi, OffersAnExampleThatWorks) {
  TestApi api;
  api.serve_mixed();
  const core::Json document = TestApi::json(api.get("/openapi.json"));
  for (const core::Json& example :
       document.at("components").at("schemas").at("PredictRequest").at("examples").as_array()) {
    EXPECT_EQ(api.post("/predict", core::to_text(example)).status, 200) << core::to_text(example);
  }
}

/// Every "$ref" below `json` that leads nowhere in `document`.
void collect_dangling(const core::Json& json, const core::Json& document,
                      std::vector<std::string>& out) {
  if (const core::JsonArray* items = json.if_array()) {
    for (const core::Json& item : *items) collect_dangling(item, document, out);
  }
  if (const core::JsonObject* members = json.if_object()) {
    for (const auto& member : *members) {
      collect_dangling(member.value(), document, out);
      if (member.key() != "$ref") continue;
      const std::string target(member.value().as_string());
      const std::string name = target.substr(target.rfind('/') + 1);
      if (!document.at("components").at("schemas").as_object().contains(name)) {
        out.push_back(target);
      }
    }
  }
}

TEST(OpenApi, DescribesEveryListedRouteAndRefersToNothingThatIsMissing) {
  TestApi api;
  api.serve_mixed();
  const core::Json document = TestApi::json(api.get("/openapi.json"));
  std::vector<std::string> dangling;
  collect_dangling(document, document, dangling);
  EXPECT_THAT(dangling, testing::IsEmpty());
  for (const net::Route& route : api.router().routes()) {
    if (route.summary.empty()) continue;
    EXPECT_TRUE(document.at("paths").as_object().contains(std::string(route.path))) << route.path;
  }
}

TEST(Docs, NeedNoNetwork) {
  TestApi api;
  const net::Response page = api.get("/docs");
  EXPECT_THAT(page.body, HasSubstr("/docs/swagger-ui-bundle.js"));
  EXPECT_THAT(page.body, Not(HasSubstr("http")));
  EXPECT_THAT(api.get("/docs/swagger-ui.css").body, HasSubstr(".swagger-ui"));
  const net::Response script = api.get("/docs/swagger-ui-bundle.js");
  EXPECT_GT(script.body.size(), 1'000'000U);
  EXPECT_THAT(script.body, HasSubstr("SwaggerUIBundle"));
}

TEST(Index, LinksToEveryPageAndEscapesNames) {
  TestApi api;
  const net::Response response = api.get("/");
  EXPECT_THAT(std::string(response.content_type), StartsWith("text/html"));
  EXPECT_THAT(response.body, HasSubstr("href=\"/docs\""));
  EXPECT_THAT(response.body, HasSubstr("te&lt;st"));
}

TEST(Floor, AnswersAsManyBytesWhateverIsSent) {
  TestApi api;
  const std::string body = api.get("/floor").body;
  EXPECT_EQ(api.post("/floor", R"({"customer_id":"a"})").body, body);
  api.serve_mixed();
  const std::size_t predicted = api.post("/predict", R"({"customer_id":"0000-FLOOR"})").body.size();
  EXPECT_NEAR(static_cast<double>(body.size()), static_cast<double>(predicted), 40);
}

}  // namespace
}  // namespace tenure::api
