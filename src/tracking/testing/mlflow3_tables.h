#pragma once

#include <array>
#include <string_view>

namespace tenure::tracking::testing {

/// What MLflow 3's migrations add to the 2.22 schema, as far as we use it (SQLite).
inline constexpr auto kMlflow3Changes = std::to_array<std::string_view>(
    {"ALTER TABLE experiments ADD COLUMN workspace VARCHAR(63) NOT NULL DEFAULT 'default'",
     "ALTER TABLE inputs ADD COLUMN step BIGINT DEFAULT '0' NOT NULL",
     "CREATE INDEX index_metrics_run_uuid_key_step ON metrics (run_uuid, key, step)",
     "CREATE TABLE logged_models (model_id VARCHAR(36) NOT NULL PRIMARY KEY, experiment_id INTEGER "
     "NOT NULL REFERENCES experiments (experiment_id) ON DELETE CASCADE, name VARCHAR(500) NOT "
     "NULL, artifact_location VARCHAR(1000) NOT NULL, creation_timestamp_ms BIGINT NOT NULL, "
     "last_updated_timestamp_ms BIGINT NOT NULL, status INTEGER NOT NULL, lifecycle_stage "
     "VARCHAR(32), model_type VARCHAR(500), source_run_id VARCHAR(32), status_message "
     "VARCHAR(1000))",
     "CREATE TABLE logged_model_params (model_id VARCHAR(36) NOT NULL REFERENCES logged_models "
     "(model_id) ON DELETE CASCADE, experiment_id INTEGER NOT NULL, param_key VARCHAR(255) NOT "
     "NULL, param_value TEXT NOT NULL, PRIMARY KEY (model_id, param_key))",
     "CREATE TABLE logged_model_tags (model_id VARCHAR(36) NOT NULL REFERENCES logged_models "
     "(model_id) ON DELETE CASCADE, experiment_id INTEGER NOT NULL, tag_key VARCHAR(255) NOT "
     "NULL, tag_value TEXT NOT NULL, PRIMARY KEY (model_id, tag_key))",
     "CREATE TABLE logged_model_metrics (model_id VARCHAR(36) NOT NULL REFERENCES logged_models "
     "(model_id) ON DELETE CASCADE, metric_name VARCHAR(500) NOT NULL, metric_timestamp_ms BIGINT "
     "NOT NULL, metric_step BIGINT NOT NULL, metric_value FLOAT, experiment_id INTEGER NOT NULL, "
     "run_id VARCHAR(32) NOT NULL REFERENCES runs (run_uuid) ON DELETE CASCADE, dataset_uuid "
     "VARCHAR(36), dataset_name VARCHAR(500), dataset_digest VARCHAR(36), PRIMARY KEY (model_id, "
     "metric_name, metric_timestamp_ms, metric_step, run_id))"});

}  // namespace tenure::tracking::testing
