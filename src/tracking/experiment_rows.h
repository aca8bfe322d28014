#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"
#include "storage/sql/database.h"

namespace tenure::tracking {

/// Errors: kInvalidArgument when it is no integer.
core::Result<std::int64_t> parse_experiment_id(std::string_view id);

core::Error experiment_not_found(std::string_view id);

/// Where the artifacts of an experiment lie. Errors: kNotFound; kInvalidArgument when it is
/// deleted.
core::Result<std::string> active_experiment_location(storage::SqlExecutor& sql, std::int64_t id);

}  // namespace tenure::tracking
