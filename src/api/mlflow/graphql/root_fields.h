#pragma once

#include "api/mlflow/graphql/document.h"
#include "api/mlflow/mlflow_services.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::api::mlflow::graphql {

/// Whether the schema has the field at its root.
bool is_root_field(std::string_view name);

/// The value of a root field: mlflowGetExperiment, mlflowGetRun, mlflowSearchRuns,
/// mlflowGetMetricHistoryBulkInterval or mlflowSearchModelVersions. Errors: those of the domain;
/// kInvalidArgument for its input.
core::Result<core::Json> resolve(const MlflowServices& services, const Field& root);

}  // namespace tenure::api::mlflow::graphql
