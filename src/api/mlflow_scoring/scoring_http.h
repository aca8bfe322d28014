#pragma once

#include "api/routes.h"
#include "net/http_message.h"

namespace tenure::api {

/// MLflow's scoring server (mlflow.pyfunc.scoring_server), which SageMaker's contract is part of.
/// Handlers are thread-safe.

/// POST /invocations: application/json or text/csv (scoring_request.h) → {"predictions": […]}.
/// Errors: 400 with MLflow's {"error_code", "message"}; 413 too many rows; 415 other content types;
/// 503 before the first model is live.
void invocations(const Services& services, const net::Request& request, net::Response& response);

/// GET /ping: 200 with one newline when a model is live, else 404.
void ping(const Services& services, const net::Request& request, net::Response& response);

/// GET /version: the MLflow release whose interfaces are spoken, as plain text.
void mlflow_version(const net::Request& request, net::Response& response);

}  // namespace tenure::api
