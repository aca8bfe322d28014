#pragma once

#include <string_view>

#include "net/http_message.h"

namespace tenure::net {

/// What the body of an error tells.
struct ErrorFacts {
  int status = 500;
  std::string_view detail;      ///< for people: what is wrong, and what was expected
  std::string_view path;        ///< of the request, as sent; "" when none was understood
  std::string_view request_id;  ///< "" when the server knows none
};

/// Writes body and content type of an error; keeps status and headers.
using ErrorRenderer = void (*)(const ErrorFacts& facts, Response& response);

/// RFC 9457: {"type", "title", "status", "detail", "instance", "request_id"} as
/// application/problem+json. Clients of FastAPI find the "detail" they know.
void render_problem(const ErrorFacts& facts, Response& response);

/// Appends those members, without braces, for bodies of another shape that carry them, too.
void append_problem_members(std::string& out, const ErrorFacts& facts);

/// Gives an answer that was made by Response::error() its body, and does nothing to others or
/// again. To be called before the body is encoded or sent.
void finish_error(ErrorRenderer render, std::string_view path, std::string_view request_id,
                  Response& response);

}  // namespace tenure::net
