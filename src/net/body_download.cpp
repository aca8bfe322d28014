#include "net/body_download.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include <sys/sendfile.h>

#include "core/log.h"

namespace tenure::net {
namespace {

/// One step sends no more, so that others of its lane have their turn.
constexpr std::uint64_t kSendMax = std::uint64_t{16} << 20;

void log_broken(std::string_view why) noexcept {
  try {
    core::log_error("net", "the body of an answer broke off", {{"error.message", why}});
  } catch (...) {
    // Out of memory even for a line of text: the client sees that bytes are missing.
  }
}

}  // namespace

void BodyDownload::begin(std::unique_ptr<BodySource> source, std::uint64_t size) {
  source_ = std::move(source);
  left_ = unread_ = size;
  has_failed_ = is_blocked_ = false;
  file_.reset();
}

void BodyDownload::begin_file(std::unique_ptr<BodySource> source, const FilePart& part) {
  begin(std::move(source), part.length);
  file_ = part;
}

std::string_view BodyDownload::take() {
  std::swap(current_, next_);
  next_.size = 0;
  left_ -= current_.size;
  return {current_.bytes.get(), current_.size};
}

bool BodyDownload::begin_read() {
  if (file_ || is_reading_ || has_failed_ || unread_ == 0 || next_.size > 0) return false;
  is_reading_ = true;
  return true;
}

bool BodyDownload::begin_send() {
  if (!file_ || is_reading_ || has_failed_ || unread_ == 0) return false;
  is_reading_ = true;
  return true;
}

void BodyDownload::read_done() {
  is_reading_ = false;
  if (file_) left_ = unread_;
}

void BodyDownload::send(int socket) noexcept {
  is_blocked_ = false;
  try {
    send_file(socket);
  } catch (...) {  // of logging
    has_failed_ = true;
  }
  if (has_failed_ || unread_ == 0) source_.reset();
}

void BodyDownload::send_file(int socket) {
  std::uint64_t budget = kSendMax;
  while (unread_ > 0 && budget > 0) {
    auto at = static_cast<off_t>(file_->offset);
    const auto size = static_cast<std::size_t>(std::min(unread_, budget));
    const ssize_t n = ::sendfile(socket, file_->handle, &at, size);
    if (n > 0) {
      file_->offset = static_cast<std::uint64_t>(at);
      unread_ -= static_cast<std::uint64_t>(n);
      budget -= static_cast<std::uint64_t>(n);
    } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      is_blocked_ = true;
      return;
    } else if (n == 0 || errno != EINTR) {
      has_failed_ = true;
      if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) return;  // the client went away
      return log_broken(n == 0 ? "fewer bytes than its Content-Length"
                               : std::generic_category().message(errno));
    }
  }
}

void BodyDownload::read() noexcept {
  try {
    fill();
  } catch (const std::exception& exception) {
    log_broken(exception.what());
    has_failed_ = true;
  } catch (...) {
    log_broken("not a std::exception");
    has_failed_ = true;
  }
  // Here, and not on the loop's thread: closing what it reads from may take its time.
  if (has_failed_ || unread_ == 0) source_.reset();
}

void BodyDownload::fill() {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(unread_, kPieceMax));
  if (next_.room < size) {
    next_.bytes = std::make_unique_for_overwrite<char[]>(size);
    next_.room = size;
  }
  const auto got = source_->read({next_.bytes.get(), size});
  if (got && *got > 0 && *got <= size) {
    next_.size = *got;
    unread_ -= *got;
    return;
  }
  has_failed_ = true;
  log_broken(got ? std::string_view("fewer bytes than its Content-Length")
                 : std::string_view(got.error().message));
}

std::unique_ptr<BodySource> BodyDownload::end() {
  left_ = unread_ = 0;
  current_ = {};
  next_ = {};
  is_reading_ = has_failed_ = is_blocked_ = false;
  file_.reset();
  return std::move(source_);
}

}  // namespace tenure::net
