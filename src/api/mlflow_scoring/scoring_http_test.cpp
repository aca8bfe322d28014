#include "api/mlflow_scoring/scoring_http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/test_api.h"

namespace tenure::api {
namespace {

using testing::HasSubstr;

class Invocations : public testing::Test {
 protected:
  Invocations() { api_.serve_mixed(); }

  net::Response post(std::string_view body, std::string_view type = "application/json") {
    return api_.post("/invocations", body, {.content_type = type});
  }
  std::string predictions(std::string_view body, std::string_view type = "application/json") {
    const net::Response response = post(body, type);
    EXPECT_EQ(response.status, 200) << response.body;
    return response.body;
  }
  std::string refusal(std::string_view body) {
    const net::Response response = post(body);
    EXPECT_EQ(response.status, 400) << body << " " << response.body;
    const core::Json json = TestApi::json(response);
    EXPECT_EQ(json.at("error_code").as_string(), "BAD_REQUEST");
    return std::string(json.at("message").as_string());
  }

  TestApi api_;
};

// The model: tenure < 10.5, or missing, gives sigmoid(1), else sigmoid(-1).
constexpr std::string_view kHigh = R"({"predictions":[0.7310585975646973]})";
constexpr std::string_view kBoth = R"({"predictions":[0.7310585975646973,0.2689414322376251]})";

TEST_F(Invocations, ReadsEveryFormThatMlflowDocuments) {
  for (
      const std::string_view body :
      {R"({"dataframe_split":{"columns":["tenure","charge","plan","signup"],"index":[0,1],)"
       R"("data":[[5,0.3,"Pro",null],[50,0.3,"Pro",null]]}})",
       R"({"dataframe_split":{"data":[["Pro",5,0.3,null],["Pro",50,0.3,null]],)"
       R"("columns":["plan","tenure","charge","signup"]}})",
       R"({"dataframe_records":[{"tenure":5,"charge":0.3,"plan":"Pro","signup":null},)"
       R"({"signup":null,"plan":"Pro","charge":0.3,"tenure":50}]})",
       R"({"instances":[[5,0.3,"Pro",null],[50,0.3,"Pro",null]]})",
       R"({"instances":[{"tenure":5,"charge":0.3,"plan":"Pro","signup":null},[50,0.3,"Pro",null]]})",
       R"({"inputs":{"tenure":[5,50],"charge":[1,2],"plan":["a","b"],"signup":[null,null]}})",
       R"({"inputs":[[5,0.3,"Pro",null],[50,0.3,"Pro",null]],"params":null})"}) {
    EXPECT_EQ(predictions(body), kBoth) << body;
  }
}

TEST_F(Invocations, ReadsCsvAsPandasWritesIt) {
  EXPECT_EQ(predictions(",tenure,charge,plan,signup\n0,5.0,0.3,\"a \"\"b\"\", c\",2024-01-05\n"
                        "1,50.0,,Pro,NaN\n",
                        "text/csv; charset=utf-8"),
            kBoth);
  EXPECT_EQ(predictions("\xEF\xBB\xBFsignup,plan,charge,tenure\r\n,Pro,1,5\r\n", "text/csv"),
            kHigh);
}

TEST_F(Invocations, DropsColumnsThatAreNoInputs) {
  EXPECT_EQ(predictions(R"({"dataframe_split":{"columns":["x","tenure","charge","plan","signup"],)"
                        R"("data":[[{"a":[1]},5,0.3,"Pro",null]]}})"),
            kHigh);
  EXPECT_EQ(predictions(R"({"dataframe_records":[{"y":1,"tenure":5,"charge":0.3,"plan":"Pro",)"
                        R"("signup":null}]})"),
            kHigh);
}

TEST_F(Invocations, TakesPythonsNanForMissing) {
  EXPECT_EQ(predictions(R"({"instances":[[NaN,Infinity,"Pro",-Infinity]]})"), kHigh);
}

TEST_F(Invocations, GivesBothProbabilitiesWhenAsked) {
  EXPECT_EQ(predictions(R"({"instances":[[5,1,"Pro",null]],"params":{"predict_method":)"
                        R"("predict_proba"}})"),
            R"({"predictions":[[0.26894140243530273,0.7310585975646973]]})");
  EXPECT_EQ(refusal(R"({"instances":[[5,1,"Pro",null]],"params":{"predict_method":"x"}})"),
            "params.predict_method: Input should be 'predict' or 'predict_proba'");
}

TEST_F(Invocations, SaysWhatIsWrong) {
  for (const std::string_view body :
       {"{}", "[]", "[[5,1,\"Pro\",null]]", R"({"columns":[],"data":[]})",
        R"({"instances":[[5,1,"Pro",null]],"inputs":[[5,1,"Pro",null]]})"}) {
    EXPECT_THAT(refusal(body), HasSubstr("exactly one of the fields")) << body;
  }
  EXPECT_THAT(refusal("{\"instances\":"), HasSubstr("not JSON"));
  EXPECT_EQ(refusal(R"({"dataframe_records":[{"tenure":5}]})"),
            "dataframe_records.0.charge: Field required; and 2 more");
  EXPECT_EQ(refusal(R"({"dataframe_split":{"columns":["tenure"]}})"),
            "dataframe_split.data: Field required");
  EXPECT_THAT(refusal(R"({"dataframe_split":{"columns":["tenure","tenure"],"data":[[1,1]]}})"),
              HasSubstr("given twice"));
  EXPECT_EQ(refusal(R"({"inputs":{"tenure":[5,6],"charge":[1],"plan":["a","b"],)"
                    R"("signup":[null,null]}})"),
            "inputs.charge: Value error, 1 values for 2 rows");
  EXPECT_THAT(refusal(R"({"instances":[["x",1,"Pro",null]]})"), HasSubstr("instances.0.tenure: "));
  EXPECT_THAT(refusal(R"({"instances":[]})"), HasSubstr("at least 1 item"));
  EXPECT_THAT(refusal(R"({"instances":5})"), HasSubstr("instances: "));
  EXPECT_THAT(post("tenure,charge,plan,signup\n5,1\n", "text/csv").body,
              HasSubstr("line.2: has 2 cells, the header 4"));
  EXPECT_EQ(post("", "text/csv").status, 400);
  EXPECT_EQ(post("tenure,charge,plan,signup\n", "text/csv").status, 400);
  EXPECT_EQ(post("a,\"b", "text/csv").status, 400);
}

TEST_F(Invocations, RefusesOtherContentTypesWith415) {
  EXPECT_EQ(post("x", "text/plain").status, 415);
  EXPECT_EQ(post("{}", "application/json; charset=latin-1").status, 415);
  EXPECT_EQ(post("{}", "").status, 400);
}

TEST_F(Invocations, RefusesTooManyRowsWith413) {
  std::string rows;
  for (int i = 0; i < 101; ++i) rows += i == 0 ? "[5,1,\"a\",null]" : ",[5,1,\"a\",null]";
  EXPECT_EQ(post(R"({"instances":[)" + rows + "]}").status, 413);
  std::string csv = "tenure,charge,plan,signup\n";
  for (int i = 0; i < 101; ++i) csv += "5,1,a,\n";
  EXPECT_EQ(post(csv, "text/csv").status, 413);
}

TEST(Ping, TellsWhetherAModelIsLive) {
  TestApi api;
  EXPECT_EQ(api.get("/ping").status, 404);
  EXPECT_EQ(api.post("/invocations", "{}").status, 503);
  api.serve_mixed();
  EXPECT_EQ(api.get("/ping").status, 200);
  EXPECT_EQ(api.get("/ping").body, "\n");
  EXPECT_EQ(api.get("/version").body, "3.11.1");
}

}  // namespace
}  // namespace tenure::api
