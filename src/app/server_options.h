#pragma once

#include <optional>

#include "api/access/allowed_hosts.h"
#include "core/config.h"
#include "core/result.h"
#include "net/http_server.h"
#include "net/trusted_proxies.h"

namespace tenure::app {

/// The HTTP server that the section `serving` of a project asks for. Errors: kInvalidArgument, with
/// file and line, for one of serving.tls.certificate and serving.tls.key without the other.
core::Result<net::HttpServerOptions> http_options(const core::Config& config);

/// The proxies that are believed whom they ask for. Errors: kInvalidArgument, with file and line,
/// for what is no address or network.
core::Result<net::TrustedProxies> trusted_proxies(const core::Config& config);

/// The names that requests may be made under (serving.allowed_hosts); none = all.
std::optional<api::AllowedHosts> allowed_hosts(const core::Config& config);

}  // namespace tenure::app
