#include "monitoring/segment_file.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "core/file.h"
#include "monitoring/crc32c.h"

namespace tenure::monitoring {
namespace {

constexpr std::string_view kPrefix = "predictions-";
constexpr std::string_view kSuffix = ".log";

bool parse_segment_name(std::string_view name, std::uint64_t& number) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return false;
  const std::string_view digits =
      name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return read.ec == std::errc{} && read.ptr == digits.data() + digits.size();
}

template <typename T>
void append_value(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

core::Result<std::vector<SegmentName>> list_segments(const std::filesystem::path& folder) {
  std::vector<SegmentName> found;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  if (error == std::errc::no_such_file_or_directory) return found;
  while (!error && entry != std::filesystem::directory_iterator()) {
    std::uint64_t number = 0;
    if (parse_segment_name(entry->path().filename().string(), number)) {
      found.push_back({number, entry->path()});
    }
    entry.increment(error);
  }
  if (error) return core::system_error(error.value(), "list", folder);
  std::ranges::sort(found, {}, &SegmentName::number);
  return found;
}

std::string segment_header(core::Micros created) {
  std::string header(kSegmentMagic);
  append_value(header, kSegmentVersion);
  append_value(header, static_cast<std::uint32_t>(kSegmentHeaderSize));
  append_value(header, created);
  append_value(header, std::uint32_t{0});
  append_value(header, crc32c(header));
  return header;
}

core::Result<> check_segment_header(std::string_view bytes) {
  const auto number_at = [&](std::size_t at) {
    std::uint32_t number = 0;
    std::memcpy(&number, bytes.data() + at, sizeof number);
    return number;
  };
  if (bytes.size() < kSegmentHeaderSize || !bytes.starts_with(kSegmentMagic)) {
    return core::Error{core::ErrorCode::kCorruption, "not a segment of a prediction log"};
  }
  if (number_at(8) > kSegmentVersion) {
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("format version {}, this program reads up to {}", number_at(8),
                                   kSegmentVersion)};
  }
  if (number_at(28) != crc32c(bytes.substr(0, 28)) || number_at(12) != kSegmentHeaderSize) {
    return core::Error{core::ErrorCode::kCorruption, "the segment's header is damaged"};
  }
  return {};
}

std::uint32_t frame_checksum(std::string_view payload) {
  const auto length = static_cast<std::uint32_t>(payload.size());
  const std::uint32_t of_length =
      crc32c(std::string_view(reinterpret_cast<const char*>(&length), sizeof length));
  return crc32c(payload, of_length);
}

void append_frame(std::string& out, std::string_view lead, std::string_view body) {
  const std::size_t start = out.size();
  append_value(out, static_cast<std::uint32_t>(lead.size() + body.size()));
  append_value(out, std::uint32_t{0});
  out.append(lead);
  out.append(body);
  const std::uint32_t checksum =
      frame_checksum(std::string_view(out).substr(start + kFrameLeadSize));
  std::memcpy(out.data() + start + 4, &checksum, sizeof checksum);
}

void SegmentWriter::close() {
  file_.close();
  written_ = durable_ = 0;
}

core::Result<> SegmentWriter::create(const std::filesystem::path& folder, std::uint64_t number,
                                     core::Micros created) {
  close();
  path_ = folder / fmt::format("{}{:010}{}", kPrefix, number, kSuffix);
  file_ = core::Descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (!file_.is_open()) return core::system_error(errno, "create", path_);
  auto written = write(segment_header(created));
  if (written) written = sync();
  if (written) written = core::sync_directory(folder);
  if (!written) {
    close();
    ::unlink(path_.c_str());
  }
  return written;
}

core::Result<> SegmentWriter::write(std::string_view bytes) {
  if (!core::write_all_at(file_.get(), bytes, written_)) return cut_back(errno);
  written_ += bytes.size();
  return {};
}

core::Result<> SegmentWriter::sync() {
  if (::fdatasync(file_.get()) != 0) return cut_back(errno);
  durable_ = written_;
  return {};
}

core::Error SegmentWriter::cut_back(int failure) {
  // What a failed fsync left in the page cache is unknown, so cutting it off is not enough there;
  // a cut that fails leaves a torn tail. Either way nothing may follow in this file.
  const bool is_cut = ::ftruncate(file_.get(), static_cast<off_t>(durable_)) == 0;
  written_ = durable_;
  if (!is_cut || failure == EIO) close();
  return core::system_error(failure, "write", path_);
}

}  // namespace tenure::monitoring
