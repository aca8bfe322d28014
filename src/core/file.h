#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"

namespace tenure::core {

/// Reads a whole file.
/// Errors: kNotFound; kPermissionDenied; kInvalidArgument for a folder; kUnavailable for other I/O
/// errors.
Result<std::string> read_file(const std::filesystem::path& path);

/// Replaces a file so that after a crash at any instant either the old or the new content is there,
/// whole: write to a temporary name beside it, fsync, rename, fsync the folder. Makes missing
/// folders. Errors: kResourceExhausted when the disk is full; kPermissionDenied; kUnavailable. The
/// old file stays.
Result<> write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// Gives a finished temporary file its final name, durably: fsync, rename, fsync of the folder. For
/// files that a library writes by path. On an error the temporary file stays. Errors: as
/// write_file_atomically.
Result<> publish_file(const std::filesystem::path& temporary, const std::filesystem::path& path);

/// Removes the files below a folder whose names end in ".tmp" and that nobody wrote to since
/// `modified_before`: what a killed process left of the functions above. Returns how many. What
/// cannot be read or removed is passed over; links are not followed.
std::size_t remove_unfinished_files(const std::filesystem::path& folder, Micros modified_before);

/// mkdir -p. Errors: kPermissionDenied, kResourceExhausted, kConflict if a file stands in the way.
Result<> make_directories(const std::filesystem::path& path);

/// fsync of a folder, which makes the names in it durable.
Result<> sync_directory(const std::filesystem::path& path);

/// The error for a failed system call: code by errno (ENOENT kNotFound, EACCES kPermissionDenied,
/// ENOSPC kResourceExhausted, ...), message "<what> <path>: <reason>".
Error system_error(int error_number, std::string_view what, const std::filesystem::path& path);

}  // namespace tenure::core
