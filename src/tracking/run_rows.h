#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/run.h"

// Reading runs from MLflow's tables, many at once.
namespace tenure::tracking {

/// The columns of table runs that run_from_row reads.
inline constexpr std::string_view kRunColumns =
    "run_uuid, experiment_id, name, user_id, status, start_time, end_time, artifact_uri, "
    "lifecycle_stage";

/// A run without params, tags, metrics and inputs.
Run run_from_row(const storage::SqlRowView& row);

/// Params, tags and latest metrics of many runs cost one statement each per 1,000 runs, and inputs
/// a few more. Runs come in the order of `ids`; ids that do not exist are left out.
core::Result<std::vector<Run>> read_runs(storage::SqlExecutor& sql,
                                         std::span<const std::string> ids);

core::Error run_not_found(std::string_view id);

}  // namespace tenure::tracking
