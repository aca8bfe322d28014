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
#include "tracking/run_rows.h"
#include "tracking/validation.h"

namespace tenure::tracking {
namespace {

using storage::SqlExecutor;

constexpr std::string_view kUserTag = "mlflow.user";
constexpr std::size_t kUserMax = 256;

// In the order of RunStatus.
constexpr auto kStatusNames =
    std::to_array<std::string_view>({"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"});

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
  if (auto checked = check_first_tags(run.tags); !checked) return std::move(checked).error();

  auto made = database.transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto place = active_experiment_location(sql, *experiment_id);
    if (!place) return std::move(place).error();
    run.artifact_uri = uri_below(location ? *location : *place, run.id + "/artifacts");
    std::vector<storage::SqlStatement> statements;
    statements.push_back(
        {"INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, "
         "status, start_time, source_version, lifecycle_stage, artifact_uri, experiment_id) VALUES "
         "(:id, :name, 'UNKNOWN', '', '', :user, 'RUNNING', :start, '', 'active', :uri, "
         ":experiment)",
         {run.id, run.name, run.user, run.start_ms, run.artifact_uri, *experiment_id},
         {}});
    append_tags(statements, run.id, run.tags);
    return sql.run_all(statements);
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
  const std::string key(id);
  auto runs = read_runs(*database_, std::span(&key, 1));
  if (!runs) return std::move(runs).error();
  if (runs->empty()) return run_not_found(id);
  return std::move(runs->front());
}

core::Result<std::vector<Run>> RunStore::list(std::string_view experiment_id, std::size_t limit) {
  auto number = parse_experiment_id(experiment_id);
  if (!number) return std::move(number).error();
  auto rows = database_->query(
      "SELECT run_uuid FROM runs WHERE experiment_id = :experiment AND lifecycle_stage = 'active' "
      "ORDER BY start_time DESC, run_uuid LIMIT :limit",
      {*number, static_cast<std::int64_t>(std::min<std::size_t>(limit, 1'000'000'000))});
  if (!rows) return std::move(rows).error();
  std::vector<std::string> ids;
  ids.reserve(rows->size());
  for (const storage::SqlRow& row : *rows) ids.push_back(row.text(0));
  return read_runs(*database_, ids);
}

}  // namespace tenure::tracking
