#include "api/traffic/traffic_http.h"

#include <map>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/test_api.h"
#include "serving/traffic_options.h"

namespace tenure::api {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kRow = R"({"tenure":3,"charge":1,"plan":"Pro","signup":null})";

std::string header(const net::Response& response, std::string_view name) {
  for (const auto& [known, value] : response.headers)
    if (known == name) return value;
  return "";
}

bool is_canary(std::string_view customer) {
  return serving::traffic_slot("", customer) < 5'000;
}

/// A canary with half of the customers; without traffic the answers are the champion's alone.
class TrafficHttp : public testing::Test {
 protected:
  void SetUp() override {
    api_.serve_mixed();
    api_.serve_canary();
  }
  TestApi api_{1'000, {.canary_slots = 5'000}};
};

TEST_F(TrafficHttp, NamesVersionAndVariantOfOneRow) {
  for (int i = 0; i < 20; ++i) {
    const std::string id = fmt::format("C{}", i);
    const net::Response response =
        api_.post("/predict", fmt::format(R"({{"customer_id":"{}","features":{}}})", id, kRow));
    const core::Json json = TestApi::json(response);
    const int version = is_canary(id) ? 8 : 7;
    EXPECT_EQ(json.at("model").at("version").as_int64(), version);
    EXPECT_EQ(json.at("variant").as_string(), is_canary(id) ? "canary" : "champion");
    EXPECT_EQ(json.at("probability").as_double() > 0.5, version == 7);
    EXPECT_EQ(header(response, "X-Model-Version"), std::to_string(version));
    EXPECT_EQ(header(response, "X-Variant"), is_canary(id) ? "canary" : "champion");
  }
}

TEST_F(TrafficHttp, DealsTheSameInEveryProtocol) {
  std::string ids, rows;
  for (int i = 0; i < 30; ++i) {
    ids += fmt::format("{}\"C{}\"", i == 0 ? "" : ",", i);
    rows += fmt::format("{}{}", i == 0 ? "" : ",", kRow);
  }
  const std::string body = fmt::format(R"({{"customer_ids":[{}],"features":[{}]}})", ids, rows);
  for (const auto* const path : {"/predict", "/predict/batch", "/explain"}) {
    const net::Response response = api_.post(path, body);
    const core::Json json = TestApi::json(response);
    EXPECT_EQ(header(response, "X-Variant"), "") << "rows of two versions";
    const core::JsonArray& predictions = json.at("predictions").as_array();
    for (std::size_t i = 0; i < 30; ++i) {
      const bool is_arm = is_canary(fmt::format("C{}", i));
      EXPECT_EQ(predictions[i].at("model_version").as_int64(), is_arm ? 8 : 7) << path;
      EXPECT_EQ(predictions[i].at("variant").as_string(), is_arm ? "canary" : "champion");
      EXPECT_EQ(predictions[i].at("probability").as_double() > 0.5, !is_arm);
    }
    EXPECT_EQ(json.at("model").at("version").as_int64(), 7);
  }
  const auto column = [](std::string_view name, std::string_view type, std::string_view values) {
    return fmt::format(R"({{"name":"{}","datatype":"{}","shape":[30],"data":[{}]}})", name, type,
                       values);
  };
  const auto thirty = [](std::string_view value) {
    std::string list(value);
    for (int i = 1; i < 30; ++i) list += fmt::format(",{}", value);
    return list;
  };
  const net::Response v2 = api_.post(
      "/v2/models/churn/infer",
      fmt::format(
          R"({{"inputs":[{},{},{},{},{}],"outputs":[{{"name":"variant"}},{{"name":"model_version"}}]}})",
          column("customer_id", "BYTES", ids), column("tenure", "INT64", thirty("3")),
          column("charge", "FP64", thirty("1")), column("plan", "BYTES", thirty("\"Pro\"")),
          column("signup", "INT64", thirty("0"))));
  ASSERT_EQ(v2.status, 200) << v2.body;
  const core::Json json = TestApi::json(v2);
  EXPECT_EQ(json.at("model_version").as_string(), "7");
  EXPECT_FALSE(json.as_object().contains("parameters"));
  for (std::size_t i = 0; i < 30; ++i) {
    const bool is_arm = is_canary(fmt::format("C{}", i));
    const core::JsonArray& outputs = json.at("outputs").as_array();
    EXPECT_EQ(outputs[0].at("data").as_array()[i].as_string(), is_arm ? "canary" : "champion");
    EXPECT_EQ(outputs[1].at("data").as_array()[i].as_int64(), is_arm ? 8 : 7);
  }
}

TEST_F(TrafficHttp, SaysWhoAnsweredBesideBareNumbers) {
  const std::string instances =
      fmt::format(R"({{"instances":[{0},{0},{0},{0},{0},{0},{0},{0}]}})", R"([3,1,"Pro",null])");
  for (const auto* const path : {"/v1/models/churn:predict", "/invocations"}) {
    const net::Response response = api_.post(path, instances);
    ASSERT_EQ(response.status, 200) << response.body;
    const core::Json json = TestApi::json(response);
    for (std::size_t i = 0; i < 8; ++i) {
      const bool is_arm = json.at("variants").as_array()[i].as_string() == "canary";
      EXPECT_EQ(json.at("model_versions").as_array()[i].as_int64(), is_arm ? 8 : 7);
      EXPECT_EQ(json.at("predictions").as_array()[i].as_double() > 0.5, !is_arm);
    }
  }
}

TEST_F(TrafficHttp, GivesWhoNamesAVersionThatVersion) {
  constexpr std::string_view kBody =
      R"({"inputs":[{"name":"tenure","datatype":"INT64","shape":[1],"data":[3]},{"name":"charge","datatype":"FP64","shape":[1],"data":[3]},{"name":"plan","datatype":"BYTES","shape":[1],"data":["x"]},{"name":"signup","datatype":"INT64","shape":[1],"data":[0]}]})";
  for (int i = 0; i < 10; ++i) {
    for (const auto* const version : {"7", "8"}) {
      const net::Response response =
          api_.post(fmt::format("/v2/models/churn/versions/{}/infer", version), kBody);
      ASSERT_EQ(response.status, 200) << response.body;
      const core::Json json = TestApi::json(response);
      EXPECT_EQ(json.at("model_version").as_string(), version);
      EXPECT_EQ(json.at("parameters").at("variant").as_string(),
                version == std::string_view("7") ? "champion" : "canary");
    }
  }
  EXPECT_EQ(api_.post("/v2/models/churn/versions/9/infer", kBody).status, 404);
  EXPECT_EQ(api_.get("/v2/models/churn/versions/8/ready").status, 200);
}

TEST_F(TrafficHttp, TellsSharesAndStates) {
  const core::Json json = TestApi::json(api_.get("/traffic"));
  EXPECT_EQ(json.at("champion").at("version").as_int64(), 7);
  EXPECT_EQ(json.at("champion").at("percent").as_double(), 50);
  const core::Json& arm = json.at("arms").as_array().at(0);
  EXPECT_EQ(arm.at("variant").as_string(), "canary");
  EXPECT_EQ(arm.at("version").as_int64(), 8);
  EXPECT_EQ(arm.at("state").as_string(), "live");
  EXPECT_EQ(arm.at("warm_up").at("against").as_int64(), 7) << "the champion";
  EXPECT_GT(arm.at("warm_up").at("score_shift_max").as_double(), 0.4) << "margins 1 and -1";
  EXPECT_EQ(TestApi::json(api_.get("/model-info")).at("traffic"), json);
  EXPECT_THAT(api_.post("/v2/repository/index", "").body,
              HasSubstr(R"({"name":"churn","version":"8","state":"READY","reason":""})"));
}

TEST_F(TrafficHttp, TakesArmsOutAndPutsThemBackByHand) {
  EXPECT_EQ(api_.post("/traffic/canary/put-back", "").status, 409);
  EXPECT_EQ(api_.post("/traffic/other/put-back", "").status, 404);
  EXPECT_EQ(api_.post("/traffic/other/take-out", "").status, 404);
  const core::Json out = TestApi::json(api_.post("/traffic/canary/take-out", ""));
  EXPECT_EQ(out.at("arms").as_array()[0].at("state").as_string(), "taken out");
  EXPECT_EQ(out.at("arms").as_array()[0].at("why").as_string(), "by hand");
  EXPECT_EQ(api_.post("/traffic/canary/take-out", "").status, 409);
  const std::string body =
      fmt::format(R"({{"customer_ids":["C0","C1","C2","C3"],"features":[{0},{0},{0},{0}]}})", kRow);
  EXPECT_EQ(header(api_.post("/predict", body), "X-Variant"), "champion");
  const core::Json back = TestApi::json(api_.post("/traffic/canary/put-back", ""));
  EXPECT_EQ(back.at("arms").as_array()[0].at("state").as_string(), "live");
  EXPECT_EQ(back, TestApi::json(api_.get("/traffic")));
  EXPECT_EQ(header(api_.post("/predict", body), "X-Variant"), "") << "of both";
}

TEST(Traffic, IsTheChampionAloneWithoutArms) {
  TestApi api;
  api.serve_mixed();
  const core::Json json = TestApi::json(api.get("/traffic"));
  EXPECT_EQ(json.at("champion").at("percent").as_double(), 100);
  EXPECT_TRUE(json.at("arms").as_array().empty());
  const net::Response response = api.post("/predict", fmt::format(R"({{"features":{}}})", kRow));
  EXPECT_THAT(response.body, Not(HasSubstr("variant")));
  EXPECT_TRUE(response.headers.empty());
  EXPECT_EQ(api.post("/traffic/canary/put-back", "").status, 404);
}

TEST(SeveralModels, AreAskedByNameInEveryProtocol) {
  TestApi api;
  api.add_other();
  api.serve_mixed();
  const std::string body = fmt::format(R"({{"features":{}}})", kRow);
  EXPECT_EQ(api.post("/predict", body, {.query = "model=upsell"}).status, 503);
  EXPECT_EQ(api.post("/predict", body, {.query = "model=nothing"}).status, 404);
  EXPECT_EQ(api.get("/v1/models").body, R"({"models":["churn","upsell"]})");
  EXPECT_THAT(api.post("/v2/repository/index", "").body,
              HasSubstr(R"({"name":"upsell","version":"","state":"UNAVAILABLE")"));
  EXPECT_EQ(api.get("/v2/models/upsell/ready").status, 503);
  EXPECT_EQ(api.post("/predict", body).status, 200) << "the main model is not concerned";
  EXPECT_EQ(api.get("/ready").status, 200);

  api.serve_other();
  const auto model_of = [](const net::Response& response) {
    return std::string(TestApi::json(response).at("model").at("name").as_string());
  };
  EXPECT_EQ(model_of(api.post("/predict", body, {.query = "explain=1&model=upsell"})), "upsell");
  EXPECT_EQ(model_of(api.post("/predict", body, {.query = "model=churn"})), "churn");
  EXPECT_EQ(model_of(api.post("/predict", body)), "churn");
  EXPECT_EQ(model_of(api.post("/explain", body, {.query = "model=upsell"})), "upsell");
  const std::string instances = fmt::format(R"({{"instances":[{}]}})", kRow);
  EXPECT_EQ(api.post("/v1/models/upsell:predict", instances).status, 200);
  EXPECT_EQ(api.post("/invocations", instances, {.query = "model=upsell"}).status, 200);
  EXPECT_EQ(api.post("/invocations", instances, {.query = "model=nothing"}).status, 404);
  EXPECT_EQ(TestApi::json(api.get("/v2/models/upsell")).at("versions").as_array()[0].as_string(),
            "3");
  EXPECT_THAT(api.post("/v2/repository/index", "").body,
              HasSubstr(R"({"name":"upsell","version":"3","state":"READY","reason":""})"));
  EXPECT_EQ(TestApi::json(api.get("/v2/models/stats")).at("model_stats").as_array().size(), 2U);
}

TEST(TrafficAudit, NamesWhoTookAnArmOutAndPutItBack) {
  core::ManualClock clock{1'000'000'000};
  core::MetricRegistry metrics;
  auth::Guard guard({.is_enabled = true}, clock, metrics);
  auth::Token token;
  token.id = "0001";
  token.name = "ann";
  token.digest = core::sha256("secret");
  token.role = core::Role::kOperator;
  guard.set_tokens({token});
  TestApi api(1'000, {.guard = &guard, .canary_slots = 5'000});
  api.serve_mixed();
  api.serve_canary();
  RequestExtra extra;
  extra.headers = {{"authorization", "Bearer secret"}};
  const auto tag = [&api] {
    return api.registry().get_version("churn", 8)->tags.at("tenure.taken_out");
  };
  ASSERT_EQ(api.post("/traffic/canary/take-out", "", extra).status, 200);
  EXPECT_EQ(api.registry().audit("models/churn/8")->front().actor, "ann");
  EXPECT_EQ(tag(), "by hand");
  ASSERT_EQ(api.post("/traffic/canary/put-back", "", extra).status, 200);
  EXPECT_EQ(api.registry().audit("models/churn/8")->front().actor, "ann");
  EXPECT_THAT(api.registry().audit("models/churn/8")->front().reason, HasSubstr("put back"));
  EXPECT_EQ(tag(), "no, put back by ann");
  const std::string_view said = R"({"why":"more complaints","by":"mallory"})";
  const core::Json out = TestApi::json(api.post("/traffic/canary/take-out", said, extra));
  EXPECT_EQ(api.registry().audit("models/churn/8")->front().actor, "ann") << "the token's name";
  EXPECT_THAT(api.registry().audit("models/churn/8")->front().reason,
              HasSubstr("by hand: more complaints"));
  const core::Json& arm = out.at("arms").as_array()[0];
  EXPECT_EQ(arm.at("state").as_string(), "taken out");
  EXPECT_EQ(arm.at("why").as_string(), "by hand: more complaints");
  EXPECT_EQ(arm.at("taken_out_by").as_string(), "ann");
}

TEST(TrafficAudit, TakesTheCallersWordWhereNobodyShowsAToken) {
  TestApi api(1'000, {.canary_slots = 5'000});
  api.serve_mixed();
  api.serve_canary();
  const auto actor = [&api] { return api.registry().audit("models/churn/8")->front().actor; };
  ASSERT_EQ(api.post("/traffic/canary/take-out", R"({"why":"a test","by":"bob"})").status, 200);
  EXPECT_EQ(actor(), "bob");
  const net::Response back = api.post("/traffic/canary/put-back", R"({"why":"done","by":null})");
  ASSERT_EQ(back.status, 200) << back.body;
  EXPECT_EQ(actor(), "anonymous");
  EXPECT_THAT(api.registry().audit("models/churn/8")->front().reason,
              HasSubstr("put back into arm 'canary': done"));
  const core::Json traffic = TestApi::json(back);
  const core::Json& arm = traffic.at("arms").as_array()[0];
  EXPECT_TRUE(arm.at("taken_out_by").is_null());
  EXPECT_TRUE(arm.at("since").is_string());
}

TEST(TrafficAudit, RefusesABodyThatItDoesNotUnderstand) {
  TestApi api(1'000, {.canary_slots = 5'000});
  api.serve_mixed();
  api.serve_canary();
  for (const std::string& body : {std::string("[]"), std::string("{"), std::string(R"({"why":1})"),
                                  std::string(R"({"who":"ann"})"), std::string(R"({"by":"a\nb"})"),
                                  fmt::format(R"({{"why":"{}"}})", std::string(501, 'x'))})
    EXPECT_EQ(api.post("/traffic/canary/take-out", body).status, 400) << body;
  EXPECT_EQ(TestApi::json(api.get("/traffic")).at("arms").as_array()[0].at("state").as_string(),
            "live");
  const net::Response missing = api.post("/traffic/canry/take-out", "");
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body + missing.error_detail, HasSubstr("did you mean 'canary'"));
}

}  // namespace
}  // namespace tenure::api
