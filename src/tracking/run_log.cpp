#include "tracking/run_log.h"

#include <limits>
#include <vector>

#include <fmt/format.h>

#include "tracking/logged_models.h"
#include "tracking/sql_rows.h"
#include "tracking/validation.h"

namespace tenure::tracking {
namespace {

using storage::SqlExecutor;
using storage::SqlValue;

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

Metric metric_from_row(const storage::SqlRowView& row) {
  Metric metric;
  metric.key = row.text(0);
  metric.value = row.integer(4) != 0 ? std::numeric_limits<double>::quiet_NaN() : row.number(1);
  metric.timestamp_ms = row.integer_if(2).value_or(0);
  metric.step = row.integer(3);
  return metric;
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
                            const std::map<std::string, std::string>& params, bool is_single) {
  if (params.empty()) return {};
  const std::vector<SqlValue> run = {std::string(run_id)};
  auto next = params.begin();
  auto written =
      insert_rows(sql,
                  {"INSERT INTO params (run_uuid, key, value) VALUES ", "(:run, ?, ?)",
                   " ON CONFLICT (key, run_uuid) DO NOTHING"},
                  run, params.size(), [&](std::size_t, std::vector<SqlValue>& row) {
                    row.emplace_back(next->first);
                    row.emplace_back(std::string(truncated(next->second, kParamValueMax)));
                    ++next;
                  });
  if (!written) return std::move(written).error();
  if (*written == static_cast<std::int64_t>(params.size())) return {};

  auto rows = sql.query("SELECT key, value FROM params WHERE run_uuid = :run ORDER BY key", run);
  if (!rows) return std::move(rows).error();
  std::vector<ParamChange> changes;
  for (const storage::SqlRow& row : *rows) {
    const auto given = params.find(row.text(0));
    if (given == params.end()) continue;
    const std::string_view value = truncated(given->second, kParamValueMax);
    if (row.text_or(1, "") == value) continue;
    changes.push_back({given->first, row.text_or(1, ""), std::string(value)});
  }
  if (changes.empty()) return {};
  return params_changed(run_id, changes, is_single);
}

core::Result<> write_metrics(SqlExecutor& sql, std::string_view run_id, const MetricRows& metrics) {
  if (metrics.ordered.empty()) return {};
  const auto fill = [](const StoredMetric& metric, std::vector<SqlValue>& row) {
    row.emplace_back(*metric.key);
    row.emplace_back(metric.value);
    row.emplace_back(metric.timestamp_ms);
    row.emplace_back(metric.step);
    row.emplace_back(metric.is_nan);
  };
  constexpr std::string_view kRow = "(:run, ?, ?, ?, ?, ?)";
  const std::vector<SqlValue> run = {std::string(run_id)};
  auto written = insert_rows(
      sql,
      {"INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES ", kRow,
       " ON CONFLICT (key, timestamp, step, run_uuid, value, is_nan) DO NOTHING"},
      run, metrics.ordered.size(),
      [&](std::size_t i, std::vector<SqlValue>& row) { fill(metrics.ordered[i], row); });
  if (!written) return std::move(written).error();
  written = insert_rows(
      sql,
      {"INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES ", kRow,
       " ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value, "
       "timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan "
       "WHERE (excluded.step, excluded.timestamp, excluded.value) > "
       "(latest_metrics.step, COALESCE(latest_metrics.timestamp, 0), latest_metrics.value)"},
      run, metrics.latest.size(),
      [&](std::size_t i, std::vector<SqlValue>& row) { fill(*metrics.latest[i], row); });
  if (!written) return std::move(written).error();
  return write_model_metrics(sql, run_id, metrics.given);
}

core::Result<> write_tags(SqlExecutor& sql, std::string_view run_id,
                          std::map<std::string, std::string> tags) {
  if (const auto name = tags.find(std::string(kRunNameTag));
      name != tags.end() && name->second.empty())
    tags.erase(name);
  auto next = tags.begin();
  auto written =
      insert_rows(sql,
                  {"INSERT INTO tags (run_uuid, key, value) VALUES ", "(:run, ?, ?)",
                   " ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value"},
                  {std::string(run_id)}, tags.size(), [&](std::size_t, std::vector<SqlValue>& row) {
                    row.emplace_back(next->first);
                    row.emplace_back(std::string(truncated(next->second, kRunTagValueMax)));
                    ++next;
                  });
  if (!written) return std::move(written).error();
  const auto name = tags.find(std::string(kRunNameTag));
  if (name == tags.end()) return {};
  auto renamed =
      sql.execute("UPDATE runs SET name = :name WHERE run_uuid = :run",
                  {std::string(truncated(name->second, kRunNameMax)), std::string(run_id)});
  if (!renamed) return std::move(renamed).error();
  return {};
}

}  // namespace tenure::tracking
