#include "api/mlflow/plain_batch.h"

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/mlflow/batch.h"
#include "api/mlflow/message.h"

namespace tenure::api::mlflow {
namespace {

core::Result<tracking::LogBatch> by_all_rules(const std::string& body) {
  net::Request request;
  request.method = net::Method::kPost;
  request.content_type = "application/json";
  request.body = body;
  auto message = Message::read(request);
  if (!message) return std::move(message).error();
  if (auto run = message->required_text("run_id"); !run) return std::move(run).error();
  return read_batch(*message);
}

void expect_same(const tracking::LogBatch& a, const tracking::LogBatch& b) {
  ASSERT_EQ(a.metrics.size(), b.metrics.size());
  for (std::size_t i = 0; i < a.metrics.size(); ++i) {
    const tracking::Metric& one = a.metrics[i];
    const tracking::Metric& other = b.metrics[i];
    EXPECT_EQ(one.key, other.key);
    EXPECT_EQ(std::bit_cast<std::int64_t>(one.value), std::bit_cast<std::int64_t>(other.value));
    EXPECT_EQ(one.timestamp_ms, other.timestamp_ms);
    EXPECT_EQ(one.step, other.step);
    EXPECT_EQ(one.model_id, other.model_id);
    EXPECT_EQ(one.dataset_name, other.dataset_name);
    EXPECT_EQ(one.dataset_digest, other.dataset_digest);
  }
  EXPECT_EQ(a.params, b.params);
  EXPECT_EQ(a.tags, b.tags);
}

std::string of_metric(const std::string& metric) {
  return R"({"run_id": "r", "metrics": [)" + metric + "]}";
}

TEST(PlainBatch, ReadsWhatClientsWriteAsTheTreeOfValuesDoes) {
  for (const std::string& body : std::vector<std::string>{
           R"({"run_id": "r"})",
           R"({"run_id": "r", "metrics": [], "params": [], "tags": []})",
           R"( {"tags":[{"key":"t","value":"1"},{"key":"t","value":""}],"run_id":"abc" } )",
           R"({"run_id": "r", "params": [{"value": "a\"\u00e9\ud83d\ude00", "key": "p"}]})",
           R"({"run_id": "r", "params": [{"key": "p"}]})",
           of_metric(R"({"key": "a", "value": 1.5, "timestamp": 3, "step": -4})"),
           of_metric(R"({"key": "a", "value": 1, "timestamp": 3})"),
           of_metric(R"({"key": "a", "value": 9007199254740993, "timestamp": 0})"),
           of_metric(R"({"key": "a", "value": 18446744073709551615, "timestamp": 0})"),
           of_metric(R"({"key": "a", "value": 0.1e-7, "timestamp": 9223372036854775807})"),
           of_metric(R"({"key": "a", "value": -0.0, "timestamp": 1})"),
           of_metric(R"({"key": "a", "value": -0, "timestamp": 1})"),
           of_metric(R"({"key": "a", "value": NaN, "timestamp": 1, "step": 2})"),
           of_metric(R"({"key": "a", "value": "NaN", "timestamp": 1, "step": 2})"),
           of_metric(R"({"key": "a", "value": -Infinity, "timestamp": 1, "step": 2})"),
           of_metric(R"({"key": "a", "value": "Infinity", "timestamp": 1, "step": 2})"),
           of_metric(R"({"key": "a", "value": 1, "timestamp": 1, "model_id": "m-1",
                         "dataset_name": "d", "dataset_digest": "e"})"),
           of_metric(R"({"key": "a", "key": "b", "value": 1, "value": 2, "timestamp": 1})"),
       }) {
    SCOPED_TRACE(body);
    const auto plain = read_plain_batch(body);
    ASSERT_TRUE(plain.has_value());
    const auto expected = by_all_rules(body);
    ASSERT_TRUE(expected.has_value()) << expected.error().message;
    expect_same(plain->batch, *expected);
  }
}

TEST(PlainBatch, LeavesWhatIsUnusualOrWrongToTheTreeOfValues) {
  for (const std::string& body : std::vector<std::string>{
           "",
           "{",
           "[]",
           "null",
           R"("{\"run_id\": \"r\"}")",
           R"({"run_id": ""})",
           R"({"run_id": 5})",
           R"({"metrics": []})",
           R"({"run_id": "r"} x)",
           R"({"run_id": "r", "unknown": 1})",
           R"({"run_id": "r", "metrics": null})",
           R"({"run_id": "r", "metrics": {}})",
           R"({"run_id": "r", "metrics": [1]})",
           R"({"run_id": "r", "metrics": [)",
           R"({"run_id": "r", "tags": [{"value": "x"}]})",
           R"({"run_id": "r", "tags": [{"key": "t", "value": 1}]})",
           R"({"run_id": "r", "tags": [{"key": "t"}], "tags": [{"key": "u"}]})",
           of_metric(R"({"key": "", "value": 1, "timestamp": 1})"),
           of_metric(R"({"value": 1, "timestamp": 1})"),
           of_metric(R"({"key": "a", "timestamp": 1})"),
           of_metric(R"({"key": "a", "value": 1})"),
           of_metric(R"({"key": "a", "value": 1e999, "timestamp": 1})"),
           of_metric(R"({"key": "a", "value": "1.5", "timestamp": 1})"),
           of_metric(R"({"key": "a", "value": null, "timestamp": 1})"),
           of_metric(R"({"key": "a", "value": true, "timestamp": 1})"),
           of_metric(R"({"key": "a", "value": 01, "timestamp": 1})"),
           of_metric(R"({"key": "a", "value": 1, "timestamp": 1.0})"),
           of_metric(R"({"key": "a", "value": 1, "timestamp": "1"})"),
           of_metric(R"({"key": "a", "value": 1, "timestamp": 9223372036854775808})"),
           of_metric(R"({"key": "a", "value": 1, "timestamp": 1, "step": null})"),
           of_metric(R"({"key": "a", "value": 1, "timestamp": 1, "other": 1})"),
       }) {
    EXPECT_FALSE(read_plain_batch(body).has_value()) << body;
  }
}

}  // namespace
}  // namespace tenure::api::mlflow
