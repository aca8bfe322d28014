#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_message.h"

namespace tenure::net {

/// Where a text lies in a request, as an offset from the request's first byte: the connection may
/// move its buffer while a body arrives.
struct TextRange {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

/// The head of a request: everything up to and including the blank line.
struct RequestHead {
  Method method = Method::kGet;
  int version = 11;  ///< 10 or 11
  TextRange target;
  TextRange content_type;
  TextRange content_encoding, accept_encoding;
  TextRange request_id;  ///< empty unless it may be echoed: 1..128 visible ASCII characters
  struct Field {
    TextRange name, value;
  };
  std::vector<Field> fields;  ///< reused from request to request
  std::uint64_t content_length = 0;
  bool is_chunked = false;
  bool expects_continue = false;
  bool is_keep_alive = true;
  std::size_t length = 0;  ///< bytes
};

/// Reads heads and chunked bodies of HTTP/1.0 and 1.1 requests with Boost.Beast's parser, which it
/// hides. Strict where proxies and servers have been made to disagree: one Content-Length of digits
/// only, never beside Transfer-Encoding; `chunked` alone; exactly one Host in HTTP/1.1; no folded
/// lines; no bare line feeds. Not thread-safe; one per connection; no allocation once warm.
class RequestParser {
 public:
  RequestParser();
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  enum class Step { kNeedMore, kDone, kRefused };

  /// Why a request is refused; `detail` is static text.
  struct Refusal {
    int status = 400;
    std::string_view detail;
  };

  /// Forgets everything; the next bytes begin a request.
  void reset();

  /// Reads the head at the start of `bytes`, which always begins with the request's first byte.
  Step parse_head(std::string_view bytes);

  /// Reads a chunked body after a head: appends what it decodes to `body` and sets `consumed`.
  /// kRefused (413) when `body` would grow beyond `body_max`.
  Step parse_chunks(std::string_view bytes, std::uint64_t body_max, std::string& body,
                    std::size_t& consumed);

  const RequestHead& head() const;
  const Refusal& refusal() const;

 private:
  struct Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace tenure::net
