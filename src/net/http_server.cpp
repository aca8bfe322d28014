#include "net/http_server.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "core/assert.h"
#include "net/event_loop.h"

namespace tenure::net {
namespace {

constexpr int kBatchNiceness = 10;
constexpr core::Micros kTimeoutMax = 365LL * 24 * 3600 * core::kMicrosPerSecond;

core::Result<SocketAddress> parse_address(const HttpServerOptions& options) {
  const std::string host = options.host == "localhost" ? "127.0.0.1" : options.host;
  const auto address = SocketAddress::parse(host, options.port);
  if (!address) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("serving.host: '{}' is not an IP address; use 127.0.0.1 (this "
                                   "machine only), 0.0.0.0 or :: (all networks)",
                                   options.host)};
  }
  return *address;
}

/// Time-outs are added up in nanoseconds, which fit a few centuries.
HttpServerOptions with_bounded_timeouts(HttpServerOptions options) {
  for (core::Micros* timeout : {&options.header_timeout, &options.body_timeout,
                                &options.idle_timeout, &options.drain_timeout}) {
    *timeout = std::clamp<core::Micros>(*timeout, 0, kTimeoutMax);
  }
  return options;
}

}  // namespace

struct HttpServer::State {
  State(const HttpServerOptions& with, const Router& router, core::MetricRegistry& metrics,
        const core::Clock& clock)
      : context{.options = with,
                .router = router,
                .clock = clock,
                .metrics = HttpMetrics(metrics, router),
                .live = WorkLane(with.concurrency, with.worker_threads, 0, "live", metrics),
                .batch = WorkLane(with.concurrency, with.batch_threads, kBatchNiceness, "batch",
                                  metrics),
                .bodies = BodyBudget(with.bodies_max),
                .transfers = TransferBudget(with.transfers_max)} {}

  ~State() {
    for (const auto& loop : loops) loop->stop();
    context.live.stop();  // before the loops: a running handler uses its connection
    context.batch.stop();
    context.transfers.stop();
    context.held_answers.wait_for_none();  // and so does whoever holds an answer
  }

  ServerContext context;
  std::vector<std::unique_ptr<EventLoop>> loops;
  std::uint16_t port = 0;
  bool is_started = false;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t loops_empty = 0;
};

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpServer::~HttpServer() = default;

core::Result<std::unique_ptr<HttpServer>> HttpServer::listen(HttpServerOptions options,
                                                             const Router& router,
                                                             core::MetricRegistry& metrics,
                                                             const core::Clock& clock) {
  auto address = parse_address(options);
  if (!address) return std::move(address).error();
  if (options.threads == 0) options.threads = std::max(1U, std::thread::hardware_concurrency());
  auto is_free = Listener::check_port_is_free(*address);
  if (!is_free) return std::move(is_free).error();
  auto state = std::make_unique<State>(with_bounded_timeouts(options), router, metrics, clock);
  if (options.tls.is_set()) {
    auto certificate = TlsCertificate::load(options.tls);
    if (!certificate) return std::move(certificate).error();
    state->context.tls = *std::move(certificate);
  }
  for (unsigned i = 0; i < options.threads; ++i) {
    auto loop = std::make_unique<EventLoop>(state->context);
    auto bound = loop->listen(*address);
    if (!bound) return std::move(bound).error();
    if (i == 0) address->set_port(loop->port());
    state->loops.push_back(std::move(loop));
  }
  state->port = address->port();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

std::uint16_t HttpServer::port() const {
  return state_->port;
}

WorkLane& HttpServer::live_lane() {
  return state_->context.live;
}

void HttpServer::start() {
  TENURE_ASSERT(!state_->is_started);
  state_->is_started = true;
  for (const auto& loop : state_->loops) loop->start();
}

void HttpServer::drain() {
  State& state = *state_;
  if (state.is_started) {
    for (const auto& loop : state.loops) {
      loop->begin_drain([&state] {
        const std::lock_guard lock(state.mutex);
        ++state.loops_empty;
        state.changed.notify_all();
      });
    }
    std::unique_lock lock(state.mutex);
    state.changed.wait_for(lock, std::chrono::microseconds(state.context.options.drain_timeout),
                           [&] { return state.loops_empty == state.loops.size(); });
  }
  for (const auto& loop : state.loops) loop->stop();
}

}  // namespace tenure::net
