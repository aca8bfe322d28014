#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "core/assert.h"
#include "core/clock.h"
#include "net/http_server.h"

namespace tenure::net {

/// For tests: a running server on a free port with routes that show what the server does, and a
/// clock that stands still.
class TestServer {
 public:
  static HttpServerOptions quick_options() {
    return {.port = 0,
            .threads = 2,
            .worker_threads = 2,
            .header_max = 16ULL * 1024,
            .body_max = 4'000'000};
  }

  explicit TestServer(HttpServerOptions options = quick_options())
      : clock_(784'111'777'000'000), router_(routes()) {
    auto server = HttpServer::listen(std::move(options), router_, metrics_, clock_);
    TENURE_ASSERT(server.has_value());
    server_ = std::move(*server);
    server_->start();
  }
  ~TestServer() {
    open_gate();
    server_.reset();
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  std::uint16_t port() const { return server_->port(); }
  HttpServer& server() { return *server_; }
  core::ManualClock& clock() { return clock_; }
  core::MetricRegistry& metrics() { return metrics_; }

  /// POST /gate enters, then waits until the gate is opened; it stays open.
  void wait_until_gate_is_entered() { gate_entered_.wait(false); }
  void open_gate() {
    gate_open_.store(true);
    gate_open_.notify_all();
  }

  void wait_for_open_connections(int n) {
    const std::string line = "tenure_http_connections_open " + std::to_string(n) + "\n";
    while (metrics_.prometheus_text().find(line) == std::string::npos) std::this_thread::yield();
  }

 private:
  std::vector<Route> routes() {
    const auto echo = [](const Request& request, Response& response) {
      response.text(200, request.body);
    };
    const auto fail = [](const Request&, Response&) { throw std::runtime_error("secret"); };
    std::vector<Route> rows;
    const auto add = [&](Method method, std::string_view path, Handler handler,
                         bool is_blocking = false, std::uint64_t body_max = 0) {
      rows.push_back({.method = method,
                      .path = path,
                      .handler = std::move(handler),
                      .role = Role::kAnyone,
                      .is_blocking = is_blocking,
                      .body_max = body_max,
                      .summary = {}});
    };
    add(Method::kGet, "/ping",
        [](const Request&, Response& response) { response.body = "{\"pong\":true}"; });
    add(Method::kPost, "/echo", echo);
    add(Method::kPost, "/blocking", echo, true);
    add(Method::kPost, "/small", echo, false, 16);
    add(Method::kPost, "/invited", echo);
    rows.back().before_body = [](const Request& request, Response& response) {
      if (request.header("X-Invited") != "yes") response.error(401, "not invited");
    };
    add(Method::kPost, "/length", [](const Request& request, Response& response) {
      response.text(200, std::to_string(request.body.size()));
    });
    add(Method::kPost, "/sometimes-blocking", [](const Request&, Response& response) {
      response.text(200, std::to_string(std::hash<std::thread::id>{}(std::this_thread::get_id())));
    });
    rows.back().blocking_header = "X-Slow";
    add(Method::kGet, "/large",
        [](const Request&, Response& response) { response.body.assign(8 * 1024 * 1024, 'x'); });
    add(Method::kGet, "/models/{model}/rows/{row}", [](const Request& request, Response& response) {
      response.text(200, std::string(request.path_parameter("model")) + "|" +
                             std::string(request.path_parameter("row")) + "|" +
                             request.query_parameter("q").value_or(""));
    });
    add(Method::kPost, "/models/{model}", [](const Request& request, Response& response) {
      response.text(200, std::string(request.path_parameter("model")) + "|" +
                             std::to_string(request.body.size()));
    });
    add(Method::kPost, "/age", [this](const Request& request, Response& response) {
      response.text(200, std::to_string((clock_.monotonic_ns() - request.began_ns) / 1000));
    });
    add(Method::kGet, "/throw", fail);
    add(Method::kGet, "/throw-blocking", fail, true);
    add(Method::kGet, "/inject", [](const Request&, Response& response) {
      response.headers.emplace_back("Location", "/x\r\nSet-Cookie: a=b");
    });
    const auto gate = [this](const Request&, Response& response) {
      gate_entered_.store(true);
      gate_entered_.notify_all();
      gate_open_.wait(false);
      response.text(200, "through");
    };
    add(Method::kPost, "/gate", gate, true);
    add(Method::kPost, "/batch", echo, true);
    rows.back().lane = Lane::kBatch;
    add(Method::kPost, "/batch-gate", gate, true);
    rows.back().lane = Lane::kBatch;
    add(Method::kGet, "/essential", echo, true);
    rows.back().lane = Lane::kEssential;
    return rows;
  }

  core::ManualClock clock_;
  core::MetricRegistry metrics_;
  std::atomic<bool> gate_entered_{false}, gate_open_{false};
  Router router_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace tenure::net
