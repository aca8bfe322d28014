#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/clock.h"
#include "core/metric.h"
#include "core/result.h"
#include "net/problem.h"
#include "net/router.h"

namespace tenure::net {

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;  ///< 0 = chosen by the system; see HttpServer::port
  unsigned threads = 0;  ///< event loops, each with its own SO_REUSEPORT listener; 0 = one per core
  unsigned worker_threads = 4;  ///< for blocking routes
  std::uint64_t header_max = 16ULL * 1024;
  std::uint64_t body_max = 64ULL * 1024 * 1024;
  /// Bytes of all bodies held at one time, beyond the 64 KiB that every connection may keep. A body
  /// that is the only one is read whatever its size.
  std::uint64_t bodies_max = 512ULL * 1024 * 1024;
  std::uint64_t connections_max = 10'000;
  // Time-outs beyond a year count as a year.
  core::Micros header_timeout = 10'000'000;
  core::Micros body_timeout = 30'000'000;
  core::Micros idle_timeout = 75'000'000;
  core::Micros drain_timeout = 10'000'000;
  ErrorRenderer render_error = render_problem;  ///< the body of every Response::error
};

/// HTTP/1.1 over TCP: keep-alive, pipelining (answers of all requests in the buffer leave in one
/// write), chunked bodies, Expect: 100-continue, HEAD, request ids (X-Request-Id echoed or made),
/// Date. Over a limit: 431 header, 413 body, 408 slow client, 503 + Retry-After beyond
/// connections_max or bodies_max; 400 for what is not HTTP or has both Content-Length and
/// Transfer-Encoding; 501 for unknown transfer codings; 404, 405 + Allow, without reading a large
/// body first; 500 when a handler throws (counted, logged, never sent in detail). Error bodies:
/// problem details (RFC 9457), unless `render_error` is another. Running out of memory costs the connection it happened on, not the server.
class HttpServer {
 public:
  /// Binds at once. Errors: kUnavailable "port 8000 is in use ..." with what to do;
  /// kInvalidArgument for a bad host; kPermissionDenied for ports below 1024.
  static core::Result<std::unique_ptr<HttpServer>> listen(HttpServerOptions options,
                                                          const Router& router,
                                                          core::MetricRegistry& metrics,
                                                          const core::Clock& clock);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;
  void start();  ///< threads begin to answer

  /// Stops accepting, lets open requests finish (answers carry Connection: close), closes idle
  /// connections, and returns when all is done or after drain_timeout. Safe to call once from any
  /// thread but a handler's.
  void drain();

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tenure::net
