#include "pipelines/run_store.h"

#include <array>

#include <fmt/format.h>

#include "core/time_format.h"
#include "pipelines/step_result_json.h"
#include "storage/sql/migration.h"

namespace tenure::pipelines {
namespace {

using core::Error;
using core::ErrorCode;
using storage::SqlExecutor;
using storage::SqlRow;
using storage::SqlValue;

constexpr std::array kMigrations = std::to_array<storage::Migration>({
    {1, "runs, steps and the lease",
     "CREATE TABLE tenure_pipeline_runs ("
     "id VARCHAR(36) NOT NULL, pipeline VARCHAR(250) NOT NULL, state VARCHAR(20) NOT NULL, "
     "started BIGINT NOT NULL, ended BIGINT NOT NULL, config_digest VARCHAR(64) NOT NULL, "
     "plan_digest VARCHAR(64) NOT NULL, CONSTRAINT tenure_pipeline_runs_pk PRIMARY KEY (id));"
     "CREATE INDEX tenure_pipeline_runs_pipeline ON tenure_pipeline_runs (pipeline, started);"
     "CREATE TABLE tenure_pipeline_steps ("
     "run_id VARCHAR(36) NOT NULL, position INTEGER NOT NULL, name VARCHAR(250) NOT NULL, "
     "state VARCHAR(20) NOT NULL, attempt INTEGER NOT NULL, started BIGINT NOT NULL, "
     "ended BIGINT NOT NULL, error TEXT NOT NULL, error_code VARCHAR(40) NOT NULL, "
     "result TEXT NOT NULL, CONSTRAINT tenure_pipeline_steps_pk PRIMARY KEY (run_id, name), "
     "CONSTRAINT tenure_pipeline_steps_fk FOREIGN KEY (run_id) REFERENCES tenure_pipeline_runs "
     "(id) ON DELETE CASCADE);"
     "CREATE TABLE tenure_pipeline_lease ("
     "id INTEGER NOT NULL, token BIGINT NOT NULL, pid BIGINT NOT NULL, start_ticks BIGINT NOT "
     "NULL, host VARCHAR(250) NOT NULL, acquired BIGINT NOT NULL, renewed BIGINT NOT NULL, "
     "CONSTRAINT tenure_pipeline_lease_pk PRIMARY KEY (id));"},
});

constexpr std::array kStates = {StepState::kPending,  StepState::kRunning, StepState::kSucceeded,
                                StepState::kFailed,   StepState::kSkipped, StepState::kReused,
                                StepState::kCancelled};

core::Result<StepState> parse_state(std::string_view name) {
  for (const StepState state : kStates)
    if (step_state_name(state) == name) return state;
  return Error{ErrorCode::kCorruption, fmt::format("'{}' is no state of a step", name)};
}

/// Columns: name, state, attempt, started, ended, error, error_code, result.
core::Result<StepRecord> step_from_row(const SqlRow& row, std::size_t first) {
  StepRecord step;
  step.name = row.text(first);
  auto state = parse_state(row.text(first + 1));
  if (!state) return std::move(state).error();
  step.state = *state;
  step.attempt = static_cast<int>(row.integer(first + 2));
  step.started = row.integer(first + 3);
  step.ended = row.integer(first + 4);
  step.error = row.text(first + 5);
  step.error_code = row.text(first + 6);
  auto result = parse_step_result(row.text(first + 7));
  if (!result) return std::move(result).error().within("step " + step.name);
  step.result = *std::move(result);
  return step;
}

core::Result<> write_step(SqlExecutor& sql, const std::string& run_id, const StepRecord& step) {
  auto changed = sql.execute(
      "UPDATE tenure_pipeline_steps SET state = :state, attempt = :attempt, started = :started, "
      "ended = :ended, error = :error, error_code = :error_code, result = :result "
      "WHERE run_id = :run_id AND name = :name",
      {std::string(step_state_name(step.state)), std::int64_t{step.attempt}, step.started,
       step.ended, step.error, step.error_code, to_json_text(step.result), run_id, step.name});
  if (!changed) return std::move(changed).error();
  if (*changed == 1) return {};
  return Error{ErrorCode::kCorruption,
               fmt::format("run {} has no step '{}' any more", run_id, step.name)};
}

core::Result<> fail_abandoned(SqlExecutor& sql, const std::string& pipeline, core::Micros now) {
  auto steps = sql.execute(
      "UPDATE tenure_pipeline_steps SET state = CASE state WHEN 'running' THEN 'failed' ELSE "
      "'skipped' END, ended = :ended, error = CASE state WHEN 'running' THEN 'the process ended "
      "before the step did' ELSE error END, error_code = CASE state WHEN 'running' THEN "
      "'unavailable' ELSE error_code END WHERE state IN ('running', 'pending') AND run_id IN "
      "(SELECT id FROM tenure_pipeline_runs WHERE pipeline = :pipeline AND state = 'running')",
      {now, pipeline});
  if (!steps) return std::move(steps).error();
  auto runs = sql.execute(
      "UPDATE tenure_pipeline_runs SET state = 'failed', ended = :ended WHERE pipeline = :pipeline "
      "AND state = 'running'",
      {now, pipeline});
  if (!runs) return std::move(runs).error();
  return {};
}

Error held_by(const ProcessIdentity& holder, core::Micros since) {
  return Error{ErrorCode::kConflict,
               fmt::format("a pipeline runs here already: process {} since {}; wait until it ends, "
                           "or stop it",
                           holder.pid, core::format_utc(since))};
}

}  // namespace

core::Result<> RunStore::prepare() {
  return storage::migrate(*database_, "pipelines", kMigrations, clock_->now());
}

core::Result<std::int64_t> RunStore::acquire(const ProcessIdentity& holder) {
  std::int64_t token = 1;
  auto taken = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    const core::Micros now = clock_->now();
    auto rows = sql.query(
        "SELECT token, pid, start_ticks, host, acquired, renewed FROM tenure_pipeline_lease "
        "WHERE id = 1");
    if (!rows) return std::move(rows).error();
    if (rows->empty()) {
      auto added = sql.execute(
          "INSERT INTO tenure_pipeline_lease (id, token, pid, start_ticks, host, acquired, "
          "renewed) VALUES (1, :token, :pid, :start_ticks, :host, :acquired, :renewed)",
          {token, holder.pid, holder.start_ticks, holder.host, now, now});
      if (!added) return std::move(added).error();
      return {};
    }
    const SqlRow& lease = rows->front();
    const ProcessIdentity other{lease.integer(1), lease.integer(2), lease.text(3)};
    const bool is_fresh = now - lease.integer(5) <= kLeaseTime;
    if (other.pid != 0 && is_fresh && liveness_of(other) != Liveness::kDead)
      return held_by(other, lease.integer(4));
    token = lease.integer(0) + 1;
    auto changed = sql.execute(
        "UPDATE tenure_pipeline_lease SET token = :token, pid = :pid, start_ticks = :start_ticks, "
        "host = :host, acquired = :acquired, renewed = :renewed WHERE id = 1",
        {token, holder.pid, holder.start_ticks, holder.host, now, now});
    if (!changed) return std::move(changed).error();
    return {};
  });
  if (!taken) return std::move(taken).error();
  return token;
}

core::Result<> RunStore::write(std::int64_t token,
                               const std::function<core::Result<>(SqlExecutor&)>& body) {
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    // The write lock is held from here on, so the lease cannot change before the commit.
    auto renewed = sql.execute(
        "UPDATE tenure_pipeline_lease SET renewed = :renewed WHERE id = 1 AND token = :token",
        {clock_->now(), token});
    if (!renewed) return std::move(renewed).error();
    if (*renewed != 1) {
      return Error{ErrorCode::kConflict,
                   "another process has taken over the pipelines of this project, because this "
                   "one did not renew its lease in time; this one stops"};
    }
    return body(sql);
  });
}

core::Result<> RunStore::renew(std::int64_t token) {
  return write(token, [](SqlExecutor&) -> core::Result<> { return {}; });
}

core::Result<> RunStore::release(std::int64_t token) {
  return write(token, [](SqlExecutor& sql) -> core::Result<> {
    // The row stays: the next token must be greater.
    auto released = sql.execute("UPDATE tenure_pipeline_lease SET pid = 0 WHERE id = 1");
    if (!released) return std::move(released).error();
    return {};
  });
}

core::Result<> RunStore::create(std::int64_t token, const RunRecord& run, std::string_view plan) {
  return write(token, [&](SqlExecutor& sql) -> core::Result<> {
    if (auto failed = fail_abandoned(sql, run.pipeline, clock_->now()); !failed) return failed;
    auto added = sql.execute(
        "INSERT INTO tenure_pipeline_runs (id, pipeline, state, started, ended, config_digest, "
        "plan_digest) VALUES (:id, :pipeline, :state, :started, :ended, :config_digest, "
        ":plan_digest)",
        {run.id, run.pipeline, run.state, run.started, run.ended, run.config_digest,
         std::string(plan)});
    if (!added) return std::move(added).error();
    for (std::size_t i = 0; i < run.steps.size(); ++i) {
      auto step = sql.execute(
          "INSERT INTO tenure_pipeline_steps (run_id, position, name, state, attempt, started, "
          "ended, error, error_code, result) VALUES (:run_id, :position, :name, 'pending', 0, 0, "
          "0, '', '', '')",
          {run.id, static_cast<std::int64_t>(i), run.steps[i].name});
      if (!step) return std::move(step).error();
      if (auto written = write_step(sql, run.id, run.steps[i]); !written) return written;
    }
    return {};
  });
}

core::Result<> RunStore::save(std::int64_t token, const RunRecord& run,
                              std::span<const StepRecord* const> steps) {
  return write(token, [&](SqlExecutor& sql) -> core::Result<> {
    for (const StepRecord* step : steps)
      if (auto written = write_step(sql, run.id, *step); !written) return written;
    auto changed =
        sql.execute("UPDATE tenure_pipeline_runs SET state = :state, ended = :ended WHERE id = :id",
                    {run.state, run.ended, run.id});
    if (!changed) return std::move(changed).error();
    if (*changed == 1) return {};
    return Error{ErrorCode::kCorruption, fmt::format("run {} is not there any more", run.id)};
  });
}

core::Result<std::vector<RunRecord>> RunStore::load(std::string_view condition,
                                                    std::span<const SqlValue> parameters) {
  auto rows = database_->query(
      fmt::format("SELECT r.id, r.pipeline, r.state, r.started, r.ended, r.config_digest, s.name, "
                  "s.state, s.attempt, s.started, s.ended, s.error, s.error_code, s.result "
                  "FROM tenure_pipeline_runs r JOIN tenure_pipeline_steps s ON s.run_id = r.id "
                  "WHERE r.id IN (SELECT id FROM tenure_pipeline_runs WHERE {}) "
                  "ORDER BY r.started DESC, r.id DESC, s.position",
                  condition),
      parameters);
  if (!rows) return std::move(rows).error();
  std::vector<RunRecord> runs;
  for (const SqlRow& row : *rows) {
    if (runs.empty() || runs.back().id != row.text(0)) {
      runs.push_back(
          {row.text(0), row.text(1), row.text(2), row.integer(3), row.integer(4), row.text(5), {}});
    }
    auto step = step_from_row(row, 6);
    if (!step) return std::move(step).error().within("run " + runs.back().id);
    runs.back().steps.push_back(*std::move(step));
  }
  return runs;
}

core::Result<std::optional<RunRecord>> RunStore::find_interrupted(std::string_view pipeline,
                                                                  std::string_view config_digest,
                                                                  std::string_view plan) {
  const std::array<SqlValue, 3> parameters = {std::string(pipeline), std::string(config_digest),
                                              std::string(plan)};
  auto runs = load(
      "pipeline = :pipeline AND config_digest = :config_digest AND plan_digest = :plan_digest AND "
      "state = 'running' ORDER BY started DESC, id DESC LIMIT 1",
      parameters);
  if (!runs) return std::move(runs).error();
  return runs->empty() ? std::nullopt : std::optional(std::move(runs->front()));
}

core::Result<std::optional<StepRecord>> RunStore::newest_success(std::string_view pipeline,
                                                                 std::string_view step) {
  auto rows = database_->query(
      "SELECT s.name, s.state, s.attempt, s.started, s.ended, s.error, s.error_code, s.result "
      "FROM tenure_pipeline_steps s JOIN tenure_pipeline_runs r ON r.id = s.run_id "
      "WHERE r.pipeline = :pipeline AND s.name = :name AND s.state = 'succeeded' "
      "ORDER BY s.ended DESC, r.started DESC, r.id DESC LIMIT 1",
      {std::string(pipeline), std::string(step)});
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return std::optional<StepRecord>();
  auto record = step_from_row(rows->front(), 0);
  if (!record) return std::move(record).error();
  return std::optional(*std::move(record));
}

core::Result<std::vector<RunRecord>> RunStore::list(std::size_t limit) {
  const std::array<SqlValue, 1> parameters = {static_cast<std::int64_t>(limit)};
  return load("1 = 1 ORDER BY started DESC, id DESC LIMIT :limit", parameters);
}

core::Result<std::optional<RunRecord>> RunStore::find(std::string_view id) {
  const std::array<SqlValue, 1> parameters = {std::string(id)};
  auto runs = load("id = :id", parameters);
  if (!runs) return std::move(runs).error();
  return runs->empty() ? std::nullopt : std::optional(std::move(runs->front()));
}

}  // namespace tenure::pipelines
