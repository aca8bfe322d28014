#include "api/access/error_body.h"

#include <array>

#include <fmt/format.h>

namespace tenure::api {
namespace {

constexpr std::array<std::string_view, 2> kInference = {"/v1", "/v2"};
constexpr std::array<std::string_view, 5> kMlflow = {
    "/invocations", "/api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api", "/api/2.0/mlflow-artifacts"};

/// Whether `path` is `prefix` or lies below it.
template <std::size_t n>
bool is_below(std::string_view path, const std::array<std::string_view, n>& prefixes) {
  for (const std::string_view prefix : prefixes) {
    if (path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/'))
      return true;
  }
  return false;
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
    default:
      return status < 500 ? "BAD_REQUEST" : "INTERNAL_ERROR";
  }
}

}  // namespace

void render_error(const net::ErrorFacts& facts, net::Response& response) {
  const bool is_inference = is_below(facts.path, kInference);
  if (!is_inference && !is_below(facts.path, kMlflow)) return net::render_problem(facts, response);
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
