#include "net/body_upload.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include <sys/socket.h>

#include "core/log.h"
#include "net/router.h"

namespace tenure::net {
namespace {

/// One step takes no more, so that others of its lane have their turn.
constexpr std::uint64_t kReceiveMax = std::uint64_t{16} << 20;

}  // namespace

BodyUpload::BodyUpload() = default;
BodyUpload::~BodyUpload() = default;

void BodyUpload::fail(core::Error error) {
  sink_.reset();
  decoder_.reset();
  piece_ = {};
  error_ = std::move(error);
}

/// As for handlers: what was thrown is logged and not told.
template <typename Work>
void BodyUpload::guarded(const Work& work) noexcept {
  core::Error error;  // without a message: that needs no heap
  try {
    core::Result<> done = work();
    if (done) return;
    error = std::move(done).error();
  } catch (const std::exception& exception) {
    try {
      core::log_error("net", "the sink of a body failed", {{"error.message", exception.what()}});
    } catch (...) {
      // Out of memory even for a line of text.
    }
  } catch (...) {
    // Not a std::exception: it says nothing that could be logged.
  }
  fail(std::move(error));
}

void BodyUpload::open(const Route& route, const Request& request, Coding coding) noexcept {
  guarded([&]() -> core::Result<> {
    error_.reset();
    decoder_.reset();
    auto sink = route.open_body(request);
    if (!sink) return std::move(sink).error();
    sink_ = *std::move(sink);
    if (!sink_) return core::Error{core::ErrorCode::kInternal, "no sink was made"};
    if (coding != Coding::kIdentity) decoder_ = std::make_unique<StreamDecoder>(coding);
    return {};
  });
}

core::Result<> BodyUpload::hand_over(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPieceMax);
    if (auto written = sink_->write(piece); !written) return written;
    bytes.remove_prefix(piece.size());
  }
  return {};
}

void BodyUpload::write(std::string_view bytes, bool is_last) noexcept {
  guarded([&]() -> core::Result<> {
    if (!decoder_) return hand_over(bytes);
    const auto take = [&](std::string_view decoded) { return hand_over(decoded); };
    if (auto done = decoder_->write(bytes, take); !done) return done;
    return is_last ? decoder_->finish() : core::Result<>();
  });
}

void BodyUpload::begin_socket(std::string_view begun, std::uint64_t size) {
  piece_ = core::PageBuffer(kSocketPiece);
  std::memcpy(piece_.data(), begun.data(), begun.size());
  filled_ = begun.size();
  to_receive_ = size - begun.size();
  is_socket_empty_ = is_client_gone_ = false;
}

void BodyUpload::receive(int socket) noexcept {
  guarded([&] { return receive_pieces(socket); });
}

core::Result<> BodyUpload::receive_pieces(int socket) {
  is_socket_empty_ = false;
  std::uint64_t received = 0;
  while (to_receive_ > 0 && received < kReceiveMax) {
    const auto room =
        static_cast<std::size_t>(std::min<std::uint64_t>(to_receive_, kSocketPiece - filled_));
    const ssize_t n = ::recv(socket, piece_.data() + filled_, room, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    is_socket_empty_ = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    is_client_gone_ = n <= 0 && !is_socket_empty_;
    if (n <= 0) return {};
    filled_ += static_cast<std::size_t>(n);
    received += static_cast<std::uint64_t>(n);
    to_receive_ -= static_cast<std::uint64_t>(n);
    if (filled_ < kSocketPiece && to_receive_ > 0) continue;
    if (auto written = sink_->write({piece_.data(), filled_}); !written) return written;
    filled_ = 0;
  }
  if (to_receive_ == 0) piece_ = {};
  return {};
}

std::unique_ptr<BodySink> BodyUpload::end() {
  error_.reset();
  decoder_.reset();
  piece_ = {};
  return std::move(sink_);
}

}  // namespace tenure::net
