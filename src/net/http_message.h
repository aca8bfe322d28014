#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tenure::net {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };
std::string_view method_name(Method method);

/// A parsed request. Views live until the handler returns.
struct Request {
  Method method = Method::kGet;
  std::string_view target;  ///< as sent: "/predict?explain=3"
  std::string_view path;    ///< without query, not decoded
  std::string_view query;   ///< after '?', not decoded
  std::string_view body;
  std::string_view content_type;
  std::string_view request_id;  ///< X-Request-Id of the client if valid, else one of ours
  std::string_view remote;      ///< "127.0.0.1:51234"
  struct Header {
    std::string_view name, value;
  };
  std::span<const Header> headers;
  std::span<const std::pair<std::string_view, std::string_view>>
      path_parameters;  ///< "{model}" → raw segment

  std::string_view header(std::string_view name) const;  ///< case-insensitive; "" if absent
  std::string_view path_parameter(std::string_view name) const;
  std::optional<std::string> query_parameter(std::string_view name) const;  ///< percent-decoded
};

/// An answer under construction. The body buffer is reused from request to request on a connection.
struct Response {
  int status = 200;
  std::string_view content_type = "application/json";  ///< static text
  std::string body;
  std::vector<std::pair<std::string, std::string>>
      headers;  ///< further ones; names and values are checked for CR LF

  void clear();
  void text(int with_status, std::string_view plain);
};

}  // namespace tenure::net
