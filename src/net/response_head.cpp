#include "net/response_head.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "net/http_date.h"

namespace tenure::net {
namespace {

struct Reason {
  int status;
  std::string_view text;
};

// RFC 9110 section 15, RFC 6585.
constexpr std::array kReasons = {
    Reason{200, "OK"},
    Reason{201, "Created"},
    Reason{202, "Accepted"},
    Reason{204, "No Content"},
    Reason{206, "Partial Content"},
    Reason{301, "Moved Permanently"},
    Reason{302, "Found"},
    Reason{304, "Not Modified"},
    Reason{307, "Temporary Redirect"},
    Reason{308, "Permanent Redirect"},
    Reason{400, "Bad Request"},
    Reason{401, "Unauthorized"},
    Reason{403, "Forbidden"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{406, "Not Acceptable"},
    Reason{408, "Request Timeout"},
    Reason{409, "Conflict"},
    Reason{410, "Gone"},
    Reason{412, "Precondition Failed"},
    Reason{413, "Content Too Large"},
    Reason{414, "URI Too Long"},
    Reason{415, "Unsupported Media Type"},
    Reason{416, "Range Not Satisfiable"},
    Reason{417, "Expectation Failed"},
    Reason{422, "Unprocessable Content"},
    Reason{429, "Too Many Requests"},
    Reason{431, "Request Header Fields Too Large"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{502, "Bad Gateway"},
    Reason{503, "Service Unavailable"},
    Reason{504, "Gateway Timeout"},
    Reason{505, "HTTP Version Not Supported"},
};

void append_number(std::string& out, std::size_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

}  // namespace

std::string_view status_reason(int status) {
  const auto found = std::find_if(kReasons.begin(), kReasons.end(),
                                  [&](const Reason& reason) { return reason.status == status; });
  return found == kReasons.end() ? "Status" : found->text;
}

void DateLine::refresh(core::Micros now) {
  const core::Micros second = now / core::kMicrosPerSecond;
  if (second == second_) return;
  second_ = second;
  date_ = format_http_date(now);
  ok_head_ = fmt::format("HTTP/1.1 200 OK\r\nDate: {}\r\n", date_);
}

void append_head(std::string& out, const DateLine& date, const Response& response,
                 const HeadOptions& options) {
  if (response.status == 200) {
    out += date.ok_head();
  } else {
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::size_t>(response.status));
    out += ' ';
    out += status_reason(response.status);
    out += "\r\nDate: ";
    out += date.date();
    out += "\r\n";
  }
  // RFC 9110 section 8.6: these two carry neither a body nor its length.
  if (response.status != 204 && response.status != 304) {
    out += "Content-Type: ";
    out += response.content_type;
    out += "\r\nContent-Length: ";
    append_number(out, options.content_length);
    out += "\r\n";
  }
  out += "X-Request-Id: ";
  out += options.request_id;
  if (!options.traceparent.empty()) {
    out += "\r\ntraceparent: ";
    out += options.traceparent;
  }
  if (!options.tracestate.empty()) {
    out += "\r\ntracestate: ";
    out += options.tracestate;
  }
  for (const auto& header : response.headers) {
    out += "\r\n";
    out += header.first;
    out += ": ";
    out += header.second;
  }
  if (options.is_closing) {
    out += "\r\nConnection: close";
  } else if (options.is_keep_alive) {
    out += "\r\nConnection: keep-alive";
  }
  out += "\r\n\r\n";
}

bool are_headers_safe(const Response& response) {
  if (!is_header_value_safe(response.content_type)) return false;
  return std::all_of(response.headers.begin(), response.headers.end(), [](const auto& header) {
    const auto is = [&](std::string_view name) {
      return header.first.size() == name.size() &&
             std::equal(name.begin(), name.end(), header.first.begin(),
                        [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
    };
    return is_header_name(header.first) && is_header_value_safe(header.second) &&
           !is("content-length") && !is("transfer-encoding") && !is("connection");
  });
}

}  // namespace tenure::net
