#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/trace_context.h"
#include "net/body_stream.h"

namespace tenure::net {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };
std::string_view method_name(Method method);
Method method_of(std::string_view name);  ///< "GET" → kGet; kOther for what is not listed

/// "%2Fa%20b" → "/a b"; '+' stands for a blank in queries and forms, not in paths. Nothing when a
/// '%' is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank = false);

/// True when nothing in `text` could end a header line or hide in a log: no control characters.
bool is_header_value_safe(std::string_view text);

/// True when `text` can name a header: RFC 9110 token characters, at least one.
bool is_header_name(std::string_view text);

/// True when a client's X-Request-Id may be echoed: 1..128 visible ASCII characters.
bool is_request_id(std::string_view text);

/// Appends `text` as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// A parsed request. Views live until the handler returns.
struct Request {
  Method method = Method::kGet;
  std::string_view target;  ///< as sent: "/predict?explain=3"
  std::string_view path;    ///< without query, not decoded
  std::string_view query;   ///< after '?', not decoded
  std::string_view body;
  std::string_view content_type;
  std::string_view request_id;    ///< X-Request-Id of the client if valid, else one of ours
  std::string_view remote;        ///< "127.0.0.1:51234"
  std::string_view principal;     ///< name of the token the client showed; "" without one
  std::string_view principal_id;  ///< tells that token from later ones of its name
  bool may_see_details =
      true;  ///< of what is served and what fails: false for strangers, where tokens are asked for
  core::TraceContext trace;   ///< this hop of the caller's trace; not set when nobody traces
  std::int64_t began_ns = 0;  ///< when its first byte was read, by Clock::monotonic_ns
  struct Header {
    std::string_view name, value;
  };
  std::span<const Header> headers;
  std::span<const std::pair<std::string_view, std::string_view>>
      path_parameters;        ///< "{model}" → raw segment
  BodySink* sink = nullptr;   ///< has taken the body (Route::open_body), which is then empty here
  bool can_be_held = false;   ///< whoever carries this request looks at Response::hold
  bool can_be_moved = false;  ///< it is answered on an event loop, which looks at Response::rest

  std::string_view header(std::string_view name) const;  ///< case-insensitive; "" if absent
  std::string_view path_parameter(std::string_view name) const;
  std::optional<std::string> query_parameter(std::string_view name) const;  ///< percent-decoded
};

/// An answer under construction. The body buffer is reused from request to request on a connection.
struct Response {
  int status = 200;
  std::string_view content_type = "application/json";  ///< static text
  std::string body;
  std::unique_ptr<BodySource> source;  ///< not null: sent in place of `body`
  std::vector<std::pair<std::string, std::string>>
      headers;  ///< further ones; names and values are checked for CR LF
  /// What error() was told; the server makes the whole body from it (problem.h).
  std::string error_detail;
  /// Set by a handler whose answer must wait for something, when the request can be held: called
  /// after the handler, on its thread. The answer is sent, as it is by then, once `resume` was
  /// called, which may be from any thread. Called once; must not throw.
  std::function<void(std::function<void()> resume)> hold = {};

  /// Set by a handler on an event loop that finds that the answer takes long, when the request can
  /// be moved: what is left to do. Called on a worker with the same request, which cannot be moved
  /// again, and this response as the handler left it.
  std::function<void(const Request&, Response&)> rest = {};

  void clear();
  /// Adds to `headers` with memory of earlier answers, so that a warm Response allocates nothing.
  void add_header(std::string_view name, std::string_view value);
  void text(int with_status, std::string_view plain);
  void error(int with_status, std::string_view detail);  ///< {"detail": "..."}

  std::vector<std::pair<std::string, std::string>> spare_headers;  ///< memory for add_header
};

}  // namespace tenure::net
