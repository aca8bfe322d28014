#pragma once

#include <string_view>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/run.h"

namespace tenure::tracking {

/// The columns of table runs that run_from_row reads.
inline constexpr std::string_view kRunColumns =
    "run_uuid, experiment_id, name, user_id, status, start_time, end_time, artifact_uri, "
    "lifecycle_stage";

/// A run without params, tags, metrics and inputs.
Run run_from_row(const storage::SqlRow& row);

core::Error run_is_missing(std::string_view id);

}  // namespace tenure::tracking
