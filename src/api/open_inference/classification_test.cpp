#include "api/open_inference/classification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/test_api.h"

namespace tenure::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> classes(float probability, std::size_t count) {
  learn::ModelFacts facts;
  facts.positive = "Yes";
  facts.negative = "No";
  std::vector<std::string> out;
  append_classes(probability, facts, count, out);
  return out;
}

TEST(Classification, WritesValueIndexAndLabelTheMostProbableFirst) {
  EXPECT_THAT(classes(0.30573833F, 2), ElementsAre("0.694262:0:No", "0.305738:1:Yes"));
  EXPECT_THAT(classes(0.9F, 2), ElementsAre("0.900000:1:Yes", "0.100000:0:No"));
  EXPECT_THAT(classes(0.9F, 1), ElementsAre("0.900000:1:Yes"));
  EXPECT_THAT(classes(0.5F, 1), ElementsAre("0.500000:0:No")) << "equal ones in their order";
  EXPECT_THAT(classes(1e-9F, 2), ElementsAre("1.000000:0:No", "0.000000:1:Yes"));
}

TEST(Classification, GivesNoMoreClassesThanThereAre) {
  EXPECT_EQ(classes(0.2F, 1000).size(), kClasses);
}

class ClassifiedInfer : public testing::Test {
 protected:
  ClassifiedInfer() { api_.serve_numbers(); }
  net::Response ask(std::string_view outputs) {
    return api_.post("/v2/models/churn/infer",
                     fmt::format(R"({{"id":"1","inputs":[{{"name":"x","shape":[2,4],)"
                                 R"("datatype":"FP64","data":[5,0.3,1,0,25,0.5,2,-1.5]}}],)"
                                 R"("outputs":[{}]}})",
                                 outputs));
  }

  TestApi api_;
};

TEST_F(ClassifiedInfer, GivesTextsOfEveryRowAndLeavesOtherOutputsAlone) {
  const net::Response response =
      ask(R"({"name":"probability","parameters":{"classification":5}},{"name":"margin"})");
  ASSERT_EQ(response.status, 200) << response.body;
  const core::Json answer = TestApi::json(response);
  const auto& outputs = answer.at("outputs").as_array();
  EXPECT_EQ(outputs.at(0).at("datatype").as_string(), "BYTES");
  EXPECT_EQ(core::to_text(outputs.at(0).at("shape")), "[2,2]");
  EXPECT_EQ(outputs.at(0).at("data").as_array().size(), 4U);
  const std::string first(outputs.at(0).at("data").as_array().at(0).as_string());
  EXPECT_THAT(first, testing::MatchesRegex("0\\.[0-9]{6}:0:stay"));
  EXPECT_EQ(outputs.at(1).at("datatype").as_string(), "FP32");
}

TEST_F(ClassifiedInfer, GivesBinaryTextsToo) {
  const net::Response response =
      ask(R"({"name":"probability","parameters":{"classification":1,"binary_data":true}})");
  ASSERT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr(R"("datatype":"BYTES","shape":[2,1])"));
  EXPECT_THAT(response.body, HasSubstr(std::string("\x0f\0\0\0"
                                                   "0.",
                                                   6)));
}

TEST_F(ClassifiedInfer, NoClassesMeansNumbers) {
  const net::Response response = ask(R"({"name":"probability","parameters":{"classification":0}})");
  EXPECT_THAT(response.body, HasSubstr(R"("datatype":"FP32","shape":[2])"));
}

TEST_F(ClassifiedInfer, RefusesOutputsWithoutClassesAndCountsThatAreNone) {
  for (const std::string_view outputs :
       {R"({"name":"margin","parameters":{"classification":2}})",
        R"({"name":"probability","parameters":{"classification":-1}})",
        R"({"name":"probability","parameters":{"classification":1.5}})",
        R"({"name":"probability","parameters":{"classification":"2"}})"}) {
    const net::Response response = ask(outputs);
    EXPECT_EQ(response.status, 400) << outputs;
    EXPECT_THAT(response.body, HasSubstr("class")) << outputs;
  }
}

}  // namespace
}  // namespace tenure::api
