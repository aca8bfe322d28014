#include "api/idempotency/idempotent_handler.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "core/log.h"
#include "core/sha256.h"

namespace tenure::api {
namespace {

constexpr std::size_t kKeyMax = 255;

/// What answers are made of here; a Response wants static text.
constexpr std::array<std::string_view, 3> kContentTypes = {
    "application/json", "application/octet-stream", "text/plain; charset=utf-8"};

/// "8e03978e", a structured string, or 8e03978e as most send it. Empty for what is no key.
std::string_view key_of(std::string_view text) {
  if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"'))
    text = text.substr(1, text.size() - 2);
  const bool is_key = text.size() <= kKeyMax && std::ranges::all_of(text, [](char c) {
                        return c > ' ' && c <= '~' && c != '"' && c != '\\';
                      });
  return is_key ? text : std::string_view();
}

/// Two requests are the same when they ask the same of the same path.
std::string fingerprint_of(const net::Request& request) {
  core::Sha256 sum;
  for (const std::string_view part :
       {net::method_name(request.method), request.target, request.content_type,
        request.header("Inference-Header-Content-Length"), request.body}) {
    sum.update(fmt::format("{}:", part.size()));
    sum.update(part);
  }
  return sum.hex();
}

/// A key is its caller's own: what is kept for one token is not told to another, nor to a later
/// one of the same name.
std::string key_of_caller(std::string_view principal, std::string_view key) {
  if (principal.empty()) return std::string(key);
  return fmt::format("{}:{}", core::sha256_hex(principal).substr(0, 16), key);
}

/// `response` may bear headers already, of what stands before the handler.
void replay(const KeptAnswer& answer, net::Response& response) {
  response.status = answer.status;
  const auto type = std::ranges::find(kContentTypes, answer.content_type);
  response.content_type = type == kContentTypes.end() ? kContentTypes[0] : *type;
  response.headers.insert(response.headers.end(), answer.headers.begin(), answer.headers.end());
  response.headers.emplace_back("Idempotent-Replayed", "true");
  response.body = answer.body;
}

void refuse(const core::Error& error, net::Response& response) {
  const int status = error.code == core::ErrorCode::kInvalidArgument
                         ? 422
                         : core::error_code_info(error.code).http_status;
  response.error(status, error.message);
  if (status == 409 || status == 503) response.headers.emplace_back("Retry-After", "1");
}

void answer_once(AnswerMemory& memory, const net::Handler& handler, std::string_view header,
                 const net::Request& request, net::Response& response) {
  const std::string_view given = key_of(header);
  if (given.empty())
    return response.error(400, fmt::format("Idempotency-Key should be a text of 1 to {} visible "
                                           "characters",
                                           kKeyMax));
  const std::string fingerprint = fingerprint_of(request);
  auto found = memory.find(key_of_caller(request.principal_id, given), fingerprint);
  if (!found) return refuse(found.error(), response);
  if (found->answer) return replay(*found->answer, response);
  const auto headers_before = static_cast<std::ptrdiff_t>(response.headers.size());
  // An answer that waits for its record is kept when that is there, so this thread waits.
  net::Request waiting = request;
  waiting.can_be_held = false;
  waiting.can_be_moved = false;
  handler(waiting, response);
  // What was refused or failed has done nothing: it may be mended and sent again.
  if (response.status < 200 || response.status > 299) return;
  // Nor can a body that is made while it is sent be kept.
  if (response.source) return;
  const auto kept = found->claim->keep(
      {.fingerprint = fingerprint,
       .status = response.status,
       .content_type = std::string(response.content_type),
       .headers = {response.headers.begin() + headers_before, response.headers.end()},
       .body = response.body});
  if (!kept)
    core::log_error("api", "an answer was not kept for its Idempotency-Key",
                    {{"http.request.id", request.request_id},
                     {"error.message", std::string_view(kept.error().message)}});
}

}  // namespace

net::Handler idempotent(AnswerMemory& memory, net::Handler handler) {
  return [&memory, handler = std::move(handler)](const net::Request& request,
                                                 net::Response& response) {
    const std::string_view header = request.header(kIdempotencyKey);
    if (header.empty()) return handler(request, response);
    answer_once(memory, handler, header, request, response);
  };
}

}  // namespace tenure::api
