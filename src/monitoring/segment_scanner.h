#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tenure::monitoring {

/// Reads bytes at an offset: fewer than asked for only at the end.
using ByteSource = std::function<core::Result<std::string>(std::uint64_t offset, std::size_t size)>;

/// Bytes in memory, which the caller keeps alive.
ByteSource bytes_source(std::string_view bytes);

/// A file, kept open by the source. Errors: as core::read_file.
core::Result<ByteSource> file_source(const std::filesystem::path& path);

/// Walks over the frames of a segment.
class SegmentScanner {
 public:
  explicit SegmentScanner(ByteSource source) : source_(std::move(source)) {}

  /// The next payload, valid until the next call; nullopt where whole frames end. Errors: those of
  /// the source; kUnimplemented for the header of a newer format.
  core::Result<std::optional<std::string_view>> next();

  /// After next() gave nullopt: where whole frames end (0 if even the header is not there or is
  /// damaged), and what stands there; an empty text if nothing does.
  std::uint64_t end() const { return at_; }
  std::string_view damage() const { return damage_; }

  enum class Beyond {
    kNothing,  ///< no whole frame from end() on: a torn tail, by nature the last thing in a file
    kFrames,   ///< whole frames stand behind end(): what is there was damaged later
    kGrown,    ///< what is at end() is whole by now: it was being written. next() goes on with it
  };
  /// After next() gave nullopt with damage(): looks again at what stands from end() on.
  core::Result<Beyond> look_beyond();

 private:
  core::Result<std::string> read_rest();
  core::Result<std::string_view> bytes_at(std::uint64_t offset, std::size_t size);

  ByteSource source_;
  std::string buffer_;
  std::uint64_t buffer_start_ = 0;
  std::uint64_t at_ = 0;
  std::string_view damage_;
};

}  // namespace tenure::monitoring
