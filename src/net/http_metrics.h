#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/metric.h"
#include "net/router.h"

namespace tenure::net {

/// The server's metrics, registered once per row of the route table, so that counting a request is
/// two atomic additions and no look-up. Thread-safe.
class HttpMetrics {
 public:
  HttpMetrics(core::MetricRegistry& registry, const Router& router);

  /// `route` null: what no route answered (404, 405, malformed, over a limit).
  void count(const Route* route, int status, std::int64_t duration_ns);
  void count_exception() { exceptions_.add(); }
  void count_turned_away() { turned_away_.add(); }
  void count_client_gone() { client_gone_.add(); }
  void count_handshake_failure() { handshake_failures_.add(); }
  void set_open(std::int64_t connections) { open_.set(static_cast<double>(connections)); }

 private:
  struct Row {
    std::array<core::Counter*, 4> by_class{};  ///< 2xx, 3xx, 4xx, 5xx
    core::Histogram* duration = nullptr;
  };
  static Row make_row(core::MetricRegistry& registry, std::string_view method,
                      std::string_view route);

  const Router* router_;
  std::vector<Row> rows_;  ///< one per route, then one for requests without a route
  core::Counter& exceptions_;
  core::Counter& turned_away_;
  core::Counter& client_gone_;
  core::Counter& handshake_failures_;
  core::Gauge& open_;
};

}  // namespace tenure::net
