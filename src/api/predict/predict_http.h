#pragma once

#include "api/routes.h"
#include "net/http_message.h"

namespace tenure::api {

/// POST /predict and POST /predict/batch: decode, call serving::Predictor, encode. Every decision
/// is the predictor's. Answers 200; 413 for too many rows; 422 with all mistakes; 503 before the
/// first model is live. Threads: safe to call concurrently.
void predict(const Services& services, const net::Request& request, net::Response& response);

/// What routes that need a model answer before there is one: 503 with Retry-After and the reason.
void answer_no_model(const Services& services, net::Response& response);

}  // namespace tenure::api
