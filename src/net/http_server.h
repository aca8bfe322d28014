#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/clock.h"
#include "core/metric.h"
#include "core/result.h"
#include "net/concurrency_limit.h"
#include "net/problem.h"
#include "net/router.h"
#include "net/tls.h"
#include "net/work_lane.h"

namespace tenure::net {

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;  ///< 0 = chosen by the system; see HttpServer::port
  unsigned threads = 0;  ///< event loops, each with its own SO_REUSEPORT listener; 0 = one per core
  unsigned worker_threads = 4;          ///< for blocking routes
  unsigned batch_threads = 2;           ///< for those of Lane::kBatch
  ConcurrencyOptions concurrency = {};  ///< of each lane
  std::uint64_t header_max = 128ULL * 1024;
  std::uint64_t body_max = 64ULL * 1024 * 1024;
  /// Bytes of all bodies held at one time, beyond the 64 KiB that every connection may keep. A body
  /// that is the only one is read whatever its size.
  std::uint64_t bodies_max = 512ULL * 1024 * 1024;
  /// Bytes of memory that the transfers of large bodies take together; further ones wait. What the
  /// kernel sends from a file takes none.
  std::uint64_t transfers_max = 256ULL * 1024 * 1024;
  std::uint64_t connections_max = 10'000;
  std::uint32_t streams_max = 128;  ///< HTTP/2 requests that one connection may have open
  /// Answers from this size on are compressed for clients that accept it; 0 = none. Answers given
  /// on the event loop only from 16 KiB on.
  std::size_t compress_min = 1024;
  TlsFiles tls = {};  ///< empty: plain HTTP
  // Time-outs beyond a year count as a year.
  core::Micros header_timeout = 10'000'000;
  core::Micros body_timeout = 30'000'000;
  core::Micros idle_timeout = 75'000'000;
  core::Micros drain_timeout = 10'000'000;
  ErrorRenderer render_error = render_problem;  ///< the body of every Response::error
};

/// HTTP/1.1 and HTTP/2 (with prior knowledge, or by ALPN) on one TCP port, through TLS when a
/// certificate is given. HTTP/1.1: keep-alive, pipelining (answers of all requests in the buffer
/// leave in one write), chunked bodies, Expect: 100-continue, HEAD, request ids (X-Request-Id
/// echoed or made), Date. Bodies with Content-Encoding gzip or deflate are decoded, large answers
/// encoded; 415 for other codings. Over a limit: 431 header, 413 body, 408 slow client, 503 +
/// Retry-After beyond connections_max, bodies_max or what `concurrency` lets in; 400 for what is
/// not HTTP or has both Content-Length and Transfer-Encoding; 501 for unknown transfer codings;
/// 404, 405 + Allow, without reading a large body first; 500 when a handler throws (counted,
/// logged, never sent in detail). Error bodies: problem details (RFC 9457), unless `render_error`
/// is another. Running out of memory costs the connection it happened on, not the server.
class HttpServer {
 public:
  /// Binds at once. Errors: kUnavailable "port 8000 is in use ..." with what to do;
  /// kInvalidArgument for a bad host; kPermissionDenied for ports below 1024; those of
  /// TlsCertificate::load.
  static core::Result<std::unique_ptr<HttpServer>> listen(HttpServerOptions options,
                                                          const Router& router,
                                                          core::MetricRegistry& metrics,
                                                          const core::Clock& clock);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;
  void start();  ///< threads begin to answer

  /// Where blocking routes run; for other ways in, which then share their limit. Lives as long as
  /// the server.
  WorkLane& live_lane();

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
