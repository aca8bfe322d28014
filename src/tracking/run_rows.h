#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/run.h"

// Reading runs from MLflow's tables, many at once.
namespace tenure::tracking {

/// Params, tags and latest metrics of many runs cost one statement each per 1,000 runs; inputs a
/// few more. Runs come in the order of `ids`; ids that do not exist are left out.
core::Result<std::vector<Run>> read_runs(storage::SqlExecutor& sql,
                                         std::span<const std::string> ids);

}  // namespace tenure::tracking
