#include "net/body_download.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/log.h"

namespace tenure::net {
namespace {

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
  has_failed_ = false;
}

std::string_view BodyDownload::take() {
  std::swap(current_, next_);
  next_.size = 0;
  left_ -= current_.size;
  return {current_.bytes.get(), current_.size};
}

bool BodyDownload::begin_read() {
  if (is_reading_ || has_failed_ || unread_ == 0 || next_.size > 0) return false;
  is_reading_ = true;
  return true;
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
  is_reading_ = has_failed_ = false;
  return std::move(source_);
}

}  // namespace tenure::net
