#include "api/mlflow_scoring/scoring_http.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "api/deadline.h"
#include "api/mlflow_scoring/scoring_request.h"
#include "api/predict/predict_answer.h"
#include "api/served_model.h"
#include "core/ascii_case.h"

namespace tenure::api {
namespace {

/// Clients choose by it what they ask for: a release whose calls are all answered, be it that one
/// is not supported.
constexpr std::string_view kMlflowVersion = "3.11.1";

enum class BodyKind : std::uint8_t { kJson, kCsv, kOther };

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

/// "text/csv; charset=utf-8". No type at all is JSON, which is what such clients send.
BodyKind body_kind(std::string_view content_type) {
  if (content_type.empty()) return BodyKind::kJson;
  const std::size_t end = std::min(content_type.find(';'), content_type.size());
  const std::string_view parameters =
      trim(content_type.substr(std::min(end + 1, content_type.size())));
  if (!parameters.empty() && !core::equals_ignoring_case(parameters, "charset=utf-8"))
    return BodyKind::kOther;
  const std::string_view type = trim(content_type.substr(0, end));
  if (core::equals_ignoring_case(type, "application/json")) return BodyKind::kJson;
  return core::equals_ignoring_case(type, "text/csv") ? BodyKind::kCsv : BodyKind::kOther;
}

void answer_error(int status, std::string_view code, std::string_view message,
                  net::Response& response) {
  response.status = status;
  response.body += fmt::format("{{\"error_code\":\"{}\",\"message\":", code);
  net::append_json_string(response.body, message);
  response.body += '}';
}

struct Workspace {
  LiveCache live;
  ScoringRequest request;
  std::vector<serving::Prediction> predictions;
  serving::Traffic::Scratch scratch;
};

void append_score(std::string& out, const serving::Prediction& prediction,
                  ScoringRequest::Method method) {
  if (method == ScoringRequest::Method::kPredict) return append_float(out, prediction.probability);
  out += '[';
  append_float(out, 1.0F - prediction.probability);
  out += ',';
  append_float(out, prediction.probability);
  out += ']';
}

}  // namespace

void invocations(const Services& services, const net::Request& request, net::Response& response) {
  thread_local Workspace workspace;
  const BodyKind kind = body_kind(request.content_type);
  if (kind == BodyKind::kOther) {
    response.text(415, fmt::format("This predictor only supports the content types "
                                   "application/json and text/csv in UTF-8. Got '{}'.",
                                   request.content_type));
    return;
  }
  const auto live = asked_model(services, workspace.live, request);
  if (!live && live.error().code == core::ErrorCode::kNotFound)
    return answer_error(404, "RESOURCE_DOES_NOT_EXIST", live.error().message, response);
  const serving::ModelSnapshot* const snapshot = live ? live->snapshot : nullptr;
  if (snapshot == nullptr) {
    answer_error(503, "TEMPORARILY_UNAVAILABLE",
                 live ? "No model is live yet" : live.error().message, response);
    response.headers.emplace_back("Retry-After", "1");
    return;
  }
  const auto deadline = request_deadline(services.clock, request);
  if (!deadline) {
    const core::ErrorCodeInfo& info = core::error_code_info(deadline.error().code);
    return answer_error(info.http_status, info.mlflow_code, deadline.error().message, response);
  }
  const auto rows_max = static_cast<std::size_t>(services.rows_max);
  ScoringRequest& scoring = workspace.request;
  const auto outcome = kind == BodyKind::kCsv
                           ? scoring.decode_csv(request.body, *snapshot, rows_max)
                           : scoring.decode_json(request.body, *snapshot, rows_max);
  if (outcome == ScoringRequest::Outcome::kTooManyRows) {
    answer_error(413, "BAD_REQUEST",
                 fmt::format("More than {} rows in one request (serving.rows_max)", rows_max),
                 response);
    return;
  }
  if (outcome == ScoringRequest::Outcome::kInvalid)
    return answer_error(400, "BAD_REQUEST", scoring.errors().summary(), response);
  workspace.predictions.resize(scoring.rows().size());
  live->predict(scoring.rows(), workspace.scratch, workspace.predictions,
                {.deadline_ns = deadline->at_ns, .trace = request.trace});
  response.body += "{\"predictions\":[";
  for (std::size_t i = 0; i < workspace.predictions.size(); ++i) {
    if (i > 0) response.body += ',';
    append_score(response.body, workspace.predictions[i], scoring.method());
  }
  response.body += ']';
  append_variants(response.body, workspace.predictions);
  response.body += '}';
  add_variant_headers(workspace.predictions, response);
}

void ping(const Services& services, const net::Request&, net::Response& response) {
  if (!services.predictor.snapshot()) response.status = 404;
  response.body = "\n";
}

void mlflow_version(const net::Request&, net::Response& response) {
  response.text(200, kMlflowVersion);
}

}  // namespace tenure::api
