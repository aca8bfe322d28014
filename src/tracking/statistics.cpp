#include "tracking/statistics.h"

#include <fmt/format.h>

namespace tenure::tracking {
namespace {

// Only what grows with the runs. A small table is read whole by any plan. An index over expressions
// has statistics of its own, which are missing when it was made later.
constexpr std::string_view kUnknownTables =
    "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE "
    "n.nspname = current_schema() AND c.relkind = 'r' AND c.relname IN ('runs', 'metrics', "
    "'latest_metrics', 'params', 'tags', 'inputs', 'datasets', 'model_versions', "
    "'model_version_tags') AND pg_relation_size(c.oid) > 64 * 8192 AND EXISTS (SELECT 1 FROM "
    "(SELECT "
    "c.relname AS name UNION ALL SELECT x.relname FROM pg_index AS i JOIN pg_class AS x ON x.oid = "
    "i.indexrelid WHERE i.indrelid = c.oid AND i.indexprs IS NOT NULL) AS known_by WHERE NOT "
    "EXISTS "
    "(SELECT 1 FROM pg_stats AS s WHERE s.schemaname = n.nspname AND s.tablename = known_by.name)) "
    "ORDER BY c.relname";

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
