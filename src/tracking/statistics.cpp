#include "tracking/statistics.h"

#include <fmt/format.h>

namespace tenure::tracking {
namespace {

// Only what grows with the runs. A small table is read whole by any plan.
constexpr std::string_view kUnknownTables =
    "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE "
    "n.nspname = current_schema() AND c.relkind = 'r' AND c.relname IN ('runs', 'metrics', "
    "'latest_metrics', 'params', 'tags', 'inputs', 'datasets', 'model_versions', "
    "'model_version_tags') AND pg_relation_size(c.oid) > 64 * 8192 AND NOT EXISTS (SELECT 1 FROM "
    "pg_stats AS s WHERE s.schemaname = n.nspname AND s.tablename = c.relname) ORDER BY c.relname";

}  // namespace

core::Result<> gather_missing_statistics(storage::Database& database) {
  if (database.backend() != "postgresql") return {};
  auto tables = database.query(kUnknownTables);
  if (!tables) return std::move(tables).error();
  for (const storage::SqlRow& table : *tables) {
    auto gathered = database.execute(fmt::format("ANALYZE {}", table.text(0)));
    if (!gathered) return std::move(gathered).error();
  }
  return {};
}

}  // namespace tenure::tracking
