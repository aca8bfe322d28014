#include "app/server_client.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "core/file.h"

namespace tenure::app {
namespace {

using core::ErrorCode;

std::string variable(const core::ConfigSource& source, const std::string& name) {
  const auto found = source.variables.find(name);
  return found == source.variables.end() ? std::string() : found->second;
}

core::Result<std::string> url_of(const core::ConfigSource& source, const ServerChoice& choice) {
  std::string url = choice.url.value_or(variable(source, "TENURE_SERVER"));
  while (url.ends_with('/')) url.pop_back();
  if (!url.empty()) {
    if (url.starts_with("http://") || url.starts_with("https://")) return url;
    return core::Error{ErrorCode::kInvalidArgument,
                       fmt::format("'{}' is no address of a server; expected one such as "
                                   "http://127.0.0.1:8000",
                                   net::shown_url(url))};
  }
  const auto config = core::load_config(source);
  if (!config)
    return core::Error{config.error().code,
                       config.error().message + "; or name the server with --server URL"};
  const std::int64_t port = config->integer("serving.port");
  if (port == 0)
    return config->error_at("serving.port", "is any free one; name the server with --server URL");
  std::string host = config->text("serving.host");
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::" || host == "[::]") host = "[::1]";
  if (host.find(':') != std::string::npos && !host.starts_with('[')) host = "[" + host + "]";
  const bool is_encrypted = !config->text("serving.tls.certificate").empty();
  return fmt::format("{}://{}:{}", is_encrypted ? "https" : "http", host, port);
}

core::Result<std::string> token_of(const core::ConfigSource& source, const ServerChoice& choice) {
  if (!choice.token_file) return variable(source, "TENURE_TOKEN");
  auto text = core::read_file(*choice.token_file);
  if (!text) return std::move(text).error().within("--token-file");
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  return text;
}

/// What Tenure's own errors say, else the beginning of what came.
std::string message_of(const net::ClientAnswer& answer) {
  constexpr std::size_t kShown = 200;
  if (const auto json = core::parse_json(answer.body); json && json->is_object())
    if (const core::Json* detail = json->get_object().if_contains("detail"))
      return detail->is_string() ? std::string(detail->get_string()) : core::to_text(*detail);
  return fmt::format("it answered {} {}", answer.status, answer.body.substr(0, kShown));
}

ErrorCode code_of(int status) {
  // The first of the codes that share a status is the usual one.
  constexpr std::array kCodes{
      ErrorCode::kInvalidArgument, ErrorCode::kUnauthenticated, ErrorCode::kPermissionDenied,
      ErrorCode::kNotFound,        ErrorCode::kConflict,        ErrorCode::kResourceExhausted,
      ErrorCode::kUnimplemented,   ErrorCode::kUnavailable,     ErrorCode::kDeadlineExceeded};
  for (const ErrorCode code : kCodes)
    if (core::error_code_info(code).http_status == status) return code;
  if (status == 422) return ErrorCode::kInvalidArgument;
  if (status == 413) return ErrorCode::kResourceExhausted;
  return ErrorCode::kInternal;
}

}  // namespace

core::Result<ServerAddress> find_server(const core::ConfigSource& source,
                                        const ServerChoice& choice) {
  auto url = url_of(source, choice);
  if (!url) return std::move(url).error();
  auto token = token_of(source, choice);
  if (!token) return std::move(token).error();
  return ServerAddress{*std::move(url), *std::move(token), choice.ca_file.value_or("")};
}

core::Result<core::Json> ask_server(const ServerAddress& server, std::string_view method,
                                    std::string_view path, const core::Json& body) {
  net::ClientRequest request{.method = std::string(method),
                             .url = server.url + std::string(path),
                             .ca_file = server.ca_file};
  if (!server.token.empty())
    request.headers.emplace_back("Authorization", "Bearer " + server.token);
  if (!body.is_null()) request.body = core::to_text(body);
  const auto answer = net::send_request(request);
  if (!answer && answer.error().code == ErrorCode::kUnavailable)
    return core::Error{
        ErrorCode::kUnavailable,
        answer.error().message + "; is the server (tenure up) there? --server URL names another"};
  if (!answer) return answer.error();
  if (answer->status < 200 || answer->status > 299) {
    const bool wants_token = answer->status == 401;
    return core::Error{
        code_of(answer->status),
        fmt::format("{}: {}{}", net::shown_url(server.url), message_of(*answer),
                    wants_token ? "; give a token in TENURE_TOKEN or --token-file" : "")};
  }
  auto json = core::parse_json(answer->body);
  if (!json)
    return core::Error{
        ErrorCode::kUnavailable,
        fmt::format("{} answers otherwise than a Tenure server", net::shown_url(server.url))};
  return json;
}

}  // namespace tenure::app
