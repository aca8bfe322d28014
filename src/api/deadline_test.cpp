#include "api/deadline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/test_api.h"

namespace tenure::api {
namespace {

using testing::HasSubstr;

constexpr std::string_view kHeader = "X-Request-Timeout-Ms";
constexpr std::string_view kRow = R"({"features":[[5,0.3,1,0]]})";
constexpr std::string_view kInstances = R"({"instances":[[5,0.3,1,0]]})";
constexpr std::string_view kTensor =
    R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP64","data":[5,0.3,1,0]}]})";

class DeadlineTest : public testing::Test {
 protected:
  DeadlineTest() { api_.serve_numbers(); }
  net::Response ask(std::string_view path, std::string_view body, std::string_view timeout,
                    core::Micros age) {
    RequestExtra extra;
    if (!timeout.empty()) extra.headers = {{kHeader, timeout}};
    extra.age = age;
    return api_.post(path, body, extra);
  }

  TestApi api_;
};

struct Protocol {
  std::string_view path, body, late_text;
};
constexpr Protocol kProtocols[] = {
    {"/predict", kRow, R"("detail":)"},
    {"/predict/batch", kRow, R"("detail":)"},
    {"/explain", kRow, R"("detail":)"},
    {"/invocations", kInstances, R"("error_code":)"},
    {"/v1/models/churn:predict", kInstances, R"("error":)"},
    {"/v2/models/churn/infer", kTensor, R"("error":)"},
};

TEST_F(DeadlineTest, RequestsThatAreLateBeforeTheyAreBegunAre504InTheShapeOfTheirProtocol) {
  for (const Protocol& protocol : kProtocols) {
    const net::Response late = ask(protocol.path, protocol.body, "20", 20'001);
    EXPECT_EQ(late.status, 504) << protocol.path;
    EXPECT_THAT(late.body, HasSubstr(protocol.late_text)) << protocol.path;
    EXPECT_EQ(ask(protocol.path, protocol.body, "20", 20'000).status, 200) << protocol.path;
    EXPECT_EQ(ask(protocol.path, protocol.body, "", 3'600'000'000).status, 200) << protocol.path;
  }
}

TEST_F(DeadlineTest, NoTimeAtAllMeansNoDeadline) {
  EXPECT_EQ(ask("/predict", kRow, "0", 3'600'000'000).status, 200);
}

TEST_F(DeadlineTest, AHeaderThatIsNoTimeIsRefusedInTheShapeOfItsProtocol) {
  for (const Protocol& protocol : kProtocols) {
    for (const std::string_view text : {"-1", "1.5", "10ms", "x", "+3"}) {
      const net::Response answer = ask(protocol.path, protocol.body, text, 0);
      EXPECT_EQ(answer.status, 400) << protocol.path << " " << text;
      EXPECT_THAT(answer.body, HasSubstr("whole number of milliseconds")) << protocol.path;
    }
  }
}

TEST_F(DeadlineTest, AgesAreAllowedHoweverLongTheyAre) {
  for (const std::string_view text : {"9223372036854775807", "99999999999999999999999999"})
    EXPECT_EQ(ask("/predict", kRow, text, 86'400'000'000).status, 200) << text;
}

TEST_F(DeadlineTest, TheParameterOfATensorRequestCountsMicrosecondsAndTheEarlierOneWins) {
  const std::string body =
      std::string(kTensor.substr(0, kTensor.size() - 1)) + R"(,"parameters":{"timeout":5000}})";
  EXPECT_EQ(ask("/v2/models/churn/infer", body, "", 5'000).status, 200);
  const net::Response late = ask("/v2/models/churn/infer", body, "", 5'001);
  EXPECT_EQ(late.status, 504);
  EXPECT_THAT(late.body, HasSubstr(R"({"error":)"));
  EXPECT_EQ(ask("/v2/models/churn/infer", body, "1000", 5'001).status, 504);
  EXPECT_EQ(ask("/v2/models/churn/infer", body, "4", 4'500).status, 504);
}

TEST(Deadline, AtATimeOfDayHasPassedOrHasNot) {
  const core::ManualClock clock(1'000'000);
  EXPECT_TRUE(check_deadline(clock, deadline_at(clock, 1'000'000)).has_value());
  EXPECT_TRUE(check_deadline(clock, deadline_at(clock, 9'000'000'000'000'000)).has_value());
  for (const core::Micros time : {std::int64_t{999'999}, std::int64_t{0}, std::int64_t{-5}}) {
    const auto late = check_deadline(clock, deadline_at(clock, time));
    ASSERT_FALSE(late.has_value()) << time;
    EXPECT_EQ(late.error().code, core::ErrorCode::kDeadlineExceeded);
  }
  EXPECT_EQ(deadline_at(clock, 1'500'000).at_ns, 1'500'000'000);
}

TEST(Deadline, OfTwoTheEarlierCounts) {
  EXPECT_EQ(Deadline{}.with({}).at_ns, 0);
  EXPECT_EQ(Deadline{5}.with({}).at_ns, 5);
  EXPECT_EQ(Deadline{}.with({7}).at_ns, 7);
  EXPECT_EQ(Deadline{5}.with({7}).at_ns, 5);
  EXPECT_EQ(Deadline{7}.with({5}).at_ns, 5);
}

}  // namespace
}  // namespace tenure::api
