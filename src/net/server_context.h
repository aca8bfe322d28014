#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "core/clock.h"
#include "net/body_budget.h"
#include "net/held_answers.h"
#include "net/http_metrics.h"
#include "net/http_server.h"
#include "net/tls.h"
#include "net/transfer_budget.h"
#include "net/work_lane.h"

namespace tenure::net {

/// What all event loops of one server share. The parts outlive the loops.
struct ServerContext {
  HttpServerOptions options;
  const Router& router;
  const core::Clock& clock;
  HttpMetrics metrics;
  WorkLane live;
  WorkLane batch;
  BodyBudget bodies;
  TransferBudget transfers;
  HeldAnswers held_answers = {};
  std::unique_ptr<TlsCertificate> tls = nullptr;  ///< null: plain HTTP
  std::atomic<std::int64_t> open_connections{0};

  WorkLane& lane_of(const Route& route) { return route.lane == Lane::kBatch ? batch : live; }

  /// Whether a request for this route would be let in now.
  bool has_room(const Route& route) {
    return !route.is_blocking || route.lane == Lane::kEssential || lane_of(route).has_room();
  }
};

}  // namespace tenure::net
