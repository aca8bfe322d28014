#include "api/kserve/kserve_http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/test_api.h"

namespace tenure::api {
namespace {

using testing::HasSubstr;

TEST(KserveV1, PredictsListsAndObjects) {
  TestApi api;
  api.serve_mixed();
  const net::Response response = api.post(
      "/v1/models/churn:predict",
      R"({"instances":[[5,1,"Pro",null],{"tenure":50,"charge":1,"plan":"a","signup":0}]})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"predictions":[0.7310585975646973,0.2689414322376251]})");
}

TEST(KserveV1, Explains) {
  TestApi api;
  api.serve_mixed();
  const core::Json json =
      TestApi::json(api.post("/v1/models/churn:explain", R"({"inputs":[[5,1,"Pro",null]]})"));
  const core::Json& first = json.at("explanations").as_array().at(0);
  EXPECT_EQ(first.at("margin").as_double(), 1);
  EXPECT_EQ(first.at("contributions").as_array().at(0).at("feature").as_string(), "tenure");
}

TEST(KserveV1, KnowsItsModels) {
  TestApi api;
  EXPECT_EQ(api.get("/v1/models").body, R"({"models":["churn"]})");
  EXPECT_EQ(api.get("/v1/models/churn").status, 503);
  api.serve_mixed();
  EXPECT_EQ(api.get("/v1/models/churn").body, R"({"name":"churn","ready":true})");
  EXPECT_EQ(api.get("/v1/models/other").status, 404);
}

TEST(KserveV1, SaysWhatIsWrong) {
  TestApi api;
  const auto error = [&api](std::string_view path, std::string_view body, int status) {
    const net::Response response = api.post(path, body);
    EXPECT_EQ(response.status, status) << response.body;
    return std::string(TestApi::json(response).at("error").as_string());
  };
  EXPECT_THAT(error("/v1/models/churn:predict", "{}", 503), HasSubstr("not ready"));
  api.serve_mixed();
  EXPECT_THAT(error("/v1/models/other:predict", "{}", 404), HasSubstr("other"));
  EXPECT_THAT(error("/v1/models/churn", "{}", 404), HasSubstr(":predict or :explain"));
  EXPECT_THAT(error("/v1/models/churn:classify", "{}", 404), HasSubstr(":predict or :explain"));
  EXPECT_THAT(error("/v1/models/churn:predict", "{}", 400), HasSubstr("exactly one"));
}

}  // namespace
}  // namespace tenure::api
