#include "app/server_options.h"

#include "api/access/error_body.h"

namespace tenure::app {
namespace {

core::Result<net::TlsFiles> tls_files(const core::Config& config) {
  const core::Config tls = config.at("serving.tls");
  const std::string certificate = tls.text("certificate"), key = tls.text("key");
  if (certificate.empty() && key.empty()) return net::TlsFiles{};
  if (key.empty()) return tls.error_at("certificate", "needs serving.tls.key beside it");
  if (certificate.empty()) return tls.error_at("key", "needs serving.tls.certificate beside it");
  return net::TlsFiles{config.resolve(certificate), config.resolve(key)};
}

net::ConcurrencyOptions concurrency_options(const core::Config& section) {
  const std::string mode = section.text("mode");
  return {.mode = mode == "off"     ? net::LimitMode::kOff
                  : mode == "fixed" ? net::LimitMode::kFixed
                                    : net::LimitMode::kAdaptive,
          .limit = static_cast<std::uint32_t>(section.integer("limit")),
          .wait = section.duration("wait"),
          .wait_max = section.duration("wait_max")};
}

}  // namespace

std::optional<api::AllowedHosts> allowed_hosts(const core::Config& config) {
  auto names = config.list("serving.allowed_hosts");
  // Where tokens are asked for, a page that borrows this machine's address has none to show.
  if (names.empty() && config.boolean("auth.enabled")) return std::nullopt;
  return api::AllowedHosts(std::move(names));
}

core::Result<net::TrustedProxies> trusted_proxies(const core::Config& config) {
  using Field = net::TrustedProxies::Field;
  auto proxies = net::TrustedProxies::make(config.list("serving.trusted_proxies"),
                                           config.text("serving.forwarded_header") == "forwarded"
                                               ? Field::kForwarded
                                               : Field::kXForwardedFor);
  if (!proxies) return config.error_at("serving.trusted_proxies", proxies.error().message);
  return proxies;
}

core::Result<net::HttpServerOptions> http_options(const core::Config& config) {
  const core::Config serving = config.at("serving");
  net::HttpServerOptions options;
  options.host = serving.text("host");
  options.port = static_cast<std::uint16_t>(serving.integer("port"));
  options.threads = static_cast<unsigned>(serving.integer("threads"));
  options.header_max = static_cast<std::uint64_t>(serving.integer("header_max"));
  options.body_max = static_cast<std::uint64_t>(serving.integer("body_max"));
  options.bodies_max = static_cast<std::uint64_t>(serving.integer("bodies_max"));
  options.transfers_max = static_cast<std::uint64_t>(serving.integer("transfers_max"));
  options.connections_max = static_cast<std::uint64_t>(serving.integer("connections_max"));
  options.streams_max = static_cast<std::uint32_t>(serving.integer("streams_max"));
  options.compress_min = static_cast<std::size_t>(serving.integer("compress_min"));
  options.header_timeout = serving.duration("header_timeout");
  options.body_timeout = serving.duration("body_timeout");
  options.idle_timeout = serving.duration("idle_timeout");
  options.drain_timeout = serving.duration("drain_timeout");
  options.render_error = api::render_error;
  options.concurrency = concurrency_options(config.at("serving.concurrency"));
  options.batch_threads = static_cast<unsigned>(serving.integer("concurrency.batch_threads"));
  auto tls = tls_files(config);
  if (!tls) return std::move(tls).error();
  options.tls = *std::move(tls);
  return options;
}

}  // namespace tenure::app
