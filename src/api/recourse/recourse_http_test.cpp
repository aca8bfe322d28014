#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/test_api.h"

namespace tenure::api {
namespace {

using testing::HasSubstr;

/// The model's one split: whoever has a tenure below 10.5 leaves with 0.73, others with 0.27.
constexpr std::string_view kActions = R"(
decision:
  actions:
    loyalty: {label: A loyalty bonus, sets: {tenure: tenure + 12}, cost: 30}
    plan: {sets: {plan: Basic, charge: charge - 10}, cost: 1, eligible: plan = 'Pro'}
)";
constexpr std::string_view kRow =
    R"({"features":{"tenure":3,"charge":50.5,"plan":"Pro","signup":null}})";

class RecourseHttp : public testing::Test {
 protected:
  RecourseHttp() { api_.serve_mixed(kActions); }
  TestApi api_;
};

TEST_F(RecourseHttp, NamesTheChangesThatReachTheTarget) {
  const auto answer = api_.post("/recourse", kRow, {.query = "target=0.4"});
  ASSERT_EQ(answer.status, 200) << answer.body;
  const core::Json json = TestApi::json(answer);
  EXPECT_TRUE(json.at("reached").as_bool());
  EXPECT_NEAR(json.at("probability").as_double(), 0.7310586, 1e-6);
  const auto& options = json.at("options").as_array();
  ASSERT_EQ(options.size(), 1U) << "the other action brings nothing";
  EXPECT_EQ(core::to_text(options[0]),
            R"({"cost":30,"probability":0.2689414322376251,)"
            R"("actions":[{"name":"loyalty","label":"A loyalty bonus"}],)"
            R"("changes":[{"feature":"tenure","from":3,"to":15}]})");
  EXPECT_THAT(std::string(json.at("note").as_string()), HasSubstr("associations"));
}

TEST_F(RecourseHttp, SaysWhenTheTargetIsOutOfReach) {
  const core::Json json = TestApi::json(api_.post("/recourse", kRow, {.query = "target=0.01"}));
  EXPECT_FALSE(json.at("reached").as_bool());
  EXPECT_FALSE(json.at("options").as_array().empty());
}

TEST_F(RecourseHttp, TakesTheThresholdForATargetAndAnswersLists) {
  const core::Json json = TestApi::json(
      api_.post("/recourse", R"({"features":[[3,50,"Pro",null],[30,1,"Pro",null]]})"));
  const auto& rows = json.at("recourse").as_array();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].at("target").as_double(), 0.5);
  EXPECT_EQ(rows[0].at("options").as_array().size(), 1U);
  EXPECT_TRUE(rows[1].at("reached").as_bool());
  EXPECT_TRUE(rows[1].at("options").as_array().empty());
}

TEST_F(RecourseHttp, HasNoOptionsWhereAFallbackAnswered) {
  const core::Json json = TestApi::json(api_.post("/recourse", R"({"customer_id":"nobody"})"));
  EXPECT_EQ(json.at("level"), "base_rate");
  EXPECT_TRUE(json.at("options").as_array().empty());
}

TEST_F(RecourseHttp, RefusesWhatIsWrong) {
  EXPECT_EQ(api_.post("/recourse", kRow, {.query = "target=2"}).status, 422);
  EXPECT_EQ(api_.post("/recourse", kRow, {.query = "target=x"}).status, 422);
  EXPECT_EQ(api_.post("/recourse", "{").status, 422);
  std::string ids = R"({"customer_ids":[)";
  for (int i = 0; i < 101; ++i) ids += i == 0 ? "\"a\"" : ",\"a\"";
  EXPECT_EQ(api_.post("/recourse", ids + "]}").status, 413);
}

TEST(RecourseHttpByDefault, GetsBelowTheThresholdAtWhichTheDecisionIsPositive) {
  TestApi api;
  api.serve_mixed(kActions);
  // What the bonus leads to, as the model gives it.
  const core::Json stays = TestApi::json(api.post(
      "/predict", R"({"features":{"tenure":15,"charge":50.5,"plan":"Pro","signup":null}})"));
  const double reached = static_cast<float>(stays.at("probability").as_double());
  const auto ask = [&](double threshold) {
    api.serve_mixed(fmt::format("{}  threshold: {}\n", kActions, threshold));
    return TestApi::json(api.post("/recourse", kRow));
  };
  const core::Json at_it = ask(reached);
  EXPECT_EQ(at_it.at("target").as_double(), reached);
  EXPECT_FALSE(at_it.at("reached").as_bool()) << "at the threshold the decision is positive still";
  EXPECT_TRUE(ask(reached + 1e-6).at("reached").as_bool());
}

TEST(RecourseHttpByDefault, GetsToTheCustomersOwnThreshold) {
  const auto ask = [](std::string_view value) {
    TestApi api;
    api.serve_mixed(
        fmt::format("{}  threshold: profit\n  value: {}\n  contact_cost: 10\n  offers:\n"
                    "    call: {{cost: 0, acceptance: 0.5}}\n",
                    kActions, value));
    return TestApi::json(api.post("/recourse", kRow));
  };
  // Worth 50: the call pays above 10 / (0.5 * 50) = 0.4; worth 100 from 0.2 on.
  const core::Json cheap = ask("if(plan = 'Pro', 50, 100)");
  EXPECT_DOUBLE_EQ(cheap.at("target").as_double(), 0.4);
  EXPECT_TRUE(cheap.at("reached").as_bool());
  const core::Json dear = ask("if(plan = 'Pro', 100, 50)");
  EXPECT_DOUBLE_EQ(dear.at("target").as_double(), 0.2);
  EXPECT_FALSE(dear.at("reached").as_bool());
  const core::Json never = ask("5");  // worth less than the call
  EXPECT_TRUE(never.at("reached").as_bool());
  EXPECT_TRUE(never.at("options").as_array().empty());
}

TEST(RecourseHttpWithoutActions, SaysThatThereAreNone) {
  TestApi api;
  EXPECT_EQ(api.post("/recourse", kRow).status, 503);
  api.serve_mixed();
  EXPECT_EQ(api.post("/recourse", kRow).status, 501);
}

}  // namespace
}  // namespace tenure::api
