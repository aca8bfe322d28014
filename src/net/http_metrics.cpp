#include "net/http_metrics.h"

#include <algorithm>
#include <string>

namespace tenure::net {

HttpMetrics::HttpMetrics(core::MetricRegistry& registry, const Router& router)
    : router_(&router),
      exceptions_(registry.counter("tenure_http_handler_exceptions_total",
                                   "Requests whose handler failed unexpectedly (answered 500)")),
      turned_away_(registry.counter("tenure_http_connections_turned_away_total",
                                    "Connections beyond the limit (answered 503)")),
      client_gone_(registry.counter("tenure_http_client_gone_total",
                                    "Connections that broke in the middle of a request or answer")),
      handshake_failures_(registry.counter(
          "tenure_http_tls_handshake_failures_total",
          "Connections whose client did not finish a TLS handshake with this server")),
      open_(registry.gauge("tenure_http_connections_open", "Open client connections")) {
  rows_.reserve(router.routes().size() + 1);
  for (const Route& route : router.routes()) {
    rows_.push_back(make_row(registry, method_name(route.method), route.path));
  }
  rows_.push_back(make_row(registry, "any", "(none)"));
}

HttpMetrics::Row HttpMetrics::make_row(core::MetricRegistry& registry, std::string_view method,
                                       std::string_view route) {
  constexpr std::array kClasses = {"2xx", "3xx", "4xx", "5xx"};
  Row row;
  for (std::size_t i = 0; i < kClasses.size(); ++i) {
    row.by_class[i] = &registry.counter(
        "tenure_http_requests_total", "HTTP requests by method, route and class of the answer",
        {{"method", std::string(method)}, {"route", std::string(route)}, {"status", kClasses[i]}});
  }
  row.duration = &registry.histogram(
      "tenure_http_request_duration_seconds",
      "From a whole request in memory to its answer in the write buffer", core::latency_bounds_s(),
      {{"method", std::string(method)}, {"route", std::string(route)}});
  return row;
}

void HttpMetrics::count(const Route* route, int status, std::int64_t duration_ns) {
  const auto index =
      route ? static_cast<std::size_t>(route - router_->routes().data()) : rows_.size() - 1;
  const Row& row = rows_[index];
  row.by_class[static_cast<std::size_t>(std::clamp(status / 100, 2, 5) - 2)]->add();
  row.duration->observe(static_cast<double>(duration_ns) * 1e-9);
}

}  // namespace tenure::net
