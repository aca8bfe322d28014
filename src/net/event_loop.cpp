#include "net/event_loop.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

#include "core/log.h"

namespace tenure::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr std::size_t kSpareMax = 256;  ///< closed connections kept for reuse with small buffers
constexpr milliseconds kDrainInterval{20};
constexpr int kDrainIdleSteps = 5;  ///< 100 ms without a request: idle
constexpr std::string_view kTurnedAway =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
    "Content-Length: 107\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
    "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
    "\"detail\":\"Too many connections are open\"}\n";

core::Error bind_error(const asio::ip::tcp::endpoint& endpoint, const error_code& code) {
  const std::string host = endpoint.address().to_string();
  switch (code.value()) {
    case EADDRINUSE:
      return core::Error{
          core::ErrorCode::kUnavailable,
          fmt::format("port {} on {} is in use by another program: stop it, or choose another port "
                      "with serving.port (0 = any free one)",
                      endpoint.port(), host)};
    case EACCES:
      return core::Error{core::ErrorCode::kPermissionDenied,
                         fmt::format("port {} needs special rights: choose serving.port from 1024 "
                                     "on, or put a reverse proxy in front",
                                     endpoint.port())};
    case EADDRNOTAVAIL:
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("serving.host: this machine has no address {}; use 127.0.0.1 "
                                     "(this machine only) or 0.0.0.0 (all networks)",
                                     host)};
    default:
      return core::Error{
          core::ErrorCode::kUnavailable,
          fmt::format("cannot listen on {}:{}: {}", host, endpoint.port(), code.message())};
  }
}

}  // namespace

EventLoop::EventLoop(ServerContext& context) : context_(context) {
  spare_.reserve(kSpareMax);
  refresh_time();
}

EventLoop::~EventLoop() {
  stop();
}

core::Result<> EventLoop::check_port_is_free(const asio::ip::tcp::endpoint& endpoint) {
  if (endpoint.port() == 0) return {};
  Io io{1};
  Acceptor probe(io.get_executor());
  error_code code;
  probe.open(endpoint.protocol(), code);
  if (!code) probe.set_option(asio::socket_base::reuse_address(true), code);
  if (!code) probe.bind(endpoint, code);
  if (code) return bind_error(endpoint, code);
  return {};
}

core::Result<> EventLoop::listen(const asio::ip::tcp::endpoint& endpoint) {
  error_code code;
  acceptor_.open(endpoint.protocol(), code);
  if (!code) acceptor_.set_option(asio::socket_base::reuse_address(true), code);
  if (!code) {
    const int on = 1;
    if (::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
      code.assign(errno, boost::system::system_category());
    }
  }
  if (!code) acceptor_.bind(endpoint, code);
  if (!code) acceptor_.listen(asio::socket_base::max_listen_connections, code);
  if (!code) acceptor_.non_blocking(true, code);
  if (code) return bind_error(endpoint, code);
  return {};
}

std::uint16_t EventLoop::port() const {
  error_code ignored;
  return acceptor_.local_endpoint(ignored).port();
}

void EventLoop::refresh_time() {
  now_ = context_.clock.now();
  now_ns_ = context_.clock.monotonic_ns();
  date_.refresh(now_);
}

void EventLoop::start() {
  accept();
  tick();
  thread_ = std::thread([this] { run(); });
}

void EventLoop::run() {
  for (;;) {
    try {
      io_.run();
      return;
    } catch (const std::exception& exception) {
      // Connections catch what concerns them alone. The other clients of the loop must not pay.
      log_failure("an event failed", exception);
    }
  }
}

void EventLoop::log_failure(std::string_view what, const std::exception& exception) noexcept {
  try {
    core::log_error("net", what, {{"error.message", exception.what()}});
  } catch (...) {
    // Out of memory even for a line of text: what failed is over, the loop goes on.
  }
}

void EventLoop::stop() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

// --- accepting ---------------------------------------------------------------------------------

void EventLoop::accept() {
  acceptor_.async_accept(io_.get_executor(), peer_,
                         [this](const error_code& code, Connection::Socket socket) {
                           bool is_taken = !code;
                           try {
                             if (!code) accepted(std::move(socket), peer_);
                           } catch (const std::exception& exception) {
                             is_taken = false;
                             log_failure("a connection could not be taken", exception);
                           }
                           if (is_draining_) return;
                           if (!is_taken) return retry_accept();
                           accept();
                         });
}

void EventLoop::retry_accept() {
  // Out of file descriptors or memory: connections wait in the kernel until some are closed.
  accept_pause_.expires_after(milliseconds(100));
  accept_pause_.async_wait([this](const error_code& code) {
    if (!code && !is_draining_) accept();
  });
}

void EventLoop::accepted(Connection::Socket socket, const asio::ip::tcp::endpoint& peer) {
  refresh_time();
  if (spare_.empty()) spare_.push_back(std::make_unique<Connection>(*this));
  open_.push_back(nullptr);
  open_.pop_back();  // room for one more: nothing fails between counting it and keeping it
  const auto limit = static_cast<std::int64_t>(context_.options.connections_max);
  const std::int64_t open = context_.open_connections.fetch_add(1) + 1;
  if (open > limit) {
    context_.open_connections.fetch_sub(1);
    return turn_away(std::move(socket));
  }
  context_.metrics.set_open(open);
  open_.push_back(std::move(spare_.back()));
  spare_.pop_back();
  open_.back()->open(std::move(socket), peer, open_.size() - 1);
}

void EventLoop::turn_away(Connection::Socket socket) {
  context_.metrics.count_turned_away();
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(kTurnedAway.data(), kTurnedAway.size()), ignored);
  socket.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  // What the client has already sent is read away: closing on it would reset the connection and
  // take the answer with it.
  char discarded[4096];
  socket.read_some(asio::buffer(discarded), ignored);
  if (turned_away_.size() >= kSpareMax) turned_away_.pop_front();
  turned_away_.push_back(std::move(socket));
}

void EventLoop::release(Connection& connection) {
  const std::size_t index = connection.index();
  std::unique_ptr<Connection> released = std::move(open_[index]);
  if (index + 1 != open_.size()) {
    open_[index] = std::move(open_.back());
    open_[index]->set_index(index);
  }
  open_.pop_back();
  context_.metrics.set_open(context_.open_connections.fetch_sub(1) - 1);
  if (spare_.size() < kSpareMax) {
    spare_.push_back(std::move(released));
  } else {
    // Not now: a function of the connection is still on the stack.
    asio::post(io_, [gone = std::move(released)] {});
  }
  check_empty();
}

// --- time --------------------------------------------------------------------------------------

milliseconds EventLoop::tick_interval() const {
  if (is_draining_) return kDrainInterval;
  const HttpServerOptions& options = context_.options;
  const core::Micros shortest =
      std::min({options.header_timeout, options.body_timeout, options.idle_timeout});
  return milliseconds(std::clamp<core::Micros>(shortest / 4000, 5, 1000));
}

void EventLoop::tick() {
  ticker_.expires_after(tick_interval());
  ticker_.async_wait([this](const error_code& code) {
    if (code && !is_draining_) return;
    refresh_time();
    turned_away_.clear();
    look_at_certificate();
    // From the back: closing one moves the last one, which has been seen, to its place.
    for (std::size_t i = open_.size(); i-- > 0;) {
      if (i < open_.size()) open_[i]->check_deadline(now_ns_);
    }
    if (is_draining_) {
      for (std::size_t i = open_.size(); i-- > 0;) {
        if (i < open_.size()) open_[i]->drain_step(kDrainIdleSteps);
      }
    }
    context_.metrics.set_open(context_.open_connections.load());
    tick();
  });
}

void EventLoop::look_at_certificate() {
  if (!context_.tls) return;
  try {
    context_.tls->refresh();
  } catch (const std::exception& exception) {
    log_failure("the TLS certificate could not be looked at", exception);
  }
}

void EventLoop::begin_drain(std::function<void()> when_empty) {
  asio::post(io_, [this, when_empty = std::move(when_empty)]() mutable {
    is_draining_ = true;
    when_empty_ = std::move(when_empty);
    accept_what_waits();
    error_code ignored;
    acceptor_.close(ignored);
    ticker_.cancel();  // ticks faster from here on
    check_empty();
  });
}

void EventLoop::accept_what_waits() {
  // Clients in the backlog believe they are connected and may have sent a request: closing the
  // listener would reset them.
  error_code code;
  while (!code) {
    asio::ip::tcp::endpoint peer;
    Connection::Socket socket(io_.get_executor());
    acceptor_.accept(socket, peer, code);
    if (!code) accepted(std::move(socket), peer);
  }
}

void EventLoop::check_empty() {
  if (is_draining_ && open_.empty() && when_empty_) std::exchange(when_empty_, nullptr)();
}

}  // namespace tenure::net
