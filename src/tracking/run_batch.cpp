#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "tracking/run_log.h"
#include "tracking/validation.h"

namespace tenure::tracking {
namespace {

// Values may be too long, which cuts them, but never anything else than text.
constexpr std::size_t kAnyLength = std::numeric_limits<std::size_t>::max();

constexpr std::size_t kMetricsMax = 1000;
constexpr std::size_t kParamsMax = 100;
constexpr std::size_t kTagsMax = 100;
constexpr std::size_t kItemsMax = 1000;

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

/// A number as Python prints it: never without fraction or exponent.
std::string python_number(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

core::Result<> check_time(const Metric& metric, std::string_view parameter) {
  if (metric.timestamp_ms >= 0) return {};
  return invalid(
      fmt::format("Invalid value {} for parameter '{}' supplied: metric '{}' "
                  "(value={}). Timestamp must be a nonnegative long (64-bit integer) ",
                  metric.timestamp_ms, parameter, metric.key, python_number(metric.value)));
}

core::Result<> check_pair(const std::string& key, const std::string& value,
                          std::string_view parameter, std::string_view key_name,
                          std::string_view value_name) {
  if (auto checked = check_key(key, parameter, key_name); !checked) return checked;
  return check_text(value, kAnyLength, value_name);
}

core::Result<> check_count(std::string_view items, std::size_t count, std::size_t limit) {
  if (count <= limit) return {};
  return invalid(
      fmt::format("A batch logging request can contain at most {} {}. Got {} {}. Please "
                  "split up {} across multiple requests and try again.",
                  limit, items, count, items, items));
}

core::Result<> check_limits(const LogBatch& batch) {
  if (auto checked = check_count("metrics", batch.metrics.size(), kMetricsMax); !checked)
    return checked;
  if (auto checked = check_count("params", batch.params.size(), kParamsMax); !checked)
    return checked;
  if (auto checked = check_count("tags", batch.tags.size(), kTagsMax); !checked) return checked;
  return check_count("metrics, params, and tags",
                     batch.metrics.size() + batch.params.size() + batch.tags.size(), kItemsMax);
}

core::Result<> check_no_repeats(const LogBatch& batch) {
  std::set<std::string_view> seen;
  std::set<std::string_view> repeated;
  for (const auto& [key, value] : batch.params)
    if (!seen.insert(key).second) repeated.insert(key);
  if (repeated.empty()) return {};
  std::string list;
  for (const std::string_view key : repeated)
    list += fmt::format("{}'{}'", list.empty() ? "" : ", ", key);
  return invalid(
      fmt::format("Duplicate parameter keys have been submitted: [{}]. Please ensure "
                  "the request contains only one param value per param key.",
                  list));
}

}  // namespace

core::Result<> check_batch(std::span<const Metric> metrics,
                           const std::map<std::string, std::string>& params,
                           const std::map<std::string, std::string>& tags) {
  for (const Metric& metric : metrics) {
    if (auto checked = check_key(metric.key, "name", "Metric name"); !checked) return checked;
    if (auto checked = check_time(metric, "timestamp"); !checked) return checked;
  }
  for (const auto& [key, value] : params) {
    if (auto checked = check_pair(key, value, "key", "Param key", "Param value"); !checked)
      return checked;
  }
  for (const auto& [key, value] : tags) {
    if (auto checked = check_pair(key, value, "key", "key", "value"); !checked) return checked;
  }
  return {};
}

core::Result<> check_first_tags(const std::map<std::string, std::string>& tags) {
  for (const auto& [key, value] : tags) {
    if (key.empty()) return invalid("Missing value for required parameter 'tags.key'.");
    if (auto checked = check_text(key, kKeyMax, "key"); !checked) return checked;
    if (auto checked = check_text(value, kAnyLength, "value"); !checked) return checked;
  }
  return {};
}

core::Result<> check_run_id(std::string_view run_id) {
  constexpr std::size_t kRunIdMax = 256;
  const auto is_letter_or_digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  const bool is_good =
      !run_id.empty() && run_id.size() <= kRunIdMax && is_letter_or_digit(run_id.front()) &&
      std::all_of(run_id.begin(), run_id.end(),
                  [&](char c) { return is_letter_or_digit(c) || c == '_' || c == '-'; });
  if (is_good) return {};
  return invalid(fmt::format("Invalid run ID: '{}'", run_id));
}

core::Result<> check_batch(std::string_view run_id, const LogBatch& batch) {
  if (auto checked = check_run_id(run_id); !checked) return checked;
  std::string_view last_key;
  for (std::size_t i = 0; i < batch.metrics.size(); ++i) {
    const Metric& metric = batch.metrics[i];
    // A series in a batch has one key.
    if (metric.key.empty() || metric.key != last_key) {
      // Its place is named only when there is something to say of it.
      if (!check_key(metric.key, {}, "Metric name"))
        return check_key(metric.key, fmt::format("metrics[{}].name", i), "Metric name");
      last_key = metric.key;
    }
    if (metric.timestamp_ms >= 0) continue;
    return check_time(metric, fmt::format("metrics[{}].timestamp", i));
  }
  for (std::size_t i = 0; i < batch.params.size(); ++i) {
    const auto& [key, value] = batch.params[i];
    if (auto checked =
            check_pair(key, value, fmt::format("params[{}].key", i), "Param key", "Param value");
        !checked) {
      return checked;
    }
  }
  for (std::size_t i = 0; i < batch.tags.size(); ++i) {
    const auto& [key, value] = batch.tags[i];
    const std::string parameter = fmt::format("tags[{}].key", i);
    if (auto checked = check_pair(key, value, parameter, parameter, "value"); !checked)
      return checked;
  }
  if (auto checked = check_limits(batch); !checked) return checked;
  return check_no_repeats(batch);
}

}  // namespace tenure::tracking
