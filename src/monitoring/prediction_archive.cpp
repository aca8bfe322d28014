#include "monitoring/prediction_archive.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <system_error>
#include <tuple>
#include <unistd.h>

#include <fmt/format.h>

#include "core/file.h"
#include "core/time_format.h"
#include "data/parquet_file.h"
#include "monitoring/archive_table.h"
#include "monitoring/segment_file.h"
#include "monitoring/segment_reader.h"

namespace tenure::monitoring {
namespace {

namespace fs = std::filesystem;

constexpr core::Micros kHour = 3600LL * core::kMicrosPerSecond;

/// Events of a segment that wait for their files. More are written as a further part.
constexpr std::size_t kBatchRows = 50'000;
constexpr std::size_t kBatchBytes = 24U * 1024 * 1024;

core::Micros hour_of(core::Micros time) {
  const core::Micros rest = time % kHour;
  return time - (rest < 0 ? rest + kHour : rest);
}

/// A model's name as a part of a path that DuckDB reads back: other bytes as %XX.
std::string path_text(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_';
    safe += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return safe;
}

/// "…/date=2026-11-21/hour=18/0000000012-….parquet".
std::optional<ArchiveFile> parse_archive_path(const fs::path& path) {
  if (path.extension() != ".parquet") return std::nullopt;
  const std::string name = path.filename().string();
  ArchiveFile file{.path = path};
  const auto read = std::from_chars(name.data(), name.data() + name.size(), file.segment);
  if (read.ec != std::errc() || *read.ptr != '-') return std::nullopt;
  const std::string hour = path.parent_path().filename().string();
  const std::string date = path.parent_path().parent_path().filename().string();
  if (!hour.starts_with("hour=") || !date.starts_with("date=")) return std::nullopt;
  const auto time = core::parse_time(date.substr(5) + "T" + hour.substr(5) + ":00:00Z");
  if (!time) return std::nullopt;
  file.hour = *time;
  return file;
}

/// Writes the events of one segment, batch after batch.
class SegmentArchiver {
 public:
  SegmentArchiver(data::Engine& engine, fs::path folder, std::uint64_t segment)
      : engine_(engine), folder_(std::move(folder)), segment_(segment) {}

  core::Result<> add(const LoggedPrediction& event) {
    std::vector<std::string> names;
    for (const LoggedPrediction::Feature& feature : event.features) names.push_back(feature.name);
    ArchiveTableBuilder& group =
        groups_[{event.model, hour_of(event.time), event.version, std::move(names)}];
    const std::size_t before = group.bytes();
    group.add(event);
    bytes_ += group.bytes() - before;
    ++rows_;
    return rows_ >= kBatchRows || bytes_ >= kBatchBytes ? write() : core::Result<>();
  }

  core::Result<> write() {
    for (auto& [key, group] : groups_) {
      const auto& [model, hour, version, names] = key;
      const std::string when = core::format_utc(hour);  // 2026-11-21T18:00:00Z
      const fs::path path = folder_ / fmt::format("model={}", path_text(model)) /
                            fmt::format("date={}", when.substr(0, 10)) /
                            fmt::format("hour={}", when.substr(11, 2)) /
                            fmt::format("{:010}-v{}-{}.parquet", segment_, version, part_++);
      if (auto made = engine_.create_table("archived_events", group.take()); !made) return made;
      auto written = data::write_parquet(engine_, "SELECT * FROM archived_events", path, "zstd");
      if (!written) return written;
    }
    groups_.clear();
    rows_ = bytes_ = 0;
    return {};
  }

 private:
  using Key = std::tuple<std::string, core::Micros, std::int64_t, std::vector<std::string>>;
  data::Engine& engine_;
  fs::path folder_;
  std::uint64_t segment_;
  std::map<Key, ArchiveTableBuilder> groups_;
  std::size_t rows_ = 0, bytes_ = 0;
  int part_ = 0;
};

core::Result<> remove_files_of(const fs::path& log_folder, std::uint64_t segment) {
  const auto files = list_archive(log_folder);
  if (!files) return files.error();
  for (const ArchiveFile& file : *files) {
    if (file.segment != segment) continue;
    if (::unlink(file.path.c_str()) != 0 && errno != ENOENT)
      return core::system_error(errno, "remove", file.path);
    if (auto synced = core::sync_directory(file.path.parent_path()); !synced) return synced;
  }
  return {};
}

/// The files of one segment; after an error some of them may be there.
core::Result<SegmentRead> write_files(data::Engine& engine, const fs::path& log_folder,
                                      const fs::path& segment, std::uint64_t number) {
  SegmentArchiver archiver(engine, archive_folder(log_folder), number);
  core::Result<> written;
  auto read =
      read_segment({number, segment}, SegmentEnd::kClosed, [&](const LoggedPrediction& event) {
        written = archiver.add(event);
        return written.has_value();
      });
  if (!read) return read;
  if (written) written = archiver.write();
  if (!written) return std::move(written).error();
  return read;
}

core::Result<data::Table> read_table(data::Engine& engine, const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error))
    return core::Error{core::ErrorCode::kNotFound, fmt::format("{}: no such file", file.string())};
  auto table = engine.query(fmt::format("SELECT * FROM read_parquet({}, hive_partitioning=false)",
                                        data::quote_path(file)));
  if (!table && table.error().code != core::ErrorCode::kResourceExhausted)
    return core::Error{core::ErrorCode::kCorruption, table.error().message}.within(file.string());
  return table;
}

core::Result<std::vector<ArchiveFile>> list_once(const fs::path& log_folder) {
  std::vector<ArchiveFile> files;
  const fs::path folder = archive_folder(log_folder);
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  if (error == std::errc::no_such_file_or_directory) return files;
  while (!error && entry != fs::recursive_directory_iterator()) {
    if (auto file = parse_archive_path(entry->path())) files.push_back(*std::move(file));
    entry.increment(error);
  }
  if (error) return core::system_error(error.value(), "list", folder);
  std::ranges::sort(files, {},
                    [](const ArchiveFile& file) { return std::tie(file.segment, file.path); });
  return files;
}

}  // namespace

std::optional<core::Micros> hour_of_id(std::string_view id) {
  constexpr std::size_t kSize = 36;
  if (id.size() != kSize || id[14] != '7') return std::nullopt;
  const std::string digits = std::string(id.substr(0, 8)) + std::string(id.substr(9, 4));
  std::int64_t ms = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), ms, 16);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return std::nullopt;
  return hour_of(ms * 1000);
}

fs::path archive_folder(const fs::path& log_folder) {
  return log_folder / "parquet";
}

core::Result<std::vector<ArchiveFile>> list_archive(const fs::path& log_folder) {
  // A folder may go, by retention, between its being seen and being opened: look anew then.
  for (int attempt = 1;; ++attempt) {
    auto files = list_once(log_folder);
    if (files || files.error().code != core::ErrorCode::kNotFound || attempt == 5) return files;
  }
}

core::Result<std::int64_t> archive_segment(data::Engine& engine, const fs::path& log_folder,
                                           const fs::path& segment, std::uint64_t number) {
  // What an interrupted attempt left does not count yet, and may have been cut otherwise.
  if (auto removed = remove_files_of(log_folder, number); !removed)
    return std::move(removed).error();
  const auto read = write_files(engine, log_folder, segment, number);
  if (!read) {
    // They would only fill the disk; what cannot be removed now goes at the next attempt.
    static_cast<void>(remove_files_of(log_folder, number));
    return read.error();
  }
  // All files are durable: from here on they count.
  if (::unlink(segment.c_str()) != 0) return core::system_error(errno, "remove", segment);
  if (auto synced = core::sync_directory(log_folder); !synced) return std::move(synced).error();
  return read->records;
}

core::Result<ArchiveRead> read_archive_file(
    data::Engine& engine, const fs::path& file,
    const std::function<bool(const LoggedPrediction&)>& visit) {
  const auto table = read_table(engine, file);
  if (!table) return table.error();
  ArchiveRead read;
  LoggedPrediction event;
  for (std::size_t row = 0; row < table->row_count(); ++row) {
    if (auto got = read_archived(*table, row, event); !got)
      return std::move(got).error().within(file.string());
    ++read.records;
    if (!visit(event)) {
      read.is_stopped = true;
      break;
    }
  }
  return read;
}

core::Result<std::optional<LoggedPrediction>> find_archived(data::Engine& engine,
                                                            const std::vector<ArchiveFile>& files,
                                                            const std::string& prediction_id) {
  // Ids tell the time they were made: files of that hour first, the others should that fail.
  std::vector<ArchiveFile> ordered = files;
  if (const auto hour = hour_of_id(prediction_id))
    std::stable_partition(ordered.begin(), ordered.end(),
                          [&](const ArchiveFile& file) { return file.hour == *hour; });
  std::optional<LoggedPrediction> found;
  for (const ArchiveFile& file : ordered) {
    auto count = engine.query_integer(
        fmt::format("SELECT count(*) FROM read_parquet({}, hive_partitioning=false) WHERE "
                    "prediction_id = {}",
                    data::quote_path(file.path), data::quote_text(prediction_id)));
    std::error_code error;
    if (!count && !fs::exists(file.path, error)) continue;  // retention was faster
    if (!count)
      return core::Error{core::ErrorCode::kCorruption, count.error().message}.within(
          file.path.string());
    if (*count == 0) continue;
    const auto read = read_archive_file(engine, file.path, [&](const LoggedPrediction& event) {
      if (is_answer(event, prediction_id)) found = event;
      return !found;
    });
    if (!read && read.error().code == core::ErrorCode::kNotFound) continue;  // here, too
    if (!read) return read.error();
    if (found) break;
  }
  return found;
}

}  // namespace tenure::monitoring
