#include "api/mlflow/batch.h"

#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "api/mlflow/field_reader.h"
#include "tracking/validation.h"

namespace tenure::api::mlflow {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

constexpr std::size_t kItemsMax = 1000;  // metrics, and all together
constexpr std::size_t kPairsMax = 100;   // params, and tags

Result<> check_count(std::string_view what, std::size_t count, std::size_t max) {
  if (count <= max) return {};
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("A batch logging request can contain at most {0} {2}. Got {1} {2}. "
                           "Please split up {2} across multiple requests and try again.",
                           max, count, what)};
}

Result<> check_counts(std::size_t metrics, std::size_t params, std::size_t tags) {
  if (auto checked = check_count("metrics", metrics, kItemsMax); !checked) return checked;
  if (auto checked = check_count("params", params, kPairsMax); !checked) return checked;
  if (auto checked = check_count("tags", tags, kPairsMax); !checked) return checked;
  return check_count("metrics, params, and tags", metrics + params + tags, kItemsMax);
}

/// The place is written only for an error: there are a thousand keys in a batch.
Result<> check_key_at(std::string_view list, std::size_t i, std::string_view key,
                      std::string_view parameter, std::string_view what) {
  if (tracking::check_key(key, parameter, what)) return {};
  return tracking::check_key(key, fmt::format("{}[{}].{}", list, i, parameter), what);
}

struct Pair {
  std::string key, value;
};

Result<std::vector<Pair>> read_pairs(const Message& message, std::string_view list,
                                     std::string_view what) {
  auto items = message.objects(list);
  if (!items) return std::move(items).error();
  std::vector<Pair> pairs;
  pairs.reserve(items->size());
  for (const Message& item : *items) {
    FieldReader in(item);
    pairs.push_back({in.required_text("key"), in.text("value")});
    if (in.has_failed()) return in.error();
    if (auto checked = check_key_at(list, pairs.size() - 1, pairs.back().key, "key", what);
        !checked) {
      return std::move(checked).error();
    }
  }
  return pairs;
}

Result<std::vector<tracking::Metric>> read_metrics(const Message& message) {
  auto items = message.objects("metrics");
  if (!items) return std::move(items).error();
  std::vector<tracking::Metric> metrics;
  metrics.reserve(items->size());
  for (const Message& item : *items) {
    auto metric = read_metric(item);
    if (!metric) return std::move(metric).error();
    auto checked = check_key_at("metrics", metrics.size(), metric->key, "name", "Metric name");
    if (!checked) return std::move(checked).error();
    metrics.push_back(*std::move(metric));
  }
  return metrics;
}

/// As Python shows a list of texts.
std::string python_list(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts)
    list += fmt::format("{}'{}'", list.empty() ? "" : ", ", text);
  return '[' + list + ']';
}

Result<> check_unique(const std::vector<Pair>& params) {
  std::set<std::string_view> seen;
  std::vector<std::string> doubled;
  for (const Pair& param : params) {
    if (!seen.insert(param.key).second) doubled.push_back(param.key);
  }
  if (doubled.empty()) return {};
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("Duplicate parameter keys have been submitted: {}. Please ensure the "
                           "request contains only one param value per param key.",
                           python_list(doubled))};
}

/// The last of a key wins.
std::map<std::string, std::string> to_map(std::vector<Pair> pairs) {
  std::map<std::string, std::string> map;
  for (Pair& pair : pairs) map.insert_or_assign(std::move(pair.key), std::move(pair.value));
  return map;
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

Result<Batch> read_batch(const Message& message) {
  Batch batch;
  auto run_id = message.required_text("run_id");
  if (!run_id) return std::move(run_id).error();
  batch.run_id = *std::move(run_id);
  auto metrics = read_metrics(message);
  if (!metrics) return std::move(metrics).error();
  auto params = read_pairs(message, "params", "Param key");
  if (!params) return std::move(params).error();
  auto tags = read_pairs(message, "tags", "key");
  if (!tags) return std::move(tags).error();
  if (auto checked = check_counts(metrics->size(), params->size(), tags->size()); !checked)
    return std::move(checked).error();
  if (auto checked = check_unique(*params); !checked) return std::move(checked).error();
  batch.metrics = *std::move(metrics);
  batch.params = to_map(*std::move(params));
  batch.tags = to_map(*std::move(tags));
  return batch;
}

}  // namespace tenure::api::mlflow
