#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/descriptor.h"
#include "core/result.h"

namespace tenure::monitoring {

/// Segments of the prediction log: their names, their header, their frames
/// (docs/formats/prediction-log.md).

inline constexpr std::string_view kSegmentMagic = "TNRPLOG1";
inline constexpr std::uint32_t kSegmentVersion = 2;  ///< 1 had no optional fields
inline constexpr std::size_t kSegmentHeaderSize = 32;
inline constexpr std::size_t kFrameLeadSize = 8;  ///< length, CRC-32C
inline constexpr std::size_t kPayloadMax = 8U * 1024 * 1024;

struct SegmentName {
  std::uint64_t number = 0;
  std::filesystem::path path;
};

/// The segments of a folder by number; a missing folder has none. Errors: as core::read_file.
core::Result<std::vector<SegmentName>> list_segments(const std::filesystem::path& folder);

std::string segment_header(core::Micros created);

/// Says whether `bytes` begin with a header this program reads. Errors: kCorruption;
/// kUnimplemented for a newer version.
core::Result<> check_segment_header(std::string_view bytes);

/// Appends a frame around a payload whose parts are given.
void append_frame(std::string& out, std::string_view lead, std::string_view body);

/// Checksum of a frame: over its length and its payload.
std::uint32_t frame_checksum(std::string_view payload);

/// The segment being written. Not thread-safe.
class SegmentWriter {
 public:
  bool is_open() const { return file_.is_open(); }
  std::uint64_t size() const { return written_; }  ///< bytes, durable or not

  /// Makes the segment, which must not exist, with its header; durable by name. Leaves nothing
  /// behind on an error. Errors: kResourceExhausted, kPermissionDenied, kConflict, kUnavailable.
  core::Result<> create(const std::filesystem::path& folder, std::uint64_t number,
                        core::Micros created);

  /// Writes at the end; a crash of the machine may take the bytes until sync() has returned. After
  /// an error, of either, the segment ends where the durable bytes end, or is closed if even that
  /// failed. Errors: as create.
  core::Result<> write(std::string_view bytes);
  core::Result<> sync();

  void close();

 private:
  core::Error cut_back(int failure);

  std::filesystem::path path_;
  core::Descriptor file_;
  std::uint64_t written_ = 0;
  std::uint64_t durable_ = 0;
};

}  // namespace tenure::monitoring
