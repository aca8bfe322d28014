#pragma once

#include "core/config.h"
#include "core/result.h"
#include "net/http_server.h"

namespace tenure::app {

/// The HTTP server that the section `serving` of a project asks for. Errors: kInvalidArgument, with
/// file and line, for one of serving.tls.certificate and serving.tls.key without the other.
core::Result<net::HttpServerOptions> http_options(const core::Config& config);

}  // namespace tenure::app
