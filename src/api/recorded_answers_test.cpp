#include "api/recorded_answers.h"

#include <gtest/gtest.h>

#include "api/test_api.h"

namespace tenure::api {
namespace {

constexpr std::string_view kRow =
    R"({"features":{"tenure":3,"charge":1,"plan":"Pro","signup":null}})";

/// Says what the test wants.
class FakeGate final : public serving::AnswerGate {
 public:
  bool is_open = true;
  bool is_recorded = true;
  bool is_too_large = false;
  int waits = 0;

  std::optional<Ticket> begin() noexcept override {
    return is_open ? std::optional<Ticket>(7) : std::nullopt;
  }
  void when_recorded(Ticket ticket, std::function<void(bool)> done) noexcept override {
    EXPECT_EQ(ticket, 7U);
    ++waits;
    done(is_recorded);
  }
  bool was_too_large(Ticket) const noexcept override { return is_too_large; }
};

class RecordedAnswers : public testing::Test {
 protected:
  RecordedAnswers() : api_(100, {.answer_gate = &gate_}) { api_.serve_mixed(); }
  FakeGate gate_;
  TestApi api_;
};

TEST_F(RecordedAnswers, AreSentOnceTheyAreRecorded) {
  EXPECT_EQ(api_.post("/predict", kRow).status, 200);
  EXPECT_EQ(gate_.waits, 1);
}

TEST_F(RecordedAnswers, WaitForTheRecordOfAnAnswerThatAWorkerGives) {
  const std::string long_body = std::string(kRow) + std::string(64 * 1024, ' ');
  EXPECT_EQ(api_.post("/predict", long_body, {.can_be_moved = true}).status, 200);
  EXPECT_EQ(api_.moves(), 1);
  EXPECT_EQ(gate_.waits, 1);
  gate_.is_recorded = false;
  EXPECT_EQ(api_.post("/predict", long_body, {.can_be_moved = true}).status, 503);
}

TEST_F(RecordedAnswers, AreRefusedWhenTheLogLetsNobodyIn) {
  gate_.is_open = false;
  const auto answer = api_.post("/predict", kRow);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers.at(0), std::make_pair(std::string("Retry-After"), std::string("1")));
  EXPECT_NE(answer.body.find("prediction log"), std::string::npos);
  EXPECT_EQ(gate_.waits, 0);
}

TEST_F(RecordedAnswers, AreReplacedByARefusalInEveryProtocol) {
  gate_.is_recorded = false;
  const auto refused = [&](std::string_view path, std::string_view body,
                           std::string_view content_type = {}) {
    const auto answer = api_.post(path, body, {.content_type = content_type});
    EXPECT_EQ(answer.status, 503) << path;
    EXPECT_EQ(answer.body.find("probability"), std::string::npos) << answer.body;
    return TestApi::json(answer).as_object();
  };
  EXPECT_TRUE(refused("/predict", kRow).contains("detail"));
  EXPECT_TRUE(refused("/predict/batch", kRow).contains("detail"));
  EXPECT_TRUE(refused("/explain", kRow).contains("detail"));
  constexpr std::string_view kInstance = R"({"instances":[[3,1,"Pro",null]]})";
  EXPECT_TRUE(refused("/v1/models/churn:predict", kInstance).contains("error"));
  EXPECT_EQ(refused("/invocations", kInstance, "application/json").at("error_code"),
            "TEMPORARILY_UNAVAILABLE");
  EXPECT_TRUE(
      refused("/v2/models/churn/infer",
              R"({"inputs":[{"name":"customer_id","datatype":"BYTES","shape":[1],"data":["c"]}]})")
          .contains("error"));
}

TEST_F(RecordedAnswers, SayThatARowIsTooLargeToBeRecordedEver) {
  gate_.is_recorded = false;
  gate_.is_too_large = true;
  const auto answer = api_.post("/predict", kRow);
  EXPECT_EQ(answer.status, 413);
  EXPECT_TRUE(answer.headers.empty()) << "no Retry-After";
  constexpr std::string_view kInstance = R"({"instances":[[3,1,"Pro",null]]})";
  EXPECT_EQ(api_.post("/v1/models/churn:predict", kInstance).status, 413);
  EXPECT_EQ(api_.post("/invocations", kInstance, {.content_type = "application/json"}).status, 413);
}

TEST_F(RecordedAnswers, DoNotHoldUpWhatPredictsNothing) {
  EXPECT_EQ(api_.post("/predict", "{").status, 422);
  EXPECT_EQ(api_.get("/health").status, 200);
  EXPECT_EQ(gate_.waits, 0);
}

TEST_F(RecordedAnswers, OfGrpcAreUnavailableWhenTheyCannotBeRecorded) {
  const Services& services = api_.services();
  const auto run = [&](const core::Result<>& predicted) {
    core::Result<> last;
    int finished = 0;
    finish_recorded(
        services, [&] { return predicted; },
        [&](const core::Result<>& done) {
          last = done;
          ++finished;
        });
    EXPECT_EQ(finished, 1);
    return last;
  };
  EXPECT_TRUE(run({}).has_value());
  gate_.is_recorded = false;
  EXPECT_EQ(run({}).error().code, core::ErrorCode::kUnavailable);
  gate_.is_open = false;
  EXPECT_EQ(run({}).error().code, core::ErrorCode::kUnavailable);
  gate_.is_open = gate_.is_recorded = true;
  EXPECT_EQ(run(core::Error{core::ErrorCode::kInvalidArgument, "x"}).error().code,
            core::ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace tenure::api
