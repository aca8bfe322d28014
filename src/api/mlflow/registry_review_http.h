#pragma once

#include <vector>

#include "api/mlflow/mlflow_services.h"
#include "net/router.h"

namespace tenure::api::mlflow {

/// Tenure's own part of the registry, below /api/tenure/models: versions side by side, approvals,
/// the audit trail. Errors are problem details, as on all of Tenure's own routes.
std::vector<net::Route> review_routes(const MlflowServices& services);

}  // namespace tenure::api::mlflow
