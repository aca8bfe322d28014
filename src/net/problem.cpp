#include "net/problem.h"

#include <fmt/format.h>

#include "net/response_head.h"

namespace tenure::net {

void append_problem_members(std::string& out, const ErrorFacts& facts) {
  // No type of ours: the status says which problem it is (RFC 9457, section 4.2.1).
  out += "\"type\":\"about:blank\",\"title\":";
  append_json_string(out, status_reason(facts.status));
  out += fmt::format(",\"status\":{},\"detail\":", facts.status);
  append_json_string(out, facts.detail);
  // Without the query, which may hold what others should not read.
  if (!facts.path.empty()) {
    out += ",\"instance\":";
    append_json_string(out, facts.path);
  }
  if (!facts.request_id.empty()) {
    out += ",\"request_id\":";
    append_json_string(out, facts.request_id);
  }
}

void render_problem(const ErrorFacts& facts, Response& response) {
  response.content_type = "application/problem+json";
  response.body.assign("{");
  append_problem_members(response.body, facts);
  response.body += '}';
}

void finish_error(ErrorRenderer render, std::string_view path, std::string_view request_id,
                  Response& response) {
  if (response.error_detail.empty()) return;
  render({.status = response.status,
          .detail = response.error_detail,
          .path = path,
          .request_id = request_id},
         response);
  response.error_detail.clear();
}

}  // namespace tenure::net
