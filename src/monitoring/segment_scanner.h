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
  /// the source; kCorruption or kUnimplemented for the header.
  core::Result<std::optional<std::string_view>> next();

  /// After next() gave nullopt: where whole frames end (0 if even the header is not there), and
  /// what stands there; an empty text if nothing does.
  std::uint64_t end() const { return at_; }
  std::string_view damage() const { return damage_; }

  /// True when a whole frame stands somewhere beyond end(): then what is at end() was damaged later
  /// and is no torn tail, which is by nature the last thing in a file.
  core::Result<bool> has_frame_beyond();

 private:
  core::Result<std::string_view> bytes_at(std::uint64_t offset, std::size_t size);

  ByteSource source_;
  std::string buffer_;
  std::uint64_t buffer_start_ = 0;
  std::uint64_t at_ = 0;
  std::string_view damage_;
};

}  // namespace tenure::monitoring
