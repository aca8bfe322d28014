#include "monitoring/segment_scanner.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include "core/descriptor.h"
#include "core/file.h"
#include "monitoring/prediction_record.h"
#include "monitoring/segment_file.h"

namespace tenure::monitoring {
namespace {

constexpr std::size_t kChunkSize = 256U * 1024;

struct Frame {
  std::uint32_t length = 0;
  std::uint32_t checksum = 0;
};

Frame read_frame(std::string_view lead) {
  Frame frame;
  std::memcpy(&frame.length, lead.data(), 4);
  std::memcpy(&frame.checksum, lead.data() + 4, 4);
  return frame;
}

bool is_plausible(std::uint32_t length) {
  return length >= kRecordLeadSize && length <= kPayloadMax;
}

/// Whether a whole frame, of a type that is known, stands at the start of `bytes`.
bool begins_with_frame(std::string_view bytes) {
  if (bytes.size() < kFrameLeadSize + kRecordLeadSize) return false;
  const Frame frame = read_frame(bytes.substr(0, kFrameLeadSize));
  if (!is_plausible(frame.length) || frame.length > bytes.size() - kFrameLeadSize) return false;
  const std::string_view payload = bytes.substr(kFrameLeadSize, frame.length);
  const auto type = static_cast<RecordType>(payload.front());
  if (type != RecordType::kSchema && type != RecordType::kPrediction) return false;
  return frame_checksum(payload) == frame.checksum;
}

}  // namespace

ByteSource bytes_source(std::string_view bytes) {
  return [bytes](std::uint64_t offset, std::size_t size) -> core::Result<std::string> {
    if (offset >= bytes.size()) return std::string();
    return std::string(bytes.substr(offset, size));
  };
}

core::Result<ByteSource> file_source(const std::filesystem::path& path) {
  const int opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (opened < 0) return core::system_error(errno, "open", path);
  // Closed when the last source that reads from it goes.
  const auto file = std::make_shared<const core::Descriptor>(opened);
  return ByteSource(
      [file, path](std::uint64_t offset, std::size_t size) -> core::Result<std::string> {
        std::string bytes(size, '\0');
        std::size_t filled = 0;
        while (filled < size) {
          const ssize_t n = ::pread(file->get(), bytes.data() + filled, size - filled,
                                    static_cast<off_t>(offset + filled));
          if (n < 0 && errno == EINTR) continue;
          if (n < 0) return core::system_error(errno, "read", path);
          if (n == 0) break;
          filled += static_cast<std::size_t>(n);
        }
        bytes.resize(filled);
        return bytes;
      });
}

core::Result<std::string_view> SegmentScanner::bytes_at(std::uint64_t offset, std::size_t size) {
  const std::uint64_t buffer_end = buffer_start_ + buffer_.size();
  if (offset < buffer_start_ || offset + size > buffer_end) {
    auto read = source_(offset, std::max(size, kChunkSize));
    if (!read) return std::move(read).error();
    buffer_ = *std::move(read);
    buffer_start_ = offset;
  }
  return std::string_view(buffer_).substr(offset - buffer_start_, size);
}

core::Result<std::optional<std::string_view>> SegmentScanner::next() {
  if (at_ == 0) {
    const auto header = bytes_at(0, kSegmentHeaderSize);
    if (!header) return header.error();
    if (header->size() < kSegmentHeaderSize) {
      damage_ = "a header that was not written to its end";
      return std::optional<std::string_view>();
    }
    if (auto checked = check_segment_header(*header); !checked) {
      if (checked.error().code != core::ErrorCode::kCorruption) return std::move(checked).error();
      damage_ = "a damaged header";
      return std::optional<std::string_view>();
    }
    at_ = kSegmentHeaderSize;
  }
  const auto lead = bytes_at(at_, kFrameLeadSize);
  if (!lead) return lead.error();
  if (lead->empty()) return std::optional<std::string_view>();
  damage_ = "a record that was not written to its end";
  if (lead->size() < kFrameLeadSize) return std::optional<std::string_view>();
  const Frame frame = read_frame(*lead);
  if (!is_plausible(frame.length)) {
    damage_ = "a record of impossible length";
    return std::optional<std::string_view>();
  }
  const auto payload = bytes_at(at_ + kFrameLeadSize, frame.length);
  if (!payload) return payload.error();
  if (payload->size() < frame.length) return std::optional<std::string_view>();
  if (frame_checksum(*payload) != frame.checksum) {
    damage_ = "a record whose checksum is wrong";
    return std::optional<std::string_view>();
  }
  damage_ = {};
  at_ += kFrameLeadSize + frame.length;
  return std::optional<std::string_view>(*payload);
}

core::Result<std::string> SegmentScanner::read_rest() {
  std::string rest;
  while (true) {
    auto more = source_(at_ + rest.size(), kChunkSize);
    if (!more) return std::move(more).error();
    if (more->empty()) return rest;
    rest += *more;
  }
}

core::Result<SegmentScanner::Beyond> SegmentScanner::look_beyond() {
  const auto rest = read_rest();
  if (!rest) return rest.error();
  const std::string_view view = *rest;
  // The writer may have gone on since next() looked.
  if (at_ == 0 ? check_segment_header(view).has_value() : begins_with_frame(view)) {
    buffer_.clear();
    return Beyond::kGrown;
  }
  for (std::size_t i = 1; i < view.size(); ++i) {
    if (begins_with_frame(view.substr(i))) return Beyond::kFrames;
  }
  return Beyond::kNothing;
}

}  // namespace tenure::monitoring
