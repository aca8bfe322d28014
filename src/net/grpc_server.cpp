#include "net/grpc_server.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <mutex>

#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "core/log.h"
#include "net/listener.h"
#include "net/socket_address.h"

namespace tenure::net {
namespace {

constexpr unsigned kCertificateRefreshSeconds = 1;

/// The library prints what it finds wrong onto standard error, in a form of its own. What matters
/// of it is in the errors that we give; the rest is for those who look closely.
void log_of_library(gpr_log_func_args* said) {
  core::log(core::LogLevel::kDebug, "grpc", said->message,
            {{"log.origin.file.name", std::string_view(said->file)},
             {"log.origin.file.line", static_cast<std::int64_t>(said->line)}});
}

std::shared_ptr<grpc::ServerCredentials> credentials_for(const TlsFiles& files) {
  if (!files.is_set()) return grpc::InsecureServerCredentials();
  const auto provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      files.key.string(), files.certificate.string(), kCertificateRefreshSeconds);
  grpc::experimental::TlsServerCredentialsOptions options(provider);
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace

struct GrpcServer::State {
  GrpcServerOptions options;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

GrpcServer::GrpcServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

GrpcServer::~GrpcServer() {
  drain();
}

core::Result<std::unique_ptr<GrpcServer>> GrpcServer::start(
    const GrpcServerOptions& options, std::span<grpc::Service* const> services) {
  // These are settings of the process: the same for every server in it.
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_function(log_of_library);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
  // The library would not say what is wrong with the files.
  if (options.tls.is_set()) {
    if (auto checked = TlsCertificate::check(options.tls); !checked)
      return std::move(checked).error();
  }
  // Nor why it cannot listen.
  if (const auto address = SocketAddress::parse(options.host, options.port)) {
    auto is_free = Listener::check_port_is_free(*address, "serving.grpc_port");
    if (!is_free) return std::move(is_free).error();
  }
  auto state = std::make_unique<State>();
  state->options = options;
  const bool is_ipv6 =
      options.host.find(':') != std::string::npos && !options.host.starts_with('[');
  const std::string address = is_ipv6 ? fmt::format("[{}]:{}", options.host, options.port)
                                      : fmt::format("{}:{}", options.host, options.port);
  constexpr std::uint64_t kLimit = std::numeric_limits<int>::max();
  const int message_max = static_cast<int>(std::min(options.message_max, kLimit));
  grpc::ServerBuilder builder;
  // Without this a second server of the same user would share the port and take half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(address, credentials_for(options.tls), &state->port);
  builder.SetMaxReceiveMessageSize(message_max);
  builder.SetMaxSendMessageSize(message_max);
  for (grpc::Service* service : services) builder.RegisterService(service);
  state->server = builder.BuildAndStart();
  if (!state->server || state->port == 0)
    return core::Error{core::ErrorCode::kUnavailable,
                       fmt::format("gRPC cannot listen on {}: the port is in use, or the address "
                                   "is none of this machine",
                                   address)};
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(state)));  // private constructor
}

std::uint16_t GrpcServer::port() const {
  return static_cast<std::uint16_t>(state_->port);
}

void GrpcServer::drain() {
  if (!state_->server) return;
  state_->server->Shutdown(std::chrono::system_clock::now() +
                           std::chrono::microseconds(state_->options.drain_timeout));
  state_->server.reset();
}

}  // namespace tenure::net
