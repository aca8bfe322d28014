#include "net/connection.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "core/id.h"
#include "core/log.h"
#include "net/body_budget.h"
#include "net/event_loop.h"
#include "net/problem.h"
#include "net/request_target.h"

namespace tenure::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kReadMin = 2048;          ///< room for a read
constexpr std::size_t kKeepBytes = 64 * 1024;   ///< buffers of idle connections hold no more
constexpr std::size_t kFlushAt = 256 * 1024;    ///< pipelined answers are not hoarded beyond this
constexpr std::size_t kBodyStep = 1024 * 1024;  ///< a body's buffer grows as the body arrives
constexpr std::int64_t kBodyBytesPerSecondMin = 16 * 1024;  ///< slower clients get 408
constexpr core::Micros kLingerTimeout = 2'000'000;
constexpr std::int64_t kNoDeadline = std::numeric_limits<std::int64_t>::max();
constexpr std::string_view kBodiesFull = "Too many large requests are being read; try again";

bool is_would_block(const error_code& code) {
  return code == asio::error::would_block || code == asio::error::try_again;
}

}  // namespace

Connection::Connection(EventLoop& loop) : loop_(loop), socket_(loop.io().get_executor()) {
  request_id_.reserve(128);
}

/// Runs what an event asks for. An exception that gets here ends this connection alone.
template <typename Work>
void Connection::guarded(const Work& work) {
  try {
    work();
  } catch (const std::exception& exception) {
    EventLoop::log_failure("a connection failed", exception);
    if (phase_ != Phase::kClosed) close();
  }
}

void Connection::open(Socket socket, const asio::ip::tcp::endpoint& peer, std::size_t index) {
  socket_ = std::move(socket);
  index_ = index;
  phase_ = Phase::kHead;
  is_closing_ = is_head_begun_ = false;
  idle_steps_ = 0;
  in_.clear();
  out_.clear();
  written_ = 0;
  parser_.reset();
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  set_deadline(loop_.context().options.idle_timeout);
  guarded([&] {
    const asio::ip::address address = peer.address();
    remote_ = address.is_v6() ? fmt::format("[{}]:{}", address.to_string(), peer.port())
                              : fmt::format("{}:{}", address.to_string(), peer.port());
    read_more();
  });
}

void Connection::set_deadline(core::Micros after) {
  deadline_ns_ = loop_.now_ns() + after * 1000;
}

std::string_view Connection::text(TextRange range) const {
  return in_.unread().substr(range.offset, range.length);
}

std::uint64_t Connection::body_max() const {
  const Route* route = match_.route;
  return route && route->body_max != 0 ? route->body_max : loop_.context().options.body_max;
}

// --- reading -----------------------------------------------------------------------------------

void Connection::read_more() {
  if (phase_ == Phase::kClosed || is_reading_) return;
  if (phase_ == Phase::kLingering) {
    in_.clear();
    in_.shrink(kKeepBytes);
    let_go();
  }
  std::size_t room = kReadMin;
  if (phase_ == Phase::kBody) {
    const std::uint64_t whole = parser_.head().length + parser_.head().content_length;
    room = std::min<std::size_t>(static_cast<std::size_t>(whole) - in_.size(), kBodyStep);
  }
  const std::span<char> free = in_.make_room(room);
  socket_.async_read_some(
      asio::buffer(free.data(), free.size()),
      [this](const error_code& code, std::size_t n) { guarded([&] { on_read(code, n); }); });
  is_reading_ = true;
}

void Connection::on_read(const error_code& code, std::size_t n) {
  is_reading_ = false;
  loop_.refresh_time();
  if (phase_ == Phase::kClosed) return release_if_idle();
  if (code) {
    const bool is_expected =
        phase_ == Phase::kLingering || (phase_ == Phase::kHead && in_.size() == 0 && out_.empty());
    if (!is_expected) loop_.context().metrics.count_client_gone();
    return close();
  }
  idle_steps_ = 0;
  read_ns_ = loop_.now_ns();
  if (phase_ == Phase::kLingering) return read_more();
  in_.produced(n);
  if (phase_ == Phase::kBody || phase_ == Phase::kChunks) {
    body_read_ += static_cast<std::int64_t>(n);
    deadline_ns_ = body_began_ns_ + loop_.context().options.body_timeout * 1000 +
                   body_read_ / kBodyBytesPerSecondMin * 1'000'000'000;
  }
  run();
}

void Connection::run() {
  request_began_ns_ = loop_.now_ns();
  for (;;) {
    while (out_.size() - written_ < kFlushAt && advance()) {
    }
    const bool is_full = out_.size() - written_ >= kFlushAt;
    if (!flush()) return;  // goes on when the rest is written, or is closed
    if (!is_full) break;
  }
  if (phase_ == Phase::kWorking) return;
  if (is_closing_ && phase_ == Phase::kHead) begin_linger();
  if (phase_ == Phase::kHead) in_.shrink(kKeepBytes);
  read_more();
}

bool Connection::advance() {
  switch (phase_) {
    case Phase::kHead:
      return !is_closing_ && advance_head();
    case Phase::kBody:
      return advance_body();
    case Phase::kChunks:
      return advance_chunks();
    case Phase::kWorking:
    case Phase::kLingering:
    case Phase::kClosed:
      return false;
  }
  return false;
}

bool Connection::advance_head() {
  const HttpServerOptions& options = loop_.context().options;
  if (!is_head_begun_) {
    // RFC 9112 section 2.2: empty lines before a request are ignored.
    while (in_.unread().starts_with("\r\n")) in_.consume(2);
    if (in_.size() == 0) {
      set_deadline(options.idle_timeout);
      return false;
    }
    is_head_begun_ = true;
    first_byte_ns_ = read_ns_;
    trace_.clear();
    set_deadline(options.header_timeout);
  }
  const RequestParser::Step step = parser_.parse_head(in_.unread());
  if (step == RequestParser::Step::kRefused) {
    refuse(parser_.refusal().status, parser_.refusal().detail);
    return false;
  }
  const bool is_done = step == RequestParser::Step::kDone;
  if ((is_done ? parser_.head().length : in_.size()) > options.header_max) {
    refuse(431, "The request's header is too large");
    return false;
  }
  return is_done && accept_head();
}

bool Connection::accept_head() {
  const RequestHead& head = parser_.head();
  is_closing_ = !head.is_keep_alive;
  request_ = Request{};
  request_.method = head.method;
  const auto target = split_target(text(head.target));
  if (!target) {
    refuse(400, "The request target should be a path");
    return false;
  }
  match_ = loop_.context().router.match(head.method, target->path, parameters_);

  if (!head.is_chunked && head.content_length == 0) return dispatch({});
  if (!match_.route &&
      (head.is_chunked || head.expects_continue || head.content_length > kKeepBytes)) {
    // Nobody wants this body. Only a small one is read, to keep the connection.
    fill_unmatched();
    refuse_as_filled();
    return false;
  }
  if (head.content_length > body_max()) {
    refuse(413, "The request's body is too large");
    return false;
  }
  if ((head.is_chunked || head.expects_continue || head.content_length > kKeepBytes) &&
      !is_body_admitted()) {
    refuse_as_filled();
    return false;
  }
  if (!hold(head.length + head.content_length)) {
    refuse(503, kBodiesFull);
    return false;
  }
  body_began_ns_ = loop_.now_ns();
  body_read_ = static_cast<std::int64_t>(in_.size() - head.length);
  set_deadline(loop_.context().options.body_timeout);
  const bool is_waiting_client = head.expects_continue && in_.size() == head.length;
  if (is_waiting_client) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
  phase_ = head.is_chunked ? Phase::kChunks : Phase::kBody;
  chunked_body_.clear();
  return true;
}

bool Connection::advance_body() {
  const RequestHead& head = parser_.head();
  const auto length = static_cast<std::size_t>(head.content_length);
  if (in_.size() - head.length < length) return false;
  return dispatch(in_.unread().substr(head.length, length));
}

bool Connection::advance_chunks() {
  const RequestHead& head = parser_.head();
  std::size_t consumed = 0;
  const RequestParser::Step step =
      parser_.parse_chunks(in_.unread().substr(head.length), body_max(), chunked_body_, consumed);
  if (step == RequestParser::Step::kRefused) {
    refuse(parser_.refusal().status, parser_.refusal().detail);
    return false;
  }
  in_.erase(head.length, consumed);
  if (step == RequestParser::Step::kDone) return dispatch(chunked_body_);
  if (!hold(in_.size() + chunked_body_.size())) {
    refuse(503, kBodiesFull);
    return false;
  }
  // What is left is the beginning of a chunk's header or of the trailers.
  if (in_.size() - head.length > loop_.context().options.header_max) {
    refuse(431, "A chunk header or the trailers are too large");
    return false;
  }
  return false;
}

// --- answering ---------------------------------------------------------------------------------

/// Whether the route wants this client's body; if not, response_ says why.
bool Connection::is_body_admitted() {
  if (!match_.route || !match_.route->before_body) return true;
  fill_request({});
  response_.clear();
  call(match_.route->before_body);
  return response_.error_detail.empty();
}

void Connection::fill_request(std::string_view body) {
  const RequestHead& head = parser_.head();
  request_.target = text(head.target);
  const TargetParts target = split_target(request_.target).value_or(TargetParts{});
  request_.path = target.path;
  request_.query = target.query;
  request_.body = body;
  request_.content_type = text(head.content_type);
  request_.remote = remote_;
  headers_.clear();
  for (const RequestHead::Field& field : head.fields) {
    headers_.push_back({text(field.name), text(field.value)});
  }
  request_.headers = headers_;
  trace_.join(headers_);
  request_.trace = trace_.context();
  request_.began_ns = first_byte_ns_;
  choose_request_id();
  request_.request_id = request_id_;
  // The buffer may have moved since the head was read, and with it what the parameters view.
  if (!parameters_.empty()) {
    match_ = loop_.context().router.match(head.method, request_.path, parameters_);
  }
  request_.path_parameters = parameters_;
}

bool Connection::dispatch(std::string_view body) {
  fill_request(body);
  response_.clear();
  if (!match_.route) return answer_unmatched();
  request_.can_be_held = true;
  if (match_.route->is_blocking || has_blocking_header()) return run_on_worker();
  call_handler();
  if (response_.hold) return hold_answer();
  finish_request();
  return true;
}

bool Connection::has_blocking_header() const {
  const std::string_view name = match_.route->blocking_header;
  return !name.empty() && !request_.header(name).empty();
}

void Connection::choose_request_id() {
  const RequestHead& head = parser_.head();
  // The client's, if it sent one that may be echoed and its head was read to the end.
  if (head.length > 0 && head.request_id.length > 0) {
    request_id_.assign(text(head.request_id));
    return;
  }
  request_id_.resize(36);
  core::uuid_v7(loop_.now(), request_id_.data());
}

bool Connection::answer_unmatched() {
  fill_unmatched();
  finish_request();
  return true;
}

void Connection::fill_unmatched() {
  response_.clear();
  if (match_.is_path_known) {
    response_.error(405, "Method Not Allowed");
    response_.headers.emplace_back("Allow", std::string(match_.allow));
  } else {
    response_.error(404, "Not Found");
  }
}

bool Connection::run_on_worker() {
  phase_ = Phase::kWorking;
  deadline_ns_ = kNoDeadline;
  const bool is_taken = loop_.context().workers.submit([this] {
    call_handler();
    if (response_.hold) return run_hold();
    asio::post(loop_.io(), [this] { guarded([this] { on_worker_done(); }); });
  });
  is_working_ = is_taken;
  if (is_taken) return false;
  response_.error(503, "Too much work is waiting; try again");
  response_.headers.emplace_back("Retry-After", "1");
  finish_request();
  return true;
}

/// The answer waits for something; the loop goes on with other connections.
bool Connection::hold_answer() {
  phase_ = Phase::kWorking;
  deadline_ns_ = kNoDeadline;
  is_working_ = true;
  run_hold();
  return false;
}

/// On the handler's thread. The answer may go, and this connection be used by the loop again,
/// before this returns.
void Connection::run_hold() {
  const auto hold = std::exchange(response_.hold, nullptr);
  ServerContext& context = loop_.context();
  context.held_answers.begin();
  hold([this, &context] {
    asio::post(loop_.io(), [this] { guarded([this] { on_worker_done(); }); });
    context.held_answers.end();
  });
}

void Connection::on_worker_done() {
  is_working_ = false;
  loop_.refresh_time();
  if (phase_ == Phase::kClosed) return release_if_idle();
  // Earlier answers are still being written, from the buffer this one goes to: wait for that.
  set_deadline(loop_.context().options.body_timeout);
  if (is_writing_) return;
  finish_request();
  run();
}

void Connection::log_request(std::string_view what, std::string_view why) const {
  core::log_error("net", what,
                  {{"http.request.id", request_.request_id},
                   {"trace.id", trace_.trace_id()},
                   {"url.path", request_.path},
                   {"error.message", why}});
}

void Connection::call_handler() {
  call(match_.route->handler);
}

void Connection::call(const Handler& handler) {
  try {
    handler(request_, response_);
    if (response_.status >= 200 && response_.status <= 599 && are_headers_safe(response_)) return;
    log_request("the handler gave an invalid status or header", "");
  } catch (const std::exception& exception) {
    log_request("a handler failed", exception.what());
  } catch (...) {
    log_request("a handler failed", "not a std::exception");
  }
  loop_.context().metrics.count_exception();
  response_.clear();
  response_.error(500, "Internal Server Error");
}

void Connection::append_answer(const Route* route) {
  // While draining, the last answer to what has arrived says that no more will be answered.
  if (loop_.is_draining() && in_.size() <= request_size()) is_closing_ = true;
  finish_error(loop_.context().options.render_error, request_.path, request_id_, response_);
  append_head(out_, loop_.date(), response_,
              {.request_id = request_id_,
               .traceparent = trace_.traceparent(),
               .tracestate = trace_.tracestate(),
               .content_length = response_.body.size(),
               .is_closing = is_closing_,
               .is_keep_alive = parser_.head().version == 10});
  const bool has_body =
      request_.method != Method::kHead && response_.status != 204 && response_.status != 304;
  if (has_body) out_ += response_.body;
  const std::int64_t now_ns = loop_.context().clock.monotonic_ns();
  loop_.context().metrics.count(route, response_.status,
                                std::max<std::int64_t>(now_ns - request_began_ns_, 0));
  request_began_ns_ = now_ns;
}

void Connection::finish_request() {
  append_answer(match_.route);
  in_.consume(request_size());
  if (response_.body.capacity() > kKeepBytes) response_.body = std::string();
  if (chunked_body_.capacity() > kKeepBytes) chunked_body_ = std::string();
  let_go();
  parser_.reset();
  phase_ = Phase::kHead;
  is_head_begun_ = false;
}

void Connection::refuse(int status, std::string_view detail) {
  response_.clear();
  response_.error(status, detail);
  if (status == 503) response_.headers.emplace_back("Retry-After", "1");
  refuse_as_filled();
}

/// Answers with what is in response_ and takes no more from this client.
void Connection::refuse_as_filled() {
  is_closing_ = true;
  phase_ = Phase::kHead;
  choose_request_id();
  const RequestHead& head = parser_.head();
  request_.method = head.method;
  // Of a head that was not read to its end there is no path.
  const auto target = split_target(head.length > 0 ? text(head.target) : std::string_view());
  request_.path = target.value_or(TargetParts{}).path;
  request_began_ns_ = loop_.now_ns();
  append_answer(nullptr);
}

/// Takes room for a request of `bytes` in all. What every connection may keep is not counted: there
/// are connections_max of those.
bool Connection::hold(std::uint64_t bytes) {
  if (bytes <= kKeepBytes + held_) return true;
  const std::uint64_t more = bytes - kKeepBytes - held_;
  if (!loop_.context().bodies.take(more, held_)) return false;
  held_ += more;
  return true;
}

void Connection::let_go() {
  if (held_ > 0) loop_.context().bodies.give_back(std::exchange(held_, 0));
}

std::size_t Connection::request_size() const {
  const RequestHead& head = parser_.head();
  // A chunked body is taken out of the buffer while it is decoded.
  return head.length + (head.is_chunked ? 0 : static_cast<std::size_t>(head.content_length));
}

// --- writing and closing -----------------------------------------------------------------------

bool Connection::flush() {
  if (is_writing_) return false;
  while (written_ < out_.size()) {
    error_code code;
    written_ +=
        socket_.write_some(asio::buffer(out_.data() + written_, out_.size() - written_), code);
    if (is_would_block(code)) {
      write_rest();
      return false;
    }
    if (code) {
      loop_.context().metrics.count_client_gone();
      close();
      return false;
    }
  }
  out_.clear();
  written_ = 0;
  if (out_.capacity() > 4 * kKeepBytes) out_ = std::string();
  return true;
}

void Connection::write_rest() {
  if (phase_ != Phase::kWorking) set_deadline(loop_.context().options.body_timeout);
  socket_.async_write_some(
      asio::buffer(out_.data() + written_, out_.size() - written_),
      [this](const error_code& code, std::size_t n) { guarded([&] { on_written(code, n); }); });
  is_writing_ = true;
}

void Connection::on_written(const error_code& code, std::size_t n) {
  is_writing_ = false;
  loop_.refresh_time();
  if (phase_ == Phase::kClosed) return release_if_idle();
  if (code) {
    loop_.context().metrics.count_client_gone();
    return close();
  }
  written_ += n;
  if (phase_ == Phase::kWorking && !is_working_) return finish_late_answer();
  run();
}

void Connection::finish_late_answer() {
  out_.erase(0, written_);
  written_ = 0;
  finish_request();
  run();
}

void Connection::begin_linger() {
  // Closing with unread bytes in the socket would reset the connection and could destroy the answer
  // on its way (RFC 9112 section 9.6): say "no more", then read until the client closes too.
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  phase_ = Phase::kLingering;
  set_deadline(kLingerTimeout);
}

void Connection::close() {
  if (phase_ != Phase::kClosed) {
    phase_ = Phase::kClosed;
    error_code ignored;
    socket_.close(ignored);
  }
  release_if_idle();
}

void Connection::release_if_idle() {
  if (is_reading_ || is_writing_ || is_working_) return;
  // It may wait long for its next client: large buffers go back.
  in_.clear();
  in_.shrink(kKeepBytes);
  for (std::string* text : {&out_, &chunked_body_, &response_.body}) {
    if (text->capacity() > kKeepBytes) *text = std::string();
  }
  let_go();
  loop_.release(*this);
}

void Connection::check_deadline(std::int64_t now_ns) {
  if (now_ns < deadline_ns_ || phase_ == Phase::kClosed || is_working_) return;
  const bool is_inside_request = phase_ == Phase::kBody || phase_ == Phase::kChunks ||
                                 (phase_ == Phase::kHead && is_head_begun_ && !is_closing_);
  if (is_writing_ || !is_inside_request) {
    if (is_writing_) loop_.context().metrics.count_client_gone();
    return close();
  }
  guarded([this] {
    refuse(408, phase_ == Phase::kHead ? "The request's header did not arrive in time"
                                       : "The request's body did not arrive in time");
    if (flush()) begin_linger();  // the pending read goes on as the lingering one
  });
}

void Connection::drain_step(int idle_steps_max) {
  const bool is_idle = phase_ == Phase::kHead && !is_head_begun_ && !is_writing_ && out_.empty();
  if (!is_idle || ++idle_steps_ < idle_steps_max) return;
  error_code ignored;
  if (socket_.available(ignored) == 0) close();  // else its next request has just arrived
}

}  // namespace tenure::net
