#pragma once

#include "api/routes.h"
#include "net/http_message.h"

namespace tenure::api {

/// GET /health: 200 as long as the process answers at all.
void health(const Services& services, const net::Request& request, net::Response& response);

/// GET /ready: 200 when a model is live and the server is not draining, else 503 with the reasons.
void ready(const Services& services, const net::Request& request, net::Response& response);

/// GET /fallback-stats: predictions by level and by reason, and the circuit breakers.
void fallback_stats(const Services& services, const net::Request& request, net::Response& response);

/// GET /model-info: what is live, where it came from, what it takes, and what the watcher wants.
void model_info(const Services& services, const net::Request& request, net::Response& response);

/// GET /metrics: Prometheus text format.
void metrics(const Services& services, const net::Request& request, net::Response& response);

/// GET and POST /floor: a fixed answer about as long as that of /predict. What it costs is what
/// HTTP costs; the difference is what a prediction costs.
void floor_answer(const Services& services, const net::Request& request, net::Response& response);

}  // namespace tenure::api
