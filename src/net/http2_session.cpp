#include "net/http2_session.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <stdexcept>
#include <utility>

#include <nghttp2/nghttp2.h>

#include "core/log.h"
#include "net/connection.h"
#include "net/event_loop.h"
#include "net/http2_callbacks.h"
#include "net/request_target.h"
#include "net/server_context.h"

namespace tenure::net {
namespace {

constexpr std::int64_t kNoDeadline = std::numeric_limits<std::int64_t>::max();
constexpr std::uint32_t kWindow = 1024 * 1024;       ///< bytes of a body sent ahead, by stream
constexpr std::size_t kUnsentMax = 4 * 1024 * 1024;  ///< bytes of answers waiting for the client
constexpr std::size_t kSpareMax = 32;
constexpr std::size_t kHeadUncounted = 16 * 1024;  ///< longer heads are of the budget for bodies
constexpr std::size_t kFieldsMax = 128;
constexpr std::int64_t kControlBurst = 500, kControlPerSecond = 50;
constexpr std::int64_t kResetBurst = 100, kResetPerSecond = 10;

}  // namespace

void Http2Stream::reset(std::int32_t with_id) {
  id = with_id;
  head.clear();
  fields.clear();
  target = content_type = request_id = {};
  method = Method::kOther;
  head_size = sent = 0;
  content_length = 0;
  expects_continue = is_complete = is_waiting = is_working = is_answered = is_gone = false;
  body.clear();
  upload = Upload::kNone;
  received = 0;
  piece = {};
  deadline_ns = kNoDeadline;
  exchange.begin_request();
}

Http2Session::Http2Session(Channel& channel)
    : channel_(channel),
      control_frames_(kControlBurst, kControlPerSecond),
      resets_(kResetBurst, kResetPerSecond),
      active_ns_(channel.loop.now_ns()) {
  session_ = make_nghttp2_session(*this);
  submit_settings();
}

Http2Session::~Http2Session() {
  nghttp2_session_del(session_);
  ServerContext& context = channel_.loop.context();
  for (const auto& stream : streams_) {
    stream->exchange.let_go(context);
    stream->exchange.count_sent(context);
    if (stream->exchange.has_transfer()) stream->exchange.end_transfers(context);
  }
}

void Http2Session::submit_settings() {
  const HttpServerOptions& options = channel_.loop.context().options;
  const auto header_max = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(options.header_max, std::numeric_limits<std::int32_t>::max()));
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.streams_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, header_max},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 4 * kWindow);
}

// --- bytes in and out --------------------------------------------------------------------------

bool Http2Session::receive() {
  const std::string_view bytes = channel_.in.unread();
  if (bytes.empty()) return true;
  const auto n = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  channel_.in.clear();
  return n >= 0;
}

bool Http2Session::produce(std::size_t size_max) {
  while (channel_.out.size() < size_max) {
    const std::uint8_t* bytes = nullptr;
    const auto n = nghttp2_session_mem_send(session_, &bytes);
    if (n < 0) return false;
    if (n == 0) {
      if (waiting_.empty() || unsent_ >= kUnsentMax) break;
      dispatch_waiting();
      continue;
    }
    channel_.out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
  }
  return true;
}

bool Http2Session::is_over() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

// --- requests ----------------------------------------------------------------------------------

Http2Stream* Http2Session::open_stream(std::int32_t id) {
  // Streams that were reset count until their handler has returned: resetting makes no room.
  if (streams_.size() >= channel_.loop.context().options.streams_max || is_ending_) return nullptr;
  if (spare_.empty()) spare_.push_back(std::make_unique<Http2Stream>());
  streams_.push_back(std::move(spare_.back()));
  spare_.pop_back();
  Http2Stream& stream = *streams_.back();
  stream.reset(id);
  stream.session = this;
  stream.index = streams_.size() - 1;
  stream.began_ns = head_began_ns_ = channel_.loop.now_ns();
  return &stream;
}

Http2Stream* Http2Session::find(std::int32_t id) const {
  return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

void Http2Session::take_field(Http2Stream& stream, std::string_view name, std::string_view value) {
  stream.head_size += name.size() + value.size() + 32;
  if (stream.head_size > channel_.loop.context().options.header_max) return;  // 431 at its end
  if (stream.fields.size() >= kFieldsMax) return;
  if (name == ":method") {
    stream.method = method_of(value);
    return;
  }
  const auto keep = [&](std::string_view text) {
    const TextRange range{static_cast<std::uint32_t>(stream.head.size()),
                          static_cast<std::uint32_t>(text.size())};
    stream.head += text;
    return range;
  };
  const TextRange kept = keep(value);
  if (name == ":path") {
    stream.target = kept;
    return;
  }
  // What HTTP/1.1 calls Host; other pseudo header fields mean nothing to a handler.
  if (name == ":authority") name = "host";
  if (name.starts_with(':')) return;
  stream.fields.push_back({keep(name), kept});
  if (name == "content-type") {
    stream.content_type = kept;
  } else if (name == "content-length") {
    std::from_chars(value.data(), value.data() + value.size(), stream.content_length);
  } else if (name == "expect") {
    stream.expects_continue = value == "100-continue";
  } else if (name == "x-request-id" && is_request_id(value)) {
    stream.request_id = kept;
  }
}

void Http2Session::accept_head(Http2Stream& stream, bool has_body) {
  ServerContext& context = channel_.loop.context();
  head_began_ns_ = 0;
  active_ns_ = channel_.loop.now_ns();
  Exchange& exchange = stream.exchange;
  exchange.request.method = stream.method;
  exchange.began_ns = active_ns_;
  if (stream.head_size > context.options.header_max)
    return refuse(stream, 431, "The request's header is too large");
  if (stream.fields.size() >= kFieldsMax) return refuse(stream, 431, "Too many header fields");
  const std::string_view head = stream.head;
  if (head.size() > kHeadUncounted && !exchange.hold(context, kKeepBytes + head.size()))
    return refuse(stream, 503, kBodiesFull);
  const auto target = split_target(head.substr(stream.target.offset, stream.target.length));
  if (!target) return refuse(stream, 400, "The request target should be a path");
  exchange.request.path = target->path;
  exchange.find_route(context, stream.method, target->path);
  if (exchange.is_streamed()) {
    stream.is_complete = !has_body;
    return open_upload(stream);
  }
  if (!has_body) return complete(stream);
  if (!exchange.match.route) {
    // Nobody wants this body.
    exchange.fill_unmatched();
    return answer(stream, nullptr);
  }
  if (stream.content_length > exchange.body_max(context))
    return refuse(stream, 413, "The request's body is too large");
  if (!context.has_room(*exchange.match.route)) return refuse(stream, 503, kTooMuchWork);
  const bool is_small = stream.content_length > 0 && stream.content_length <= kKeepBytes;
  if (!is_small || stream.expects_continue) {
    fill_request(stream);
    if (!exchange.is_body_admitted(context)) return answer(stream, nullptr);
  }
  if (stream.expects_continue) say_continue(stream);
  stream.deadline_ns = transfer_deadline_ns(active_ns_, context.options.body_timeout, 0);
}

void Http2Session::say_continue(Http2Stream& stream) {
  std::uint8_t name[] = ":status", value[] = "100";
  const nghttp2_nv status{name, value, 7, 3, NGHTTP2_NV_FLAG_NONE};
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id, nullptr, &status, 1, nullptr);
}

void Http2Session::take_body(Http2Stream& stream, std::string_view bytes) {
  // What the client may send in this stream grows as the sink takes it, else as it comes; what it
  // may send in all streams together always as it comes, so that no sink makes the others wait.
  const bool is_upload = stream.upload != Http2Stream::Upload::kNone && !stream.is_answered;
  nghttp2_session_consume_connection(session_, bytes.size());
  if (!is_upload) nghttp2_session_consume_stream(session_, stream.id, bytes.size());
  if (stream.is_answered) return;  // refused already; what was on its way is dropped
  if (is_upload) return take_upload(stream, bytes);
  ServerContext& context = channel_.loop.context();
  const std::size_t size = stream.body.size() + bytes.size();
  if (size > stream.exchange.body_max(context))
    return refuse(stream, 413, "The request's body is too large");
  // A connection may keep its 64 KiB, a stream of it may not: all of its body counts.
  if (!stream.exchange.hold(context, size + kKeepBytes)) return refuse(stream, 503, kBodiesFull);
  stream.body += bytes;
  active_ns_ = channel_.loop.now_ns();
  stream.deadline_ns = transfer_deadline_ns(stream.began_ns, context.options.body_timeout, size);
}

void Http2Session::complete(Http2Stream& stream) {
  stream.is_complete = true;
  if (stream.is_answered) return;
  if (stream.upload != Http2Stream::Upload::kNone) return advance_upload(stream);
  active_ns_ = channel_.loop.now_ns();
  stream.deadline_ns = kNoDeadline;
  if (unsent_ >= kUnsentMax || !waiting_.empty()) {
    stream.is_waiting = true;
    waiting_.push_back(stream.id);
    return;
  }
  dispatch(stream);
}

/// Answers one request that had to wait until enough of the answers before it had gone out.
void Http2Session::dispatch_waiting() {
  const std::int32_t id = waiting_.front();
  waiting_.pop_front();
  Http2Stream* const stream = find(id);
  if (stream && std::exchange(stream->is_waiting, false)) dispatch(*stream);
}

void Http2Session::fill_request(Http2Stream& stream) {
  Exchange& exchange = stream.exchange;
  Request& request = exchange.request;
  const std::string_view head = stream.head;
  const auto text = [&](TextRange range) { return head.substr(range.offset, range.length); };
  request.target = text(stream.target);
  const TargetParts target = split_target(request.target).value_or(TargetParts{});
  request.path = target.path;
  request.query = target.query;
  request.body = stream.body;
  request.content_type = text(stream.content_type);
  request.remote = channel_.remote;
  request.began_ns = stream.began_ns;
  exchange.headers.clear();
  for (const Http2Stream::Field& field : stream.fields)
    exchange.headers.push_back({text(field.name), text(field.value)});
  request.headers = exchange.headers;
  exchange.join_trace();
  exchange.choose_request_id(text(stream.request_id), channel_.loop.now());
  request.request_id = exchange.request_id;
  exchange.find_route(channel_.loop.context(), stream.method, request.path);
  request.path_parameters = exchange.parameters;
}

void Http2Session::dispatch(Http2Stream& stream) {
  Exchange& exchange = stream.exchange;
  fill_request(stream);
  exchange.began_ns = channel_.loop.now_ns();
  exchange.begin_answer();
  exchange.prepare(exchange.request.header("content-encoding"),
                   exchange.request.header("accept-encoding"));
  const Route* const route = exchange.match.route;
  if (exchange.is_on_worker) return run_on_worker(stream);
  if (route) {
    exchange.call_handler(channel_.loop.context());
    if (exchange.is_on_worker) return run_on_worker(stream);
    if (exchange.response.hold) return hold_answer(stream);
  } else {
    exchange.fill_unmatched();
  }
  answer(stream, route);
}

void Http2Session::run_on_worker(Http2Stream& stream) {
  ServerContext& context = channel_.loop.context();
  begin_work(stream);
  if (stream.exchange.submit(context, when_done(stream))) return;
  --channel_.jobs;
  stream.is_working = false;
  answer(stream, stream.exchange.match.route);
}

/// The answer waits for something; other streams go on.
void Http2Session::hold_answer(Http2Stream& stream) {
  begin_work(stream);
  stream.exchange.hold_answer(channel_.loop.context(), when_done(stream));
}

void Http2Session::finish_job(Http2Stream& stream) {
  stream.is_working = false;
  active_ns_ = channel_.loop.now_ns();
  if (stream.is_gone) return recycle(stream);
  if (stream.is_answered) return finish_read(stream);
  if (stream.upload == Http2Stream::Upload::kOpening) return begin_upload(stream);
  if (stream.upload == Http2Stream::Upload::kStoring) return finish_store(stream);
  answer(stream, stream.exchange.match.route);
}

// --- answers -----------------------------------------------------------------------------------

void Http2Session::refuse(Http2Stream& stream, int status, std::string_view detail) {
  stream.exchange.fill_error(status, detail);
  answer(stream, nullptr);
}

void Http2Session::answer(Http2Stream& stream, const Route* route) {
  ServerContext& context = channel_.loop.context();
  Exchange& exchange = stream.exchange;
  if (exchange.request.request_id.empty()) {
    const std::string_view head = stream.head;
    exchange.choose_request_id(head.substr(stream.request_id.offset, stream.request_id.length),
                               channel_.loop.now());
  }
  // Refused half way; of an answer that is to be sent there is a source.
  if (exchange.upload.is_open() || exchange.upload.error()) exchange.end_transfers(context);
  exchange.finish(context);
  // The request is done with: its memory goes back before the answer's is waited for.
  if (stream.body.capacity() > kKeepBytes) stream.body = std::string();
  stream.body.clear();
  stream.storing = std::string();
  if (exchange.decoded.capacity() > kKeepBytes) exchange.decoded = std::string();
  exchange.let_go(context);
  stream.is_answered = true;
  if (exchange.sends_body()) {
    unsent_ += exchange.response.body.size();
  } else {
    stream.sent = exchange.response.body.size();
  }
  stream.began_ns = channel_.loop.now_ns();
  stream.deadline_ns =
      transfer_deadline_ns(stream.began_ns, context.options.body_timeout, stream.sent);
  if (!submit_answer(session_, stream, channel_.loop.date(), names_))
    reset_stream(stream, NGHTTP2_INTERNAL_ERROR);
  exchange.count(context, route);
}

void Http2Session::sent_last_frame(std::int32_t id) {
  // RFC 9113 section 8.1: the rest of a request that is answered already is not wanted.
  Http2Stream* const stream = find(id);
  if (stream && !stream->is_complete)
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
}

void Http2Session::close_stream(Http2Stream& stream) {
  if (stream.is_answered) unsent_ -= stream.exchange.response.body.size() - stream.sent;
  head_began_ns_ = stream.is_complete || stream.is_answered ? head_began_ns_ : 0;
  stream.is_gone = true;
  if (!stream.is_working) recycle(stream);
}

void Http2Session::recycle(Http2Stream& stream) {
  const std::size_t index = stream.index;
  std::unique_ptr<Http2Stream> gone = std::move(streams_[index]);
  if (index + 1 != streams_.size()) {
    streams_[index] = std::move(streams_.back());
    streams_[index]->index = index;
  }
  streams_.pop_back();
  gone->exchange.count_sent(channel_.loop.context());
  gone->exchange.let_go(channel_.loop.context());
  gone->exchange.release();
  if (gone->exchange.has_transfer()) gone->exchange.end_transfers(channel_.loop.context());
  for (std::string* text : {&gone->body, &gone->head}) {
    if (text->capacity() > kKeepBytes) *text = std::string();
  }
  gone->storing = std::string();
  if (spare_.size() < kSpareMax) spare_.push_back(std::move(gone));
}

void Http2Session::reset_stream(Http2Stream& stream, std::uint32_t code) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, code);
}

// --- limits and ends ---------------------------------------------------------------------------

void Http2Session::count_control_frame() {
  if (!control_frames_.count(channel_.loop.now_ns()))
    calm_down("too many frames without a request");
}

void Http2Session::count_reset() {
  if (!resets_.count(channel_.loop.now_ns())) calm_down("too many streams were reset");
}

void Http2Session::calm_down(std::string_view why) {
  if (std::exchange(is_ending_, true)) return;
  core::log_warn("net", "an HTTP/2 client is sent away",
                 {{"client.address", channel_.remote}, {"reason", why}});
  nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
}

void Http2Session::check_deadlines(std::int64_t now_ns) {
  const HttpServerOptions& options = channel_.loop.context().options;
  for (std::size_t i = streams_.size(); i-- > 0;) {
    Http2Stream& stream = *streams_[i];
    if (stream.is_gone || now_ns < stream.deadline_ns) continue;
    stream.deadline_ns = kNoDeadline;
    if (stream.is_answered) {
      channel_.loop.context().metrics.count_client_gone();
      reset_stream(stream, NGHTTP2_CANCEL);
    } else {
      refuse(stream, 408, "The request's body did not arrive in time");
    }
  }
  const std::int64_t silence = now_ns - active_ns_;
  const bool is_slow =
      (head_began_ns_ != 0 && now_ns - head_began_ns_ >= options.header_timeout * 1000) ||
      (!is_settled_ && silence >= options.header_timeout * 1000) ||
      (streams_.empty() && silence >= options.idle_timeout * 1000);
  if (is_slow && !std::exchange(is_ending_, true))
    nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
}

void Http2Session::drain_step(bool is_final) {
  if (!std::exchange(is_notified_, true)) nghttp2_submit_shutdown_notice(session_);
  if (!is_final || std::exchange(is_ending_, true)) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
}

}  // namespace tenure::net
