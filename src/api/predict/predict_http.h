#pragma once

#include "api/routes.h"
#include "net/http_message.h"

namespace tenure::api {

/// POST /predict: decode, call serving::Predictor, encode. Every decision is the predictor's.
/// ?explain=k adds the k top reasons of each row. Answers 200; 413 for too many rows; 422 with all
/// mistakes; 501 for a model that cannot be explained; 503 before the first model is live. Threads:
/// safe to call concurrently, like all below.
void predict(const Services& services, const net::Request& request, net::Response& response);

/// POST /predict/batch: the same for a worker thread, where many rows may be explained.
void predict_batch(const Services& services, const net::Request& request, net::Response& response);

/// POST /explain: the same bodies; the answer has all contributions, the bias and the margin.
void explain(const Services& services, const net::Request& request, net::Response& response);

/// What routes that need a model answer before there is one: 503 with Retry-After and the reason.
void answer_no_model(const Services& services, net::Response& response);

}  // namespace tenure::api
