#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "net/body_download.h"
#include "net/body_upload.h"
#include "net/content_coding.h"
#include "net/http_message.h"
#include "net/request_trace.h"
#include "net/router.h"

namespace tenure::net {

struct ServerContext;
class WorkLane;

/// One request and its answer, whichever protocol carries them. Reused from request to request, so
/// that a warm one asks the heap for nothing.
struct Exchange {
  Request request;
  Response response;
  Router::Match match;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;
  std::vector<Request::Header> headers;
  std::string request_id;
  RequestTrace trace;
  std::int64_t began_ns = 0;  ///< when work on it began
  std::uint64_t held = 0;     ///< bytes taken from the budget for bodies
  NamedCoding coding;         ///< of the request's body
  Coding answer_coding = Coding::kIdentity;
  bool is_on_worker = false;                 ///< the handler runs on the pool
  bool is_finished = false;                  ///< finish() was called for this answer
  bool has_transfer_room = false;            ///< of ServerContext::transfers
  bool is_on_plain_socket = false;           ///< HTTP/1.1 without TLS: bytes go as they are
  std::string decoded;                       ///< the request's body without its coding
  BodyUpload upload;                         ///< the request's body, when its route streams it
  BodyDownload download;                     ///< the answer's body, when it has a source
  std::optional<std::uint64_t> source_size;  ///< of that body

  Exchange() { request_id.reserve(128); }

  void begin_request();  ///< forgets the request before, and its client

  void find_route(const ServerContext& context, Method method, std::string_view path);

  /// Bytes that a body of this request may have.
  std::uint64_t body_max(const ServerContext& context) const;

  /// `wanted`: the client's id if it may be echoed, else empty.
  void choose_request_id(std::string_view wanted, core::Micros now);

  /// Joins the caller's trace, once the header fields are known.
  void join_trace();

  /// Whether the route wants this client's body, before it is read; if not, the response says why.
  bool is_body_admitted(ServerContext& context);

  /// Says how the request's body is encoded and how its answer may be, by their header fields, and
  /// where the handler is to run: elsewhere when that, or decoding the body, takes long.
  void prepare(std::string_view content_encoding, std::string_view accept_encoding);

  void begin_answer();  ///< empties the response

  /// Decodes the request's body, runs the route's handler, and finishes its answer, unless that is
  /// held (Response::hold); never throws. Any thread. A handler that leaves the rest to a worker
  /// (Response::rest) makes is_on_worker true: call submit() then, where this does the rest.
  void call_handler(ServerContext& context);

  /// Has `done` called when the answer that is held may go, on whatever thread says so. Both this
  /// exchange and the caller may be gone by the time this returns.
  void hold_answer(ServerContext& context, const std::function<void()>& done);

  /// Has call_handler() run on a thread of the route's lane, then `done`, there or on the thread
  /// that lets a held answer go. False when too much work is waiting: the response is filled with
  /// 503.
  bool submit(ServerContext& context, std::function<void()> done);

  bool has_transfer() const {
    return upload.is_open() || !download.is_empty() || has_transfer_room;
  }

  bool is_streamed() const { return match.route && match.route->open_body; }

  /// Has the sink of the request's body made on a thread of the route's lane, then `done` called
  /// there. False when the response is filled with why not: a coding that is not known, or too much
  /// work. Call prepare() before.
  bool open_upload(ServerContext& context, std::function<void()> done);

  /// Has `bytes`, which must stay, handed to the sink, then `done` called, both on a thread of the
  /// lane. `is_last`: nothing follows them.
  void write_upload(ServerContext& context, std::string_view bytes, bool is_last,
                    std::function<void()> done);

  /// Has what the socket holds handed to the sink (BodyUpload::receive), then `done` called.
  void receive_upload(ServerContext& context, int socket, std::function<void()> done);

  /// When upload.error() is set: fills the response with it.
  void fill_upload_error();

  /// Has the next piece read on a thread of the lane, then `done` called there. False when there is
  /// nothing to do now.
  bool read_ahead(ServerContext& context, std::function<void()> done);

  /// As read_ahead, for a file that the kernel sends.
  bool send_file(ServerContext& context, int socket, std::function<void()> done);

  /// Sink and source are no longer needed: they are destroyed on a thread of the lane.
  void end_transfers(ServerContext& context);

  /// Bytes of the answer's body, once it is finished.
  std::uint64_t answer_size() const { return source_size.value_or(response.body.size()); }

  /// Gives an error its body, encodes a large answer, and begins the download of one that has a
  /// source, unless that is done: call it before the answer's bytes are used.
  void finish(const ServerContext& context);

  void fill_unmatched();                                 ///< 404, or 405 with Allow
  void fill_error(int status, std::string_view detail);  ///< 503 gets Retry-After

  /// Takes room in the budget for a request of `bytes` in all; false when there is none. The first
  /// 64 KiB are not counted: every connection may keep as much.
  bool hold(ServerContext& context, std::uint64_t bytes);
  void let_go(ServerContext& context);

  /// Counts the answer in the metrics; one whose body comes from a source later, by count_sent().
  void count(ServerContext& context, const Route* route);

  /// The last byte of the answer is sent, or never will be.
  void count_sent(ServerContext& context) {
    if (is_count_due_) count_due(context);
  }

  void release();  ///< large buffers go back

  bool sends_body() const {
    return request.method != Method::kHead && response.status != 204 && response.status != 304;
  }

 private:
  bool take_transfer_room(ServerContext& context, std::function<void()> resume);
  void give_back_transfer_room(ServerContext& context);
  void count_due(ServerContext& context);
  void call(ServerContext& context, const Handler& handler);
  void log_failure(std::string_view what, std::string_view why) const;
  bool has_blocking_header() const;
  void fill_unknown_coding();
  bool decode_body(ServerContext& context);
  void begin_download();
  void encode_answer(const ServerContext& context);
  WorkLane& lane(ServerContext& context) const;

  bool is_count_due_ = false;
  const Route* due_route_ = nullptr;
  int due_status_ = 0;
  std::int64_t due_began_ns_ = 0;
};

/// Buffers of idle connections hold no more than this.
constexpr std::size_t kKeepBytes = 64 * 1024;
constexpr std::string_view kTooMuchWork = "Too much work is waiting; try again";
constexpr std::string_view kBodiesFull = "Too many large requests are being read; try again";

/// When a body of `bytes` so far that began at `began_ns` is too slow: after `timeout`, and one
/// second later for every 16 KiB.
std::int64_t transfer_deadline_ns(std::int64_t began_ns, core::Micros timeout, std::uint64_t bytes);

}  // namespace tenure::net
