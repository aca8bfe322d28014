#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/access/error_body.h"
#include "api/mlflow/test_mlflow.h"
#include "net/problem.h"

namespace tenure::api::mlflow {

std::vector<net::Route> artifact_routes(const MlflowServices& services);

/// For tests: calls the rows of artifact_routes as the server does, bodies in pieces.
class TestArtifacts {
 public:
  using Headers = std::vector<net::Request::Header>;

  explicit TestArtifacts(const MlflowServices& services) : router_(artifact_routes(services)) {}

  /// The answer, its body read to the end.
  net::Response send(net::Method method, std::string_view target, std::string_view body = {},
                     const Headers& headers = {}) const {
    net::Response response = begin(method, target, body, headers);
    if (response.source) response.body = read(*response.source);
    return response;
  }

  /// The answer with its source unread.
  net::Response begin(net::Method method, std::string_view target, std::string_view body = {},
                      const Headers& headers = {}) const {
    net::Request request = request_for(method, target);
    request.headers = headers;
    request.content_type = "application/json";
    std::vector<std::pair<std::string_view, std::string_view>> parameters;
    const net::Router::Match match = router_.match(method, request.path, parameters);
    net::Response response;
    if (!match.route) {
      response.status = match.is_path_known ? 405 : 404;
      return response;
    }
    request.path_parameters = parameters;
    std::unique_ptr<net::BodySink> sink;
    if (match.route->open_body) {
      const auto taken = take(*match.route, request, body, sink);
      if (!taken) {
        response.error(core::error_code_info(taken.error().code).http_status,
                       taken.error().message);
        net::finish_error(render_error, request.path, "test", response);
        return response;
      }
      request.sink = sink.get();
    } else {
      request.body = body;
    }
    match.route->handler(request, response);
    return response;
  }

  net::Response get(std::string_view target, const Headers& headers = {}) const {
    return send(net::Method::kGet, target, {}, headers);
  }
  net::Response put(std::string_view target, std::string_view body) const {
    return send(net::Method::kPut, target, body);
  }
  net::Response post(std::string_view target, std::string_view body) const {
    return send(net::Method::kPost, target, body);
  }

  /// Opens the body of an upload and gives it these bytes; the client then goes away.
  bool break_off(std::string_view target, std::string_view bytes) const {
    net::Request request;
    request.method = net::Method::kPut;
    request.path = target;
    std::vector<std::pair<std::string_view, std::string_view>> parameters;
    const net::Router::Match match = router_.match(request.method, target, parameters);
    request.path_parameters = parameters;
    auto sink = match.route->open_body(request);
    return sink && (*sink)->write(bytes);
  }

  static std::string read(net::BodySource& source) {
    std::string bytes;
    std::string piece(10'007, ' ');
    while (bytes.size() < source.size()) {
      const auto n = source.read(piece);
      if (!n || *n == 0) return bytes + " (broken off)";
      bytes.append(piece, 0, *n);
    }
    return bytes;
  }

  static std::string header(const net::Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return {};
  }

  const net::Router& router() const { return router_; }

 private:
  static core::Result<> take(const net::Route& route, const net::Request& request,
                             std::string_view body, std::unique_ptr<net::BodySink>& sink) {
    auto opened = route.open_body(request);
    if (!opened) return std::move(opened).error();
    sink = *std::move(opened);
    for (std::string_view rest = body; !rest.empty();) {
      const std::string_view piece = rest.substr(0, 8'191);
      if (auto written = sink->write(piece); !written) return written;
      rest.remove_prefix(piece.size());
    }
    return {};
  }

  net::Router router_;
};

}  // namespace tenure::api::mlflow
