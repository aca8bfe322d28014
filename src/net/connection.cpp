#include "net/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <utility>

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "net/event_loop.h"
#include "net/http2_session.h"

namespace tenure::net {
namespace {

constexpr std::size_t kFlushAt = 256 * 1024;  ///< answers are not hoarded beyond this
constexpr int kTurnMax = 128;  ///< steps for one client before others have their turn
constexpr core::Micros kLingerTimeout = 2'000'000;

bool is_would_block(int error) {
  return error == EAGAIN || error == EINTR;  // EAGAIN is EWOULDBLOCK here
}

}  // namespace

Connection::Connection(EventLoop& loop)
    : loop_(loop),
      channel_{.loop = loop, .connection = *this, .in = {}, .out = {}, .body = {}, .remote = {}},
      http1_(channel_) {}

Connection::~Connection() = default;

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

void Connection::open(core::Descriptor socket, std::string remote, std::size_t index) {
  socket_ = std::move(socket);
  watched_ = 0;
  index_ = index;
  phase_ = Phase::kOpen;
  protocol_ = Protocol::kUnknown;
  is_late_answer_ = is_input_over_ = is_preface_begun_ = false;
  idle_steps_ = drain_steps_ = 0;
  channel_.in.clear();
  channel_.out.clear();
  channel_.body = {};
  written_ = 0;
  http1_.open();
  channel_.remote = std::move(remote);
  is_handshake_done_ = false;
  const ServerContext& context = loop_.context();
  // A client that does not finish the handshake is as slow as one that does not finish a header.
  set_deadline(context.tls ? context.options.header_timeout : context.options.idle_timeout);
  guarded([&] {
    if (context.tls) tls_ = std::make_unique<TlsStream>(context.tls->context());
    read_more();
  });
}

void Connection::set_deadline(core::Micros after) {
  channel_.deadline_ns = loop_.now_ns() + after * 1000;
}

// --- events ------------------------------------------------------------------------------------

std::uint32_t Connection::wanted_events() const {
  return (is_reading_ ? EPOLLIN : 0U) | (is_writing_ ? EPOLLOUT : 0U);
}

/// What is no longer waited for goes on being told until the loop tells it in vain: so a connection
/// whose requests are answered at once never changes what it watches.
void Connection::watch() {
  const std::uint32_t wanted = wanted_events();
  if ((watched_ & wanted) == wanted) return;
  loop_.watch(socket_.get(), watched_, wanted, *this);
  watched_ = wanted;
}

void Connection::on_events(std::uint32_t events) {
  if (phase_ == Phase::kClosed) return;
  const bool is_broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  guarded([&] {
    const std::uint32_t wanted = wanted_events();
    const bool writes = (wanted & EPOLLOUT) != 0 && (is_broken || (events & EPOLLOUT) != 0);
    const bool reads = (wanted & EPOLLIN) != 0 && (is_broken || (events & EPOLLIN) != 0);
    if (writes) on_writable();
    if (reads && is_reading_ && phase_ != Phase::kClosed) receive();
    const bool is_told_in_vain = (events & EPOLLIN & ~wanted) != 0 ||
                                 (is_broken && !writes && !reads) || (watched_ & EPOLLOUT) != 0;
    if (!is_told_in_vain || phase_ == Phase::kClosed) return;
    const std::uint32_t now_wanted = wanted_events();
    if (now_wanted == watched_) return;
    loop_.watch(socket_.get(), watched_, now_wanted, *this);
    watched_ = now_wanted;
  });
}

// --- reading -----------------------------------------------------------------------------------

void Connection::read_more() {
  if (phase_ == Phase::kClosed || is_reading_) return;
  if (phase_ == Phase::kLingering) {
    channel_.in.clear();
    channel_.in.shrink(kKeepBytes);
    http1_.let_go();
  }
  is_reading_ = true;
  watch();
}

void Connection::receive() {
  if (phase_ == Phase::kOpen && http1_.awaits_bytes()) {
    // A worker thread takes them.
    is_reading_ = false;
    idle_steps_ = 0;
    http1_.has_bytes();
    return run();
  }
  const std::span<char> free = tls_ ? tls_->room() : channel_.in.make_room(http1_.room_wanted());
  const ssize_t n = ::recv(socket_.get(), free.data(), free.size(), 0);
  if (n < 0 && is_would_block(errno)) return;
  is_reading_ = false;
  on_read(n);
}

/// `received`: bytes; 0 when the client sends no more, -1 when the connection broke.
void Connection::on_read(ssize_t received) {
  if (received == 0 && http2_ && phase_ == Phase::kOpen && !http2_->is_idle()) {
    is_input_over_ = true;
    return run();
  }
  if (received <= 0) {
    const bool is_expected =
        phase_ == Phase::kLingering ||
        (http2_ ? http2_->is_idle()
                : http1_.is_between() && channel_.in.size() == 0 && pending() == 0);
    if (!is_expected) loop_.context().metrics.count_client_gone();
    return close();
  }
  idle_steps_ = 0;
  if (phase_ == Phase::kLingering) return read_more();
  auto n = static_cast<std::size_t>(received);
  if (!tls_) {
    channel_.in.produced(n);
  } else if (!take_encrypted(n)) {
    return;
  }
  http1_.received(n);
  run();
}

/// Decrypts what was read and makes `n` the number of plain bytes; false when there is nothing to
/// answer.
bool Connection::take_encrypted(std::size_t& n) {
  const std::size_t before = channel_.in.size();
  const TlsStream::Step step = tls_->received(n, channel_.in);
  n = channel_.in.size() - before;
  if (step == TlsStream::Step::kPlainHttp) {
    refuse_plain_http();
    return false;
  }
  if (step == TlsStream::Step::kClosed && n == 0 && http2_ && !http2_->is_idle()) {
    is_input_over_ = true;
    run();
    return false;
  }
  if (step == TlsStream::Step::kFailed || (step == TlsStream::Step::kClosed && n == 0)) {
    if (!is_handshake_done_) loop_.context().metrics.count_handshake_failure();
    if (!flush()) {
      if (phase_ != Phase::kClosed) close();
      return false;
    }
    begin_linger();  // the alert that says why must arrive
    read_more();
    return false;
  }
  if (!flush() && phase_ == Phase::kClosed) return false;
  if (!tls_->is_established()) {
    read_more();
    return false;
  }
  if (!std::exchange(is_handshake_done_, true)) {
    set_deadline(loop_.context().options.idle_timeout);
    if (tls_->is_http2_chosen()) start_http2();
  }
  return true;
}

void Connection::refuse_plain_http() {
  tls_.reset();
  protocol_ = Protocol::kHttp1;
  http1_.refuse(400, "This port speaks HTTPS: use https:// instead of http://");
  if (!flush()) return;
  begin_linger();
  read_more();
}

bool Connection::choose_protocol() {
  const std::string_view bytes = channel_.in.unread();
  const std::string_view preface = kHttp2Preface.substr(0, bytes.size());
  if (!bytes.starts_with(preface)) {
    protocol_ = Protocol::kHttp1;
    return true;
  }
  if (bytes.size() < kHttp2Preface.size()) {
    if (bytes.size() == 0) return false;
    // A client that stops within the preface is as slow as one that stops within a header.
    if (!std::exchange(is_preface_begun_, true))
      set_deadline(loop_.context().options.header_timeout);
    return false;
  }
  start_http2();
  return true;
}

void Connection::start_http2() {
  protocol_ = Protocol::kHttp2;
  http2_ = std::make_unique<Http2Session>(channel_);
}

void Connection::run() {
  if (protocol_ == Protocol::kUnknown && !choose_protocol()) return read_more();
  if (is_yielding_) return;  // its turn comes
  if (http2_) {
    run_http2();
  } else {
    run_http1();
  }
}

void Connection::run_http1() {
  http1_.begin_turn(loop_.now_ns());
  for (;;) {
    const bool is_done = take_turns();
    const bool is_full = pending() >= kFlushAt || !channel_.body.empty() || http1_.awaits_flush();
    if (!flush()) return;  // goes on when the rest is written, or is closed
    if (!is_done) return yield();
    if (!is_full) break;
  }
  if (http1_.is_working()) return;
  if (http1_.is_over()) begin_linger();
  if (http1_.is_between()) {
    channel_.in.shrink(kKeepBytes);
    http1_.end_transfers();
  }
  read_more();
}

bool Connection::take_turns() {
  for (int turn = 0; turn < kTurnMax; ++turn) {
    // What is answered next goes to the buffer that is sent before a body: that must be gone.
    if (pending() >= kFlushAt || !channel_.body.empty() || !http1_.advance()) return true;
  }
  return false;
}

/// A client that pipelines hundreds of requests must not make the others of its loop wait.
void Connection::yield() {
  is_yielding_ = true;
  loop_.post([this] {
    is_yielding_ = false;
    loop_.refresh_time();
    guarded([this] {
      if (phase_ == Phase::kClosed) return release_if_idle();
      if (phase_ == Phase::kOpen) run();
    });
  });
}

void Connection::run_http2() {
  if (!http2_->receive()) return close();
  bool is_full = true;
  while (is_full && !is_writing_) {
    compact();
    if (!http2_->produce(kFlushAt)) return close();
    is_full = pending() >= kFlushAt;
    if (!flush() && !is_writing_) return;  // closed
  }
  if (is_writing_) return;  // goes on when the rest is written
  if (http2_->is_over() || (is_input_over_ && http2_->is_idle())) begin_linger();
  if (!is_input_over_ || phase_ == Phase::kLingering) read_more();
}

void Connection::on_job_done(Http2Stream* stream) {
  --channel_.jobs;
  loop_.refresh_time();
  if (phase_ == Phase::kClosed) return release_if_idle();
  guarded([&] {
    if (stream) {
      http2_->finish_job(*stream);
      if (!is_writing_ && phase_ == Phase::kOpen) run();
      return;
    }
    if (http1_.is_sending()) {
      http1_.piece_is_read();
      if (is_writing_) return;  // goes on when that piece is written
      set_deadline(loop_.context().options.body_timeout);
      if (http1_.awaits_room()) return wait_for_room();
      return run();
    }
    // Earlier answers are still being written, from the buffer this one goes to: wait for that.
    set_deadline(loop_.context().options.body_timeout);
    is_late_answer_ = is_writing_;
    if (is_writing_) return;
    http1_.finish_job();
    if (http1_.is_client_gone()) {
      loop_.context().metrics.count_client_gone();
      return close();
    }
    run();
  });
}

// --- writing and closing -----------------------------------------------------------------------

bool Connection::flush() {
  if (is_writing_) return false;
  if (tls_) {
    tls_->seal(channel_.out);
    tls_->seal(channel_.body);
    channel_.body = {};
  }
  std::string& bytes = sending();
  while (written_ < bytes.size() || !channel_.body.empty()) {
    const ssize_t n = write_some();
    if (n >= 0) {
      count_written(static_cast<std::size_t>(n));
      continue;
    }
    if (is_would_block(errno)) {
      write_rest();
      return false;
    }
    loop_.context().metrics.count_client_gone();
    close();
    return false;
  }
  bytes.clear();
  written_ = 0;
  if (bytes.capacity() > 4 * kKeepBytes) bytes = std::string();
  return true;
}

ssize_t Connection::write_some() {
  std::string& bytes = sending();
  char* const begin = bytes.data() + written_;
  const std::size_t size = bytes.size() - written_;
  if (channel_.body.empty()) return ::send(socket_.get(), begin, size, MSG_NOSIGNAL);
  // The system does not write through it.
  std::array<iovec, 2> parts = {
      iovec{begin, size}, iovec{const_cast<char*>(channel_.body.data()), channel_.body.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  return ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
}

/// Drops what is written from the front of the buffer, before more is appended to it.
void Connection::compact() {
  if (written_ == 0 || is_writing_) return;
  sending().erase(0, written_);
  written_ = 0;
}

void Connection::count_written(std::size_t n) {
  const std::size_t first = std::min(n, sending().size() - written_);
  written_ += first;
  channel_.body.remove_prefix(n - first);
}

void Connection::write_rest() {
  if (!http1_.is_working()) set_deadline(loop_.context().options.body_timeout);
  is_writing_ = true;
  watch();
}

/// The client takes a file slowly: goes on when the socket has room.
void Connection::wait_for_room() {
  is_writing_ = true;
  watch();
}

void Connection::on_writable() {
  is_writing_ = false;
  if (std::exchange(is_late_answer_, false)) {
    compact();
    http1_.finish_job();
  }
  run();
}

void Connection::begin_linger() {
  // Closing with unread bytes in the socket would reset the connection and could destroy the answer
  // on its way (RFC 9112 section 9.6): say "no more", then read until the client closes too.
  if (tls_) {
    tls_->shut_down();
    tls_->seal(channel_.out);
    const std::string& alert = tls_->wire();
    [[maybe_unused]] const ssize_t n =
        ::send(socket_.get(), alert.data(), alert.size(), MSG_NOSIGNAL);
    tls_->wire().clear();
  }
  ::shutdown(socket_.get(), SHUT_WR);
  phase_ = Phase::kLingering;
  set_deadline(kLingerTimeout);
}

void Connection::close() {
  if (phase_ != Phase::kClosed) {
    phase_ = Phase::kClosed;
    // A child of the process may still hold the socket open, and with it the events.
    if (watched_ != 0) loop_.watch(socket_.get(), watched_, 0, *this);
    watched_ = 0;
    // The number of a socket that is closed may be another client's at once.
    if (channel_.jobs > 0 && http1_.is_using_socket()) {
      ::shutdown(socket_.get(), SHUT_RDWR);
    } else {
      socket_.close();
    }
    if (is_reading_ || is_writing_) loop_.finish_close_later(*this);
  }
  release_if_idle();
}

void Connection::finish_close() {
  is_reading_ = is_writing_ = false;
  release_if_idle();
}

void Connection::release_if_idle() {
  if (is_reading_ || is_writing_ || is_yielding_ || channel_.jobs > 0) return;
  socket_.close();
  // It may wait long for its next client: large buffers go back.
  channel_.in.clear();
  channel_.in.shrink(kKeepBytes);
  channel_.body = {};
  if (channel_.out.capacity() > kKeepBytes) channel_.out = std::string();
  http1_.release();
  http2_.reset();
  tls_.reset();
  loop_.release(*this);
}

void Connection::check_deadline(std::int64_t now_ns) {
  if (phase_ == Phase::kClosed) return;
  if (http2_ && phase_ == Phase::kOpen && !is_writing_) {
    return guarded([&] {
      http2_->check_deadlines(now_ns);
      run();
    });
  }
  if (now_ns < channel_.deadline_ns || (channel_.jobs > 0 && !http2_)) return;
  const bool is_inside_request =
      phase_ == Phase::kOpen && !http2_ &&
      (http1_.is_inside_request() || (protocol_ == Protocol::kUnknown && channel_.in.size() > 0));
  if (is_writing_ || !is_inside_request) {
    if (is_writing_) loop_.context().metrics.count_client_gone();
    if (tls_ && !is_handshake_done_) loop_.context().metrics.count_handshake_failure();
    return close();
  }
  guarded([this] {
    http1_.refuse_slow();
    if (flush()) begin_linger();  // the pending read goes on as the lingering one
  });
}

void Connection::drain_step(int idle_steps_max) {
  if (phase_ != Phase::kOpen) return;
  if (http2_) {
    return guarded([&] {
      http2_->drain_step(++drain_steps_ >= idle_steps_max);
      if (!is_writing_) run();
    });
  }
  const bool is_idle = http1_.is_idle() && !is_writing_ && !is_yielding_ && pending() == 0 &&
                       channel_.in.size() == 0;
  if (!is_idle || ++idle_steps_ < idle_steps_max) return;
  int waiting = 0;
  if (::ioctl(socket_.get(), FIONREAD, &waiting) != 0 || waiting == 0)
    close();  // else its next request has just arrived
}

}  // namespace tenure::net
