#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "core/clock.h"
#include "core/result.h"
#include "net/connection.h"
#include "net/response_head.h"
#include "net/server_context.h"

namespace tenure::net {

/// One thread that accepts and answers: an io_context, a listener of its own on the shared port
/// (SO_REUSEPORT: the kernel spreads connections), and the connections it accepted. Everything but
/// the functions marked "any thread" runs on the loop's thread.
class EventLoop {
 public:
  using Io = boost::asio::io_context;
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Io::executor_type>;

  explicit EventLoop(ServerContext& context);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// SO_REUSEPORT would let a second server of the same user share the port and take half of its
  /// connections without a word. A socket without that option finds out whether anybody listens.
  static core::Result<> check_port_is_free(const boost::asio::ip::tcp::endpoint& endpoint);

  /// Before start(). Errors: as HttpServer::listen.
  core::Result<> listen(const boost::asio::ip::tcp::endpoint& endpoint);
  std::uint16_t port() const;

  void start();                                        ///< any thread: begins the thread
  void begin_drain(std::function<void()> when_empty);  ///< any thread
  void stop();                                         ///< any thread but its own: ends and joins

  ServerContext& context() { return context_; }
  Io& io() { return io_; }
  const DateLine& date() const { return date_; }
  core::Micros now() const { return now_; }  ///< wall clock when the current events began
  std::int64_t now_ns() const { return now_ns_; }
  void refresh_time();
  bool is_draining() const { return is_draining_; }

  /// Logs an exception that ended an event; never throws itself.
  static void log_failure(std::string_view what, const std::exception& exception) noexcept;

  /// A connection is closed and nothing of it is pending: forgets and recycles it.
  void release(Connection& connection);

 private:
  void run();
  void accept();
  void accepted(Connection::Socket socket, const boost::asio::ip::tcp::endpoint& peer);
  void turn_away(Connection::Socket socket);
  void accept_what_waits();
  void retry_accept();
  void tick();
  void check_empty();
  void look_at_certificate();
  std::chrono::milliseconds tick_interval() const;

  using Timer =
      boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                        boost::asio::wait_traits<std::chrono::steady_clock>,
                                        Io::executor_type>;

  ServerContext& context_;
  Io io_{1};
  Acceptor acceptor_{io_.get_executor()};
  Timer ticker_{io_.get_executor()};
  Timer accept_pause_{io_.get_executor()};
  DateLine date_;
  core::Micros now_ = 0;
  std::int64_t now_ns_ = 0;
  bool is_draining_ = false;
  std::function<void()> when_empty_;
  std::vector<std::unique_ptr<Connection>> open_;  ///< a connection knows its index
  std::vector<std::unique_ptr<Connection>> spare_;
  std::deque<Connection::Socket> turned_away_;  ///< closed at the next tick
  boost::asio::ip::tcp::endpoint peer_;         ///< of the connection being accepted
  std::thread thread_;
};

}  // namespace tenure::net
