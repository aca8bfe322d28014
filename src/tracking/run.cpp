#include "tracking/run.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "core/assert.h"
#include "core/id.h"
#include "tracking/artifact_uri.h"
#include "tracking/experiment_rows.h"
#include "tracking/metric_history.h"
#include "tracking/run_log.h"
#include "tracking/run_name.h"
#include "tracking/run_row.h"
#include "tracking/validation.h"

namespace tenure::tracking {
namespace {

using storage::SqlExecutor;
using storage::SqlRow;

constexpr std::string_view kUserTag = "mlflow.user";
constexpr std::size_t kUserMax = 256;

// In the order of RunStatus.
constexpr auto kStatusNames =
    std::to_array<std::string_view>({"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"});

/// Fills params, tags and latest metrics of the runs that `subset` names: a condition on run_uuid
/// with `parameters`.
core::Result<> read_data(SqlExecutor& sql, std::map<std::string, Run*>& runs,
                         std::string_view subset, std::span<const storage::SqlValue> parameters) {
  const auto each = [&](std::string_view columns, std::string_view table,
                        const auto& fill) -> core::Result<> {
    auto rows = sql.query(
        fmt::format("SELECT run_uuid, {} FROM {} WHERE run_uuid {}", columns, table, subset),
        parameters);
    if (!rows) return std::move(rows).error();
    for (const SqlRow& row : *rows) {
      if (const auto run = runs.find(row.text(0)); run != runs.end()) fill(*run->second, row);
    }
    return {};
  };
  auto read = each("key, value", "params", [](Run& run, const SqlRow& row) {
    run.params[row.text(1)] = row.text_or(2, "");
  });
  if (!read) return read;
  read = each("key, value", "tags",
              [](Run& run, const SqlRow& row) { run.tags[row.text(1)] = row.text_or(2, ""); });
  if (!read) return read;
  return each(kMetricColumns, "latest_metrics", [](Run& run, const SqlRow& row) {
    Metric metric = metric_from_row(row, 1);
    run.metrics[metric.key] = std::move(metric);
  });
}

core::Result<std::map<std::string, std::string>> all_tags(
    std::string_view name, std::string_view user, const std::map<std::string, std::string>& given) {
  auto tags = given;
  const auto named = tags.find(std::string(kRunNameTag));
  if (named != tags.end() && !name.empty() && named->second != name) {
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        fmt::format("Both 'run_name' argument and 'mlflow.runName' tag are specified, but with "
                    "different values (run_name='{}', mlflow.runName='{}').",
                    name, named->second)};
  }
  if (!name.empty()) tags[std::string(kRunNameTag)] = name;
  if (!user.empty()) tags.try_emplace(std::string(kUserTag), user);
  return tags;
}

/// Writes a run that has no id, name and place yet. `location`: of the experiment's artifacts,
/// where the caller knows better than its row.
core::Result<Run> create_run(storage::Database& database, Run run,
                             const std::optional<std::string>& location) {
  auto experiment_id = parse_experiment_id(run.experiment_id);
  if (!experiment_id) return std::move(experiment_id).error();
  run.id = core::random_hex_id();
  std::string& name_tag = run.tags[std::string(kRunNameTag)];
  if (name_tag.empty()) name_tag = run_name_for(run.id);
  run.name = name_tag;
  if (auto checked = check_text(run.name, kRunNameMax, "name"); !checked)
    return std::move(checked).error();
  if (auto checked = check_text(run.user, kUserMax, "user_id"); !checked)
    return std::move(checked).error();
  if (auto checked = check_batch({}, {}, run.tags); !checked) return std::move(checked).error();

  auto made = database.transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto place = active_experiment_location(sql, *experiment_id);
    if (!place) return std::move(place).error();
    run.artifact_uri = uri_below(location ? *location : *place, run.id + "/artifacts");
    auto row = sql.execute(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, "
        "status, start_time, source_version, lifecycle_stage, artifact_uri, experiment_id) VALUES "
        "(:id, :name, 'UNKNOWN', '', '', :user, 'RUNNING', :start, '', 'active', :uri, "
        ":experiment)",
        {run.id, run.name, run.user, run.start_ms, run.artifact_uri, *experiment_id});
    if (!row) return std::move(row).error();
    return write_tags(sql, run.id, run.tags);
  });
  if (!made) return std::move(made).error();
  return run;
}

}  // namespace

std::string_view run_status_name(RunStatus status) {
  const auto index = static_cast<std::size_t>(status);
  TENURE_ASSERT(index < kStatusNames.size());
  return kStatusNames[index];
}

Run run_from_row(const SqlRow& row) {
  Run run;
  run.id = row.text(0);
  if (const auto experiment = row.integer_if(1)) run.experiment_id = std::to_string(*experiment);
  run.name = row.text_or(2, "");
  run.user = row.text_or(3, "");
  const std::string status = row.text_or(4, "RUNNING");
  for (std::size_t i = 0; i < kStatusNames.size(); ++i)
    if (kStatusNames[i] == status) run.status = static_cast<RunStatus>(i);
  run.start_ms = row.integer_if(5).value_or(0);
  run.end_ms = row.integer_if(6).value_or(0);
  run.artifact_uri = row.text_or(7, "");
  run.lifecycle_stage = row.text_or(8, "active");
  return run;
}

core::Error run_is_missing(std::string_view id) {
  return core::Error{core::ErrorCode::kNotFound, fmt::format("Run with id={} not found", id)};
}

RunStore::RunStore(storage::Database& database, const core::Clock& clock)
    : database_(&database), clock_(&clock) {}

core::Result<Run> RunStore::create(const Experiment& experiment, std::string_view name,
                                   std::string_view user,
                                   const std::map<std::string, std::string>& tags) {
  auto complete = all_tags(name, user, tags);
  if (!complete) return std::move(complete).error();
  Run run;
  run.experiment_id = experiment.id;
  run.user = user;
  run.start_ms = clock_->now() / 1000;
  run.tags = std::move(*complete);
  return create_run(*database_, std::move(run), experiment.artifact_location);
}

core::Result<Run> RunStore::create(const NewRun& wanted) {
  auto complete = all_tags(wanted.name, "", wanted.tags);
  if (!complete) return std::move(complete).error();
  Run run;
  run.experiment_id = wanted.experiment_id;
  run.user = wanted.user;
  run.start_ms = wanted.start_ms;
  run.tags = std::move(*complete);
  return create_run(*database_, std::move(run), std::nullopt);
}

core::Result<Run> RunStore::get(std::string_view id) {
  const storage::SqlValue key = std::string(id);
  auto rows = database_->query(fmt::format("SELECT {} FROM runs WHERE run_uuid = :id", kRunColumns),
                               std::span(&key, 1));
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return run_is_missing(id);
  Run run = run_from_row(rows->front());
  std::map<std::string, Run*> by_id{{run.id, &run}};
  if (auto read = read_data(*database_, by_id, "= :id", std::span(&key, 1)); !read)
    return std::move(read).error();
  auto inputs = read_run_inputs(*database_, std::span(&run.id, 1));
  if (!inputs) return std::move(inputs).error();
  if (const auto found = inputs->find(run.id); found != inputs->end())
    run.inputs = std::move(found->second);
  return run;
}

core::Result<std::vector<Run>> RunStore::list(std::string_view experiment_id, std::size_t limit) {
  auto number = parse_experiment_id(experiment_id);
  if (!number) return std::move(number).error();
  constexpr std::string_view kNewest =
      "FROM runs WHERE experiment_id = :experiment AND lifecycle_stage = 'active' "
      "ORDER BY start_time DESC, run_uuid LIMIT :limit";
  const std::array<storage::SqlValue, 2> parameters = {
      *number, static_cast<std::int64_t>(std::min<std::size_t>(limit, 1'000'000'000))};
  auto rows = database_->query(fmt::format("SELECT {} {}", kRunColumns, kNewest), parameters);
  if (!rows) return std::move(rows).error();
  std::vector<Run> runs;
  runs.reserve(rows->size());
  std::map<std::string, Run*> by_id;
  for (const SqlRow& row : *rows) {
    Run& run = runs.emplace_back(run_from_row(row));
    by_id[run.id] = &run;
  }
  if (auto read =
          read_data(*database_, by_id, fmt::format("IN (SELECT run_uuid {})", kNewest), parameters);
      !read) {
    return std::move(read).error();
  }
  return runs;
}

core::Result<std::vector<Metric>> RunStore::metric_history(std::string_view id,
                                                           std::string_view key) {
  auto page = tracking::metric_history(*database_, id, key, std::nullopt, "");
  if (!page) return std::move(page).error();
  return std::move(page->items);
}

}  // namespace tenure::tracking
