#pragma once

#include <string>

#include "api/mlflow/mlflow_services.h"
#include "core/result.h"
#include "net/http_message.h"

namespace tenure::api::mlflow {

/// POST /graphql {query, variables, operationName}: what MLflow's web page asks (mlflow.md §14.3).
/// Answers {"data": ..., "errors": [text] | null}, always with 200 once the request is understood.
core::Result<> answer_graphql(const MlflowServices&, const net::Request&, std::string& out);

}  // namespace tenure::api::mlflow
