#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/descriptor.h"
#include "core/result.h"
#include "net/connection.h"
#include "net/listener.h"
#include "net/response_head.h"
#include "net/server_context.h"
#include "net/task_queue.h"

namespace tenure::net {

/// One thread that accepts and answers: an epoll instance, a listener of its own on the shared port
/// (SO_REUSEPORT: the kernel spreads connections), and the connections it accepted. Everything but
/// the functions marked "any thread" runs on the loop's thread.
class EventLoop {
 public:
  explicit EventLoop(ServerContext& context);  ///< throws std::system_error: out of descriptors
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Before start(). Errors: as HttpServer::listen.
  core::Result<> listen(const SocketAddress& address) { return listener_.open(address); }
  std::uint16_t port() const { return listener_.port(); }

  void start();                                        ///< any thread: begins the thread
  void begin_drain(std::function<void()> when_empty);  ///< any thread
  void stop();                                         ///< any thread but its own: ends and joins

  /// Any thread: has the loop call `task`, after the events it is at.
  void post(TaskQueue::Task task) { tasks_.post(std::move(task)); }

  /// Has `connection` told of `events` of its socket, beside errors, instead of those `before`; 0 =
  /// of nothing. As long as it lasts, not once. Throws std::system_error, out of memory.
  void watch(int socket, std::uint32_t before, std::uint32_t events, Connection& connection);

  ServerContext& context() { return context_; }
  const DateLine& date() const { return date_; }
  core::Micros now() const { return now_; }        ///< wall clock when the current events began
  std::int64_t now_ns() const { return now_ns_; }  ///< then, or when an answer was last counted
  void set_now_ns(std::int64_t now_ns) { now_ns_ = now_ns; }
  void refresh_time();
  bool is_draining() const { return is_draining_; }

  /// Logs an exception that ended an event; never throws itself.
  static void log_failure(std::string_view what, const std::exception& exception) noexcept;

  /// A connection was closed while it waited for events: Connection::finish_close() is called once
  /// what is on the stack is done with it.
  void finish_close_later(Connection& connection) { closed_.push_back(&connection); }

  /// A connection is closed and nothing of it is pending: forgets and recycles it.
  void release(Connection& connection);

 private:
  void run();
  void handle(const void* whom, std::uint32_t events);
  void finish_round();
  void run_tasks();
  void add_to_epoll(int fd, void* whom);
  void accept();
  bool accept_one();
  void accepted(core::Descriptor socket, const SocketAddress& peer);
  void turn_away(core::Descriptor socket);
  void pause_accepting();
  void resume_accepting();
  void tick();
  void set_ticker();
  void check_empty();
  void look_at_certificate();
  std::int64_t tick_interval_ms() const;

  ServerContext& context_;
  core::Descriptor epoll_;
  core::Descriptor ticker_;  ///< a timerfd
  Listener listener_;
  TaskQueue tasks_;
  std::vector<TaskQueue::Task> taken_tasks_;  ///< reused
  DateLine date_;
  core::Micros now_ = 0;
  std::int64_t now_ns_ = 0;
  bool is_draining_ = false;
  bool is_accepting_paused_ = false;
  std::atomic<bool> is_stopped_{false};
  std::function<void()> when_empty_;
  std::vector<std::unique_ptr<Connection>> open_;  ///< a connection knows its index
  std::vector<std::unique_ptr<Connection>> spare_;
  std::vector<Connection*> closed_;                ///< see finish_close_later()
  std::vector<std::unique_ptr<Connection>> gone_;  ///< destroyed when their events are over
  std::deque<core::Descriptor> turned_away_;       ///< closed at the next tick
  std::thread thread_;
};

}  // namespace tenure::net
