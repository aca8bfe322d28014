#include "storage/objects/local_object_store.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/descriptor.h"
#include "core/file.h"
#include "storage/objects/object_key.h"

namespace tenure::storage {
namespace {

constexpr int kResolveRetries = 8;

namespace fs = std::filesystem;

/// Copies a file into a new one.
core::Result<> copy_content(const fs::path& from, const fs::path& to) {
  const core::Descriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source.is_open()) return core::system_error(errno, "cannot open", from);
  core::Descriptor target(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!target.is_open()) return core::system_error(errno, "cannot create", to);
  std::string buffer(std::size_t{1} << 20, '\0');
  for (;;) {
    const ssize_t n = ::read(source.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return core::system_error(errno, "cannot read", from);
    if (n == 0) break;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    if (!core::write_all(target.get(), bytes)) return core::system_error(errno, "cannot write", to);
  }
  if (!target.close()) return core::system_error(errno, "cannot close", to);
  return {};
}

class LocalObjectStore final : public ObjectStore {
 public:
  explicit LocalObjectStore(fs::path root) : root_(std::move(root)) {}

  core::Result<> put(std::string_view key, std::string_view bytes) override {
    return write(key, [&](const fs::path& path) -> core::Result<> {
      return core::write_file_atomically(path, bytes);
    });
  }

  core::Result<> put_file(std::string_view key, const fs::path& file) override {
    std::error_code status;
    if (!fs::exists(file, status)) return core::system_error(ENOENT, "cannot open", file);
    if (!fs::is_regular_file(file, status)) {
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("cannot store {}: not a file", file.string())};
    }
    return write(key, [&](const fs::path& path) -> core::Result<> {
      if (auto made = core::make_directories(path.parent_path()); !made) return made;
      const fs::path temporary = core::unfinished_path(path);
      auto done = copy_content(file, temporary);
      if (done) done = core::publish_file(temporary, path);
      if (!done) ::unlink(temporary.c_str());
      return done;
    });
  }

  core::Result<std::string> get(std::string_view key) override {
    auto path = object_path(key);
    if (!path) return std::move(path).error();
    if (auto found = stat(key); !found) return std::move(found).error();
    return core::read_file(*path);
  }

  core::Result<ObjectInfo> stat(std::string_view key) override {
    auto path = object_path(key);
    if (!path) return std::move(path).error();
    struct ::stat info {};
    if (::stat(path->c_str(), &info) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return not_found(key);
      return core::system_error(errno, "cannot read", *path);
    }
    if (!S_ISREG(info.st_mode)) return not_found(key);
    return describe(std::string(key), info);
  }

  core::Result<std::vector<ObjectInfo>> list(std::string_view prefix) override {
    if (auto checked = check_object_prefix(prefix); !checked) return std::move(checked).error();
    // The walk starts at the last whole folder of the prefix.
    const std::size_t slash = prefix.rfind('/');
    const std::string_view folder =
        slash == std::string_view::npos ? std::string_view() : prefix.substr(0, slash);
    fs::path start = root_;
    if (!folder.empty()) {
      auto resolved = resolve(folder);
      if (!resolved) return std::move(resolved).error();
      start = std::move(*resolved);
    }
    std::vector<ObjectInfo> found;
    // Folder by folder: remove() takes empty folders away at any time, and a walk of the library's
    // own would end there as if all had been seen.
    std::vector<fs::path> folders{std::move(start)};
    while (!folders.empty()) {
      const fs::path current = std::move(folders.back());
      folders.pop_back();
      if (auto listed = list_folder(current, prefix, found, folders); !listed)
        return std::move(listed).error();
    }
    std::sort(found.begin(), found.end(),
              [](const ObjectInfo& a, const ObjectInfo& b) { return a.key < b.key; });
    return found;
  }

  core::Result<> remove(std::string_view key) override {
    auto path = object_path(key);
    if (!path) return std::move(path).error();
    struct ::stat info {};
    if (::lstat(path->c_str(), &info) != 0 || S_ISDIR(info.st_mode)) return {};
    if (::unlink(path->c_str()) != 0 && errno != ENOENT)
      return core::system_error(errno, "cannot remove", *path);
    // Folders exist for their objects only, so that "a" can be put once "a/b" is gone.
    fs::path folder = path->parent_path();
    while (folder != root_ && ::rmdir(folder.c_str()) == 0) folder = folder.parent_path();
    auto synced = core::sync_directory(folder);
    // Another remove() may have taken the folder as well.
    if (!synced && synced.error().code == core::ErrorCode::kNotFound) return {};
    return synced;
  }

  core::Result<fs::path> local_copy(std::string_view key, const fs::path&) override {
    auto path = object_path(key);
    if (!path) return std::move(path).error();
    std::error_code status;
    if (!fs::exists(*path, status)) return not_found(key);
    return path;
  }

  std::string uri(std::string_view key) const override {
    std::string path = root_.generic_string();
    if (!key.empty()) path += "/" + std::string(key);
    return "file://" + percent_encode_path(path);
  }

 private:
  static core::Error not_found(std::string_view key) {
    return core::Error{core::ErrorCode::kNotFound, fmt::format("no object with key '{}'", key)};
  }

  static ObjectInfo describe(std::string key, const struct ::stat& info) {
    return {
        std::move(key), static_cast<std::uint64_t>(info.st_size),
        core::Micros{info.st_mtim.tv_sec} * core::kMicrosPerSecond + info.st_mtim.tv_nsec / 1000};
  }

  /// Adds the objects of one folder, and the folders in it. A folder that is gone has none.
  core::Result<> list_folder(const fs::path& folder, std::string_view prefix,
                             std::vector<ObjectInfo>& found, std::vector<fs::path>& folders) const {
    std::error_code status;
    fs::directory_iterator entry(folder, status);
    for (; !status && entry != fs::directory_iterator(); entry.increment(status)) {
      struct ::stat info {};
      // A file may vanish between the listing and here; symbolic links are not listed.
      if (::lstat(entry->path().c_str(), &info) != 0) continue;
      if (S_ISDIR(info.st_mode)) folders.push_back(entry->path());
      if (!S_ISREG(info.st_mode)) continue;
      if (core::is_unfinished_name(entry->path().filename().native())) continue;
      std::string key = entry->path().lexically_relative(root_).generic_string();
      if (key.starts_with(prefix)) found.push_back(describe(std::move(key), info));
    }
    if (status && status.value() != ENOENT && status.value() != ENOTDIR)
      return core::system_error(status.value(), "cannot list", folder);
    return {};
  }

  /// Where a checked key lies. Refused when a symbolic link on the way leads out of the root.
  core::Result<fs::path> resolve(std::string_view key) const {
    fs::path path = root_ / fs::path(key);
    std::error_code status;
    fs::path real = fs::weakly_canonical(path, status);
    // A folder that vanishes while it is looked at, as when its last object is removed.
    for (int i = 0; status.value() == ENOENT && i < kResolveRetries; ++i)
      real = fs::weakly_canonical(path, status);
    if (status && status.value() != ENOTDIR)
      return core::system_error(status.value(), "cannot resolve", path);
    const auto [end_of_root, ignored] =
        std::mismatch(root_.begin(), root_.end(), real.begin(), real.end());
    if (!status && end_of_root != root_.end()) {
      return core::Error{
          core::ErrorCode::kInvalidArgument,
          fmt::format("object key '{}': a symbolic link leads out of the store", key)};
    }
    return path;
  }

  core::Result<fs::path> object_path(std::string_view key) const {
    if (auto checked = check_object_key(key); !checked) return std::move(checked).error();
    if (core::is_unfinished_name(key)) {
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("object key '{}': names that end in .<12 hexadecimal "
                                     "digits>.tmp are kept for unfinished writes",
                                     key)};
    }
    return resolve(key);
  }

  core::Result<> write(std::string_view key,
                       const std::function<core::Result<>(const fs::path&)>& put_at) {
    constexpr int kAttempts = 10;
    auto path = object_path(key);
    if (!path) return std::move(path).error();
    std::error_code status;
    if (fs::is_directory(*path, status)) {
      return core::Error{core::ErrorCode::kConflict,
                         fmt::format("object key '{}': objects exist below it", key)};
    }
    for (int attempt = 1;; ++attempt) {
      auto done = put_at(*path);
      // A remove() may take the new, still empty folder away; then it is made again.
      if (done || done.error().code != core::ErrorCode::kNotFound || attempt == kAttempts)
        return done;
    }
  }

  fs::path root_;  // canonical
};

}  // namespace

core::Result<std::unique_ptr<ObjectStore>> open_local_object_store(const fs::path& root) {
  if (auto made = core::make_directories(root); !made) return std::move(made).error();
  std::error_code status;
  fs::path real = fs::canonical(root, status);
  if (status) return core::system_error(status.value(), "cannot open object store", root);
  if (!fs::is_directory(real, status))
    return core::system_error(ENOTDIR, "cannot open object store", root);
  return std::unique_ptr<ObjectStore>(std::make_unique<LocalObjectStore>(std::move(real)));
}

}  // namespace tenure::storage
