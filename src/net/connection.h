#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "core/clock.h"
#include "net/http_message.h"
#include "net/read_buffer.h"
#include "net/request_parser.h"
#include "net/request_trace.h"
#include "net/router.h"

namespace tenure::net {

class EventLoop;

/// One client: reads requests, has them answered in order, writes the answers. All answers to what
/// one read brought leave in one write. At any time at most one read, one write, or one job on the
/// worker pool is pending, so a handler's views stay where they are. Lives on its loop's thread;
/// only the handler of a blocking route runs elsewhere. An exception, as when memory runs out,
/// closes this connection and harms no other.
class Connection {
 public:
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp,
                                                  boost::asio::io_context::executor_type>;

  explicit Connection(EventLoop& loop);

  void open(Socket socket, const boost::asio::ip::tcp::endpoint& peer, std::size_t index);
  void check_deadline(std::int64_t now_ns);

  /// Called a few times while the server drains; closes a connection that stayed without a request
  /// since `idle_steps_max` calls.
  void drain_step(int idle_steps_max);
  void close();

  std::size_t index() const { return index_; }
  void set_index(std::size_t index) { index_ = index; }

 private:
  enum class Phase : std::uint8_t {
    kHead,       ///< waits for, or is inside, a request's head
    kBody,       ///< a body of known length is arriving
    kChunks,     ///< a chunked body is arriving
    kWorking,    ///< a blocking handler runs
    kLingering,  ///< the last answer is written; waits for the client to close
    kClosed,
  };

  // Each returns true when there may be more to do with what is in the buffer.
  bool advance();
  bool advance_head();
  bool advance_body();
  bool advance_chunks();
  bool accept_head();

  bool is_body_admitted();
  void fill_request(std::string_view body);
  bool dispatch(std::string_view body);
  bool answer_unmatched();
  void fill_unmatched();
  bool run_on_worker();
  bool hold_answer();
  void run_hold();
  void on_worker_done();
  void finish_late_answer();
  std::size_t request_size() const;  ///< bytes of the current request that are still in in_
  bool has_blocking_header() const;
  void call_handler();
  void call(const Handler& handler);
  void log_request(std::string_view what, std::string_view why) const;
  void finish_request();
  void refuse(int status, std::string_view detail);
  void refuse_as_filled();
  void append_answer(const Route* route);

  void run();         ///< answers what is in the buffer, then writes, then reads on
  bool flush();       ///< true when everything is written
  void write_rest();  ///< the client reads slowly: writes when the socket has room
  void read_more();
  void on_read(const boost::system::error_code& code, std::size_t n);
  void on_written(const boost::system::error_code& code, std::size_t n);
  void begin_linger();
  void release_if_idle();
  template <typename Work>
  void guarded(const Work& work);
  bool hold(std::uint64_t bytes);
  void let_go();
  void set_deadline(core::Micros after);
  void choose_request_id();
  std::string_view text(TextRange range) const;
  std::uint64_t body_max() const;

  EventLoop& loop_;
  Socket socket_;
  std::size_t index_ = 0;
  Phase phase_ = Phase::kClosed;
  bool is_reading_ = false, is_writing_ = false, is_working_ = false;
  bool is_closing_ = false;     ///< no request after this one
  bool is_head_begun_ = false;  ///< the header time-out runs
  int idle_steps_ = 0;
  std::int64_t deadline_ns_ = 0;
  std::int64_t body_began_ns_ = 0;
  std::int64_t body_read_ = 0;
  std::uint64_t held_ = 0;  ///< taken from the budget for bodies
  std::int64_t request_began_ns_ = 0;
  std::int64_t read_ns_ = 0;        ///< when the newest bytes came
  std::int64_t first_byte_ns_ = 0;  ///< when the current request's first bytes came

  ReadBuffer in_;
  std::string out_;
  std::size_t written_ = 0;
  std::string chunked_body_;
  RequestParser parser_;
  Router::Match match_;
  std::vector<std::pair<std::string_view, std::string_view>> parameters_;
  std::vector<Request::Header> headers_;
  Request request_;
  Response response_;
  std::string remote_;
  std::string request_id_;
  RequestTrace trace_;
};

}  // namespace tenure::net
