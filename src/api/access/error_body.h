#pragma once

#include "net/problem.h"

namespace tenure::api {

/// The body of an error in the manners of the protocol that the path belongs to: problem details on
/// Tenure's own routes; `{"error": ...}` with their members beside it below /v1 and /v2, whose
/// clients read `error`; `{"error_code", "message"}` for MLflow's.
void render_error(const net::ErrorFacts& facts, net::Response& response);

}  // namespace tenure::api
