#pragma once

#include <optional>

#include "api/deadline.h"
#include "api/routes.h"
#include "api/served_model.h"
#include "net/http_message.h"

namespace tenure::api {

/// POST /predict: decode, call serving::Predictor, encode. Every decision is the predictor's.
/// ?explain=k adds the k top reasons of each row, ?model=NAME asks another model of the server.
/// Answers 200; 404 for a model that is not served; 413 for too many rows; 422 with all
/// mistakes; 501 for a model that cannot be explained; 503 before the first model is live. What
/// takes long (inline_work.h) is left to a worker, where the request can be moved. Threads: safe to
/// call concurrently, like all below.
void predict(const Services& services, const net::Request& request, net::Response& response);

/// POST /decide: the same bodies; the answer says what to do about each customer and why. 501 when
/// the project file has no offers.
void decide(const Services& services, const net::Request& request, net::Response& response);

/// POST /explain: the same bodies; the answer has all contributions, the bias and the margin.
void explain(const Services& services, const net::Request& request, net::Response& response);

/// What routes that need a model answer before there is one: 503 with Retry-After and the reason.
void answer_no_model(const Services& services, net::Response& response);

/// The answer for a model that is asked for by name and cannot answer: 404, or 503 as above.
void answer_model_error(const core::Error& error, net::Response& response);

/// What a request that predicts begins with.
struct AskedPrediction {
  LiveModel live;  ///< its snapshot is not null
  Deadline deadline;
};

/// The model that is asked for and the time there is. Nothing when the response holds the answer
/// already: as answer_model_error and answer_no_model, 400 for no deadline, 504 for a late one.
std::optional<AskedPrediction> begin_prediction(const Services& services, LiveCache& cache,
                                                const net::Request& request,
                                                net::Response& response);

}  // namespace tenure::api
