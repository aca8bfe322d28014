#pragma once

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/approval.h"
#include "tracking/registry.h"

namespace tenure::tracking {

/// Where a version stands, from the decisions in the audit trail.
core::Result<ApprovalState> read_approval(storage::SqlExecutor& sql, const ApprovalPolicy& policy,
                                          const ModelVersion& version);

/// Digests of a version's deciding files, as it bears them in tags (tenure.sha256.…).
core::JsonObject digests_of(const ModelVersion& version);

}  // namespace tenure::tracking
