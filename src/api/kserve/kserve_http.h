#pragma once

#include "api/routes.h"
#include "net/http_message.h"

namespace tenure::api {

/// KServe's V1 protocol, which TensorFlow Serving's clients speak, too. Errors: {"error": "…"} with
/// 400, 404, 413, 501 or 503. Thread-safe.

/// POST /v1/models/{model}:predict, :explain. The body is {"instances": […]} or {"inputs": …}, as
/// for /invocations; answers {"predictions": [probability, …]}, or {"explanations": […]} with the
/// objects that /explain gives.
void v1_model_verb(const Services& services, const net::Request& request, net::Response& response);

}  // namespace tenure::api
