#include "api/labels/labels_http.h"

#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/test_api.h"

namespace tenure::api {
namespace {

using testing::HasSubstr;

constexpr std::string_view kPath = "/api/tenure/labels";

class LabelsHttp : public testing::Test {
 protected:
  void SetUp() override { api_.serve_mixed(); }
  std::vector<monitoring::OutcomeLabel> kept() { return *api_.labels().after(0, 1'000); }
  TestApi api_{3, {.has_labels = true}};
};

TEST_F(LabelsHttp, TakesOneLabelAListAndAnObjectWithAList) {
  EXPECT_EQ(api_.post(kPath, R"({"customer_id":"C-1","label":true})").body,
            R"({"model":"churn","received":1,"new":1})");
  EXPECT_EQ(
      api_.post(kPath, R"([{"prediction_id":"p","label":0},{"entity_id":7,"label":"stay"}])").body,
      R"({"model":"churn","received":2,"new":2})");
  EXPECT_EQ(api_.post(kPath, R"({"labels":[{"customer_id":"C-1","label":"Churn"}]})").body,
            R"({"model":"churn","received":1,"new":0})");
  EXPECT_EQ(api_.post(kPath, "[]").body, R"({"model":"churn","received":0,"new":0})");
  const auto labels = kept();
  ASSERT_EQ(labels.size(), 3U);
  EXPECT_EQ(labels[0].entity_id, "C-1");
  EXPECT_TRUE(labels[0].has_happened);
  EXPECT_EQ(labels[0].time, TestApi::kNow);
  EXPECT_EQ(labels[0].model, "churn");
}

TEST_F(LabelsHttp, KeepsTheTimeOfALabel) {
  ASSERT_EQ(api_.post(kPath, R"({"customer_id":"a","label":1,"time":"2024-01-01T10:00:00+01:00"})")
                .status,
            200);
  EXPECT_EQ(kept().front().time, 1'704'099'600'000'000);
}

TEST_F(LabelsHttp, NamesEveryMistakeAndKeepsNothing) {
  const net::Response response = api_.post(
      kPath, R"({"labels":[{"customer_id":"a","label":1},{"customer_id":"a","prediction_id":"b",)"
             R"("label":2,"why":"x"},{"customer_id":true,"label":1,"time":"2024-02-01"}]})");
  EXPECT_EQ(response.status, 422);
  std::string places;
  const core::Json json = TestApi::json(response);
  for (const core::Json& error : json.at("detail").as_array())
    places += core::to_text(error.at("loc")) + core::to_text(error.at("type"));
  EXPECT_EQ(places, R"(["body","labels",1,"why"]"extra_forbidden")"
                    R"(["body","labels",1,"prediction_id"]"value_error")"
                    R"(["body","labels",1,"label"]"bool_parsing")"
                    R"(["body","labels",2,"customer_id"]"string_type")"
                    R"(["body","labels",2,"time"]"datetime_past")"
                    R"(["body","labels",2,"prediction_id"]"missing")");
  EXPECT_TRUE(kept().empty());
}

TEST_F(LabelsHttp, RefusesBodiesThatAreNoLabels) {
  for (const char* body : {"", "{", "1", "null", "[1]", R"({"labels":5})", R"({"labels":[[]]})",
                           R"([{"customer_id":"a"}])", R"({"customer_id":"","label":1})"})
    EXPECT_EQ(api_.post(kPath, body).status, 422) << body;
  EXPECT_EQ(api_.post(kPath, R"([{},{},{},{}])").status, 413);
  EXPECT_TRUE(kept().empty());
}

TEST_F(LabelsHttp, KeepsLabelsOfAModelBesideTheMainOneApart) {
  api_.add_other();
  EXPECT_EQ(api_.post(kPath, R"({"customer_id":"a","label":1})", {.query = "model=upsell"}).body,
            R"({"model":"upsell","received":1,"new":1})");
  EXPECT_EQ(api_.post(kPath, R"({"customer_id":"a","label":1})", {.query = "model=x"}).status, 404);
  EXPECT_EQ(kept().front().model, "upsell");
}

TEST_F(LabelsHttp, ErasesWhatWasToldOfCustomersAndNotesWhoAsked) {
  for (const char* body : {R"([{"customer_id":"a b","label":1},{"customer_id":"c","label":1}])",
                           R"([{"customer_id":"d","label":0},{"prediction_id":"a b","label":0}])"})
    ASSERT_EQ(api_.post(kPath, body).status, 200);
  EXPECT_EQ(
      api_.ask(net::Method::kDelete, kPath, "", {.query = "entity=a%20b&entity=c&why=ticket+7"})
          .body,
      R"({"customers":2,"labels":2,"outcomes":0})");
  EXPECT_EQ(kept().size(), 2U);
  EXPECT_EQ(api_.ask(net::Method::kDelete, kPath, "", {.query = "entity=c"}).body,
            R"({"customers":1,"labels":0,"outcomes":0})");
  const auto trail = api_.registry().audit("labels");
  ASSERT_TRUE(trail.has_value());
  EXPECT_EQ(trail->back().reason, "ticket 7");
  EXPECT_EQ(trail->back().actor, "anonymous");
}

TEST_F(LabelsHttp, ErasesNobodyInParticularNever) {
  api_.post(kPath, R"({"customer_id":"a","label":1})");
  for (const std::string& query :
       {std::string(), std::string("entity="), std::string("entity=a&entity="),
        std::string("entity=%zz"), "entity=" + std::string(513, 'x'), std::string("model=churn"),
        std::string("entity=a&why=%0A")})
    EXPECT_EQ(api_.ask(net::Method::kDelete, kPath, "", {.query = query}).status, 400) << query;
  EXPECT_EQ(kept().size(), 1U);
}

TEST(LabelsHttpOff, SaysThatNoPredictionsAreKept) {
  TestApi api;
  EXPECT_EQ(api.ask(net::Method::kDelete, kPath, "", {.query = "entity=a"}).status, 501);
  EXPECT_EQ(api.post(kPath, R"({"customer_id":"a","label":1})").status, 501);
}

}  // namespace
}  // namespace tenure::api
