#include "storage/objects/local_root.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/file.h"
#include "storage/objects/object_key.h"

namespace tenure::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kResolveRetries = 8;
/// How often a folder may vanish between its making and its use before that is an error.
constexpr int kAttempts = 20;

bool is_missing(const fs::path& path) {
  struct ::stat info {};
  return ::lstat(path.c_str(), &info) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

core::Result<> move_content(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  if (errno != EXDEV) return core::system_error(errno, "cannot rename to", to);
  // A folder below the root on a file system of its own: the copy waits beside its target.
  const fs::path beside = core::unfinished_path(to);
  std::error_code status;
  fs::copy_file(from, beside, status);
  auto done = status ? core::Result<>(core::system_error(status.value(), "cannot copy to", to))
                     : core::publish_file(beside, to);
  if (!done) ::unlink(beside.c_str());
  if (done) ::unlink(from.c_str());
  return done;
}

}  // namespace

core::Result<fs::path> LocalRoot::resolve(std::string_view key) const {
  fs::path path = folder_ / fs::path(key);
  std::error_code status;
  fs::path real = fs::weakly_canonical(path, status);
  // A folder that vanishes while it is looked at, as when its last object is removed.
  for (int i = 0; status.value() == ENOENT && i < kResolveRetries; ++i)
    real = fs::weakly_canonical(path, status);
  if (status && status.value() != ENOTDIR)
    return core::system_error(status.value(), "cannot resolve", path);
  const auto [end_of_root, ignored] =
      std::mismatch(folder_.begin(), folder_.end(), real.begin(), real.end());
  if (!status && end_of_root != folder_.end()) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("object key '{}': a symbolic link leads out of the store", key)};
  }
  return path;
}

core::Result<fs::path> LocalRoot::object_path(std::string_view key) const {
  if (auto checked = check_object_key(key); !checked) return std::move(checked).error();
  if (core::is_unfinished_name(key)) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("object key '{}': names that end in .<12 hexadecimal "
                                   "digits>.tmp are kept for unfinished writes",
                                   key)};
  }
  if (key.substr(0, key.find('/')) == kUnfinishedFolder) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("object key '{}': the folder {} is kept for unfinished writes",
                                   key, kUnfinishedFolder)};
  }
  return resolve(key);
}

core::Result<fs::path> LocalRoot::folder_path(std::string_view folder) const {
  if (folder.empty()) return folder_;
  return resolve(folder);
}

bool LocalRoot::is_hidden(const fs::path& path) const {
  return core::is_unfinished_name(path.filename().native()) ||
         (path.filename() == kUnfinishedFolder && path.parent_path() == folder_);
}

core::Error LocalRoot::explain_conflict(std::string_view key, core::Error error) const {
  for (std::size_t slash = key.find('/'); slash != std::string_view::npos;
       slash = key.find('/', slash + 1)) {
    std::error_code status;
    const std::string_view above = key.substr(0, slash);
    if (!fs::is_regular_file(folder_ / fs::path(above), status)) continue;
    error.message = fmt::format("object key '{}': '{}' is an object, not a folder", key, above);
    break;
  }
  return error;
}

core::Result<> LocalRoot::place(
    std::string_view key, const std::function<core::Result<>(const fs::path&)>& put_at) const {
  auto path = object_path(key);
  if (!path) return std::move(path).error();
  for (int attempt = 1;; ++attempt) {
    std::error_code status;
    if (fs::is_directory(*path, status)) {
      return core::Error{core::ErrorCode::kConflict,
                         fmt::format("object key '{}': objects exist below it", key)};
    }
    auto done = put_at(*path);
    if (!done && done.error().code == core::ErrorCode::kConflict)
      return explain_conflict(key, std::move(done).error());
    // A removal may take the new, still empty folder away; then it is made again.
    if (done || done.error().code != core::ErrorCode::kNotFound || attempt == kAttempts)
      return done;
  }
}

core::Result<LocalRoot::Unfinished> LocalRoot::create_unfinished() const {
  const fs::path folder = folder_ / kUnfinishedFolder;
  for (int attempt = 1;; ++attempt) {
    // Not durable on purpose: what is in it does not outlive a crash either.
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
      return core::system_error(errno, "cannot make folder", folder);
    Unfinished made{core::Descriptor(), core::unfinished_path(folder / "object")};
    made.file =
        core::Descriptor(::open(made.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (made.file.is_open()) return made;
    if (errno != ENOENT || attempt == kAttempts)
      return core::system_error(errno, "cannot create", made.path);
  }
}

core::Result<> LocalRoot::publish(const Unfinished& finished, std::string_view key) const {
  return place(key, [&](const fs::path& path) -> core::Result<> {
    if (auto made = core::make_directories(path.parent_path()); !made) return made;
    if (auto moved = move_content(finished.path, path); !moved) return moved;
    auto synced = core::sync_directory(path.parent_path());
    // A removal took the folder with the object in it: it was there, and is not to be put again.
    if (!synced && synced.error().code == core::ErrorCode::kNotFound) return {};
    return synced;
  });
}

void LocalRoot::tidy() const {
  ::rmdir((folder_ / kUnfinishedFolder).c_str());  // only when it is empty
}

core::Result<> LocalRoot::remove_empty_folders(fs::path folder) const {
  while (folder != folder_ && ::rmdir(folder.c_str()) == 0) folder = folder.parent_path();
  auto synced = core::sync_directory(folder);
  // Another removal may have taken the folder as well.
  if (!synced && synced.error().code == core::ErrorCode::kNotFound) return {};
  return synced;
}

core::Result<> LocalRoot::remove_all(const fs::path& path) const {
  const fs::path waiting = folder_ / kUnfinishedFolder;
  for (int attempt = 1; !is_missing(path); ++attempt) {
    if (::mkdir(waiting.c_str(), 0755) != 0 && errno != EEXIST)
      return core::system_error(errno, "cannot make folder", waiting);
    fs::path removed = core::unfinished_path(waiting / "object");
    if (::rename(path.c_str(), removed.c_str()) != 0) {
      if (errno == ENOENT && attempt < kAttempts) continue;
      if (errno != EXDEV && errno != EBUSY) return core::system_error(errno, "cannot remove", path);
      removed = path;  // on a file system of its own: one by one
    }
    std::error_code status;
    fs::remove_all(removed, status);
    tidy();
    if (status && !is_missing(removed))
      return core::system_error(status.value(), "cannot remove", path);
    return remove_empty_folders(path.parent_path());
  }
  return {};
}

void LocalRoot::remove_stale(core::Micros modified_before) const {
  const fs::path waiting = folder_ / kUnfinishedFolder;
  std::error_code status;
  for (fs::directory_iterator entry(waiting, status); !status && entry != fs::directory_iterator();
       entry.increment(status)) {
    struct ::stat info {};
    std::error_code ignored;
    if (::lstat(entry->path().c_str(), &info) != 0) continue;
    // A folder was put here to be removed; whoever began may be at it still, which does no harm.
    if (S_ISDIR(info.st_mode)) fs::remove_all(entry->path(), ignored);
  }
  core::remove_unfinished_files(waiting, modified_before);
  tidy();
}

}  // namespace tenure::storage
