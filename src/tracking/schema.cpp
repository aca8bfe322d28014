#include "tracking/schema.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "storage/sql/migration.h"
#include "tracking/experiments.h"
#include "tracking/mlflow_features.h"
#include "tracking/statistics.h"

namespace tenure::tracking {
namespace {

using storage::Database;
using storage::SqlExecutor;

// Logged models where MLflow's schema has no place for them, with the columns of MLflow 3, and what
// that schema has. No foreign keys to MLflow's tables: its migrations copy and drop those.
constexpr storage::Migration kLoggedModels{
    2, "logged models of MLflow 3",
    "CREATE TABLE tenure_mlflow_features (name VARCHAR(50) NOT NULL, CONSTRAINT "
    "tenure_mlflow_features_pk PRIMARY KEY (name));"
    "CREATE TABLE tenure_logged_models (model_id VARCHAR(36) NOT NULL, experiment_id INTEGER NOT "
    "NULL, name VARCHAR(500) NOT NULL, artifact_location VARCHAR(1000) NOT NULL, "
    "creation_timestamp_ms BIGINT NOT NULL, last_updated_timestamp_ms BIGINT NOT NULL, status "
    "INTEGER NOT NULL, lifecycle_stage VARCHAR(32), model_type VARCHAR(500), source_run_id "
    "VARCHAR(32), status_message VARCHAR(1000), CONSTRAINT tenure_logged_models_pk PRIMARY KEY "
    "(model_id));"
    "CREATE INDEX index_tenure_logged_models_experiment ON tenure_logged_models (experiment_id, "
    "creation_timestamp_ms);"
    "CREATE TABLE tenure_logged_model_params (model_id VARCHAR(36) NOT NULL, experiment_id "
    "INTEGER NOT NULL, param_key VARCHAR(255) NOT NULL, param_value TEXT NOT NULL, CONSTRAINT "
    "tenure_logged_model_params_pk PRIMARY KEY (model_id, param_key));"
    "CREATE TABLE tenure_logged_model_tags (model_id VARCHAR(36) NOT NULL, experiment_id INTEGER "
    "NOT NULL, tag_key VARCHAR(255) NOT NULL, tag_value TEXT NOT NULL, CONSTRAINT "
    "tenure_logged_model_tags_pk PRIMARY KEY (model_id, tag_key));"
    "CREATE TABLE tenure_logged_model_metrics (model_id VARCHAR(36) NOT NULL, metric_name "
    "VARCHAR(500) NOT NULL, metric_timestamp_ms BIGINT NOT NULL, metric_step BIGINT NOT NULL, "
    "metric_value FLOAT, experiment_id INTEGER NOT NULL, run_id VARCHAR(32) NOT NULL, "
    "dataset_uuid VARCHAR(36), dataset_name VARCHAR(500), dataset_digest VARCHAR(36), CONSTRAINT "
    "tenure_logged_model_metrics_pk PRIMARY KEY (model_id, metric_name, metric_timestamp_ms, "
    "metric_step, run_id));"
    "CREATE TABLE tenure_input_steps (input_uuid VARCHAR(36) NOT NULL, step BIGINT NOT NULL, "
    "CONSTRAINT tenure_input_steps_pk PRIMARY KEY (input_uuid));"};

// Indexes on MLflow's tables were made by these; own_indexes.h makes them now, and again when they
// are gone.
constexpr storage::Migration kRegistryIndexes{
    3, "tags of the registry by what bears them, versions by run", ""};
constexpr storage::Migration kVersionIndexes{4, "versions by stage and by time", ""};

/// What our own tables are made by. The numbering of rows differs between the databases, too.
constexpr auto kSqliteMigrations = std::to_array<storage::Migration>(
    {{1, "audit trail of the model registry",
      "CREATE TABLE tenure_audit (id INTEGER PRIMARY KEY AUTOINCREMENT, time BIGINT NOT NULL, "
      "actor VARCHAR(256) NOT NULL, action VARCHAR(50) NOT NULL, subject VARCHAR(600) NOT NULL, "
      "old_value TEXT NOT NULL, new_value TEXT NOT NULL, reason TEXT NOT NULL, evidence TEXT);"
      "CREATE INDEX index_tenure_audit_subject ON tenure_audit (subject, id);"},
     kLoggedModels,
     kRegistryIndexes,
     kVersionIndexes});
constexpr auto kPostgresqlMigrations = std::to_array<storage::Migration>(
    {{1, "audit trail of the model registry",
      "CREATE TABLE tenure_audit (id BIGSERIAL PRIMARY KEY, time BIGINT NOT NULL, "
      "actor VARCHAR(256) NOT NULL, action VARCHAR(50) NOT NULL, subject VARCHAR(600) NOT NULL, "
      "old_value TEXT NOT NULL, new_value TEXT NOT NULL, reason TEXT NOT NULL, evidence TEXT);"
      "CREATE INDEX index_tenure_audit_subject ON tenure_audit (subject, id);"},
     kLoggedModels,
     kRegistryIndexes,
     kVersionIndexes});

core::Error foreign_experiments() {
  return core::Error{core::ErrorCode::kConflict,
                     "the database has a table 'experiments' but no 'alembic_version': it is of "
                     "another program, or of an MLflow before 1.0; run `mlflow db upgrade "
                     "<database URL>` if it is MLflow's"};
}

core::Result<> create_mlflow_tables(SqlExecutor& sql, std::string_view backend) {
  for (const std::string& statement : mlflow_schema(backend)) {
    if (auto made = sql.execute(statement); !made) return std::move(made).error();
  }
  auto stamped = sql.execute("INSERT INTO alembic_version (version_num) VALUES (:revision)",
                             {std::string(kMlflowRevision)});
  if (!stamped) return std::move(stamped).error();
  return {};
}

/// Whether an existing MLflow schema is ours or newer. Newer ones are told by what they have, not
/// by their revision, so that later releases open too.
core::Result<> check_revision(SqlExecutor& sql, std::string_view backend) {
  auto rows = sql.query("SELECT version_num FROM alembic_version");
  if (!rows) return std::move(rows).error();
  const std::string revision = rows->empty() ? "none" : rows->front().text_or(0, "none");
  if (revision == kMlflowRevision) return {};
  auto is_newer = has_table(sql, backend, "logged_models");
  if (!is_newer) return std::move(is_newer).error();
  if (!*is_newer) {
    return core::Error{
        core::ErrorCode::kConflict,
        fmt::format("the database has MLflow's schema at revision {}, older than {} (MLflow 2.20 "
                    "to 2.22): back it up, then run `mlflow db upgrade <database URL>` with MLflow "
                    "2.22 or later",
                    revision, kMlflowRevision)};
  }
  // Later schemas divide experiments and models into workspaces; we see the default one only.
  for (const std::string table : {"experiments", "registered_models"}) {
    auto divided = has_column(sql, backend, table, "workspace");
    if (!divided) return std::move(divided).error();
    if (!*divided) continue;
    auto others =
        sql.query(fmt::format("SELECT COUNT(*) FROM {} WHERE workspace <> 'default'", table));
    if (!others) return std::move(others).error();
    if (others->front().integer(0) > 0) {
      return core::Error{core::ErrorCode::kConflict,
                         fmt::format("the database has {} in MLflow workspaces other than "
                                     "'default', which are not supported",
                                     table)};
    }
  }
  return {};
}

}  // namespace

core::Result<SchemaState> inspect_schema(Database& database) {
  const std::string_view backend = database.backend();
  auto is_stamped = has_table(database, backend, "alembic_version");
  if (!is_stamped) return std::move(is_stamped).error();
  if (!*is_stamped) {
    auto is_foreign = has_table(database, backend, "experiments");
    if (!is_foreign) return std::move(is_foreign).error();
    if (*is_foreign) return foreign_experiments();
    return SchemaState::kAbsent;
  }
  if (auto checked = check_revision(database, backend); !checked) return std::move(checked).error();
  auto has_ours = has_table(database, backend, "tenure_schema");
  if (!has_ours) return std::move(has_ours).error();
  if (!*has_ours) return SchemaState::kIncomplete;
  auto applied = database.query("SELECT COUNT(*) FROM tenure_schema WHERE component = 'tracking'");
  if (!applied) return std::move(applied).error();
  if (applied->front().integer(0) < static_cast<std::int64_t>(kSqliteMigrations.size()))
    return SchemaState::kIncomplete;
  auto current = features_are_current(database);
  if (!current) return std::move(current).error();
  return *current ? SchemaState::kPrepared : SchemaState::kIncomplete;
}

core::Result<> prepare_schema(Database& database, core::Micros now) {
  const std::string_view backend = database.backend();
  auto known = has_table(database, backend, "alembic_version");
  if (!known) return std::move(known).error();
  if (!*known) {
    auto made = database.transaction([&](SqlExecutor& sql) -> core::Result<> {
      // Asked again under the write lock: another process may have been faster.
      auto exists = has_table(sql, backend, "alembic_version");
      if (!exists) return std::move(exists).error();
      if (*exists) return {};
      auto unstamped = has_table(sql, backend, "experiments");
      if (!unstamped) return std::move(unstamped).error();
      if (*unstamped) return foreign_experiments();
      return create_mlflow_tables(sql, backend);
    });
    if (!made) return made;
  }
  if (auto checked = check_revision(database, backend); !checked) return checked;
  auto migrated = backend == "sqlite"
                      ? storage::migrate(database, "tracking", kSqliteMigrations, now)
                      : storage::migrate(database, "tracking", kPostgresqlMigrations, now);
  if (!migrated) return migrated;
  if (auto adopted = adopt_features(database); !adopted) return adopted;
  return gather_missing_statistics(database);
}

}  // namespace tenure::tracking
