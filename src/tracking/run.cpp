#include "tracking/run.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/assert.h"
#include "core/id.h"
#include "tracking/run_log.h"
#include "tracking/run_name.h"
#include "tracking/validation.h"

namespace tenure::tracking {
namespace {

using storage::SqlExecutor;
using storage::SqlRow;

constexpr std::string_view kNameTag = "mlflow.runName";
constexpr std::string_view kUserTag = "mlflow.user";
constexpr std::size_t kRunNameMax = 250;  // of the column
constexpr std::size_t kUserMax = 256;

// In the order of RunStatus.
constexpr auto kStatusNames =
    std::to_array<std::string_view>({"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"});

constexpr std::string_view kColumns =
    "run_uuid, experiment_id, name, user_id, status, start_time, end_time, artifact_uri, "
    "lifecycle_stage";

core::Error run_not_found(std::string_view id) {
  return core::Error{core::ErrorCode::kNotFound, fmt::format("Run with id={} not found", id)};
}

Run from_row(const SqlRow& row) {
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

/// The location with the run's folder added to its path; a query stays at the end.
std::string artifact_uri(std::string_view location, std::string_view run_id) {
  const std::size_t query = location.find_first_of("?#");
  std::string_view path = location.substr(0, query);
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return fmt::format("{}/{}/artifacts{}", path, run_id,
                     query == std::string_view::npos ? "" : location.substr(query));
}

core::Result<std::map<std::string, std::string>> all_tags(
    std::string_view name, std::string_view user, const std::map<std::string, std::string>& given) {
  auto tags = given;
  const auto named = tags.find(std::string(kNameTag));
  if (named != tags.end() && !name.empty() && named->second != name) {
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        fmt::format("Both 'run_name' argument and 'mlflow.runName' tag are specified, but with "
                    "different values (run_name='{}', mlflow.runName='{}').",
                    name, named->second)};
  }
  if (!name.empty()) tags[std::string(kNameTag)] = name;
  if (!user.empty()) tags.try_emplace(std::string(kUserTag), user);
  return tags;
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
  run.id = core::random_hex_id();
  run.experiment_id = experiment.id;
  run.user = user;
  run.start_ms = clock_->now() / 1000;
  run.artifact_uri = artifact_uri(experiment.artifact_location, run.id);
  run.tags = std::move(*complete);
  const auto named = run.tags.try_emplace(std::string(kNameTag), run_name_for(run.id)).first;
  run.name = named->second;
  if (auto checked = check_text(run.name, kRunNameMax, "name"); !checked)
    return std::move(checked).error();
  if (auto checked = check_text(user, kUserMax, "user_id"); !checked)
    return std::move(checked).error();
  if (auto checked = check_batch({}, {}, run.tags); !checked) return std::move(checked).error();
  const std::int64_t experiment_id = std::stoll(experiment.id);

  auto made = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto stage = sql.query("SELECT lifecycle_stage FROM experiments WHERE experiment_id = :id",
                           {experiment_id});
    if (!stage) return std::move(stage).error();
    if (stage->empty()) {
      return core::Error{core::ErrorCode::kNotFound,
                         fmt::format("No Experiment with id={} exists", experiment_id)};
    }
    if (const std::string state = stage->front().text_or(0, "active"); state != "active") {
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("The experiment {} must be in the 'active' state. Current "
                                     "state is {}.",
                                     experiment_id, state)};
    }
    auto row = sql.execute(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, "
        "status, start_time, source_version, lifecycle_stage, artifact_uri, experiment_id) VALUES "
        "(:id, :name, 'UNKNOWN', '', '', :user, 'RUNNING', :start, '', 'active', :uri, "
        ":experiment)",
        {run.id, run.name, run.user, run.start_ms, run.artifact_uri, experiment_id});
    if (!row) return std::move(row).error();
    return write_tags(sql, run.id, run.tags);
  });
  if (!made) return std::move(made).error();
  return run;
}

core::Result<Run> RunStore::get(std::string_view id) {
  const storage::SqlValue key = std::string(id);
  auto rows = database_->query(fmt::format("SELECT {} FROM runs WHERE run_uuid = :id", kColumns),
                               std::span(&key, 1));
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return run_not_found(id);
  Run run = from_row(rows->front());
  std::map<std::string, Run*> by_id{{run.id, &run}};
  if (auto read = read_data(*database_, by_id, "= :id", std::span(&key, 1)); !read)
    return std::move(read).error();
  return run;
}

core::Result<std::vector<Run>> RunStore::list(std::string_view experiment_id, std::size_t limit) {
  const bool is_bad = experiment_id.empty() || experiment_id.size() > 18 ||
                      experiment_id.find_first_not_of("0123456789") != std::string_view::npos;
  if (is_bad) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("Invalid experiment ID '{}'. Experiment ID must be a valid "
                                   "integer.",
                                   experiment_id)};
  }
  constexpr std::string_view kNewest =
      "FROM runs WHERE experiment_id = :experiment AND lifecycle_stage = 'active' "
      "ORDER BY start_time DESC, run_uuid LIMIT :limit";
  const std::array<storage::SqlValue, 2> parameters = {
      std::int64_t{std::stoll(std::string(experiment_id))},
      static_cast<std::int64_t>(std::min<std::size_t>(limit, 1'000'000'000))};
  auto rows = database_->query(fmt::format("SELECT {} {}", kColumns, kNewest), parameters);
  if (!rows) return std::move(rows).error();
  std::vector<Run> runs;
  runs.reserve(rows->size());
  std::map<std::string, Run*> by_id;
  for (const SqlRow& row : *rows) {
    Run& run = runs.emplace_back(from_row(row));
    by_id[run.id] = &run;
  }
  if (auto read =
          read_data(*database_, by_id, fmt::format("IN (SELECT run_uuid {})", kNewest), parameters);
      !read) {
    return std::move(read).error();
  }
  return runs;
}

core::Result<> RunStore::end(std::string_view id, RunStatus status) {
  const std::int64_t now_ms = clock_->now() / 1000;
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto active = check_run_is_active(sql, id); !active) return active;
    auto ended =
        sql.execute("UPDATE runs SET status = :status, end_time = :end WHERE run_uuid = :id",
                    {std::string(run_status_name(status)), now_ms, std::string(id)});
    if (!ended) return std::move(ended).error();
    return {};
  });
}

core::Result<> RunStore::log(std::string_view id, std::span<const Metric> metrics,
                             const std::map<std::string, std::string>& params,
                             const std::map<std::string, std::string>& tags) {
  if (auto checked = check_batch(metrics, params, tags); !checked) return checked;
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto active = check_run_is_active(sql, id); !active) return active;
    if (auto written = write_params(sql, id, params); !written) return written;
    if (auto written = write_metrics(sql, id, metrics); !written) return written;
    if (auto written = write_tags(sql, id, tags); !written) return written;
    if (const auto name = tags.find(std::string(kNameTag)); name != tags.end()) {
      auto renamed = sql.execute("UPDATE runs SET name = :name WHERE run_uuid = :id",
                                 {name->second, std::string(id)});
      if (!renamed) return std::move(renamed).error();
    }
    return {};
  });
}

core::Result<std::vector<Metric>> RunStore::metric_history(std::string_view id,
                                                           std::string_view key) {
  auto known =
      database_->query("SELECT COUNT(*) FROM runs WHERE run_uuid = :id", {std::string(id)});
  if (!known) return std::move(known).error();
  if (known->front().integer(0) == 0) return run_not_found(id);
  auto rows =
      database_->query(fmt::format("SELECT {} FROM metrics WHERE run_uuid = :id AND key = :key "
                                   "ORDER BY timestamp, step, value",
                                   kMetricColumns),
                       {std::string(id), std::string(key)});
  if (!rows) return std::move(rows).error();
  std::vector<Metric> history;
  history.reserve(rows->size());
  for (const SqlRow& row : *rows) history.push_back(metric_from_row(row, 0));
  return history;
}

}  // namespace tenure::tracking
