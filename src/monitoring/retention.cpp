#include "monitoring/retention.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <sys/stat.h>

#include "core/file.h"
#include "monitoring/prediction_archive.h"
#include "monitoring/segment_file.h"

namespace tenure::monitoring {
namespace {

constexpr core::Micros kHour = 3600LL * core::kMicrosPerSecond;

struct Kept {
  std::filesystem::path path;
  core::Micros end = 0;  ///< no event is younger
  std::uint64_t bytes = 0;
  bool is_removable = true;
};

/// Everything the log consists of, oldest first.
core::Result<std::vector<Kept>> list_kept(const std::filesystem::path& log_folder) {
  const auto segments = list_segments(log_folder);
  if (!segments) return segments.error();
  const auto files = list_archive(log_folder);
  if (!files) return files.error();
  std::vector<Kept> kept;
  for (const ArchiveFile& file : *files)
    kept.push_back({.path = file.path, .end = file.hour + kHour});
  for (const SegmentName& segment : *segments)
    kept.push_back(
        {.path = segment.path, .is_removable = segment.number != segments->back().number});
  for (Kept& each : kept) {
    struct stat facts {};
    if (::stat(each.path.c_str(), &facts) != 0) continue;  // gone: nothing to count
    each.bytes = static_cast<std::uint64_t>(facts.st_size);
    if (each.end == 0)
      each.end = facts.st_mtim.tv_sec * core::kMicrosPerSecond + facts.st_mtim.tv_nsec / 1000;
  }
  std::ranges::stable_sort(kept, {}, &Kept::end);
  return kept;
}

core::Result<> remove_kept(const std::filesystem::path& log_folder, const Kept& kept) {
  if (::unlink(kept.path.c_str()) != 0 && errno != ENOENT)
    return core::system_error(errno, "remove", kept.path);
  // Folders of an hour, a day and a model that are empty now go, too.
  std::filesystem::path parent = kept.path.parent_path();
  std::error_code is_used;
  while (parent != log_folder && parent != archive_folder(log_folder) &&
         std::filesystem::remove(parent, is_used))
    parent = parent.parent_path();
  return {};
}

}  // namespace

core::Result<std::int64_t> remove_old_predictions(const std::filesystem::path& log_folder,
                                                  const RetentionRule& rule, core::Micros now) {
  if (rule.retain == 0 && rule.retain_bytes == 0) return std::int64_t{0};
  auto kept = list_kept(log_folder);
  if (!kept) return std::move(kept).error();
  std::uint64_t total = 0;
  for (const Kept& each : *kept) total += each.bytes;
  std::int64_t removed = 0;
  for (const Kept& each : *kept) {
    const bool is_old = rule.retain != 0 && each.end < now - rule.retain;
    const bool is_too_much = rule.retain_bytes != 0 && total > rule.retain_bytes;
    if (!each.is_removable || !(is_old || is_too_much)) continue;
    if (auto done = remove_kept(log_folder, each); !done) return std::move(done).error();
    total -= each.bytes;
    ++removed;
  }
  return removed;
}

}  // namespace tenure::monitoring
