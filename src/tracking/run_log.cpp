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

// One row always: what is not told was not asked.
constexpr std::string_view kStateQuery =
    "SELECT COALESCE((SELECT COALESCE(lifecycle_stage, 'active') FROM runs WHERE run_uuid = :id), "
    "'')";

/// `state`: the run's lifecycle stage, "" when there is no run.
core::Result<> check_state(std::string_view run_id, std::string_view state) {
  if (state == "active") return {};
  if (state.empty()) {
    return core::Error{core::ErrorCode::kNotFound, fmt::format("Run with id={} not found", run_id)};
  }
  return core::Error{
      core::ErrorCode::kInvalidArgument,
      fmt::format("The run {} must be in the 'active' state. Current state is {}.", run_id, state)};
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

Metric metric_from_row(const storage::SqlRowView& row) {
  Metric metric;
  metric.key = row.text(0);
  metric.value = row.integer(4) != 0 ? std::numeric_limits<double>::quiet_NaN() : row.number(1);
  metric.timestamp_ms = row.integer_if(2).value_or(0);
  metric.step = row.integer(3);
  return metric;
}

core::Result<> check_run_is_active(SqlExecutor& sql, std::string_view run_id) {
  auto rows = sql.query(kStateQuery, {std::string(run_id)});
  if (!rows) return std::move(rows).error();
  return check_state(run_id, rows->front().text(0));
}

RunLog::RunLog(std::string_view run_id) : run_id_(run_id) {
  statements_.push_back(
      {std::string(kStateQuery), {run_id_}, [this](const storage::SqlRowView& row) {
         state_ = row.text(0);
         return true;
       }});
}

void RunLog::add_params(const std::map<std::string, std::string>& params, bool is_single) {
  params_ = &params;
  is_single_param_ = is_single;
  params_begin_ = statements_.size();
  auto next = params.begin();
  append_inserts(statements_,
                 {"INSERT INTO params (run_uuid, key, value) VALUES ", "(:run, ?, ?)",
                  " ON CONFLICT (key, run_uuid) DO NOTHING"},
                 {run_id_}, params.size(), [&](std::size_t, std::vector<SqlValue>& row) {
                   row.emplace_back(next->first);
                   row.emplace_back(std::string(truncated(next->second, kParamValueMax)));
                   ++next;
                 });
  params_end_ = statements_.size();
}

void RunLog::add_metrics(const MetricRows& metrics) {
  metrics_ = metrics.given;
  const auto fill = [](const StoredMetric& metric, std::vector<SqlValue>& row) {
    row.emplace_back(*metric.key);
    row.emplace_back(metric.value);
    row.emplace_back(metric.timestamp_ms);
    row.emplace_back(metric.step);
    row.emplace_back(metric.is_nan);
  };
  constexpr std::string_view kRow = "(:run, ?, ?, ?, ?, ?)";
  append_inserts(statements_,
                 {"INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES ",
                  kRow, " ON CONFLICT (key, timestamp, step, run_uuid, value, is_nan) DO NOTHING"},
                 {run_id_}, metrics.ordered.size(),
                 [&](std::size_t i, std::vector<SqlValue>& row) { fill(metrics.ordered[i], row); });
  append_inserts(
      statements_,
      {"INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES ", kRow,
       " ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value, "
       "timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan "
       "WHERE (excluded.step, excluded.timestamp, excluded.value) > "
       "(latest_metrics.step, COALESCE(latest_metrics.timestamp, 0), latest_metrics.value)"},
      {run_id_}, metrics.latest.size(),
      [&](std::size_t i, std::vector<SqlValue>& row) { fill(*metrics.latest[i], row); });
}

void RunLog::add_tags(const std::map<std::string, std::string>& tags) {
  append_tags(statements_, run_id_, tags);
}

core::Result<> RunLog::write(SqlExecutor& sql) {
  auto done = sql.run_all(statements_);
  // What is written for a run that is not there fails in other words.
  if (state_) {
    if (auto active = check_state(run_id_, *state_); !active) return active;
  }
  if (!done) return done;
  if (auto checked = check_params(sql); !checked) return checked;
  return write_model_metrics(sql, run_id_, metrics_);
}

core::Result<> RunLog::check_params(SqlExecutor& sql) const {
  const std::span written =
      std::span(statements_).subspan(params_begin_, params_end_ - params_begin_);
  if (written.empty() || changed_rows(written) == static_cast<std::int64_t>(params_->size()))
    return {};
  auto rows =
      sql.query("SELECT key, value FROM params WHERE run_uuid = :run ORDER BY key", {run_id_});
  if (!rows) return std::move(rows).error();
  std::vector<ParamChange> changes;
  for (const storage::SqlRow& row : *rows) {
    const auto given = params_->find(row.text(0));
    if (given == params_->end()) continue;
    const std::string_view value = truncated(given->second, kParamValueMax);
    if (row.text_or(1, "") == value) continue;
    changes.push_back({given->first, row.text_or(1, ""), std::string(value)});
  }
  if (changes.empty()) return {};
  return params_changed(run_id_, changes, is_single_param_);
}

void append_tags(std::vector<storage::SqlStatement>& statements, std::string_view run_id,
                 const std::map<std::string, std::string>& tags) {
  const auto name = tags.find(std::string(kRunNameTag));
  const bool is_unnamed = name != tags.end() && name->second.empty();
  auto next = tags.begin();
  append_inserts(statements,
                 {"INSERT INTO tags (run_uuid, key, value) VALUES ", "(:run, ?, ?)",
                  " ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value"},
                 {std::string(run_id)}, tags.size() - (is_unnamed ? 1 : 0),
                 [&](std::size_t, std::vector<SqlValue>& row) {
                   if (is_unnamed && next == name) ++next;
                   row.emplace_back(next->first);
                   row.emplace_back(std::string(truncated(next->second, kRunTagValueMax)));
                   ++next;
                 });
  if (name == tags.end() || is_unnamed) return;
  statements.push_back({"UPDATE runs SET name = :name WHERE run_uuid = :run",
                        {std::string(truncated(name->second, kRunNameMax)), std::string(run_id)},
                        {}});
}

}  // namespace tenure::tracking
