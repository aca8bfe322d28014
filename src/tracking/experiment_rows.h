#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/experiments.h"

namespace tenure::tracking {

/// Errors: kInvalidArgument when it is no integer.
core::Result<std::int64_t> parse_experiment_id(std::string_view id);

core::Error experiment_not_found(std::string_view id);

/// An experiment without its tags, of a row that holds experiment_id, name, artifact_location,
/// lifecycle_stage, creation_time, last_update_time.
Experiment experiment_from_row(const storage::SqlRow& row);

/// Where the artifacts of an experiment lie. Errors: kNotFound; kInvalidArgument when it is
/// deleted.
core::Result<std::string> active_experiment_location(storage::SqlExecutor& sql, std::int64_t id);

}  // namespace tenure::tracking
