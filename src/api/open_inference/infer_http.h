#pragma once

#include "api/routes.h"
#include "net/http_message.h"

namespace tenure::api {

/// POST /v2/models/{model}[/versions/{version}]/infer of the Open Inference Protocol, with Triton's
/// binary tensor extension (header Inference-Header-Content-Length). Errors: {"error": "…"} with
/// 400, 404, 413, 501 or 503. Thread-safe.
void infer(const Services& services, const net::Request& request, net::Response& response);

/// Answers {"error": message} with the error's HTTP status.
void answer_inference_error(const core::Error& error, net::Response& response);

}  // namespace tenure::api
