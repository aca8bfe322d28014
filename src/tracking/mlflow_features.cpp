#include "tracking/mlflow_features.h"

#include <array>
#include <set>

#include <fmt/format.h>

#include "tracking/logged_models.h"
#include "tracking/own_indexes.h"

namespace tenure::tracking {
namespace {

using storage::Database;
using storage::SqlExecutor;
using storage::SqlRow;
using Features = std::set<std::string, std::less<>>;

constexpr std::string_view kLoggedModels = "logged_models";
constexpr std::string_view kInputStep = "inputs.step";
constexpr std::string_view kMetricStepIndex = "index_metrics_run_uuid_key_step";

constexpr std::string_view kDropMetricIndex =
    "DROP INDEX IF EXISTS index_tenure_metrics_run_key_step";

core::Result<bool> has_index(SqlExecutor& sql, std::string_view backend, std::string_view index) {
  auto rows = sql.query(
      backend == "sqlite"
          ? "SELECT COUNT(*) FROM sqlite_master WHERE type = 'index' AND name = :name"
          : "SELECT COUNT(*) FROM pg_indexes WHERE schemaname = current_schema() AND indexname = "
            ":name",
      {std::string(index)});
  if (!rows) return std::move(rows).error();
  return rows->front().integer(0) > 0;
}

core::Result<Features> detected(SqlExecutor& sql, std::string_view backend) {
  Features features;
  auto models = has_table(sql, backend, "logged_models");
  if (!models) return std::move(models).error();
  if (*models) features.emplace(kLoggedModels);
  auto step = has_column(sql, backend, "inputs", "step");
  if (!step) return std::move(step).error();
  if (*step) features.emplace(kInputStep);
  auto index = has_index(sql, backend, kMetricStepIndex);
  if (!index) return std::move(index).error();
  if (*index) features.emplace(kMetricStepIndex);
  return features;
}

core::Result<Features> noted(SqlExecutor& sql) {
  auto rows = sql.query("SELECT name FROM tenure_mlflow_features");
  if (!rows) return std::move(rows).error();
  Features features;
  for (const SqlRow& row : *rows) features.insert(row.text(0));
  return features;
}

core::Result<> run_all(SqlExecutor& sql, std::span<const std::string_view> statements) {
  for (const std::string_view statement : statements) {
    if (auto done = sql.execute(statement); !done) return std::move(done).error();
  }
  return {};
}

/// Rows that MLflow's foreign keys would refuse are of experiments and runs that it deleted for
/// good; they go.
constexpr auto kMoveLoggedModels = std::to_array<std::string_view>(
    {"INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, "
     "creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, "
     "source_run_id, status_message) SELECT model_id, experiment_id, name, artifact_location, "
     "creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, "
     "source_run_id, status_message FROM tenure_logged_models WHERE experiment_id IN (SELECT "
     "experiment_id FROM experiments) ON CONFLICT DO NOTHING",
     "INSERT INTO logged_model_params (model_id, experiment_id, param_key, param_value) SELECT "
     "model_id, experiment_id, param_key, param_value FROM tenure_logged_model_params WHERE "
     "model_id IN (SELECT model_id FROM logged_models) ON CONFLICT DO NOTHING",
     "INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) SELECT model_id, "
     "experiment_id, tag_key, tag_value FROM tenure_logged_model_tags WHERE model_id IN (SELECT "
     "model_id FROM logged_models) ON CONFLICT DO NOTHING",
     "INSERT INTO logged_model_metrics (model_id, metric_name, metric_timestamp_ms, metric_step, "
     "metric_value, experiment_id, run_id, dataset_uuid, dataset_name, dataset_digest) SELECT "
     "model_id, metric_name, metric_timestamp_ms, metric_step, metric_value, experiment_id, "
     "run_id, dataset_uuid, dataset_name, dataset_digest FROM tenure_logged_model_metrics WHERE "
     "model_id IN (SELECT model_id FROM logged_models) AND run_id IN (SELECT run_uuid FROM runs) "
     "ON CONFLICT DO NOTHING",
     "DELETE FROM tenure_logged_model_metrics", "DELETE FROM tenure_logged_model_tags",
     "DELETE FROM tenure_logged_model_params", "DELETE FROM tenure_logged_models"});

constexpr auto kMoveInputSteps = std::to_array<std::string_view>(
    {"UPDATE inputs SET step = (SELECT ours.step FROM tenure_input_steps AS ours WHERE "
     "ours.input_uuid = inputs.input_uuid) WHERE input_uuid IN (SELECT input_uuid FROM "
     "tenure_input_steps)",
     "DELETE FROM tenure_input_steps"});

}  // namespace

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

std::string indexed_value(std::string_view table) {
  return fmt::format("substr(CAST({}.value AS BLOB), 1, {})", table, kIndexedBytes);
}

core::Result<bool> features_are_current(Database& database) {
  auto has = detected(database, database.backend());
  if (!has) return std::move(has).error();
  auto known = noted(database);
  if (!known) return std::move(known).error();
  if (*has != *known) return false;
  // MLflow's migrations copy tables, and may lose what is not their own.
  return has_own_indexes(database, database.backend(), has->contains(kMetricStepIndex));
}

core::Result<> adopt_features(Database& database) {
  auto current = features_are_current(database);
  if (!current) return std::move(current).error();
  if (*current) return {};
  return database.transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto has = detected(sql, database.backend());
    if (!has) return std::move(has).error();
    if (has->contains(kLoggedModels)) {
      if (auto moved = run_all(sql, kMoveLoggedModels); !moved) return moved;
    }
    if (has->contains(kInputStep)) {
      if (auto moved = run_all(sql, kMoveInputSteps); !moved) return moved;
    }
    const bool has_step_index = has->contains(kMetricStepIndex);
    std::vector<std::string_view> statements =
        own_index_statements(database.backend(), has_step_index);
    if (has_step_index) statements.push_back(kDropMetricIndex);
    statements.emplace_back("DELETE FROM tenure_mlflow_features");
    if (auto done = run_all(sql, statements); !done) return done;
    for (const std::string& feature : *has) {
      auto added =
          sql.execute("INSERT INTO tenure_mlflow_features (name) VALUES (:name)", {feature});
      if (!added) return std::move(added).error();
    }
    return {};
  });
}

core::Result<LoggedModelTables> logged_model_tables(SqlExecutor& sql) {
  auto features = noted(sql);
  if (!features) return std::move(features).error();
  const std::string prefix = features->contains(kLoggedModels) ? "" : "tenure_";
  return LoggedModelTables{prefix + "logged_models", prefix + "logged_model_params",
                           prefix + "logged_model_tags", prefix + "logged_model_metrics",
                           features->contains(kInputStep)};
}

}  // namespace tenure::tracking
