#include "api/access/error_body.h"

#include <fmt/format.h>

#include "api/access/protocol_paths.h"

namespace tenure::api {
namespace {

bool is_inference_path(std::string_view path) {
  return is_below(path, "/v1") || is_below(path, "/v2");
}

bool is_mlflow_path(std::string_view path) {
  return is_below(path, "/invocations") || is_tracking_path(path);
}

/// mlflow/mlflow: mlflow/exceptions.py
std::string_view mlflow_code(int status, bool is_scoring) {
  switch (status) {
    case 400:
      return is_scoring ? "BAD_REQUEST" : "INVALID_PARAMETER_VALUE";
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "PERMISSION_DENIED";
    case 404:
      return "ENDPOINT_NOT_FOUND";
    case 408:
    case 504:
      return "DEADLINE_EXCEEDED";
    case 409:
      return "RESOURCE_CONFLICT";
    case 429:
      return "RESOURCE_EXHAUSTED";
    case 501:
      return "NOT_IMPLEMENTED";
    case 503:
      return "TEMPORARILY_UNAVAILABLE";
    case 507:
      return "RESOURCE_EXHAUSTED";
    default:
      return status < 500 ? "BAD_REQUEST" : "INTERNAL_ERROR";
  }
}

}  // namespace

void render_error(const net::ErrorFacts& facts, net::Response& response) {
  const bool is_inference = is_inference_path(facts.path);
  if (!is_inference && !is_mlflow_path(facts.path)) return net::render_problem(facts, response);
  response.content_type = "application/json";
  std::string& out = response.body;
  if (is_inference) {
    out.assign("{\"error\":");
    net::append_json_string(out, facts.detail);
    out += ',';
    net::append_problem_members(out, facts);
  } else {
    out = fmt::format("{{\"error_code\":\"{}\",\"message\":",
                      mlflow_code(facts.status, facts.path.starts_with("/invocations")));
    net::append_json_string(out, facts.detail);
  }
  out += '}';
}

}  // namespace tenure::api
