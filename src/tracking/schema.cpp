#include "tracking/schema.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "storage/sql/migration.h"
#include "tracking/experiments.h"

namespace tenure::tracking {
namespace {

using storage::Database;
using storage::SqlExecutor;

/// What our own tables are made by. Only the numbering of rows differs between the databases.
constexpr auto kSqliteMigrations = std::to_array<storage::Migration>(
    {{1, "audit trail of the model registry",
      "CREATE TABLE tenure_audit (id INTEGER PRIMARY KEY AUTOINCREMENT, time BIGINT NOT NULL, "
      "actor VARCHAR(256) NOT NULL, action VARCHAR(50) NOT NULL, subject VARCHAR(600) NOT NULL, "
      "old_value TEXT NOT NULL, new_value TEXT NOT NULL, reason TEXT NOT NULL, evidence TEXT);"
      "CREATE INDEX index_tenure_audit_subject ON tenure_audit (subject, id);"}});
constexpr auto kPostgresqlMigrations = std::to_array<storage::Migration>(
    {{1, "audit trail of the model registry",
      "CREATE TABLE tenure_audit (id BIGSERIAL PRIMARY KEY, time BIGINT NOT NULL, "
      "actor VARCHAR(256) NOT NULL, action VARCHAR(50) NOT NULL, subject VARCHAR(600) NOT NULL, "
      "old_value TEXT NOT NULL, new_value TEXT NOT NULL, reason TEXT NOT NULL, evidence TEXT);"
      "CREATE INDEX index_tenure_audit_subject ON tenure_audit (subject, id);"}});

core::Result<bool> has_table(SqlExecutor& sql, std::string_view backend, const std::string& table) {
  auto rows = sql.query(backend == "sqlite"
                            ? "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = "
                              ":name"
                            : "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = "
                              "current_schema() AND table_name = :name",
                        {table});
  if (!rows) return std::move(rows).error();
  return rows->front().integer(0) > 0;
}

core::Result<bool> has_column(SqlExecutor& sql, std::string_view backend, const std::string& table,
                              const std::string& column) {
  auto rows = sql.query(backend == "sqlite"
                            ? "SELECT COUNT(*) FROM pragma_table_info(:name) WHERE name = :column"
                            : "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema "
                              "= current_schema() AND table_name = :name AND column_name = :column",
                        {table, column});
  if (!rows) return std::move(rows).error();
  return rows->front().integer(0) > 0;
}

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
  return applied->front().integer(0) < static_cast<std::int64_t>(kSqliteMigrations.size())
             ? SchemaState::kIncomplete
             : SchemaState::kPrepared;
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
  return backend == "sqlite" ? storage::migrate(database, "tracking", kSqliteMigrations, now)
                             : storage::migrate(database, "tracking", kPostgresqlMigrations, now);
}

}  // namespace tenure::tracking
