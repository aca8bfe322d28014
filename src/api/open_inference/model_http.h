#pragma once

#include "api/routes.h"
#include "net/http_message.h"

namespace tenure::api {

/// What the Open Inference Protocol says about server and models, with Triton's extensions
/// (configuration, statistics, repository). Errors: {"error": "…"}. Thread-safe.
void server_metadata(const Services& services, const net::Request&, net::Response& response);
void server_live(const net::Request&, net::Response& response);
void server_ready(const Services& services, const net::Request&, net::Response& response);
void list_models(const Services& services, const net::Request&, net::Response& response);
void model_metadata(const Services& services, const net::Request& request, net::Response& response);
void model_ready(const Services& services, const net::Request& request, net::Response& response);
void model_config(const Services& services, const net::Request& request, net::Response& response);
void model_statistics(const Services& services, const net::Request& request,
                      net::Response& response);
void repository_index(const Services& services, const net::Request&, net::Response& response);

/// Which version is served is decided by its alias in the registry: "load" confirms a model that
/// is live, "unload" is refused.
void repository_load(const Services& services, const net::Request& request,
                     net::Response& response);
void repository_unload(const Services& services, const net::Request& request,
                       net::Response& response);

}  // namespace tenure::api
