#include "api/mlflow/batch.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/mlflow/field_reader.h"

namespace tenure::api::mlflow {
namespace {

using core::Result;

Result<std::vector<std::pair<std::string, std::string>>> read_pairs(const Message& message,
                                                                    std::string_view list) {
  auto items = message.objects(list);
  if (!items) return std::move(items).error();
  std::vector<std::pair<std::string, std::string>> pairs;
  pairs.reserve(items->size());
  for (const Message& item : *items) {
    FieldReader in(item);
    std::string key = in.required_text("key");
    pairs.emplace_back(std::move(key), in.text("value"));
    if (in.has_failed()) return in.error();
  }
  return pairs;
}

}  // namespace

Result<tracking::Metric> read_metric(const Message& message) {
  FieldReader in(message);
  tracking::Metric metric;
  metric.key = in.required_text("key");
  metric.value = in.required_number("value");
  metric.timestamp_ms = in.required_integer("timestamp");
  metric.step = in.integer("step").value_or(0);
  metric.model_id = in.text("model_id");
  metric.dataset_name = in.text("dataset_name");
  metric.dataset_digest = in.text("dataset_digest");
  if (in.has_failed()) return in.error();
  return metric;
}

Result<tracking::LogBatch> read_batch(const Message& message) {
  tracking::LogBatch batch;
  auto metrics = message.objects("metrics");
  if (!metrics) return std::move(metrics).error();
  batch.metrics.reserve(metrics->size());
  for (const Message& item : *metrics) {
    auto metric = read_metric(item);
    if (!metric) return std::move(metric).error();
    batch.metrics.push_back(*std::move(metric));
  }
  auto params = read_pairs(message, "params");
  if (!params) return std::move(params).error();
  batch.params = *std::move(params);
  auto tags = read_pairs(message, "tags");
  if (!tags) return std::move(tags).error();
  batch.tags = *std::move(tags);
  return batch;
}

}  // namespace tenure::api::mlflow
