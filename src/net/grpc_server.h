#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "net/tls.h"

namespace grpc {
class Service;
}

namespace tenure::net {

struct GrpcServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8001;  ///< 0 = chosen by the system; see GrpcServer::port
  std::uint64_t message_max = 64ULL * 1024 * 1024;
  core::Micros drain_timeout = 10'000'000;
  TlsFiles tls = {};  ///< empty: plain
};

/// gRPC over TCP, through TLS when a certificate is given (read again when its files change), with
/// the standard health service (grpc.health.v1.Health) and server reflection, on threads of the
/// gRPC library.
class GrpcServer {
 public:
  /// Binds and begins to answer. The services outlive the server. Errors: kUnavailable when the
  /// port is in use, kInvalidArgument for a bad host, those of TlsCertificate::load.
  static core::Result<std::unique_ptr<GrpcServer>> start(const GrpcServerOptions& options,
                                                         std::span<grpc::Service* const> services);
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  std::uint16_t port() const;

  /// Takes no new calls, lets those under way end, and cancels what is left after drain_timeout.
  void drain();

 private:
  struct State;
  explicit GrpcServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tenure::net
