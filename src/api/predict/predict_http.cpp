#include "api/predict/predict_http.h"

#include <vector>

#include <fmt/format.h>

#include "api/predict/predict_answer.h"
#include "api/predict/predict_request.h"

namespace tenure::api {
namespace {

/// Buffers reused from request to request; one set per thread.
struct Workspace {
  PredictRequest request;
  std::vector<serving::Prediction> predictions;
  serving::Predictor::Scratch scratch;
};

}  // namespace

void answer_no_model(const Services& services, net::Response& response) {
  const std::string reason = services.watcher.status().last_error;
  response.error(503, reason.empty() ? "No model is live yet"
                                     : fmt::format("No model is live yet: {}", reason));
  response.headers.emplace_back("Retry-After", "1");
}

void predict(const Services& services, const net::Request& request, net::Response& response) {
  thread_local Workspace workspace;
  const auto snapshot = services.predictor.snapshot();
  if (!snapshot) return answer_no_model(services, response);
  switch (workspace.request.decode(request.body, *snapshot, services.rows_max)) {
    case PredictRequest::Outcome::kInvalid:
      response.status = 422;
      workspace.request.errors().write_to(response.body);
      return;
    case PredictRequest::Outcome::kTooManyRows:
      response.error(413, fmt::format("More than {} rows in one request (serving.rows_max); send "
                                      "them in parts, or use tenure score",
                                      services.rows_max));
      return;
    case PredictRequest::Outcome::kRows:
      break;
  }
  const auto& rows = workspace.request.rows();
  workspace.predictions.resize(rows.size());
  services.predictor.predict(*snapshot, rows, workspace.scratch, workspace.predictions);
  if (workspace.request.is_list()) {
    append_predictions(response.body, *snapshot, workspace.predictions);
  } else {
    append_prediction(response.body, *snapshot, workspace.predictions.front());
  }
}

}  // namespace tenure::api
