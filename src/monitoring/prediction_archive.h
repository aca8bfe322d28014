#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "data/engine.h"
#include "monitoring/prediction_log.h"

namespace tenure::monitoring {

/// The Parquet files that closed segments of the prediction log become, by model and hour, below
/// `<log>/parquet` (docs/formats/prediction-log.md). A file's name begins with the number of its
/// segment; while that segment is there, it counts and the file does not.

struct ArchiveFile {
  std::uint64_t segment = 0;
  core::Micros hour = 0;  ///< begin of the hour its events are of
  std::filesystem::path path;
};

/// The hour that a UUIDv7 was made in; nothing for another id.
std::optional<core::Micros> hour_of_id(std::string_view id);

std::filesystem::path archive_folder(const std::filesystem::path& log_folder);

/// By segment and path; a missing folder has none. Errors: as core::read_file.
core::Result<std::vector<ArchiveFile>> list_archive(const std::filesystem::path& log_folder);

/// Turns a segment that nobody writes any more into Parquet files, then removes it. Killed at any
/// point, the segment or all of its files are there; repeated, it begins anew. Memory: one batch of
/// events. Errors: kCorruption for a damaged segment, kResourceExhausted on a full disk; the
/// segment stays then. kCancelled when the engine was interrupted. Returns the events.
core::Result<std::int64_t> archive_segment(data::Engine& engine,
                                           const std::filesystem::path& log_folder,
                                           const std::filesystem::path& segment,
                                           std::uint64_t number);

struct ArchiveRead {
  std::int64_t records = 0;
  bool is_stopped = false;  ///< by the visitor
};
/// Reads the events of one file until `visit` returns false. Errors: kNotFound, kCorruption.
core::Result<ArchiveRead> read_archive_file(
    data::Engine& engine, const std::filesystem::path& file,
    const std::function<bool(const LoggedPrediction&)>& visit);

/// The event with that id, if one of the files has it. Errors: kCorruption naming a file.
core::Result<std::optional<LoggedPrediction>> find_archived(data::Engine& engine,
                                                            const std::vector<ArchiveFile>& files,
                                                            const std::string& prediction_id);

}  // namespace tenure::monitoring
