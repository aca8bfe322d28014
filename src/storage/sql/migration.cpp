#include "storage/sql/migration.h"

#include <fmt/format.h>

#include "core/assert.h"

namespace tenure::storage {
namespace {

constexpr std::string_view kCreateSchemaTable =
    "CREATE TABLE IF NOT EXISTS tenure_schema ("
    "component VARCHAR(100) NOT NULL, version INTEGER NOT NULL, description VARCHAR(500) NOT NULL, "
    "applied_at BIGINT NOT NULL, CONSTRAINT tenure_schema_pk PRIMARY KEY (component, version))";

core::Result<std::int64_t> version_reached(SqlExecutor& sql, std::string_view component) {
  auto rows =
      sql.query("SELECT COALESCE(MAX(version), 0) FROM tenure_schema WHERE component = :component",
                {std::string(component)});
  if (!rows) return std::move(rows).error();
  return rows->front().integer(0);
}

core::Result<> run_statements(SqlExecutor& sql, std::string_view statements) {
  while (!statements.empty()) {
    const std::size_t end = statements.find(';');
    const std::string_view statement = statements.substr(0, end);
    if (statement.find_first_not_of(" \t\r\n") != std::string_view::npos) {
      if (auto ran = sql.execute(statement); !ran) return std::move(ran).error();
    }
    if (end == std::string_view::npos) break;
    statements.remove_prefix(end + 1);
  }
  return {};
}

}  // namespace

core::Result<> migrate(Database& database, std::string_view component,
                       std::span<const Migration> migrations, std::int64_t now_micros) {
  for (std::size_t i = 0; i < migrations.size(); ++i)
    TENURE_ASSERT(migrations[i].version == static_cast<int>(i) + 1);

  if (auto made = database.execute(kCreateSchemaTable); !made) return std::move(made).error();
  auto reached = version_reached(database, component);
  if (!reached) return std::move(reached).error();
  if (*reached > static_cast<std::int64_t>(migrations.size())) {
    return core::Error{
        core::ErrorCode::kConflict,
        fmt::format("the database's tables of '{}' have version {}, this program knows up to {}: "
                    "use the newer program that made them",
                    component, *reached, migrations.size())};
  }
  for (const Migration& migration : migrations.subspan(static_cast<std::size_t>(*reached))) {
    auto applied = database.transaction([&](SqlExecutor& sql) -> core::Result<> {
      // Asked again under the write lock: another process may have been faster.
      auto current = version_reached(sql, component);
      if (!current) return std::move(current).error();
      if (*current >= migration.version) return {};
      if (auto ran = run_statements(sql, migration.sql); !ran) return ran;
      auto noted = sql.execute(
          "INSERT INTO tenure_schema (component, version, description, applied_at) "
          "VALUES (:component, :version, :description, :applied_at)",
          {std::string(component), std::int64_t{migration.version},
           std::string(migration.description), now_micros});
      if (!noted) return std::move(noted).error();
      return {};
    });
    if (!applied) {
      return std::move(applied).error().within(
          fmt::format("migration {} {} ({})", component, migration.version, migration.description));
    }
  }
  return {};
}

}  // namespace tenure::storage
