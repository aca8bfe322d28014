#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "app/project.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::app {

/// `tenure admin backup` and `tenure admin restore`: the database (experiments, runs, models,
/// tokens, pipeline runs) and all objects (artifacts, model packages), with or without a running
/// server. A backup is a folder: `database`, `objects/<key>`, and `manifest.json`, which has the
/// size and the SHA-256 of each.

/// Told after each object.
using BackupProgress = std::function<void(std::int64_t done, std::int64_t total)>;

struct BackupRequest {
  std::filesystem::path folder;  ///< new
  BackupProgress progress = {};
};
/// The database is copied as it is at one instant, then the objects. Whoever writes stores an
/// object before the row that names it, so all that the copied rows name is there. The folder gets
/// its name when everything in it is on the disk. Errors: kConflict when the folder is there.
core::Result<core::JsonObject> back_up(Project& project, const BackupRequest& request);

struct RestoreRequest {
  std::filesystem::path folder;
  bool is_forced = false;  ///< into a project that holds something already
  BackupProgress progress = {};
};
/// Checks every file, puts the objects, then the database, in one transaction. A restore that was
/// interrupted is repeated, with is_forced. Objects that the backup lacks stay. Errors: kNotFound,
/// kCorruption naming the file that differs, kConflict when the project holds something.
core::Result<core::JsonObject> restore(Project& project, const RestoreRequest& request);

}  // namespace tenure::app
