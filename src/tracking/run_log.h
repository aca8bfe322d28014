#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/run.h"

// What a run logs, written inside a transaction that the caller opened.
namespace tenure::tracking {

/// The columns of metrics and latest_metrics that metric_from_row reads.
inline constexpr std::string_view kMetricColumns =
    "key, value, timestamp, step, CASE WHEN is_nan THEN 1 ELSE 0 END";

/// The metric in five columns from `first` on.
Metric metric_from_row(const storage::SqlRow& row, std::size_t first);

/// Checks keys, values and times, before anything is written.
core::Result<> check_batch(std::span<const Metric> metrics,
                           const std::map<std::string, std::string>& params,
                           const std::map<std::string, std::string>& tags);

/// Errors: kNotFound; kInvalidArgument for a deleted run.
core::Result<> check_run_is_active(storage::SqlExecutor& sql, std::string_view run_id);

/// Params are written once; the same value again is fine. Errors: kInvalidArgument naming all
/// params whose value would change.
core::Result<> write_params(storage::SqlExecutor& sql, std::string_view run_id,
                            const std::map<std::string, std::string>& params);

/// Appends to the history, without exact repeats, and keeps latest_metrics at the greatest (step,
/// timestamp, value) of each key.
core::Result<> write_metrics(storage::SqlExecutor& sql, std::string_view run_id,
                             std::span<const Metric> metrics);

/// The last write wins.
core::Result<> write_tags(storage::SqlExecutor& sql, std::string_view run_id,
                          const std::map<std::string, std::string>& tags);

}  // namespace tenure::tracking
