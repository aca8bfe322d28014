#include "api/mlflow/entity_json.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/json.h"

namespace tenure::api::mlflow {
namespace {

std::string number(double value) {
  std::string out;
  append_number(out, value);
  return out;
}

TEST(AppendNumber, AlwaysHasAFractionOrAnExponent) {
  EXPECT_EQ(number(3), "3.0");
  EXPECT_EQ(number(-0.0), "-0.0");
  EXPECT_EQ(number(0.25), "0.25");
  EXPECT_EQ(number(1e300), "1e+300");
  EXPECT_EQ(number(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
}

TEST(AppendNumber, WritesWhatJsonLacksAsText) {
  EXPECT_EQ(number(std::nan("")), "\"NaN\"");
  EXPECT_EQ(number(std::numeric_limits<double>::infinity()), "\"Infinity\"");
  EXPECT_EQ(number(-std::numeric_limits<double>::infinity()), "\"-Infinity\"");
}

RC_GTEST_PROP(AppendNumber, ReadsBackToTheSameBits, (double value)) {
  RC_PRE(std::isfinite(value));
  const auto json = core::parse_json(number(value));
  RC_ASSERT(json.has_value());
  RC_ASSERT(json->is_double());
  RC_ASSERT(json->get_double() == value);
}

TEST(ObjectText, LeavesOutWhatIsEmpty) {
  std::string out;
  ObjectText text(out);
  text.text_if_any("a", "");
  text.pairs_if_any("b", {});
  text.list_if_any("c", std::vector<int>{}, [](std::string&, int) {});
  text.text("d", "");
  text.integer("e", -1);
  text.boolean("f", true);
  text.list_if_any("g", std::vector<int>{1, 2},
                   [](std::string& to, int value) { append_integer(to, value); });
  text.end();
  EXPECT_EQ(out, R"({"d":"","e":-1,"f":true,"g":[1,2]})");
}

TEST(EntityJson, KeepsEveryTextReadable) {
  tracking::Experiment experiment;
  experiment.id = "1";
  experiment.name = "a \"quoted\"\n\x01 name \xFF";
  std::string out;
  append_experiment(out, experiment);
  const auto json = core::parse_json(out);
  ASSERT_TRUE(json) << out;
  EXPECT_EQ(json->at("name").as_string(), "a \"quoted\"\n\x01 name \xEF\xBF\xBD");
}

TEST(EntityJson, ShowsModelAndDataSetOfAMetricOnlyWhereItHasThem) {
  std::string out;
  append_metric(out, {.key = "m", .value = 1, .timestamp_ms = 2, .step = 3});
  append_metric(out, {.key = "m",
                      .value = 1,
                      .timestamp_ms = 2,
                      .step = 3,
                      .model_id = "m-1",
                      .dataset_name = "d",
                      .dataset_digest = "x",
                      .run_id = "r"});
  EXPECT_EQ(out, R"({"key":"m","value":1.0,"timestamp":2,"step":3})"
                 R"({"key":"m","value":1.0,"timestamp":2,"step":3,"dataset_name":"d",)"
                 R"("dataset_digest":"x","model_id":"m-1","run_id":"r"})");
}

}  // namespace
}  // namespace tenure::api::mlflow
