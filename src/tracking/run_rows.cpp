#include "tracking/run_rows.h"

#include <array>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "tracking/page_rows.h"
#include "tracking/run_inputs.h"
#include "tracking/run_log.h"

namespace tenure::tracking {
namespace {

using storage::SqlRowView;

constexpr auto kStatuses =
    std::to_array({RunStatus::kRunning, RunStatus::kScheduled, RunStatus::kFinished,
                   RunStatus::kFailed, RunStatus::kKilled});

// Keys mostly come in their order, as they were written: then the end is the place.
void put(std::map<std::string, std::string>& map, const SqlRowView& row) {
  map.emplace_hint(map.end(), row.text(0), row.text_or(1, ""));
}

void put_metric(Run& run, const SqlRowView& row) {
  run.metrics.emplace_hint(run.metrics.end(), row.text(0), metric_from_row(row));
}

}  // namespace

Run run_from_row(const SqlRowView& row) {
  Run run;
  run.id = row.text(0);
  if (const auto experiment = row.integer_if(1)) run.experiment_id = std::to_string(*experiment);
  run.name = row.text_or(2, "");
  run.user = row.text_or(3, "");
  const auto status = row.text_or(4, "RUNNING");
  for (const RunStatus known : kStatuses) {
    if (run_status_name(known) == status) run.status = known;
  }
  run.start_ms = row.integer_if(5).value_or(0);
  run.end_ms = row.integer_if(6).value_or(0);
  run.artifact_uri = row.text_or(7, "");
  run.lifecycle_stage = row.text_or(8, "active");
  return run;
}

core::Result<std::vector<Run>> read_runs(storage::SqlExecutor& sql,
                                         std::span<const std::string> ids) {
  const std::vector<storage::SqlValue> keys(ids.begin(), ids.end());
  std::vector<std::optional<Run>> found(ids.size());
  const auto each = [&](std::string_view columns, std::string_view table, const auto& fill) {
    return read_page_rows(
        sql, {.columns = columns, .table = table, .condition = "t.run_uuid = page.k0"}, keys,
        [&](std::size_t item, const SqlRowView& row) { fill(found[item], row); });
  };
  auto read = each(kRunColumns, "runs",
                   [](std::optional<Run>& run, const SqlRowView& row) { run = run_from_row(row); });
  if (!read) return std::move(read).error();
  read = each("key, value", "params", [](std::optional<Run>& run, const SqlRowView& row) {
    if (run) put(run->params, row);
  });
  if (!read) return std::move(read).error();
  read = each("key, value", "tags", [](std::optional<Run>& run, const SqlRowView& row) {
    if (run) put(run->tags, row);
  });
  if (!read) return std::move(read).error();
  read = each(kMetricColumns, "latest_metrics", [](std::optional<Run>& run, const SqlRowView& row) {
    if (run) put_metric(*run, row);
  });
  if (!read) return std::move(read).error();
  auto inputs = read_run_inputs(sql, ids);
  if (!inputs) return std::move(inputs).error();

  std::vector<Run> runs;
  runs.reserve(ids.size());
  for (std::optional<Run>& run : found) {
    if (!run) continue;
    runs.push_back(std::move(*run));
    if (const auto edges = inputs->find(runs.back().id); edges != inputs->end())
      runs.back().inputs = std::move(edges->second);
  }
  return runs;
}

core::Error run_not_found(std::string_view id) {
  return core::Error{core::ErrorCode::kNotFound, fmt::format("Run with id={} not found", id)};
}

}  // namespace tenure::tracking
