#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/channel.h"
#include "net/exchange.h"
#include "net/http2_flood.h"
#include "net/request_parser.h"

struct nghttp2_session;

namespace tenure::net {

class Http2Session;

/// What an HTTP/2 client sends before anything else (RFC 9113 section 3.4).
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One request of an HTTP/2 connection, from its first header field to the last byte of its answer.
struct Http2Stream {
  Http2Session* session = nullptr;
  std::int32_t id = 0;
  std::size_t index = 0;  ///< its place in the session's list
  Exchange exchange;
  struct Field {
    TextRange name, value;
  };
  std::string head;  ///< names and values of the header, one after the other
  std::vector<Field> fields;
  TextRange target, content_type, request_id;
  Method method = Method::kOther;
  std::size_t head_size = 0;  ///< as RFC 9113 section 6.5.2 counts
  std::uint64_t content_length = 0;
  bool expects_continue = false;
  bool is_complete = false;  ///< the whole request is here
  bool is_waiting = false;   ///< complete, but too much output is waiting already
  bool is_working = false;   ///< its handler is on the pool, or its answer is held
  bool is_answered = false;  ///< its answer was handed to the library
  bool is_gone = false;      ///< closed while its handler runs
  std::string body;
  std::size_t sent = 0;  ///< bytes of the answer's body, when it has no source

  /// A body that its route takes while it arrives (Route::open_body).
  enum class Upload : std::uint8_t {
    kNone,       ///< there is none, or the sink has all of it
    kOpening,    ///< its sink is being made
    kReceiving,  ///< the next piece is arriving
    kStoring,    ///< `storing` is handed to the sink
  };
  Upload upload = Upload::kNone;
  bool is_last_piece = false;
  std::string storing;
  std::uint64_t received = 0;
  std::int64_t upload_began_ns = 0, store_began_ns = 0;
  std::string_view piece;  ///< what is left of the source's piece that is being sent
  std::int64_t began_ns = 0;
  std::int64_t deadline_ns = 0;

  void reset(std::int32_t with_id);
};

/// HTTP/2 on one connection (RFC 9113, by nghttp2, which it hides): streams become requests for the
/// router as those of HTTP/1.1 do, with the same limits. Reads from the channel's buffer and writes
/// to it; knows no socket. Lives on the loop's thread; only handlers of blocking routes run
/// elsewhere. Ends the connection (GOAWAY, ENHANCE_YOUR_CALM) when a client sends many frames
/// without requests or resets many streams.
class Http2Session {
 public:
  explicit Http2Session(Channel& channel);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  /// Takes everything in the channel's input. False: what came is not HTTP/2, close.
  bool receive();

  /// Appends to the channel's output until it holds `size_max` bytes or there is no more.
  bool produce(std::size_t size_max);

  /// The handler of `stream` has returned.
  void finish_job(Http2Stream& stream);

  void check_deadlines(std::int64_t now_ns);

  /// While the server drains: first announces the end, then (`is_final`) takes no new streams.
  void drain_step(bool is_final);

  bool is_idle() const { return streams_.empty(); }
  bool is_over() const;  ///< neither side has more to say

 private:
  friend struct Http2Callbacks;

  /// What the library may send of a source's body.
  struct Piece {
    enum class Outcome : std::uint8_t { kBytes, kLast, kLater, kFailed };
    Outcome outcome = Outcome::kFailed;
    std::string_view bytes;
  };

  void submit_settings();
  Http2Stream* open_stream(std::int32_t id);
  void take_field(Http2Stream& stream, std::string_view name, std::string_view value);
  void accept_head(Http2Stream& stream, bool has_body);
  void take_body(Http2Stream& stream, std::string_view bytes);
  void complete(Http2Stream& stream);
  void fill_request(Http2Stream& stream);
  void dispatch(Http2Stream& stream);
  void hold_answer(Http2Stream& stream);
  void dispatch_waiting();
  void run_on_worker(Http2Stream& stream);
  void say_continue(Http2Stream& stream);
  std::function<void()> when_done(Http2Stream& stream);
  void begin_work(Http2Stream& stream);
  void await_upload(Http2Stream& stream);
  void open_upload(Http2Stream& stream);
  void begin_upload(Http2Stream& stream);
  void take_upload(Http2Stream& stream, std::string_view bytes);
  void advance_upload(Http2Stream& stream);
  void finish_store(Http2Stream& stream);
  void refuse_upload(Http2Stream& stream);
  void read_ahead(Http2Stream& stream);
  void finish_read(Http2Stream& stream);
  void await_download(Http2Stream& stream);
  Piece next_piece(Http2Stream& stream, std::size_t size_max);
  void refuse(Http2Stream& stream, int status, std::string_view detail);
  void answer(Http2Stream& stream, const Route* route);
  void sent_last_frame(std::int32_t id);
  void close_stream(Http2Stream& stream);
  void recycle(Http2Stream& stream);
  void count_control_frame();
  void count_reset();
  void calm_down(std::string_view why);
  void reset_stream(Http2Stream& stream, std::uint32_t code);
  Http2Stream* find(std::int32_t id) const;

  Channel& channel_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<Http2Stream>> streams_;  ///< a stream knows its index
  std::vector<std::unique_ptr<Http2Stream>> spare_;
  std::deque<std::int32_t> waiting_;  ///< complete requests, until answers have gone out
  std::size_t unsent_ = 0;            ///< bytes of answers that wait for the client
  FloodGuard control_frames_;
  FloodGuard resets_;
  std::int64_t active_ns_ = 0;      ///< when a frame of use last came
  std::int64_t head_began_ns_ = 0;  ///< 0: no header is arriving
  bool is_settled_ = false;         ///< the client's first SETTINGS came
  bool is_ending_ = false;          ///< GOAWAY is on its way
  bool is_notified_ = false;
  std::string names_;  ///< scratch: header names in lower case
};

}  // namespace tenure::net
