#include "net/body_upload.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/log.h"
#include "net/router.h"

namespace tenure::net {

BodyUpload::BodyUpload() = default;
BodyUpload::~BodyUpload() = default;

void BodyUpload::fail(core::Error error) {
  sink_.reset();
  decoder_.reset();
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

std::unique_ptr<BodySink> BodyUpload::end() {
  error_.reset();
  decoder_.reset();
  return std::move(sink_);
}

}  // namespace tenure::net
