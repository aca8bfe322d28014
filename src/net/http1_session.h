#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "net/channel.h"
#include "net/exchange.h"
#include "net/request_parser.h"

namespace tenure::net {

/// HTTP/1.1 on one connection: requests one after the other, answers in their order. Reads from the
/// channel's buffer and writes to it; knows no socket. Lives on the loop's thread; only the handler
/// of a blocking route runs elsewhere.
class Http1Session {
 public:
  explicit Http1Session(Channel& channel) : channel_(channel) {}

  void open();

  /// Call before the first advance() for what one read brought.
  void begin_turn(std::int64_t now_ns) { exchange_.began_ns = now_ns; }

  /// Goes on with what is in the buffer; true when there may be more to do with it.
  bool advance();

  /// `n` more bytes came.
  void received(std::size_t n);

  /// Bytes the next read should have room for.
  std::size_t room_wanted() const;

  /// A step on a worker thread has been done, and the output may be appended to: goes on with the
  /// answer when it was the handler, else with the body.
  void finish_job();

  /// A worker thread has read the next piece of the answer that is being sent.
  void piece_is_read() { exchange_.download.read_done(); }

  /// Answers and takes no more from this client.
  void refuse(int status, std::string_view detail);

  /// 408, for a client that was too slow.
  void refuse_slow();

  /// Nothing is to be read from the client: a step on a worker thread, or a body that is sent.
  bool is_working() const {
    return phase_ == Phase::kWorking || phase_ == Phase::kOpening || phase_ == Phase::kStoring ||
           phase_ == Phase::kSending;
  }
  bool is_sending() const { return phase_ == Phase::kSending; }

  // Of bodies that go between file and socket past the channel (src/net/http1_transfers.cpp):
  /// What is in the output must go out before the body follows it.
  bool awaits_flush() const {
    return is_sending() && exchange_.download.is_file() && !channel_.out.empty();
  }
  /// Nothing is read into the buffer; go on when the socket has bytes.
  bool awaits_bytes() const { return phase_ == Phase::kReceiving && is_from_socket_; }
  void has_bytes() { is_socket_empty_ = false; }
  /// Go on when the socket has room.
  bool awaits_room() const { return is_sending() && exchange_.download.is_blocked(); }
  /// A worker thread uses the socket.
  bool is_using_socket() const {
    return (phase_ == Phase::kStoring && is_from_socket_) ||
           (is_sending() && exchange_.download.is_file());
  }
  bool is_client_gone() const { return is_client_gone_; }
  bool is_between() const { return phase_ == Phase::kHead; }
  bool is_over() const { return is_closing_ && phase_ == Phase::kHead; }
  bool is_idle() const { return phase_ == Phase::kHead && !is_head_begun_; }

  /// A request has begun to arrive and its client is waited for.
  bool is_inside_request() const {
    return phase_ == Phase::kBody || phase_ == Phase::kChunks || phase_ == Phase::kReceiving ||
           (phase_ == Phase::kHead && is_head_begun_ && !is_closing_);
  }

  /// The connection is over or lingers: gives memory back.
  void release();
  void let_go();
  void end_transfers();

 private:
  enum class Phase : std::uint8_t {
    kHead,     ///< waits for, or is inside, a request's head
    kBody,     ///< a body of known length is arriving
    kChunks,   ///< a chunked body is arriving
    kWorking,  ///< a blocking handler runs, or its answer is held
    // A body that its route takes while it arrives (Route::open_body):
    kOpening,    ///< its sink is being made
    kReceiving,  ///< the next piece is arriving
    kStoring,    ///< a piece is handed to the sink
    kSending,    ///< an answer's body is read and sent piece by piece (Response::source)
  };

  bool advance_head();
  bool advance_body();
  bool advance_chunks();
  bool accept_head();
  bool accept_upload();
  void begin_upload();
  bool advance_upload();
  bool store(std::string_view bytes, bool is_last);
  void finish_store();
  bool advance_sending();
  bool advance_file();
  bool receive();
  void fill_request(std::string_view body, bool is_again = false);
  void refuse_upload();
  void finish_request();
  std::function<void()> when_done();
  bool dispatch(std::string_view body);
  bool hold_answer();
  void begin_work();
  bool run_on_worker();
  void refuse_as_filled();
  void append_answer(const Route* route);
  void set_deadline(core::Micros after);
  void choose_request_id();
  std::size_t request_size() const;  ///< bytes of the current request that are still in the buffer
  std::string_view text(TextRange range) const {
    return channel_.in.unread().substr(range.offset, range.length);
  }

  Channel& channel_;
  Phase phase_ = Phase::kHead;
  bool is_closing_ = false;         ///< no request after this one
  bool is_head_begun_ = false;      ///< the header time-out runs
  std::int64_t read_ns_ = 0;        ///< when the newest bytes came
  std::int64_t first_byte_ns_ = 0;  ///< when the current request's first bytes came
  std::int64_t body_began_ns_ = 0;
  std::uint64_t body_read_ = 0;
  std::string chunked_body_;
  // Of a body that its route takes while it arrives:
  std::uint64_t body_left_ = 0;  ///< bytes that the sink has not got yet; not of chunks
  std::size_t stored_ = 0;       ///< bytes that the sink is getting
  std::int64_t store_began_ns_ = 0;
  bool is_last_piece_ = false;
  bool is_from_socket_ = false;  ///< a worker thread takes it from the socket
  bool is_socket_empty_ = false;
  bool is_client_gone_ = false;
  bool is_body_taken_ = false;  ///< the body is no longer in the buffer
  RequestParser parser_;
  Exchange exchange_;
};

}  // namespace tenure::net
