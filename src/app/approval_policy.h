#pragma once

#include "core/config.h"
#include "core/result.h"
#include "tracking/approval.h"

namespace tenure::app {

/// Section tracking.approval. Errors: kInvalidArgument at the key, for what is no alias or no
/// stage.
core::Result<tracking::ApprovalPolicy> approval_policy(const core::Config& config);

}  // namespace tenure::app
