#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "monitoring/prediction_archive.h"
#include "monitoring/prediction_log.h"
#include "monitoring/segment_file.h"
#include "monitoring/segment_reader.h"

namespace tenure::monitoring {
namespace {

using Visit = std::function<bool(const LoggedPrediction&)>;

core::Result<std::unique_ptr<data::Engine>> open_engine() {
  data::EngineOptions options;
  options.memory_limit_bytes = 512ULL * 1024 * 1024;
  options.threads = 1;
  return data::Engine::open(options);
}

/// Reads both forms of the log. Segments that are archived meanwhile are read from their files.
class LogReader {
 public:
  LogReader(const std::filesystem::path& folder, const Visit& visit)
      : folder_(folder), visit_(visit) {}

  core::Result<std::int64_t> read() {
    // In this order: what is archived between the two is in both lists, and the segment is asked
    // first.
    const auto segments = list_segments(folder_);
    if (!segments) return segments.error();
    auto files = list_archive(folder_);
    if (!files) return std::move(files).error();
    std::set<std::uint64_t> numbers;
    for (const SegmentName& segment : *segments) numbers.insert(segment.number);
    for (const ArchiveFile& file : *files) numbers.insert(file.segment);
    for (const std::uint64_t number : numbers) {
      const auto segment = std::ranges::find(*segments, number, &SegmentName::number);
      const bool is_segment = segment != segments->end();
      core::Result<> done = is_segment
                                ? read_live(*segment, segment->number == segments->back().number)
                                : read_archived(*files, number);
      if (is_segment && !done && done.error().code == core::ErrorCode::kNotFound) {
        files = list_archive(folder_);
        if (!files) return std::move(files).error();
        done = read_archived(*files, number);
      }
      if (!done) return std::move(done).error();
      if (is_stopped_) break;
    }
    return records_;
  }

 private:
  core::Result<> read_live(const SegmentName& segment, bool is_last) {
    const auto read =
        read_segment(segment, is_last ? SegmentEnd::kMayGrow : SegmentEnd::kClosed, visit_);
    if (!read) return read.error();
    records_ += read->records;
    is_stopped_ = read->is_stopped;
    return {};
  }

  core::Result<> read_archived(const std::vector<ArchiveFile>& files, std::uint64_t number) {
    for (const ArchiveFile& file : files) {
      if (file.segment != number || is_stopped_) continue;
      if (!engine_) {
        auto opened = open_engine();
        if (!opened) return std::move(opened).error();
        engine_ = *std::move(opened);
      }
      const auto read = read_archive_file(*engine_, file.path, visit_);
      // Retention took the file since it was listed.
      if (!read && read.error().code == core::ErrorCode::kNotFound) continue;
      if (!read) return read.error();
      records_ += read->records;
      is_stopped_ = read->is_stopped;
    }
    return {};
  }

  const std::filesystem::path& folder_;
  const Visit& visit_;
  std::unique_ptr<data::Engine> engine_;
  std::int64_t records_ = 0;
  bool is_stopped_ = false;
};

}  // namespace

core::Result<std::int64_t> read_prediction_log(const std::filesystem::path& folder,
                                               const Visit& visit) {
  return LogReader(folder, visit).read();
}

core::Result<std::optional<LoggedPrediction>> find_prediction(const std::filesystem::path& folder,
                                                              const std::string& prediction_id) {
  std::optional<LoggedPrediction> found;
  std::optional<core::Error> damage;
  const auto segments = list_segments(folder);
  if (!segments) return segments.error();
  for (const SegmentName& segment : *segments) {
    const bool is_last = &segment == &segments->back();
    const auto read = read_segment(segment, is_last ? SegmentEnd::kMayGrow : SegmentEnd::kClosed,
                                   [&](const LoggedPrediction& event) {
                                     if (is_answer(event, prediction_id)) found = event;
                                     return !found;
                                   });
    if (found) return found;
    // A damaged segment stays where it is; what is not in it can still be found.
    if (!read && read.error().code != core::ErrorCode::kNotFound) damage = read.error();
  }
  // Listed after the segments were read, so that what was archived meanwhile is found here.
  const auto files = list_archive(folder);
  if (!files) return files.error();
  if (!files->empty()) {
    auto engine = open_engine();
    if (!engine) return std::move(engine).error();
    auto archived = find_archived(**engine, *files, prediction_id);
    if (!archived || *archived) return archived;
  }
  if (damage) return *std::move(damage);
  return found;
}

}  // namespace tenure::monitoring
