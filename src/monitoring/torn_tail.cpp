#include "monitoring/torn_tail.h"

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "core/file.h"
#include "core/log.h"
#include "monitoring/segment_scanner.h"

namespace tenure::monitoring {
namespace {

/// Takes a segment without a whole header out of the log. What is longer than a header may be
/// somebody's bytes and is kept under another name.
bool put_aside(const std::filesystem::path& path) {
  std::error_code status;
  if (std::filesystem::file_size(path, status) < kSegmentHeaderSize)
    return ::unlink(path.c_str()) == 0;
  const std::string aside = path.string() + ".damaged";
  return ::rename(path.c_str(), aside.c_str()) == 0;
}

}  // namespace

core::Result<> cut_torn_tail(const SegmentName& segment) {
  auto source = file_source(segment.path);
  if (!source) return std::move(source).error();
  SegmentScanner scanner(*std::move(source));
  while (true) {
    const auto payload = scanner.next();
    if (!payload) return payload.error();
    if (!payload->has_value()) break;
  }
  if (scanner.damage().empty()) return {};
  const auto beyond = scanner.look_beyond();
  if (!beyond) return beyond.error();
  const std::string path = segment.path.string();
  const auto offset = static_cast<std::int64_t>(scanner.end());
  if (*beyond != SegmentScanner::Beyond::kNothing) {
    // Cutting here would lose the good records behind; readers report the place.
    core::log_error("monitoring", "a segment of the prediction log is damaged inside",
                    {{"file.path", path}, {"offset", offset}, {"reason", scanner.damage()}});
    return {};
  }
  core::log_warn("monitoring", "cut a torn record off the prediction log",
                 {{"file.path", path}, {"offset", offset}, {"reason", scanner.damage()}});
  const bool is_cut = offset == 0 ? put_aside(segment.path) : ::truncate(path.c_str(), offset) == 0;
  if (!is_cut) return core::system_error(errno, "cut", segment.path);
  return core::sync_directory(segment.path.parent_path());
}

}  // namespace tenure::monitoring
