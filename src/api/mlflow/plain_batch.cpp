#include "api/mlflow/plain_batch.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "api/json_reader.h"

namespace tenure::api::mlflow {
namespace {

using Kind = JsonReader::Kind;

template <class T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool read_text(JsonReader& reader, std::string& value) {
  if (reader.peek() != Kind::kText) return false;
  value = reader.read_text();
  return !reader.has_failed();
}

bool read_integer(JsonReader& reader, std::int64_t& value) {
  return reader.peek() == Kind::kNumber && parse(reader.read_number(), value);
}

/// A finite number, or what JSON has no number for: bare or as a text, MLflow's clients write both.
bool read_number(JsonReader& reader, double& value) {
  std::string_view text;
  switch (reader.peek()) {
    case Kind::kNumber:
      text = reader.read_number();
      if (text != "-0") return parse(text, value);
      value = 0;  // an integer, which has no sign then
      return true;
    case Kind::kText:
      text = reader.read_text();
      break;
    case Kind::kNull:
      text = reader.skip();
      break;
    default:
      return false;
  }
  if (reader.has_failed()) return false;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "NaN") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (text == "Infinity") {
    value = kInfinity;
  } else if (text == "-Infinity") {
    value = -kInfinity;
  } else {
    return false;
  }
  return true;
}

/// One object; `member` reads the value of a key, or gives up.
template <class Member>
bool read_object(JsonReader& reader, const Member& member) {
  if (reader.peek() != Kind::kObject) return false;
  reader.open_object();
  std::string_view key;
  while (reader.next_key(key)) {
    if (!member(key)) return false;
  }
  return !reader.has_failed();
}

bool read_metric(JsonReader& reader, tracking::Metric& metric) {
  bool has_value = false;
  bool has_timestamp = false;
  const bool is_read = read_object(reader, [&](std::string_view key) {
    if (key == "key") return read_text(reader, metric.key);
    if (key == "value") return has_value = read_number(reader, metric.value);
    if (key == "timestamp") return has_timestamp = read_integer(reader, metric.timestamp_ms);
    if (key == "step") return read_integer(reader, metric.step);
    if (key == "model_id") return read_text(reader, metric.model_id);
    if (key == "dataset_name") return read_text(reader, metric.dataset_name);
    if (key == "dataset_digest") return read_text(reader, metric.dataset_digest);
    return false;
  });
  return is_read && has_value && has_timestamp && !metric.key.empty();
}

bool read_pair(JsonReader& reader, std::pair<std::string, std::string>& pair) {
  const bool is_read = read_object(reader, [&](std::string_view key) {
    if (key == "key") return read_text(reader, pair.first);
    if (key == "value") return read_text(reader, pair.second);
    return false;
  });
  return is_read && !pair.first.empty();
}

/// A list that comes once; `item` reads one of its items.
template <class T, class Item>
bool read_list(JsonReader& reader, std::vector<T>& items, const Item& item) {
  if (!items.empty() || reader.peek() != Kind::kArray) return false;
  reader.open_array();
  while (reader.next_item()) {
    if (!item(reader, items.emplace_back())) return false;
  }
  return !reader.has_failed();
}

}  // namespace

std::optional<PlainBatch> read_plain_batch(std::string_view body) {
  std::string unescaped;
  JsonReader reader(body, unescaped, JsonReader::Grammar::kPython);
  std::optional<PlainBatch> plain(std::in_place);
  tracking::LogBatch& batch = plain->batch;
  // About what one metric takes in a body.
  constexpr std::size_t kBytesOfMetric = 64;
  constexpr std::size_t kReservedMax = 1000;
  batch.metrics.reserve(std::min(kReservedMax, body.size() / kBytesOfMetric));
  const bool is_read = read_object(reader, [&](std::string_view key) {
    if (key == "run_id") return read_text(reader, plain->run_id);
    if (key == "metrics") return read_list(reader, batch.metrics, read_metric);
    if (key == "params") return read_list(reader, batch.params, read_pair);
    if (key == "tags") return read_list(reader, batch.tags, read_pair);
    return false;
  });
  if (!is_read || !reader.finish() || plain->run_id.empty()) return std::nullopt;
  return plain;
}

}  // namespace tenure::api::mlflow
