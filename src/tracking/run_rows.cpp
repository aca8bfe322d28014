#include "tracking/run_rows.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "tracking/page_rows.h"

namespace tenure::tracking {
namespace {

using storage::SqlRow;
using storage::SqlValue;

constexpr auto kStatuses =
    std::to_array({RunStatus::kRunning, RunStatus::kScheduled, RunStatus::kFinished,
                   RunStatus::kFailed, RunStatus::kKilled});

Run from_row(const SqlRow& row) {
  Run run;
  run.id = row.text(1);
  if (const auto experiment = row.integer_if(2)) run.experiment_id = std::to_string(*experiment);
  run.name = row.text_or(3, "");
  run.user = row.text_or(4, "");
  const std::string status = row.text_or(5, "RUNNING");
  for (const RunStatus known : kStatuses) {
    if (run_status_name(known) == status) run.status = known;
  }
  run.start_ms = row.integer_if(6).value_or(0);
  run.end_ms = row.integer_if(7).value_or(0);
  run.artifact_uri = row.text_or(8, "");
  run.lifecycle_stage = row.text_or(9, "active");
  return run;
}

// Keys mostly come in their order, as they were written: then the end is the place.
void put(std::map<std::string, std::string>& map, const SqlRow& row) {
  map.emplace_hint(map.end(), row.text(1), row.is_null(2) ? std::string() : row.text(2));
}

void put_metric(Run& run, const SqlRow& row) {
  Metric& metric = run.metrics.emplace_hint(run.metrics.end(), row.text(1), Metric{})->second;
  metric.key = row.text(1);
  metric.value = row.integer(5) != 0 ? std::numeric_limits<double>::quiet_NaN() : row.number(2);
  metric.timestamp_ms = row.integer_if(3).value_or(0);
  metric.step = row.integer(4);
}

}  // namespace

core::Result<std::vector<Run>> read_runs(storage::SqlExecutor& sql,
                                         std::span<const std::string> ids) {
  const std::vector<SqlValue> keys(ids.begin(), ids.end());
  std::vector<std::optional<Run>> found(ids.size());
  auto read = read_page_rows(
      sql,
      {.columns = "t.run_uuid, t.experiment_id, t.name, t.user_id, t.status, t.start_time, "
                  "t.end_time, t.artifact_uri, t.lifecycle_stage",
       .table = "runs",
       .condition = "t.run_uuid = page.k0"},
      keys, [&](std::size_t item, const SqlRow& row) { found[item] = from_row(row); });
  if (!read) return std::move(read).error();
  const auto each = [&](std::string_view columns, std::string_view table, const auto& fill) {
    return read_page_rows(sql,
                          {.columns = columns, .table = table, .condition = "t.run_uuid = page.k0"},
                          keys, [&](std::size_t item, const SqlRow& row) {
                            if (found[item]) fill(*found[item], row);
                          });
  };
  read =
      each("t.key, t.value", "params", [](Run& run, const SqlRow& row) { put(run.params, row); });
  if (!read) return std::move(read).error();
  read = each("t.key, t.value", "tags", [](Run& run, const SqlRow& row) { put(run.tags, row); });
  if (!read) return std::move(read).error();
  read = each("t.key, t.value, t.timestamp, t.step, CASE WHEN t.is_nan THEN 1 ELSE 0 END",
              "latest_metrics", put_metric);
  if (!read) return std::move(read).error();

  std::vector<Run> runs;
  runs.reserve(ids.size());
  for (std::optional<Run>& run : found) {
    if (run) runs.push_back(std::move(*run));
  }
  return runs;
}

core::Error run_not_found(std::string_view id) {
  return core::Error{core::ErrorCode::kNotFound, fmt::format("Run with id={} not found", id)};
}

}  // namespace tenure::tracking
