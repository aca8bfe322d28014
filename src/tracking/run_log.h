#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/run.h"
#include "tracking/stored_metrics.h"

// What a run logs, written inside a transaction that the caller opened.
namespace tenure::tracking {

inline constexpr std::string_view kRunNameTag = "mlflow.runName";
inline constexpr std::size_t kRunNameMax = 250;  ///< of the column

/// The columns of latest_metrics that metric_from_row reads.
inline constexpr std::string_view kMetricColumns = "key, value, timestamp, step, is_nan";
Metric metric_from_row(const storage::SqlRowView& row);

/// Checks keys, values and times, before anything is written.
core::Result<> check_batch(std::span<const Metric> metrics,
                           const std::map<std::string, std::string>& params,
                           const std::map<std::string, std::string>& tags);
/// Checks the tags that a run is made with: any words, which MLflow does not check there.
core::Result<> check_first_tags(const std::map<std::string, std::string>& tags);
/// As check_batch, for a batch of MLflow's, whose messages tell where ("metrics[3].name"), with its
/// limits and without repeated params.
core::Result<> check_batch(std::string_view run_id, const LogBatch& batch);

/// Checks the id of a run where MLflow does: in batches and inputs.
core::Result<> check_run_id(std::string_view run_id);

/// Errors: kNotFound; kInvalidArgument for a deleted run.
core::Result<> check_run_is_active(storage::SqlExecutor& sql, std::string_view run_id);

/// Params are written once; the same value again is fine. Errors: kInvalidArgument naming all
/// params whose value would change, in the words for one param or for a batch.
core::Result<> write_params(storage::SqlExecutor& sql, std::string_view run_id,
                            const std::map<std::string, std::string>& params, bool is_single);

/// Appends to the history, without exact repeats, and keeps latest_metrics at the greatest (step,
/// timestamp, value) of each key. What was measured for a logged model is recorded there as well.
/// Rows go in the order of their keys: writers that meet in the same rows wait for each other
/// instead of blocking each other, and neighbours in the index are written together.
core::Result<> write_metrics(storage::SqlExecutor& sql, std::string_view run_id,
                             const MetricRows& metrics);

/// The last write wins. Tag mlflow.runName renames the run; an empty one changes nothing.
core::Result<> write_tags(storage::SqlExecutor& sql, std::string_view run_id,
                          std::map<std::string, std::string> tags);

}  // namespace tenure::tracking
