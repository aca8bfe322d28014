#include "api/open_inference/infer_http.h"

#include <cstring>
#include <rapidcheck.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "api/test_api.h"

namespace tenure::api {
namespace {

using testing::HasSubstr;

constexpr std::string_view kPath = "/v2/models/churn/infer";

class Infer : public testing::Test {
 protected:
  Infer() { api_.serve_numbers(); }

  core::Json json(std::string_view body) {
    const net::Response response = api_.post(kPath, body);
    EXPECT_EQ(response.status, 200) << response.body;
    return TestApi::json(response);
  }
  std::string refusal(std::string_view body, int status = 400) {
    const net::Response response = api_.post(kPath, body);
    EXPECT_EQ(response.status, status) << body << " " << response.body;
    return std::string(TestApi::json(response).at("error").as_string());
  }
  /// What the model says to four numbers.
  float score(std::vector<double> numbers) {
    std::vector<data::Cell> cells;
    for (const double number : numbers)
      cells.push_back(std::isnan(number) ? data::Cell::null() : data::Cell::of(number));
    std::vector<float> encoded(4);
    return api_.snapshot()->model.score(cells, encoded).probability;
  }

  TestApi api_;
};

TEST_F(Infer, AnswersAMatrixInTheShapeOfTheProtocol) {
  const core::Json answer = json(
      R"({"id":"42","inputs":[{"name":"input","shape":[1,4],"datatype":"FP32","data":[5,0.3,1,0]}]})");
  EXPECT_EQ(answer.at("model_name").as_string(), "churn");
  EXPECT_EQ(answer.at("model_version").as_string(), "7");
  EXPECT_EQ(answer.at("id").as_string(), "42");
  const core::Json& output = answer.at("outputs").as_array().at(0);
  EXPECT_EQ(output.at("name").as_string(), "probability");
  EXPECT_EQ(output.at("datatype").as_string(), "FP32");
  EXPECT_EQ(core::to_text(output.at("shape")), "[1]");
  EXPECT_EQ(output.at("data").as_array().at(0).as_double(),
            static_cast<double>(score({5, 0.3, 1, 0})));
}

TEST_F(Infer, TakesNestedDataAndOneTensorForEachInput) {
  const core::Json nested = json(
      R"({"inputs":[{"name":"x","datatype":"FP64","data":[[5,0.3,1,null],[25,NaN,2,-1.5]],"shape":[2,4]}]})");
  const core::Json columns =
      json(R"({"inputs":[{"name":"charge","shape":[2],"datatype":"FP64","data":[0.3,null]},)"
           R"({"name":"plan","shape":[2,1],"datatype":"INT64","data":[1,2]},)"
           R"({"name":"score","shape":[2],"datatype":"FP64","data":[null,-1.5]},)"
           R"({"name":"tenure","shape":[2,1],"datatype":"UINT8","data":[[5],[25]]}]})");
  EXPECT_EQ(nested.at("outputs"), columns.at("outputs"));
  EXPECT_FALSE(nested.at("id").as_string().empty());
}

TEST_F(Infer, GivesTheOutputsThatAreAskedForInTheirOrder) {
  const core::Json answer = json(
      R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[5,0.3,1,0]}],"outputs":)"
      R"([{"name":"label"},{"name":"contributions"},{"name":"margin"},{"name":"reason_codes"},)"
      R"({"name":"decision"},{"name":"level"},{"name":"prediction_id"}]})");
  const core::JsonArray& outputs = answer.at("outputs").as_array();
  ASSERT_EQ(outputs.size(), 7U);
  EXPECT_EQ(core::to_text(outputs[0]),
            R"({"name":"label","datatype":"INT64","shape":[1],"data":[0]})");
  EXPECT_EQ(core::to_text(outputs[1].at("shape")), "[1,5]");
  double sum = 0;
  for (const core::Json& part : outputs[1].at("data").as_array()) sum += part.as_double();
  EXPECT_NEAR(sum, outputs[2].at("data").as_array().at(0).as_double(), 1e-5);
  EXPECT_EQ(core::to_text(outputs[3].at("shape")), "[1,4]");
  EXPECT_EQ(outputs[4].at("data").as_array().at(0).as_string(), "stay");
  EXPECT_EQ(outputs[5].at("data").as_array().at(0).as_string(), "primary");
  EXPECT_EQ(outputs[6].at("data").as_array().at(0).as_string().size(), 36U);
}

/// The binary tensor extension: JSON, then the elements of the tensors.
net::Response post_binary(TestApi& api, std::string json, std::string_view bytes) {
  const std::string length = std::to_string(json.size());
  json += bytes;
  return api.post(kPath, json, {.headers = {{"Inference-Header-Content-Length", length}}});
}

std::string bytes_of(std::vector<float> values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

TEST_F(Infer, SpeaksBinaryTensors) {
  const std::string values = bytes_of({1, std::nanf(""), 3, 4});
  const net::Response response = post_binary(
      api_,
      R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","parameters":{"binary_data_size":16}}],"parameters":{"binary_data_output":true}})",
      values);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.content_type, "application/octet-stream");
  ASSERT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.headers[0].first, "Inference-Header-Content-Length");
  const std::size_t length = std::stoul(response.headers[0].second);
  EXPECT_EQ(
      response.body.substr(0, length),
      R"({"model_name":"churn","model_version":"7","outputs":[{"name":"probability","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}}]})");
  EXPECT_EQ(length, 143U);
  ASSERT_EQ(response.body.size(), length + 4);
  float probability = 0;
  std::memcpy(&probability, response.body.data() + length, 4);
  EXPECT_EQ(probability, score({1, std::nan(""), 3, 4}));
}

TEST_F(Infer, RefusesBytesThatAreNotTheTensor) {
  const auto refusal_of = [this](std::string_view size, std::string_view bytes) {
    const net::Response response = post_binary(
        api_,
        R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","parameters":{"binary_data_size":)" +
            std::string(size) + "}}]}",
        bytes);
    EXPECT_EQ(response.status, 400);
    return response.body;
  };
  const std::string sixteen(16, 'x');
  EXPECT_THAT(refusal_of("16", ""), HasSubstr("0 bytes are left"));
  EXPECT_THAT(refusal_of("12", sixteen), HasSubstr("4 elements of FP32 take 16"));
  EXPECT_THAT(refusal_of("16", sixteen + "y"), HasSubstr("1 bytes behind"));
  EXPECT_THAT(refusal_of("-1", sixteen), HasSubstr("whole number of bytes"));
  EXPECT_EQ(api_.post(kPath, "{}", {.headers = {{"Inference-Header-Content-Length", "99"}}}).status,
            400);
  EXPECT_EQ(api_.post(kPath, "{}", {.headers = {{"Inference-Header-Content-Length", "x"}}}).status,
            400);
}

TEST_F(Infer, ReadsTextsAndNamesOfCustomers) {
  api_.serve_mixed();
  const std::string texts("\x05\0\0\0Basic\0\0\0\0", 13);
  const net::Response response = post_binary(
      api_,
      R"({"inputs":[{"name":"plan","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":13}},)"
      R"({"name":"tenure","shape":[2],"datatype":"INT32","data":[5,50]},)"
      R"({"name":"charge","shape":[2],"datatype":"FP32","data":[5,50]},)"
      R"({"name":"signup","shape":[2],"datatype":"BYTES","data":["2024-01-05",null]},)"
      R"({"name":"customer_id","shape":[2],"datatype":"INT64","data":[17,18]}]})",
      texts);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_THAT(response.body, HasSubstr("0.7310585975646973,0.2689414322376251"));
}

TEST_F(Infer, SaysWhatIsWrong) {
  EXPECT_THAT(refusal("{"), HasSubstr("failed to parse"));
  EXPECT_THAT(refusal("[]"), HasSubstr("JSON object"));
  EXPECT_THAT(refusal("{}"), HasSubstr("no inputs"));
  EXPECT_THAT(refusal(R"({"inputs":[{"shape":[1],"datatype":"FP32","data":[1]}]})"),
              HasSubstr("no 'name'"));
  const auto one = [](std::string_view rest) {
    return fmt::format(R"({{"inputs":[{{"name":"x",{}}}]}})", rest);
  };
  EXPECT_THAT(refusal(one(R"("shape":[1,4],"datatype":"FP31","data":[1,2,3,4])")),
              HasSubstr("'FP31' is no datatype"));
  EXPECT_THAT(refusal(one(R"("shape":[1,4],"datatype":"FP16","data":[1,2,3,4])")),
              HasSubstr("no form in JSON"));
  EXPECT_THAT(refusal(one(R"("shape":[1,4],"datatype":"INT64","data":[1,2,3,4.5])")),
              HasSubstr("element 3 is no INT64"));
  EXPECT_THAT(refusal(one(R"("shape":[1,4],"datatype":"FP32","data":[1,2,3,"a"])")),
              HasSubstr("element 3 is no FP32"));
  EXPECT_THAT(refusal(one(R"("shape":[1,3],"datatype":"FP32","data":[1,2,3])")),
              HasSubstr("[1,3]; expected [n,4]"));
  EXPECT_THAT(refusal(one(R"("shape":[1,4],"datatype":"FP32","data":[1,2,3])")),
              HasSubstr("3 elements, its shape says 4"));
  EXPECT_THAT(refusal(one(R"("shape":[-1,4],"datatype":"FP32","data":[1,2,3,4])")),
              HasSubstr("dimension -1"));
  EXPECT_THAT(refusal(one(R"("shape":[4294967296,4294967296,4],"datatype":"FP32","data":[1])")),
              HasSubstr("more than the"));
  EXPECT_THAT(refusal(one(R"("shape":[0,4],"datatype":"FP32","data":[])")), HasSubstr("no rows"));
  EXPECT_THAT(refusal(one(R"("shape":[1,4],"datatype":"FP32","data":[1,2,3,1e999])")),
              HasSubstr("finite number"));
  EXPECT_THAT(refusal(one(R"("shape":[101,4],"datatype":"FP32","data":[)" +
                          [] {
                            std::string numbers = "1";
                            for (int i = 1; i < 404; ++i) numbers += ",1";
                            return numbers;
                          }() +
                          "]"),
                      413),
              HasSubstr("more than 100 rows"));
  EXPECT_THAT(
      refusal(
          R"({"inputs":[{"name":"tenure","shape":[1],"datatype":"FP32","data":[1]},{"name":"charge","shape":[2],"datatype":"FP32","data":[1,2]}]})"),
      HasSubstr("2 rows, those before it have 1"));
  EXPECT_THAT(
      refusal(
          R"({"inputs":[{"name":"tenure","shape":[1],"datatype":"FP32","data":[1]},{"name":"chrage","shape":[1],"datatype":"FP32","data":[1]}]})"),
      HasSubstr("'charge'"));
  EXPECT_THAT(refusal(R"({"inputs":[{"name":"tenure","shape":[1],"datatype":"FP32","data":[1]}]})"),
              HasSubstr("'charge' is missing"));
  EXPECT_THAT(
      refusal(
          R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}],"outputs":[{"name":"y"}]})"),
      HasSubstr("unexpected inference output 'y'"));
}

TEST_F(Infer, KnowsOneModelAndOneVersion) {
  const std::string body =
      R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]})";
  EXPECT_EQ(api_.post("/v2/models/churn/versions/7/infer", body).status, 200);
  EXPECT_EQ(api_.post("/v2/models/churn/versions/8/infer", body).status, 404);
  EXPECT_EQ(api_.post("/v2/models/other/infer", body).status, 404);
  EXPECT_EQ(api_.post("/v2/models/ch%75rn/infer", body).status, 200);
  TestApi empty;
  EXPECT_EQ(empty.post(kPath, body).status, 503);
}

TEST_F(Infer, CountsForTheStatistics) {
  json(R"({"inputs":[{"name":"x","shape":[2,4],"datatype":"FP32","data":[1,2,3,4,5,6,7,8]}]})");
  refusal("{}");
  const core::Json stats = TestApi::json(api_.get("/v2/models/churn/stats"));
  const core::Json& model = stats.at("model_stats").as_array().at(0);
  EXPECT_EQ(core::to_text(model.at("inference_count")), "2");
  EXPECT_EQ(core::to_text(model.at("execution_count")), "1");
  EXPECT_EQ(core::to_text(model.at("inference_stats").at("fail").at("count")), "1");
}

RC_GTEST_FIXTURE_PROP(Infer, AnswersAnyBytesWithAnAnswerOrAReason, (const std::string& noise)) {
  const std::vector<std::string> pieces = {"{",
                                           "}",
                                           "[",
                                           "]",
                                           ",",
                                           ":",
                                           R"("inputs")",
                                           R"("name")",
                                           R"("shape")",
                                           R"("x")",
                                           R"("data")",
                                           R"("FP32")",
                                           R"("datatype")",
                                           R"("tenure")",
                                           "1",
                                           "4",
                                           "null",
                                           "NaN",
                                           noise};
  std::string body;
  for (const std::string& piece :
       *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(pieces)))
    body += piece;
  const int status = api_.post(kPath, body).status;
  RC_ASSERT(status == 200 || status == 400);
}

TEST(OpenInferenceModels, AreDescribed) {
  TestApi api;
  EXPECT_EQ(api.get("/v2/health/live").body, R"({"live":true,"ready":true})");
  EXPECT_EQ(api.get("/v2/health/ready").status, 503);
  EXPECT_EQ(api.get("/v2/models/churn/ready").status, 503);
  EXPECT_EQ(api.get("/v2/models/churn").status, 503);
  EXPECT_THAT(api.post("/v2/repository/index", "").body, HasSubstr("UNAVAILABLE"));
  api.serve_mixed();
  EXPECT_EQ(api.get("/v2/health/ready").body, R"({"live":true,"ready":true})");
  EXPECT_EQ(api.get("/v2").status, 200);
  EXPECT_EQ(api.get("/v2/models").body, R"({"models":["churn"]})");
  EXPECT_EQ(api.get("/v2/models/churn/versions/7/ready").status, 200);
  EXPECT_EQ(api.get("/v2/models/churn/versions/6/ready").status, 404);
  const core::Json metadata = TestApi::json(api.get("/v2/models/churn"));
  EXPECT_EQ(core::to_text(metadata.at("versions")), R"(["7"])");
  EXPECT_EQ(core::to_text(metadata.at("inputs").as_array().at(2)),
            R"({"name":"plan","datatype":"BYTES","shape":[-1,1]})");
  const core::Json config = TestApi::json(api.get("/v2/models/churn/config"));
  EXPECT_EQ(config.at("input").as_array().at(2).at("data_type").as_string(), "TYPE_STRING");
  EXPECT_THAT(api.post("/v2/repository/index", "{\"ready\":true}").body, HasSubstr("READY"));
  EXPECT_EQ(api.post("/v2/repository/models/churn/load", "").status, 200);
  EXPECT_EQ(api.post("/v2/repository/models/churn/unload", "").status, 400);
}

}  // namespace
}  // namespace tenure::api
