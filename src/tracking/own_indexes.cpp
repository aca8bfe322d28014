#include "tracking/own_indexes.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <string>

namespace tenure::tracking {
namespace {

enum class On : std::uint8_t { kBoth, kSqlite, kPostgresql };

struct OwnIndex {
  std::string_view name;
  On backend;
  std::string_view create;
};

constexpr std::string_view kMetricIndex = "index_tenure_metrics_run_key_step";

constexpr auto kIndexes = std::to_array<OwnIndex>({
    // MLflow has nothing that finds an experiment's newest runs, or a metric's steps before 3.11.
    {"index_tenure_runs_experiment_start", On::kBoth,
     "CREATE INDEX IF NOT EXISTS index_tenure_runs_experiment_start ON runs (experiment_id, "
     "start_time DESC, run_uuid, lifecycle_stage)"},
    {kMetricIndex, On::kBoth,
     "CREATE INDEX IF NOT EXISTS index_tenure_metrics_run_key_step ON metrics (run_uuid, key, "
     "step, timestamp, value, is_nan)"},
    // The order of runs by a metric. PostgreSQL plans it without, and updates rows in place as long
    // as no index holds their values.
    {"index_tenure_latest_metrics_value", On::kSqlite,
     "CREATE INDEX IF NOT EXISTS index_tenure_latest_metrics_value ON latest_metrics (key, is_nan, "
     "value, run_uuid)"},
    // Runs by a param or tag, and their order by it. Not whole values, which may be long; bytes, as
    // a
    // text ends at a NUL for substr.
    {"index_tenure_params_value", On::kSqlite,
     "CREATE INDEX IF NOT EXISTS index_tenure_params_value ON params (key, substr(CAST(value AS "
     "BLOB), 1, 64), run_uuid)"},
    {"index_tenure_tags_value", On::kSqlite,
     "CREATE INDEX IF NOT EXISTS index_tenure_tags_value ON tags (key, substr(CAST(value AS BLOB), "
     "1, 64), run_uuid)"},
    // MLflow keys tags by their own name first, so finding those of one model would read them all.
    {"index_tenure_registered_model_tags_name", On::kBoth,
     "CREATE INDEX IF NOT EXISTS index_tenure_registered_model_tags_name ON registered_model_tags "
     "(name)"},
    {"index_tenure_model_version_tags_name", On::kBoth,
     "CREATE INDEX IF NOT EXISTS index_tenure_model_version_tags_name ON model_version_tags (name, "
     "version)"},
    {"index_tenure_model_versions_run_id", On::kBoth,
     "CREATE INDEX IF NOT EXISTS index_tenure_model_versions_run_id ON model_versions (run_id)"},
    // Models may have thousands of versions: the newest of a stage, and the latest changes. The
    // order is that of a search, which the databases write differently.
    {"index_tenure_model_versions_stage", On::kBoth,
     "CREATE INDEX IF NOT EXISTS index_tenure_model_versions_stage ON model_versions (name, "
     "current_stage, version)"},
    {"index_tenure_model_versions_time", On::kSqlite,
     "CREATE INDEX IF NOT EXISTS index_tenure_model_versions_time ON model_versions "
     "(last_updated_time DESC, name, version DESC)"},
    {"index_tenure_model_versions_name_time", On::kSqlite,
     "CREATE INDEX IF NOT EXISTS index_tenure_model_versions_name_time ON model_versions (name, "
     "last_updated_time DESC, version DESC)"},
    {"index_tenure_model_versions_time", On::kPostgresql,
     "CREATE INDEX IF NOT EXISTS index_tenure_model_versions_time ON model_versions "
     "(last_updated_time DESC NULLS LAST, name COLLATE \"C\", version DESC NULLS LAST)"},
    {"index_tenure_model_versions_name_time", On::kPostgresql,
     "CREATE INDEX IF NOT EXISTS index_tenure_model_versions_name_time ON model_versions (name, "
     "last_updated_time DESC NULLS LAST, version DESC NULLS LAST)"},
});

std::vector<const OwnIndex*> indexes_of(std::string_view backend, bool has_step_index) {
  const On here = backend == "sqlite" ? On::kSqlite : On::kPostgresql;
  std::vector<const OwnIndex*> indexes;
  for (const OwnIndex& index : kIndexes) {
    if (index.backend != On::kBoth && index.backend != here) continue;
    if (has_step_index && index.name == kMetricIndex) continue;
    indexes.push_back(&index);
  }
  return indexes;
}

}  // namespace

std::vector<std::string_view> own_index_statements(std::string_view backend, bool has_step_index) {
  std::vector<std::string_view> statements;
  for (const OwnIndex* const index : indexes_of(backend, has_step_index))
    statements.push_back(index->create);
  return statements;
}

core::Result<bool> has_own_indexes(storage::SqlExecutor& sql, std::string_view backend,
                                   bool has_step_index) {
  auto rows = sql.query(backend == "sqlite" ? "SELECT name FROM sqlite_master WHERE type = 'index'"
                                            : "SELECT indexname FROM pg_indexes WHERE schemaname = "
                                              "current_schema()");
  if (!rows) return std::move(rows).error();
  std::set<std::string, std::less<>> known;
  for (const storage::SqlRow& row : *rows) known.insert(row.text(0));
  const auto needed = indexes_of(backend, has_step_index);
  return std::all_of(needed.begin(), needed.end(),
                     [&](const OwnIndex* index) { return known.contains(index->name); });
}

}  // namespace tenure::tracking
