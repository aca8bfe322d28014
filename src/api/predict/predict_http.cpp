#include "api/predict/predict_http.h"

#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "api/predict/inline_work.h"
#include "api/predict/predict_answer.h"
#include "api/predict/predict_request.h"

namespace tenure::api {
namespace {

constexpr std::int64_t kReasonsMax = 1000;

/// Buffers reused from request to request; one set per thread.
struct Workspace {
  LiveCache live;
  PredictRequest request;
  ValidationErrors query_errors;
  std::vector<serving::Prediction> predictions;
  serving::Traffic::Scratch scratch;
};

/// ?explain=3; nothing after a mistake, which is then in `errors`.
std::optional<std::size_t> read_reasons_max(const net::Request& request, ValidationErrors& errors) {
  errors.clear();
  if (request.query.empty()) return 0;
  const auto text = request.query_parameter("explain");
  if (!text) return 0;
  std::int64_t count = 0;
  const auto [end, status] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (status != std::errc() || end != text->data() + text->size()) {
    errors.add_in_query("int_parsing", "explain",
                        "Input should be a valid integer, unable to parse string as an integer",
                        *text);
  } else if (count < 0) {
    errors.add_in_query("greater_than_equal", "explain",
                        "Input should be greater than or equal to 0", *text, "{\"ge\":0}");
  } else if (count > kReasonsMax) {
    errors.add_in_query("less_than_equal", "explain",
                        fmt::format("Input should be less than or equal to {}", kReasonsMax), *text,
                        fmt::format("{{\"le\":{}}}", kReasonsMax));
  }
  if (!errors.empty()) return std::nullopt;
  return static_cast<std::size_t>(count);
}

void answer_invalid(const ValidationErrors& errors, net::Response& response) {
  response.status = 422;
  errors.write_to(response.body);
}

/// Decodes, predicts and encodes. False when that would keep an event loop for too long: nothing is
/// answered then.
bool answer(const Services& services, const net::Request& request, const AnswerStyle& style,
            Workspace& workspace, net::Response& response) {
  if (request.can_be_moved && request.body.size() > kInlineBodyMax) return false;
  const auto asked = begin_prediction(services, workspace.live, request, response);
  if (!asked) return true;
  const serving::ModelSnapshot* const snapshot = asked->live.snapshot;
  switch (workspace.request.decode(request.body, *snapshot, services.rows_max)) {
    case PredictRequest::Outcome::kInvalid:
      answer_invalid(workspace.request.errors(), response);
      return true;
    case PredictRequest::Outcome::kTooManyRows:
      response.error(413, fmt::format("More than {} rows in one request (serving.rows_max); send "
                                      "them in parts, or use tenure score",
                                      services.rows_max));
      return true;
    case PredictRequest::Outcome::kRows:
      break;
  }
  const auto& rows = workspace.request.rows();
  const bool is_explained = style.texts != nullptr;
  if (style.is_decided && !snapshot->policy) {
    response.error(501, "The project file has no offers to decide between (decision.offers)");
    return true;
  }
  if (is_explained && !snapshot->explainer) {
    response.error(501, "This model cannot be explained: " + snapshot->not_explained);
    return true;
  }
  const PredictWork work{
      .rows = rows.size(), .body_bytes = request.body.size(), .is_explained = is_explained};
  if (request.can_be_moved && estimated_ns(work, *snapshot) > kInlineNsMax) return false;
  workspace.predictions.resize(rows.size());
  asked->live.predict(
      rows, workspace.scratch, workspace.predictions,
      {.is_explained = is_explained, .deadline_ns = asked->deadline.at_ns, .trace = request.trace});
  add_variant_headers(workspace.predictions, response);
  if (workspace.request.is_list()) {
    append_predictions(response.body, *snapshot, workspace.predictions, style);
  } else {
    append_prediction(response.body, workspace.predictions.front(), style);
  }
  return true;
}

/// Has a worker call the handler again.
template <auto handler>
void leave_to_worker(const Services& services, net::Response& response) {
  response.rest = [&services](const net::Request& request, net::Response& answer) {
    handler(services, request, answer);
  };
}

}  // namespace

void answer_no_model(const Services& services, net::Response& response) {
  const std::string reason = services.watcher.status().last_error;
  response.error(503, reason.empty() ? "No model is live yet"
                                     : fmt::format("No model is live yet: {}", reason));
  response.headers.emplace_back("Retry-After", "1");
}

void answer_model_error(const core::Error& error, net::Response& response) {
  response.error(core::error_code_info(error.code).http_status, error.message);
  if (response.status == 503) response.headers.emplace_back("Retry-After", "1");
}

std::optional<AskedPrediction> begin_prediction(const Services& services, LiveCache& cache,
                                                const net::Request& request,
                                                net::Response& response) {
  auto live = asked_model(services, cache, request);
  if (!live) {
    answer_model_error(live.error(), response);
    return std::nullopt;
  }
  if (live->snapshot == nullptr) {
    answer_no_model(services, response);
    return std::nullopt;
  }
  const auto deadline = request_deadline(services.clock, request);
  if (!deadline) {
    response.error(core::error_code_info(deadline.error().code).http_status,
                   deadline.error().message);
    return std::nullopt;
  }
  return AskedPrediction{*std::move(live), *deadline};
}

void predict(const Services& services, const net::Request& request, net::Response& response) {
  thread_local Workspace workspace;
  const auto reasons_max = read_reasons_max(request, workspace.query_errors);
  if (!reasons_max) return answer_invalid(workspace.query_errors, response);
  const AnswerStyle style{.reasons_max = *reasons_max,
                          .is_full = false,
                          .texts = *reasons_max > 0 ? &services.reason_texts : nullptr};
  if (!answer(services, request, style, workspace, response))
    leave_to_worker<predict>(services, response);
}

void decide(const Services& services, const net::Request& request, net::Response& response) {
  thread_local Workspace workspace;
  if (!answer(services, request, {.is_decided = true}, workspace, response))
    leave_to_worker<decide>(services, response);
}

void explain(const Services& services, const net::Request& request, net::Response& response) {
  thread_local Workspace workspace;
  if (!answer(services, request, {.is_full = true, .texts = &services.reason_texts}, workspace,
              response))
    leave_to_worker<explain>(services, response);
}

}  // namespace tenure::api
