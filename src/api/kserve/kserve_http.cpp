#include "api/kserve/kserve_http.h"

#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "api/deadline.h"
#include "api/mlflow_scoring/scoring_request.h"
#include "api/open_inference/infer_http.h"
#include "api/predict/predict_answer.h"
#include "api/served_model.h"

namespace tenure::api {
namespace {

struct Workspace {
  LiveCache live;
  ScoringRequest request;
  std::vector<serving::Prediction> predictions;
  serving::Traffic::Scratch scratch;
};

core::Error invalid(core::ErrorCode code, std::string message) {
  return core::Error{code, std::move(message)};
}

/// Decodes and predicts; the predictions live in the workspace.
core::Result<LiveModel> predict(const Services& services, const net::Request& request,
                                std::string_view model, bool is_explained, Workspace& workspace) {
  auto snapshot = find_model(services, workspace.live, model, {});
  if (!snapshot) return snapshot;
  if (is_explained && !(*snapshot)->explainer)
    return invalid(core::ErrorCode::kUnimplemented,
                   "this model cannot be explained: " + (*snapshot)->not_explained);
  auto deadline = request_deadline(services.clock, request);
  if (!deadline) return std::move(deadline).error();
  const auto rows_max = static_cast<std::size_t>(services.rows_max);
  switch (workspace.request.decode_json(request.body, **snapshot, rows_max)) {
    case ScoringRequest::Outcome::kInvalid:
      return invalid(core::ErrorCode::kInvalidArgument, workspace.request.errors().summary());
    case ScoringRequest::Outcome::kTooManyRows:
      return invalid(core::ErrorCode::kResourceExhausted,
                     fmt::format("more than {} rows in one request", rows_max));
    case ScoringRequest::Outcome::kRows:
      break;
  }
  workspace.predictions.resize(workspace.request.rows().size());
  snapshot->predict(
      workspace.request.rows(), workspace.scratch, workspace.predictions,
      {.is_explained = is_explained, .deadline_ns = deadline->at_ns, .trace = request.trace});
  return snapshot;
}

}  // namespace

void v1_model_verb(const Services& services, const net::Request& request, net::Response& response) {
  thread_local Workspace workspace;
  const std::string_view segment = request.path_parameter("model");
  const std::size_t colon = segment.rfind(':');
  const std::string_view verb =
      colon == std::string_view::npos ? std::string_view() : segment.substr(colon + 1);
  if (verb != "predict" && verb != "explain")
    return answer_inference_error(
        invalid(core::ErrorCode::kNotFound,
                fmt::format("'{}' should end in :predict or :explain", segment)),
        response);
  const bool is_explained = verb == "explain";
  const auto snapshot =
      predict(services, request, segment.substr(0, colon), is_explained, workspace);
  if (!snapshot) return answer_inference_error(snapshot.error(), response);
  std::string& out = response.body;
  out += is_explained ? "{\"explanations\":[" : "{\"predictions\":[";
  for (std::size_t i = 0; i < workspace.predictions.size(); ++i) {
    if (i > 0) out += ',';
    if (is_explained) {
      append_prediction(out, workspace.predictions[i],
                        {.is_full = true, .texts = &services.reason_texts});
    } else {
      append_float(out, workspace.predictions[i].probability);
    }
  }
  out += ']';
  append_variants(out, workspace.predictions);
  out += '}';
  add_variant_headers(workspace.predictions, response);
}

}  // namespace tenure::api
