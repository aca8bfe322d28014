#include "tracking/logged_models.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "core/assert.h"
#include "core/id.h"
#include "tracking/artifact_uri.h"
#include "tracking/experiment_rows.h"
#include "tracking/model_source.h"
#include "tracking/run_name.h"
#include "tracking/sql_rows.h"
#include "tracking/validation.h"

namespace tenure::tracking {
namespace {

using storage::SqlExecutor;
using storage::SqlRow;
using storage::SqlValue;

constexpr std::size_t kNameMax = 500;  // of the columns
constexpr std::size_t kTypeMax = 500;
constexpr std::size_t kRunIdMax = 32;
constexpr std::size_t kModelKeyMax = 255;
constexpr std::size_t kAnyLength = std::numeric_limits<std::size_t>::max();

constexpr auto kStatusNames =
    std::to_array<std::string_view>({"LOGGED_MODEL_STATUS_UNSPECIFIED", "LOGGED_MODEL_PENDING",
                                     "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"});

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

core::Error model_not_found(std::string_view id) {
  return core::Error{core::ErrorCode::kNotFound,
                     fmt::format("Logged model with ID '{}' not found.", id)};
}

SqlValue text_or_null(const std::string& text) {
  if (text.empty()) return nullptr;
  return text;
}

core::Result<> check_name(std::string_view name) {
  if (name.find_first_of("/:.%\"'") != std::string_view::npos) {
    return invalid(
        fmt::format("Invalid model name ('{}') provided. Model name must be a non-empty string and "
                    "cannot contain the following characters: ('/', ':', '.', '%', '\"', \"'\")",
                    name));
  }
  return check_text(name, kNameMax, "name");
}

core::Result<> check_pairs(const std::map<std::string, std::string>& pairs,
                           std::string_view key_name, std::string_view value_name) {
  for (const auto& [key, value] : pairs) {
    if (key.empty()) return invalid("Missing value for required parameter 'key'.");
    if (auto checked = check_text(key, kModelKeyMax, key_name); !checked) return checked;
    if (auto checked = check_text(value, kAnyLength, value_name); !checked) return checked;
  }
  return {};
}

/// Rows of params or tags; those that exist keep or change their value, as `on_conflict` says.
/// Returns how many were written.
core::Result<std::int64_t> write_pairs(SqlExecutor& sql, std::string_view table,
                                       std::string_view prefix, std::string_view model,
                                       std::int64_t experiment,
                                       const std::map<std::string, std::string>& pairs,
                                       std::string_view on_conflict) {
  auto next = pairs.begin();
  const std::string head = fmt::format(
      "INSERT INTO {0} (model_id, experiment_id, {1}_key, {1}_value) VALUES ", table, prefix);
  return insert_rows(sql, {head, "(:model, :experiment, ?, ?)", on_conflict},
                     {std::string(model), experiment}, pairs.size(),
                     [&](std::size_t, std::vector<SqlValue>& row) {
                       row.emplace_back(next->first);
                       row.emplace_back(next->second);
                       ++next;
                     });
}

/// The experiment of a model that is not deleted.
core::Result<std::int64_t> experiment_of(SqlExecutor& sql, const LoggedModelTables& tables,
                                         std::string_view id) {
  auto rows = sql.query(fmt::format("SELECT experiment_id FROM {} WHERE model_id = :id AND "
                                    "lifecycle_stage = 'active'",
                                    tables.models),
                        {std::string(id)});
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return model_not_found(id);
  return rows->front().integer(0);
}

LoggedModel model_from_row(const SqlRow& row) {
  LoggedModel model;
  model.id = row.text(0);
  model.experiment_id = std::to_string(row.integer(1));
  model.name = row.text(2);
  model.artifact_uri = row.text(3);
  model.created_ms = row.integer(4);
  model.updated_ms = row.integer(5);
  const std::int64_t status = row.integer(6);
  if (status >= 0 && status < static_cast<std::int64_t>(kStatusNames.size()))
    model.status = static_cast<LoggedModelStatus>(status);
  model.lifecycle_stage = row.text_or(7, "active");
  model.model_type = row.text_or(8, "");
  model.source_run_id = row.text_or(9, "");
  model.status_message = row.text_or(10, "");
  return model;
}

Metric metric_of_model(const SqlRow& row) {
  Metric metric;
  metric.model_id = row.text(0);
  metric.key = row.text(1);
  metric.timestamp_ms = row.integer(2);
  metric.step = row.integer(3);
  metric.value = row.is_null(4) ? 0.0 : row.number(4);
  metric.run_id = row.text(5);
  metric.dataset_name = row.text_or(6, "");
  metric.dataset_digest = row.text_or(7, "");
  return metric;
}

/// Params or tags of the models, each given to `fill`.
template <class Fill>
core::Result<> read_pairs(SqlExecutor& sql, std::string_view table, std::string_view prefix,
                          const std::vector<SqlValue>& ids, const Fill& fill) {
  auto rows = query_by_list(
      sql,
      fmt::format("SELECT model_id, {0}_key, {0}_value FROM {1} WHERE model_id IN ({{list}})",
                  prefix, table),
      {}, ids);
  if (!rows) return std::move(rows).error();
  for (const SqlRow& row : *rows) fill(row.text(0), row.text(1), row.text_or(2, ""));
  return {};
}

core::Result<> read_data(SqlExecutor& sql, const LoggedModelTables& tables,
                         const std::vector<SqlValue>& ids,
                         std::map<std::string, LoggedModel>& models) {
  auto read = read_pairs(sql, tables.params, "param", ids,
                         [&](const std::string& id, const std::string& key, std::string value) {
                           if (const auto at = models.find(id); at != models.end())
                             at->second.params[key] = std::move(value);
                         });
  if (!read) return read;
  read = read_pairs(sql, tables.tags, "tag", ids,
                    [&](const std::string& id, const std::string& key, std::string value) {
                      if (const auto at = models.find(id); at != models.end())
                        at->second.tags[key] = std::move(value);
                    });
  if (!read) return read;
  auto metrics = query_by_list(
      sql,
      fmt::format("SELECT model_id, metric_name, metric_timestamp_ms, metric_step, metric_value, "
                  "run_id, dataset_name, dataset_digest FROM {} WHERE model_id IN ({{list}}) ORDER "
                  "BY metric_name, metric_timestamp_ms, metric_step, run_id",
                  tables.metrics),
      {}, ids);
  if (!metrics) return std::move(metrics).error();
  for (const SqlRow& row : *metrics) {
    if (const auto at = models.find(row.text(0)); at != models.end())
      at->second.metrics.push_back(metric_of_model(row));
  }
  return {};
}

core::Error params_changed(std::string_view model, const std::string& key, const std::string& old,
                           const std::string& value) {
  return invalid(
      fmt::format("Changing param values is not allowed. Param with key='{}' was already logged "
                  "with value='{}' for model ID='{}'. Attempted logging new value '{}'.",
                  key, old, model, value));
}

}  // namespace

std::string_view logged_model_status_name(LoggedModelStatus status) {
  const auto index = static_cast<std::size_t>(status);
  TENURE_ASSERT(index < kStatusNames.size());
  return kStatusNames[index];
}

core::Result<std::vector<LoggedModel>> read_logged_models(SqlExecutor& sql,
                                                          std::span<const std::string> ids) {
  auto tables = logged_model_tables(sql);
  if (!tables) return std::move(tables).error();
  const std::vector<SqlValue> keys = distinct_values(ids);
  auto rows = query_by_list(
      sql,
      fmt::format("SELECT model_id, experiment_id, name, artifact_location, creation_timestamp_ms, "
                  "last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id, "
                  "status_message FROM {} WHERE model_id IN ({{list}})",
                  tables->models),
      {}, keys);
  if (!rows) return std::move(rows).error();
  std::map<std::string, LoggedModel> models;
  for (const SqlRow& row : *rows) models.emplace(row.text(0), model_from_row(row));
  if (auto read = read_data(sql, *tables, keys, models); !read) return std::move(read).error();
  std::vector<LoggedModel> ordered;
  ordered.reserve(models.size());
  for (const std::string& id : ids)
    if (const auto found = models.find(id); found != models.end()) ordered.push_back(found->second);
  return ordered;
}

core::Result<> write_model_metrics(SqlExecutor& sql, std::string_view run_id,
                                   std::span<const Metric> metrics) {
  std::vector<const Metric*> measured;
  for (const Metric& metric : metrics)
    if (!metric.model_id.empty()) measured.push_back(&metric);
  if (measured.empty()) return {};
  std::stable_sort(measured.begin(), measured.end(), [](const Metric* a, const Metric* b) {
    return std::tie(a->model_id, a->key, a->timestamp_ms, a->step) <
           std::tie(b->model_id, b->key, b->timestamp_ms, b->step);
  });
  auto tables = logged_model_tables(sql);
  if (!tables) return std::move(tables).error();
  std::map<std::string, std::int64_t, std::less<>> experiments;
  for (const Metric* metric : measured) {
    if (experiments.contains(metric->model_id)) continue;
    auto experiment = experiment_of(sql, *tables, metric->model_id);
    if (!experiment) return std::move(experiment).error();
    experiments.emplace(metric->model_id, *experiment);
  }
  const std::string head = fmt::format(
      "INSERT INTO {} (run_id, model_id, metric_name, metric_timestamp_ms, metric_step, "
      "metric_value, experiment_id, dataset_name, dataset_digest, dataset_uuid) VALUES ",
      tables->metrics);
  auto written = insert_rows(
      sql,
      {head,
       "(:run, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT MIN(dataset_uuid) FROM datasets WHERE "
       "experiment_id = ? AND name = ? AND digest = ?))",
       " ON CONFLICT DO NOTHING"},
      {std::string(run_id)}, measured.size(), [&](std::size_t i, std::vector<SqlValue>& row) {
        const Metric& metric = *measured[i];
        const std::int64_t experiment = experiments.at(metric.model_id);
        // MLflow's table has no flag for NaN.
        double value = std::isnan(metric.value) ? 0.0 : metric.value;
        if (std::isinf(value)) value = std::copysign(std::numeric_limits<double>::max(), value);
        for (SqlValue column :
             {SqlValue(metric.model_id), SqlValue(metric.key), SqlValue(metric.timestamp_ms),
              SqlValue(metric.step), SqlValue(value), SqlValue(experiment),
              text_or_null(metric.dataset_name), text_or_null(metric.dataset_digest),
              SqlValue(experiment), text_or_null(metric.dataset_name),
              text_or_null(metric.dataset_digest)}) {
          row.push_back(std::move(column));
        }
      });
  if (!written) return std::move(written).error();
  return {};
}

LoggedModelStore::LoggedModelStore(storage::Database& database, const core::Clock& clock)
    : database_(&database), clock_(&clock) {}

core::Result<LoggedModel> LoggedModelStore::create(const NewLoggedModel& wanted) {
  auto experiment = parse_experiment_id(wanted.experiment_id);
  if (!experiment) return std::move(experiment).error();
  LoggedModel model;
  model.id = "m-" + core::random_hex_id();
  model.experiment_id = std::to_string(*experiment);
  model.name = wanted.name.empty() ? run_name_for(model.id) : wanted.name;
  model.model_type = wanted.model_type;
  model.source_run_id = wanted.source_run_id;
  model.params = wanted.params;
  model.tags = wanted.tags;
  model.created_ms = model.updated_ms = clock_->now() / 1000;
  if (auto checked = check_name(model.name); !checked) return std::move(checked).error();
  if (auto checked = check_text(model.model_type, kTypeMax, "model_type"); !checked)
    return std::move(checked).error();
  if (auto checked = check_text(model.source_run_id, kRunIdMax, "source_run_id"); !checked)
    return std::move(checked).error();
  if (auto checked = check_pairs(model.params, "Param key", "Param value"); !checked)
    return std::move(checked).error();
  if (auto checked = check_pairs(model.tags, "key", "value"); !checked)
    return std::move(checked).error();
  auto made = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto tables = logged_model_tables(sql);
    if (!tables) return std::move(tables).error();
    auto location = active_experiment_location(sql, *experiment);
    if (!location) return std::move(location).error();
    model.artifact_uri = uri_below(*location, fmt::format("models/{}/artifacts", model.id));
    auto row = sql.execute(
        fmt::format(
            "INSERT INTO {} (model_id, experiment_id, name, artifact_location, "
            "creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, "
            "model_type, source_run_id) VALUES (:id, :experiment, :name, :location, :created, "
            ":updated, :status, 'active', :type, :run)",
            tables->models),
        {model.id, *experiment, model.name, model.artifact_uri, model.created_ms, model.updated_ms,
         static_cast<std::int64_t>(model.status), text_or_null(model.model_type),
         text_or_null(model.source_run_id)});
    if (!row) return std::move(row).error();
    auto params =
        write_pairs(sql, tables->params, "param", model.id, *experiment, model.params, "");
    if (!params) return std::move(params).error();
    auto tags = write_pairs(sql, tables->tags, "tag", model.id, *experiment, model.tags, "");
    if (!tags) return std::move(tags).error();
    return {};
  });
  if (!made) return std::move(made).error();
  return model;
}

core::Result<LoggedModel> LoggedModelStore::get(std::string_view id, bool allow_deleted) {
  const std::string key(id);
  auto models = read_logged_models(*database_, std::span(&key, 1));
  if (!models) return std::move(models).error();
  if (models->empty() || (!allow_deleted && models->front().lifecycle_stage != "active"))
    return model_not_found(id);
  return std::move(models->front());
}

core::Result<LoggedModel> LoggedModelStore::finish(std::string_view id, LoggedModelStatus status) {
  if (status == LoggedModelStatus::kUnspecified)
    return invalid("A logged model cannot be finished with status LOGGED_MODEL_STATUS_UNSPECIFIED");
  auto tables = logged_model_tables(*database_);
  if (!tables) return std::move(tables).error();
  auto changed = database_->execute(
      fmt::format("UPDATE {} SET status = :status, last_updated_timestamp_ms = :now WHERE model_id "
                  "= :id AND lifecycle_stage = 'active'",
                  tables->models),
      {static_cast<std::int64_t>(status), clock_->now() / 1000, std::string(id)});
  if (!changed) return std::move(changed).error();
  if (*changed == 0) return model_not_found(id);
  return get(id);
}

core::Result<> LoggedModelStore::remove(std::string_view id) {
  auto tables = logged_model_tables(*database_);
  if (!tables) return std::move(tables).error();
  auto changed = database_->execute(
      fmt::format("UPDATE {} SET last_updated_timestamp_ms = CASE WHEN lifecycle_stage = 'deleted' "
                  "THEN last_updated_timestamp_ms ELSE CAST(:now AS BIGINT) END, lifecycle_stage = "
                  "'deleted' WHERE model_id = :id",
                  tables->models),
      {clock_->now() / 1000, std::string(id)});
  if (!changed) return std::move(changed).error();
  if (*changed == 0) return model_not_found(id);
  return {};
}

core::Result<> LoggedModelStore::set_tags(std::string_view id,
                                          const std::map<std::string, std::string>& given) {
  if (auto checked = check_pairs(given, "key", "value"); !checked) return checked;
  auto tags = given;
  if (const auto versions = tags.find(std::string(kModelVersionsTag)); versions != tags.end())
    versions->second = without_repeated_versions(versions->second);
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto tables = logged_model_tables(sql);
    if (!tables) return std::move(tables).error();
    auto experiment = experiment_of(sql, *tables, id);
    if (!experiment) return std::move(experiment).error();
    auto set = write_pairs(
        sql, tables->tags, "tag", id, *experiment, tags,
        " ON CONFLICT (model_id, tag_key) DO UPDATE SET tag_value = excluded.tag_value");
    if (!set) return std::move(set).error();
    return {};
  });
}

core::Result<> LoggedModelStore::delete_tag(std::string_view id, std::string_view key) {
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto tables = logged_model_tables(sql);
    if (!tables) return std::move(tables).error();
    if (auto experiment = experiment_of(sql, *tables, id); !experiment)
      return std::move(experiment).error();
    auto removed = sql.execute(
        fmt::format("DELETE FROM {} WHERE model_id = :id AND tag_key = :key", tables->tags),
        {std::string(id), std::string(key)});
    if (!removed) return std::move(removed).error();
    if (*removed > 0) return {};
    return core::Error{core::ErrorCode::kNotFound,
                       fmt::format("No tag with key '{}' found for model with ID '{}'.", key, id)};
  });
}

core::Result<> LoggedModelStore::log_params(std::string_view id,
                                            const std::map<std::string, std::string>& params) {
  if (auto checked = check_pairs(params, "Param key", "Param value"); !checked) return checked;
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto tables = logged_model_tables(sql);
    if (!tables) return std::move(tables).error();
    auto experiment = experiment_of(sql, *tables, id);
    if (!experiment) return std::move(experiment).error();
    auto written = write_pairs(sql, tables->params, "param", id, *experiment, params,
                               " ON CONFLICT (model_id, param_key) DO NOTHING");
    if (!written) return std::move(written).error();
    if (*written == static_cast<std::int64_t>(params.size())) return {};
    auto rows = sql.query(
        fmt::format("SELECT param_key, param_value FROM {} WHERE model_id = :id ORDER BY param_key",
                    tables->params),
        {std::string(id)});
    if (!rows) return std::move(rows).error();
    for (const SqlRow& row : *rows) {
      const auto given = params.find(row.text(0));
      if (given != params.end() && given->second != row.text_or(1, ""))
        return params_changed(id, given->first, row.text_or(1, ""), given->second);
    }
    return {};
  });
}

}  // namespace tenure::tracking
