#include "net/http1_session.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "net/event_loop.h"
#include "net/request_target.h"
#include "net/response_head.h"
#include "net/server_context.h"

namespace tenure::net {
namespace {

constexpr std::size_t kReadMin = 2048;          ///< room for a read
constexpr std::size_t kBodyStep = 1024 * 1024;  ///< a body's buffer grows as the body arrives
constexpr std::int64_t kNoDeadline = std::numeric_limits<std::int64_t>::max();

}  // namespace

void Http1Session::open() {
  phase_ = Phase::kHead;
  is_closing_ = is_head_begun_ = is_from_socket_ = is_client_gone_ = false;
  exchange_.is_on_plain_socket = channel_.loop.context().tls == nullptr;
  parser_.reset();
  exchange_.begin_request();
}

void Http1Session::set_deadline(core::Micros after) {
  channel_.deadline_ns = channel_.loop.now_ns() + after * 1000;
}

// --- reading -----------------------------------------------------------------------------------

std::size_t Http1Session::room_wanted() const {
  if (phase_ == Phase::kReceiving) {
    const std::size_t got = channel_.in.size() - parser_.head().length;
    if (parser_.head().is_chunked) return BodyUpload::kPieceMax - chunked_body_.size();
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, BodyUpload::kPieceMax));
    return std::max(wanted - got, kReadMin);
  }
  if (phase_ != Phase::kBody) return kReadMin;
  const std::uint64_t whole = parser_.head().length + parser_.head().content_length;
  return std::min<std::size_t>(static_cast<std::size_t>(whole) - channel_.in.size(), kBodyStep);
}

void Http1Session::received(std::size_t n) {
  read_ns_ = channel_.loop.now_ns();
  if (phase_ != Phase::kBody && phase_ != Phase::kChunks && phase_ != Phase::kReceiving) return;
  body_read_ += n;
  const core::Micros timeout = channel_.loop.context().options.body_timeout;
  channel_.deadline_ns = transfer_deadline_ns(body_began_ns_, timeout, body_read_);
  // Much that came fast is no leave to be silent for hours.
  if (phase_ == Phase::kReceiving)
    channel_.deadline_ns = std::min(channel_.deadline_ns, read_ns_ + timeout * 1000);
}

bool Http1Session::advance() {
  switch (phase_) {
    case Phase::kHead:
      return !is_closing_ && advance_head();
    case Phase::kBody:
      return advance_body();
    case Phase::kChunks:
      return advance_chunks();
    case Phase::kReceiving:
      return advance_upload();
    case Phase::kSending:
      return advance_sending();
    case Phase::kWorking:
    case Phase::kOpening:
    case Phase::kStoring:
      return false;
  }
  return false;
}

bool Http1Session::advance_head() {
  const HttpServerOptions& options = channel_.loop.context().options;
  ReadBuffer& in = channel_.in;
  if (!is_head_begun_) {
    exchange_.count_sent(channel_.loop.context());  // of the answer before
    // RFC 9112 section 2.2: empty lines before a request are ignored.
    while (in.unread().starts_with("\r\n")) in.consume(2);
    if (in.size() == 0) {
      set_deadline(options.idle_timeout);
      return false;
    }
    is_head_begun_ = true;
    first_byte_ns_ = read_ns_;
    exchange_.begin_request();
    set_deadline(options.header_timeout);
  }
  const RequestParser::Step step = parser_.parse_head(in.unread());
  if (step == RequestParser::Step::kRefused) {
    refuse(parser_.refusal().status, parser_.refusal().detail);
    return false;
  }
  const bool is_done = step == RequestParser::Step::kDone;
  if ((is_done ? parser_.head().length : in.size()) > options.header_max) {
    refuse(431, "The request's header is too large");
    return false;
  }
  // A connection may keep 64 KiB; what a long head needs beyond that is of the budget for bodies.
  if (!exchange_.hold(channel_.loop.context(), is_done ? parser_.head().length : in.size())) {
    refuse(503, kBodiesFull);
    return false;
  }
  return is_done && accept_head();
}

bool Http1Session::accept_head() {
  ServerContext& context = channel_.loop.context();
  const ReadBuffer& in = channel_.in;
  const RequestHead& head = parser_.head();
  is_closing_ = !head.is_keep_alive;
  is_body_taken_ = false;
  exchange_.request.method = head.method;
  const auto target = split_target(text(head.target));
  if (!target) {
    refuse(400, "The request target should be a path");
    return false;
  }
  exchange_.find_route(context, head.method, target->path);

  if (exchange_.is_streamed()) return accept_upload();
  if (!head.is_chunked && head.content_length == 0) return dispatch({});
  const bool is_small =
      !head.is_chunked && !head.expects_continue && head.content_length <= kKeepBytes;
  if (!exchange_.match.route && !is_small) {
    // Nobody wants this body. Only a small one is read, to keep the connection.
    exchange_.fill_unmatched();
    refuse_as_filled();
    return false;
  }
  if (head.content_length > exchange_.body_max(context)) {
    refuse(413, "The request's body is too large");
    return false;
  }
  if (!is_small && !context.has_room(*exchange_.match.route)) {
    refuse(503, kTooMuchWork);
    return false;
  }
  if (!is_small) {
    fill_request({});
    if (!exchange_.is_body_admitted(context)) {
      refuse_as_filled();
      return false;
    }
  }
  if (!exchange_.hold(context, head.length + head.content_length)) {
    refuse(503, kBodiesFull);
    return false;
  }
  body_began_ns_ = channel_.loop.now_ns();
  body_read_ = in.size() - head.length;
  set_deadline(context.options.body_timeout);
  const bool is_waiting_client = head.expects_continue && in.size() == head.length;
  if (is_waiting_client) channel_.out += "HTTP/1.1 100 Continue\r\n\r\n";
  phase_ = head.is_chunked ? Phase::kChunks : Phase::kBody;
  chunked_body_.clear();
  return true;
}

bool Http1Session::advance_body() {
  const RequestHead& head = parser_.head();
  const auto length = static_cast<std::size_t>(head.content_length);
  if (channel_.in.size() - head.length < length) return false;
  return dispatch(channel_.in.unread().substr(head.length, length));
}

bool Http1Session::advance_chunks() {
  ServerContext& context = channel_.loop.context();
  ReadBuffer& in = channel_.in;
  const RequestHead& head = parser_.head();
  std::size_t consumed = 0;
  const RequestParser::Step step = parser_.parse_chunks(
      in.unread().substr(head.length), exchange_.body_max(context), chunked_body_, consumed);
  if (step == RequestParser::Step::kRefused) {
    refuse(parser_.refusal().status, parser_.refusal().detail);
    return false;
  }
  in.erase(head.length, consumed);
  if (step == RequestParser::Step::kDone) return dispatch(chunked_body_);
  if (!exchange_.hold(context, in.size() + chunked_body_.size())) {
    refuse(503, kBodiesFull);
    return false;
  }
  // What is left is the beginning of a chunk's header or of the trailers.
  if (in.size() - head.length > context.options.header_max) {
    refuse(431, "A chunk header or the trailers are too large");
    return false;
  }
  return false;
}

// --- answering ---------------------------------------------------------------------------------

/// `is_again`: the request was filled before, and since then its bytes may have moved.
void Http1Session::fill_request(std::string_view body, bool is_again) {
  const RequestHead& head = parser_.head();
  Request& request = exchange_.request;
  request.target = text(head.target);
  const TargetParts target = split_target(request.target).value_or(TargetParts{});
  request.path = target.path;
  request.query = target.query;
  request.body = body;
  request.content_type = text(head.content_type);
  request.remote = channel_.remote;
  request.began_ns = first_byte_ns_;
  exchange_.headers.clear();
  for (const RequestHead::Field& field : head.fields) {
    exchange_.headers.push_back({text(field.name), text(field.value)});
  }
  request.headers = exchange_.headers;
  if (!is_again) {
    exchange_.join_trace();
    choose_request_id();
  }
  request.request_id = exchange_.request_id;
  // The buffer may have moved since the head was read, and with it what the parameters view.
  if (!exchange_.parameters.empty())
    exchange_.find_route(channel_.loop.context(), head.method, request.path);
  request.path_parameters = exchange_.parameters;
}

bool Http1Session::dispatch(std::string_view body) {
  const RequestHead& head = parser_.head();
  fill_request(body);
  exchange_.begin_answer();
  exchange_.prepare(text(head.content_encoding), text(head.accept_encoding));
  if (exchange_.is_on_worker) return run_on_worker();
  if (exchange_.match.route) {
    exchange_.call_handler(channel_.loop.context());
    if (exchange_.is_on_worker) return run_on_worker();
    if (exchange_.response.hold) return hold_answer();
  } else {
    exchange_.fill_unmatched();
  }
  finish_request();
  return true;
}

void Http1Session::choose_request_id() {
  const RequestHead& head = parser_.head();
  // The client's only when its head was read to the end.
  exchange_.choose_request_id(head.length > 0 ? text(head.request_id) : std::string_view(),
                              channel_.loop.now());
}

/// Nothing else of this client is done until on_job_done().
void Http1Session::begin_work() {
  phase_ = Phase::kWorking;
  channel_.deadline_ns = kNoDeadline;
  ++channel_.jobs;
}

bool Http1Session::run_on_worker() {
  begin_work();
  if (exchange_.submit(channel_.loop.context(), when_done())) return false;
  --channel_.jobs;
  finish_request();
  return true;
}

/// The answer waits for something; the loop goes on with other connections.
bool Http1Session::hold_answer() {
  begin_work();
  exchange_.hold_answer(channel_.loop.context(), when_done());
  return false;
}

void Http1Session::append_answer(const Route* route) {
  exchange_.finish(channel_.loop.context());
  const Response& response = exchange_.response;
  std::string& out = channel_.out;
  // While draining, the last answer to what has arrived says that no more will be answered.
  if (channel_.loop.is_draining() && channel_.in.size() <= request_size()) is_closing_ = true;
  append_head(out, channel_.loop.date(), response,
              {.request_id = exchange_.request_id,
               .traceparent = exchange_.trace.traceparent(),
               .tracestate = exchange_.trace.tracestate(),
               .content_length = static_cast<std::size_t>(exchange_.answer_size()),
               .is_closing = is_closing_,
               .is_keep_alive = parser_.head().version == 10});
  if (exchange_.sends_body()) out += response.body;  // empty when it comes from a source
  exchange_.count(channel_.loop.context(), route);
  channel_.loop.set_now_ns(exchange_.began_ns);
}

void Http1Session::finish_job() {
  if (phase_ == Phase::kOpening) return begin_upload();
  if (phase_ == Phase::kStoring) return finish_store();
  finish_request();
}

void Http1Session::finish_request() {
  append_answer(exchange_.match.route);
  channel_.in.consume(request_size());
  exchange_.release();
  if (chunked_body_.capacity() > kKeepBytes) chunked_body_ = std::string();
  channel_.in.shrink(kKeepBytes);  // before its room in the budget is given back
  let_go();
  parser_.reset();
  phase_ = exchange_.download.is_open() ? Phase::kSending : Phase::kHead;
  is_head_begun_ = false;
}

void Http1Session::refuse(int status, std::string_view detail) {
  exchange_.fill_error(status, detail);
  refuse_as_filled();
}

void Http1Session::refuse_slow() {
  refuse(408, phase_ == Phase::kHead ? "The request's header did not arrive in time"
                                     : "The request's body did not arrive in time");
}

/// Answers with what the response holds and takes no more from this client.
void Http1Session::refuse_as_filled() {
  end_transfers();
  is_closing_ = true;
  phase_ = Phase::kHead;
  if (exchange_.request.request_id.empty()) choose_request_id();
  const RequestHead& head = parser_.head();
  exchange_.request.method = head.method;
  // The buffer may have moved since. Of a head that was not read to its end there is no path.
  const auto target = split_target(head.length > 0 ? text(head.target) : std::string_view());
  exchange_.request.path = target.value_or(TargetParts{}).path;
  exchange_.began_ns = channel_.loop.now_ns();
  append_answer(nullptr);
}

void Http1Session::let_go() {
  exchange_.let_go(channel_.loop.context());
}

std::size_t Http1Session::request_size() const {
  const RequestHead& head = parser_.head();
  // A chunked body is taken out of the buffer while it is decoded.
  return head.length +
         (head.is_chunked || is_body_taken_ ? 0 : static_cast<std::size_t>(head.content_length));
}

void Http1Session::release() {
  if (chunked_body_.capacity() > kKeepBytes) chunked_body_ = std::string();
  exchange_.release();
  end_transfers();
  let_go();
}

}  // namespace tenure::net
