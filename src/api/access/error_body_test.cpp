#include "api/access/error_body.h"

#include <gtest/gtest.h>

#include "api/test_api.h"

namespace tenure::api {
namespace {

net::Response rendered(int status, std::string_view path) {
  net::Response response;
  response.error(status, "what \"is\" wrong");
  render_error({.status = status, .detail = "what \"is\" wrong", .path = path, .request_id = "r1"},
               response);
  EXPECT_EQ(response.status, status);
  return response;
}

TEST(ErrorBody, IsProblemDetailsOnOurOwnRoutes) {
  for (const char* path : {"/predict", "/", "/nowhere", "/v20/x", "/v1x"}) {
    const net::Response response = rendered(404, path);
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_EQ(response.body,
              fmt::format(R"({{"type":"about:blank","title":"Not Found","status":404,)"
                          R"("detail":"what \"is\" wrong","instance":"{}","request_id":"r1"}})",
                          path));
  }
}

TEST(ErrorBody, LeavesOutWhatIsNotKnown) {
  net::Response response;
  render_error({.status = 431, .detail = "too large", .path = "", .request_id = ""}, response);
  EXPECT_EQ(response.body,
            R"({"type":"about:blank","title":"Request Header Fields Too Large","status":431,)"
            R"("detail":"too large"})");
}

TEST(ErrorBody, KeepsTheErrorOfInferenceProtocolsAndAddsTheRest) {
  for (const char* path : {"/v2", "/v2/models/m/infer", "/v1/models/m:predict"}) {
    const net::Response response = rendered(401, path);
    EXPECT_EQ(response.content_type, "application/json");
    const core::Json json = TestApi::json(response);
    EXPECT_EQ(json.at("error").as_string(), "what \"is\" wrong");
    EXPECT_EQ(json.at("detail").as_string(), "what \"is\" wrong");
    EXPECT_EQ(json.at("status").as_int64(), 401);
    EXPECT_EQ(json.at("title").as_string(), "Unauthorized");
    EXPECT_EQ(json.at("instance").as_string(), path);
  }
}

TEST(ErrorBody, IsMlflowsWhereItsClientsAsk) {
  const std::pair<int, const char*> kCodes[] = {
      {401, "UNAUTHENTICATED"},        {403, "PERMISSION_DENIED"},
      {404, "ENDPOINT_NOT_FOUND"},     {413, "BAD_REQUEST"},
      {429, "RESOURCE_EXHAUSTED"},     {500, "INTERNAL_ERROR"},
      {503, "TEMPORARILY_UNAVAILABLE"}};
  for (const auto& [status, code] : kCodes) {
    EXPECT_EQ(rendered(status, "/invocations").body,
              fmt::format(R"({{"error_code":"{}","message":"what \"is\" wrong"}})", code));
  }
  for (const char* path :
       {"/api/2.0/mlflow/runs/search", "/api/3.0/mlflow/nothing", "/graphql",
        "/ajax-api/2.0/mlflow/runs/get", "/get-artifact", "/api/2.0/mlflow-artifacts/artifacts/a/b",
        "//model-versions/get-artifact"}) {
    const net::Response response = rendered(404, path);
    EXPECT_EQ(response.content_type, "application/json") << path;
    EXPECT_TRUE(response.body.starts_with("{\"error_code\":\"ENDPOINT_NOT_FOUND\"")) << path;
  }
  EXPECT_EQ(rendered(400, "/api/2.0/mlflow-artifacts/artifacts/x").body,
            R"({"error_code":"INVALID_PARAMETER_VALUE","message":"what \"is\" wrong"})");
}

}  // namespace
}  // namespace tenure::api
