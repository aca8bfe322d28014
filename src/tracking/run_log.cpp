#include "tracking/run_log.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "tracking/validation.h"

namespace tenure::tracking {
namespace {

using storage::SqlExecutor;

/// A metric as the tables keep it: NaN as 0 with a flag, infinities as the greatest double.
struct StoredMetric {
  const std::string* key;
  double value;
  std::int64_t timestamp_ms;
  std::int64_t step;
  std::int64_t is_nan;
};

StoredMetric to_stored(const Metric& metric) {
  const bool is_nan = std::isnan(metric.value);
  double value = is_nan ? 0.0 : metric.value;
  if (std::isinf(value)) value = std::copysign(std::numeric_limits<double>::max(), value);
  return {&metric.key, value, metric.timestamp_ms, metric.step, is_nan ? 1 : 0};
}

bool is_later(const StoredMetric& a, const StoredMetric& b) {
  return std::tie(a.step, a.timestamp_ms, a.value) > std::tie(b.step, b.timestamp_ms, b.value);
}

core::Result<> changed(core::Result<std::int64_t> result) {
  if (!result) return std::move(result).error();
  return {};
}

struct ParamChange {
  std::string key;
  std::string old_value;
  std::string new_value;
};

core::Error params_changed(std::string_view run_id, std::span<const ParamChange> changes,
                           bool is_single) {
  if (is_single) {
    const ParamChange& change = changes.front();
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        fmt::format("Changing param values is not allowed. Param with key='{}' was already logged "
                    "with value='{}' for run ID='{}'. Attempted logging new value '{}'.",
                    change.key, change.old_value, run_id, change.new_value)};
  }
  std::string list;
  for (const ParamChange& change : changes) {
    list += fmt::format("{}{{'key': '{}', 'old_value': '{}', 'new_value': '{}'}}",
                        list.empty() ? "" : ", ", change.key, change.old_value, change.new_value);
  }
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("Changing param values is not allowed. Params were already "
                                 "logged='[{}]' for run ID='{}'.",
                                 list, run_id)};
}

}  // namespace

Metric metric_from_row(const storage::SqlRow& row, std::size_t first) {
  Metric metric;
  metric.key = row.text(first);
  metric.value = row.integer(first + 4) != 0 ? std::numeric_limits<double>::quiet_NaN()
                                             : row.number(first + 1);
  metric.timestamp_ms = row.integer_if(first + 2).value_or(0);
  metric.step = row.integer(first + 3);
  return metric;
}

core::Result<> check_batch(std::span<const Metric> metrics,
                           const std::map<std::string, std::string>& params,
                           const std::map<std::string, std::string>& tags) {
  for (const Metric& metric : metrics) {
    if (auto checked = check_key(metric.key, "name", "Metric name"); !checked) return checked;
    if (metric.timestamp_ms < 0) {
      return core::Error{
          core::ErrorCode::kInvalidArgument,
          fmt::format("Invalid value {} for parameter 'timestamp' supplied: metric '{}' "
                      "(value={}). Timestamp must be a nonnegative long (64-bit integer) ",
                      metric.timestamp_ms, metric.key, metric.value)};
    }
  }
  // Values may be too long, which cuts them, but never anything else than text.
  constexpr std::size_t kAnyLength = std::numeric_limits<std::size_t>::max();
  for (const auto& [key, value] : params) {
    if (auto checked = check_key(key, "key", "Param key"); !checked) return checked;
    if (auto checked = check_text(value, kAnyLength, "Param value"); !checked) return checked;
  }
  for (const auto& [key, value] : tags) {
    if (auto checked = check_key(key, "key", "key"); !checked) return checked;
    if (auto checked = check_text(value, kAnyLength, "value"); !checked) return checked;
  }
  return {};
}

core::Result<> check_run_is_active(SqlExecutor& sql, std::string_view run_id) {
  auto rows =
      sql.query("SELECT lifecycle_stage FROM runs WHERE run_uuid = :id", {std::string(run_id)});
  if (!rows) return std::move(rows).error();
  if (rows->empty()) {
    return core::Error{core::ErrorCode::kNotFound, fmt::format("Run with id={} not found", run_id)};
  }
  const std::string state = rows->front().text_or(0, "active");
  if (state == "active") return {};
  return core::Error{
      core::ErrorCode::kInvalidArgument,
      fmt::format("The run {} must be in the 'active' state. Current state is {}.", run_id, state)};
}

core::Result<> write_params(SqlExecutor& sql, std::string_view run_id,
                            const std::map<std::string, std::string>& params) {
  std::vector<ParamChange> changes;
  for (const auto& [key, full_value] : params) {
    const std::string value(truncated(full_value, kParamValueMax));
    auto written = sql.execute(
        "INSERT INTO params (key, value, run_uuid) VALUES (:key, :value, :run) "
        "ON CONFLICT (key, run_uuid) DO NOTHING",
        {key, value, std::string(run_id)});
    if (!written) return std::move(written).error();
    if (*written == 1) continue;
    auto old = sql.query("SELECT value FROM params WHERE key = :key AND run_uuid = :run",
                         {key, std::string(run_id)});
    if (!old) return std::move(old).error();
    if (old->empty() || old->front().text_or(0, "") == value) continue;
    changes.push_back({key, old->front().text_or(0, ""), value});
  }
  if (changes.empty()) return {};
  return params_changed(run_id, changes, params.size() == 1);
}

core::Result<> write_metrics(SqlExecutor& sql, std::string_view run_id,
                             std::span<const Metric> metrics) {
  const std::string run(run_id);
  std::map<std::string_view, StoredMetric> latest;
  for (const Metric& metric : metrics) {
    const StoredMetric stored = to_stored(metric);
    auto written = changed(sql.execute(
        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES "
        "(:key, :value, :timestamp, :run, :step, CASE WHEN :nan = 1 THEN TRUE ELSE FALSE END) "
        "ON CONFLICT (key, timestamp, step, run_uuid, value, is_nan) DO NOTHING",
        {metric.key, stored.value, stored.timestamp_ms, run, stored.step, stored.is_nan}));
    if (!written) return written;
    const auto [known, is_new] = latest.try_emplace(metric.key, stored);
    if (!is_new && is_later(stored, known->second)) known->second = stored;
  }
  for (const auto& [key, stored] : latest) {
    auto written = changed(sql.execute(
        "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES "
        "(:key, :value, :timestamp, :step, CASE WHEN :nan = 1 THEN TRUE ELSE FALSE END, :run) "
        "ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value, "
        "timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan "
        "WHERE (excluded.step, excluded.timestamp, excluded.value) > "
        "(latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)",
        {std::string(key), stored.value, stored.timestamp_ms, stored.step, stored.is_nan, run}));
    if (!written) return written;
  }
  return {};
}

core::Result<> write_tags(SqlExecutor& sql, std::string_view run_id,
                          const std::map<std::string, std::string>& tags) {
  for (const auto& [key, value] : tags) {
    auto written = changed(
        sql.execute("INSERT INTO tags (key, value, run_uuid) VALUES (:key, :value, :run) "
                    "ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value",
                    {key, std::string(truncated(value, kRunTagValueMax)), std::string(run_id)}));
    if (!written) return written;
  }
  return {};
}

}  // namespace tenure::tracking
