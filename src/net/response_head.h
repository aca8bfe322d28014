#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "net/http_message.h"

namespace tenure::net {

std::string_view status_reason(int status);  ///< "Not Found"; "Status" for what is not listed

/// What an HTTP answer begins with, kept ready for one second at a time. One per event loop.
class DateLine {
 public:
  /// Call with the wall clock now and then; renders only when the second has changed.
  void refresh(core::Micros now);

  /// "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
  std::string_view ok_head() const { return ok_head_; }
  std::string_view date() const { return date_; }  ///< "Sun, 06 Nov 1994 08:49:37 GMT"

 private:
  core::Micros second_ = -1;
  std::string ok_head_;
  std::string date_;
};

struct HeadOptions {
  std::string_view request_id;
  std::string_view traceparent = {};  ///< W3C Trace Context; "" = not said
  std::string_view tracestate = {};
  std::size_t content_length = 0;
  bool is_closing = false;     ///< Connection: close
  bool is_keep_alive = false;  ///< Connection: keep-alive, which HTTP/1.0 wants to hear
};

/// Appends status line and header of `response`, up to and including the blank line. The names and
/// values of its headers must have been checked (are_headers_safe).
void append_head(std::string& out, const DateLine& date, const Response& response,
                 const HeadOptions& options);

/// False when a header could smuggle in another one, or sets what the server itself sets.
bool are_headers_safe(const Response& response);

}  // namespace tenure::net
