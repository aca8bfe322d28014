#include <algorithm>

#include <fmt/format.h>

#include "tracking/model_history_tag.h"
#include "tracking/run.h"
#include "tracking/run_log.h"
#include "tracking/run_rows.h"
#include "tracking/validation.h"

// What changes a run after it was made.
namespace tenure::tracking {

using storage::SqlExecutor;

core::Result<Run> RunStore::update(std::string_view id, const RunUpdate& update) {
  // Longer names would not fit the column, and the tag is cut elsewhere.
  if (auto checked = check_text(update.name, kRunNameMax, "name"); !checked)
    return std::move(checked).error();
  const std::map<std::string, std::string> named =
      update.name.empty()
          ? std::map<std::string, std::string>()
          : std::map<std::string, std::string>{{std::string(kRunNameTag), update.name}};
  storage::SqlValue status = nullptr;
  if (update.status) status = std::string(run_status_name(*update.status));
  storage::SqlValue end = nullptr;
  if (update.end_ms) end = *update.end_ms;
  Run run;
  RunLog log(id);
  log.add_tags(named);
  log.add({fmt::format("UPDATE runs SET status = COALESCE(CAST(:status AS VARCHAR(9)), status), "
                       "end_time = COALESCE(CAST(:end AS BIGINT), end_time) WHERE run_uuid = :id "
                       "RETURNING {}",
                       kRunColumns),
           {std::move(status), std::move(end), std::string(id)},
           [&](const storage::SqlRowView& row) {
             run = run_from_row(row);
             return true;
           }});
  auto done = database_->transaction([&](SqlExecutor& sql) { return log.write(sql); });
  if (!done) return std::move(done).error();
  return run;
}

core::Result<> RunStore::end(std::string_view id, RunStatus status) {
  auto ended = update(id, {status, clock_->now() / 1000, ""});
  if (!ended) return std::move(ended).error();
  return {};
}

core::Result<> RunStore::remove(std::string_view id) {
  auto changed = database_->execute(
      "UPDATE runs SET deleted_time = CASE WHEN lifecycle_stage = 'deleted' THEN deleted_time ELSE "
      "CAST(:now AS BIGINT) END, lifecycle_stage = 'deleted' WHERE run_uuid = :id",
      {clock_->now() / 1000, std::string(id)});
  if (!changed) return std::move(changed).error();
  if (*changed == 0) return run_not_found(id);
  return {};
}

core::Result<> RunStore::restore(std::string_view id) {
  auto changed = database_->execute(
      "UPDATE runs SET deleted_time = NULL, lifecycle_stage = 'active' WHERE run_uuid = :id",
      {std::string(id)});
  if (!changed) return std::move(changed).error();
  if (*changed == 0) return run_not_found(id);
  return {};
}

core::Result<> RunStore::log(std::string_view id, std::span<const Metric> metrics,
                             const std::map<std::string, std::string>& params,
                             const std::map<std::string, std::string>& tags) {
  if (auto checked = check_batch(metrics, params, tags); !checked) return checked;
  const MetricRows rows(metrics);
  RunLog log(id);
  log.add_params(params, params.size() == 1 && metrics.empty() && tags.empty());
  log.add_metrics(rows);
  log.add_tags(tags);
  return database_->transaction([&](SqlExecutor& sql) { return log.write(sql); });
}

core::Result<> RunStore::log_batch(std::string_view id, const LogBatch& batch) {
  if (auto checked = check_batch(id, batch); !checked) return checked;
  const std::map<std::string, std::string> params(batch.params.begin(), batch.params.end());
  std::map<std::string, std::string> tags;
  for (const auto& [key, value] : batch.tags) tags[key] = value;
  const MetricRows rows(batch.metrics);
  RunLog log(id);
  log.add_params(params, false);
  log.add_metrics(rows);
  log.add_tags(tags);
  return database_->transaction([&](SqlExecutor& sql) { return log.write(sql); });
}

core::Result<> RunStore::set_tag(std::string_view id, std::string_view key,
                                 std::string_view value) {
  return log(id, {}, {}, {{std::string(key), std::string(value)}});
}

core::Result<> RunStore::delete_tag(std::string_view id, std::string_view key) {
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto active = check_run_is_active(sql, id); !active) return active;
    auto removed = sql.execute("DELETE FROM tags WHERE key = :key AND run_uuid = :id",
                               {std::string(key), std::string(id)});
    if (!removed) return std::move(removed).error();
    if (*removed > 0) return {};
    return core::Error{core::ErrorCode::kNotFound,
                       fmt::format("No tag with name: {} in run with id {}", key, id)};
  });
}

core::Result<> RunStore::log_inputs(std::string_view id, std::span<const DatasetInput> datasets,
                                    std::span<const std::string> model_ids) {
  if (auto checked = check_run_id(id); !checked) return checked;
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto active = check_run_is_active(sql, id); !active) return active;
    return write_run_inputs(sql, id, datasets, model_ids);
  });
}

core::Result<> RunStore::log_outputs(std::string_view id, std::span<const ModelOutput> outputs) {
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto active = check_run_is_active(sql, id); !active) return active;
    return write_run_outputs(sql, id, outputs);
  });
}

core::Result<> RunStore::log_model(std::string_view id, const core::Json& model) {
  auto item = model_history_item(model);
  if (!item) return std::move(item).error();
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    // Holds the run's row: of two that append, the second must see what the first wrote.
    auto held =
        sql.execute("UPDATE runs SET lifecycle_stage = lifecycle_stage WHERE run_uuid = :id",
                    {std::string(id)});
    if (!held) return std::move(held).error();
    if (auto active = check_run_is_active(sql, id); !active) return active;
    auto rows = sql.query("SELECT value FROM tags WHERE run_uuid = :id AND key = :key",
                          {std::string(id), std::string(kModelHistoryTag)});
    if (!rows) return std::move(rows).error();
    auto history = with_model_history_item(rows->empty() ? "" : rows->front().text_or(0, ""),
                                           std::move(*item));
    if (!history) return std::move(history).error().within(fmt::format("run {}", id));
    std::vector<storage::SqlStatement> statements;
    append_tags(statements, id, {{std::string(kModelHistoryTag), std::move(*history)}});
    return sql.run_all(statements);
  });
}

}  // namespace tenure::tracking
