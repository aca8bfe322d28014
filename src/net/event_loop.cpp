#include "net/event_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "core/log.h"

namespace tenure::net {
namespace {

constexpr std::size_t kEventsMax = 128;  ///< handled before the loop asks for more
constexpr int kAcceptsMax = 64;          ///< taken before connections that are open have their turn
constexpr std::int64_t kAcceptPauseMs = 100;
constexpr std::size_t kSpareMax = 256;  ///< closed connections kept for reuse with small buffers
constexpr std::int64_t kDrainIntervalMs = 20;
constexpr int kDrainIdleSteps = 5;  ///< 100 ms without a request: idle
constexpr std::string_view kTurnedAway =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
    "Content-Length: 107\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
    "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
    "\"detail\":\"Too many connections are open\"}\n";

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

}  // namespace

EventLoop::EventLoop(ServerContext& context)
    : context_(context),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      ticker_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  if (!epoll_.is_open() || !ticker_.is_open()) fail("an event loop cannot be made");
  spare_.reserve(kSpareMax);
  add_to_epoll(tasks_.fd(), &tasks_);
  add_to_epoll(ticker_.get(), &ticker_);
  refresh_time();
}

EventLoop::~EventLoop() {
  stop();
}

void EventLoop::add_to_epoll(int fd, void* whom) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = whom;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

void EventLoop::watch(int socket, std::uint32_t before, std::uint32_t events,
                      Connection& connection) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &connection;
  // A socket of which nothing is to be told is taken out: errors would be told all the same.
  const int change = events == 0 ? EPOLL_CTL_DEL : before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll_.get(), change, socket, &event) != 0 && events != 0) fail("epoll_ctl");
}

void EventLoop::refresh_time() {
  now_ = context_.clock.now();
  now_ns_ = context_.clock.monotonic_ns();
  date_.refresh(now_);
}

void EventLoop::start() {
  add_to_epoll(listener_.fd(), &listener_);
  set_ticker();
  thread_ = std::thread([this] { run(); });
}

void EventLoop::run() {
  std::array<epoll_event, kEventsMax> events;
  while (!is_stopped_.load(std::memory_order_acquire)) {
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    refresh_time();
    for (int i = 0; i < n; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      try {
        handle(event.data.ptr, event.events);
      } catch (const std::exception& exception) {
        // Connections catch what concerns them alone. The other clients of the loop must not pay.
        log_failure("an event failed", exception);
      }
    }
    finish_round();
  }
}

void EventLoop::handle(const void* whom, std::uint32_t events) {
  if (whom == &tasks_) return run_tasks();
  if (whom == &ticker_) return tick();
  if (whom == &listener_) return accept();
  // Only connections are left; a closed one stays where it is until the round is over.
  static_cast<Connection*>(const_cast<void*>(whom))->on_events(events);
}

/// No event of this round is left that could name a connection which is gone.
void EventLoop::finish_round() {
  for (std::size_t i = 0; i < closed_.size(); ++i) closed_[i]->finish_close();
  closed_.clear();
  gone_.clear();
}

void EventLoop::run_tasks() {
  tasks_.take(taken_tasks_);
  for (TaskQueue::Task& task : taken_tasks_) {
    try {
      std::exchange(task, nullptr)();
    } catch (const std::exception& exception) {
      log_failure("a task failed", exception);
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
  is_stopped_.store(true, std::memory_order_release);
  tasks_.wake();
  if (thread_.joinable()) thread_.join();
}

// --- accepting ---------------------------------------------------------------------------------

void EventLoop::accept() {
  for (int i = 0; i < kAcceptsMax; ++i) {
    if (!accept_one()) return;
  }
}

/// False when there is none to take, or none can be taken now.
bool EventLoop::accept_one() {
  core::Descriptor socket;
  SocketAddress peer;
  switch (listener_.accept(socket, peer)) {
    case Listener::Outcome::kNobody:
      return false;
    case Listener::Outcome::kNoRoom:
      pause_accepting();
      return false;
    case Listener::Outcome::kAccepted:
      break;
  }
  try {
    accepted(std::move(socket), peer);
    return true;
  } catch (const std::exception& exception) {
    log_failure("a connection could not be taken", exception);
    pause_accepting();
    return false;
  }
}

void EventLoop::pause_accepting() {
  // Out of file descriptors or memory: connections wait in the kernel until some are closed.
  if (std::exchange(is_accepting_paused_, true) || is_draining_) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_.fd(), nullptr);
  set_ticker();
}

void EventLoop::resume_accepting() {
  if (!is_accepting_paused_ || is_draining_) return;
  add_to_epoll(listener_.fd(), &listener_);
  is_accepting_paused_ = false;
  set_ticker();
}

void EventLoop::accepted(core::Descriptor socket, const SocketAddress& peer) {
  if (spare_.empty()) spare_.push_back(std::make_unique<Connection>(*this));
  open_.push_back(nullptr);
  open_.pop_back();  // room for one more: nothing fails between counting it and keeping it
  closed_.reserve(open_.capacity());
  std::string remote = peer.text();
  const auto limit = static_cast<std::int64_t>(context_.options.connections_max);
  const std::int64_t open = context_.open_connections.fetch_add(1) + 1;
  if (open > limit) {
    context_.open_connections.fetch_sub(1);
    return turn_away(std::move(socket));
  }
  context_.metrics.set_open(open);
  open_.push_back(std::move(spare_.back()));
  spare_.pop_back();
  open_.back()->open(std::move(socket), std::move(remote), open_.size() - 1);
}

void EventLoop::turn_away(core::Descriptor socket) {
  context_.metrics.count_turned_away();
  const int fd = socket.get();
  [[maybe_unused]] ssize_t n = ::send(fd, kTurnedAway.data(), kTurnedAway.size(), MSG_NOSIGNAL);
  ::shutdown(fd, SHUT_WR);
  // What the client has already sent is read away: closing on it would reset the connection and
  // take the answer with it.
  char discarded[4096];
  n = ::recv(fd, discarded, sizeof discarded, 0);
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
    gone_.push_back(std::move(released));
  }
  check_empty();
}

// --- time --------------------------------------------------------------------------------------

std::int64_t EventLoop::tick_interval_ms() const {
  if (is_draining_) return kDrainIntervalMs;
  const HttpServerOptions& options = context_.options;
  const core::Micros shortest =
      std::min({options.header_timeout, options.body_timeout, options.idle_timeout});
  const auto interval = std::clamp<std::int64_t>(shortest / 4000, 5, 1000);
  return is_accepting_paused_ ? std::min(interval, kAcceptPauseMs) : interval;
}

void EventLoop::set_ticker() {
  const std::int64_t ms = tick_interval_ms();
  itimerspec times{};
  times.it_interval = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000};
  times.it_value = times.it_interval;
  ::timerfd_settime(ticker_.get(), 0, &times, nullptr);
}

void EventLoop::tick() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t n = ::read(ticker_.get(), &count, sizeof count);
  turned_away_.clear();
  look_at_certificate();
  resume_accepting();
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
  post([this, when_empty = std::move(when_empty)]() mutable {
    // Clients in the backlog believe they are connected and may have sent a request: closing the
    // listener would reset them.
    while (accept_one()) {
    }
    is_draining_ = true;
    when_empty_ = std::move(when_empty);
    if (!is_accepting_paused_) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_.fd(), nullptr);
    listener_.close();
    set_ticker();  // faster from here on
    check_empty();
  });
}

void EventLoop::check_empty() {
  if (is_draining_ && open_.empty() && when_empty_) std::exchange(when_empty_, nullptr)();
}

}  // namespace tenure::net
