#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <sys/types.h>

#include "core/clock.h"
#include "core/descriptor.h"
#include "net/channel.h"
#include "net/http1_session.h"
#include "net/tls.h"

namespace tenure::net {

class EventLoop;
class Http2Session;
struct Http2Stream;

/// One client: moves the bytes between its socket and the session of the protocol it speaks, which
/// its first bytes tell (HTTP/2 begins with a preface of its own), through TLS when the server has
/// a certificate. All answers to what one read brought leave in one write. Reads and
/// writes when the socket is ready; with HTTP/1.1 it does not read while a handler runs on the
/// worker pool, so its views stay where they are. Lives on its loop's thread. An exception, as when
/// memory runs out, closes this connection and harms no other.
class Connection {
 public:
  explicit Connection(EventLoop& loop);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// `socket` does not block; `remote` is the client's address as text.
  void open(core::Descriptor socket, std::string remote, std::size_t index);

  /// The loop tells what the socket is ready for (epoll).
  void on_events(std::uint32_t events);

  void check_deadline(std::int64_t now_ns);

  /// Called every few milliseconds while the server drains; closes a connection that stayed without
  /// a request since `idle_steps_max` calls.
  void drain_step(int idle_steps_max);
  void close();

  /// After close(), by the loop: nothing on the stack needs the connection any more.
  void finish_close();

  /// A handler on the pool has returned; `stream` is HTTP/2's, null for HTTP/1.1.
  void on_job_done(Http2Stream* stream);

  /// For a step on a worker thread: stays open, and this connection's, until the step is over.
  int socket_handle() { return socket_.get(); }

  std::size_t index() const { return index_; }
  void set_index(std::size_t index) { index_ = index; }

 private:
  enum class Phase : std::uint8_t {
    kOpen,
    kLingering,  ///< the last answer is written; waits for the client to close
    kClosed,
  };
  enum class Protocol : std::uint8_t { kUnknown, kHttp1, kHttp2 };

  bool take_encrypted(std::size_t& n);
  void refuse_plain_http();
  bool choose_protocol();  ///< false: the first bytes do not tell yet
  void start_http2();
  void run();  ///< answers what is in the buffer, then writes, then reads on
  void run_http1();
  void run_http2();
  bool take_turns();  ///< false when others should have their turn first
  void yield();
  bool flush();       ///< true when everything is written
  void write_rest();  ///< the client reads slowly: writes when the socket has room
  void read_more();
  void wait_for_room();
  void receive();
  void on_read(ssize_t received);
  void on_writable();
  ssize_t write_some();
  std::uint32_t wanted_events() const;
  void watch();
  void begin_linger();
  void release_if_idle();
  template <typename Work>
  void guarded(const Work& work);
  void set_deadline(core::Micros after);
  std::string& sending() { return tls_ ? tls_->wire() : channel_.out; }
  std::size_t pending() {
    return sending().size() - written_ + (tls_ ? channel_.out.size() : 0) + channel_.body.size();
  }
  void count_written(std::size_t n);
  void compact();

  EventLoop& loop_;
  core::Descriptor socket_;
  std::uint32_t watched_ = 0;  ///< events that the loop tells; may be more than are waited for
  std::size_t index_ = 0;
  Phase phase_ = Phase::kClosed;
  Protocol protocol_ = Protocol::kUnknown;
  bool is_reading_ = false, is_writing_ = false, is_yielding_ = false;
  bool is_late_answer_ = false;  ///< an HTTP/1.1 handler returned while earlier answers are written
  bool is_input_over_ = false;   ///< the client sends no more, but its answers are awaited
  bool is_preface_begun_ = false;
  int idle_steps_ = 0, drain_steps_ = 0;
  std::size_t written_ = 0;
  Channel channel_;
  Http1Session http1_;
  std::unique_ptr<Http2Session> http2_;
  std::unique_ptr<TlsStream> tls_;  ///< null: bytes are plain
  bool is_handshake_done_ = false;
};

}  // namespace tenure::net
