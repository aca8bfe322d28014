#include "storage/objects/local_object_store.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/descriptor.h"
#include "core/file.h"
#include "storage/objects/local_object_stream.h"
#include "storage/objects/local_root.h"
#include "storage/objects/object_key.h"

namespace tenure::storage {
namespace {

namespace fs = std::filesystem;

/// An unfinished file that nobody wrote to for so long belongs to a process that was killed.
constexpr core::Micros kStaleAfter = core::Micros{24} * 3600 * core::kMicrosPerSecond;

class LocalObjectStore final : public ObjectStore {
 public:
  explicit LocalObjectStore(fs::path root) : root_(std::move(root)) {
    root_.remove_stale(core::SystemClock().now() - kStaleAfter);
  }

  core::Result<> put(std::string_view key, std::string_view bytes) override {
    return root_.place(key, [&](const fs::path& path) -> core::Result<> {
      return core::write_file_atomically(path, bytes);
    });
  }

  core::Result<std::string> get(std::string_view key) override {
    auto path = root_.object_path(key);
    if (!path) return std::move(path).error();
    if (auto found = stat(key); !found) return std::move(found).error();
    return core::read_file(*path);
  }

  core::Result<std::unique_ptr<ObjectReader>> open(std::string_view key, std::uint64_t offset,
                                                   std::uint64_t length) override {
    auto path = root_.object_path(key);
    if (!path) return std::move(path).error();
    return open_local_reader(std::string(key), *path, offset, length);
  }

  core::Result<std::unique_ptr<ObjectWriter>> create(std::string_view key) override {
    return open_local_writer(root_, std::string(key));
  }

  core::Result<ObjectInfo> stat(std::string_view key) override {
    auto path = root_.object_path(key);
    if (!path) return std::move(path).error();
    struct ::stat info {};
    if (::stat(path->c_str(), &info) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return not_found(key);
      return core::system_error(errno, "cannot read", *path);
    }
    if (!S_ISREG(info.st_mode)) return not_found(key);
    ObjectInfo object = describe_local_object(std::string(key), info);
    object.version = version_of_local_object(info);
    return object;
  }

  core::Result<std::vector<ObjectInfo>> list(std::string_view prefix) override {
    if (auto checked = check_object_prefix(prefix); !checked) return std::move(checked).error();
    // The walk starts at the last whole folder of the prefix.
    const std::size_t slash = prefix.rfind('/');
    auto start = root_.folder_path(slash == std::string_view::npos ? std::string_view()
                                                                   : prefix.substr(0, slash));
    if (!start) return std::move(start).error();
    std::vector<ObjectInfo> found;
    auto walked = walk(*std::move(start), [&](const fs::path& path, const struct ::stat& info) {
      std::string key = path.lexically_relative(root_.folder()).generic_string();
      if (!key.starts_with(prefix)) return true;
      found.push_back(describe_local_object(std::move(key), info));
      return true;
    });
    if (!walked) return std::move(walked).error();
    std::sort(found.begin(), found.end(),
              [](const ObjectInfo& a, const ObjectInfo& b) { return a.key < b.key; });
    return found;
  }

  core::Result<std::vector<ObjectEntry>> list_folder(std::string_view folder) override {
    if (!folder.empty()) {
      if (auto checked = check_object_key(folder); !checked) return std::move(checked).error();
    }
    auto path = root_.folder_path(folder);
    if (!path) return std::move(path).error();
    std::vector<ObjectEntry> found;
    if (root_.is_hidden(*path)) return found;
    std::error_code status;
    fs::directory_iterator entry(*path, status);
    for (; !status && entry != fs::directory_iterator(); entry.increment(status)) {
      struct ::stat info {};
      if (::lstat(entry->path().c_str(), &info) != 0 || root_.is_hidden(entry->path())) continue;
      std::string name = entry->path().filename().string();
      if (S_ISREG(info.st_mode)) {
        ObjectInfo object = describe_local_object({}, info);
        found.push_back({std::move(name), false, object.size, object.modified});
      } else if (S_ISDIR(info.st_mode)) {
        auto has_objects = holds_objects(entry->path());
        if (!has_objects) return std::move(has_objects).error();
        if (*has_objects) found.push_back({.name = std::move(name), .is_folder = true});
      }
    }
    if (status && status.value() != ENOENT && status.value() != ENOTDIR)
      return core::system_error(status.value(), "cannot list", *path);
    std::sort(found.begin(), found.end(),
              [](const ObjectEntry& a, const ObjectEntry& b) { return a.name < b.name; });
    return found;
  }

  core::Result<> remove(std::string_view key) override {
    auto path = root_.object_path(key);
    if (!path) return std::move(path).error();
    struct ::stat info {};
    if (::lstat(path->c_str(), &info) != 0 || S_ISDIR(info.st_mode)) return {};
    if (::unlink(path->c_str()) != 0 && errno != ENOENT)
      return core::system_error(errno, "cannot remove", *path);
    // Folders exist for their objects only, so that "a" can be put once "a/b" is gone.
    return root_.remove_empty_folders(path->parent_path());
  }

  core::Result<> remove_tree(std::string_view key) override {
    auto path = root_.object_path(key);
    if (!path) return std::move(path).error();
    return root_.remove_all(*path);
  }

  core::Result<fs::path> local_copy(std::string_view key, const fs::path&) override {
    auto path = root_.object_path(key);
    if (!path) return std::move(path).error();
    std::error_code status;
    if (!fs::exists(*path, status)) return not_found(key);
    return path;
  }

  std::string uri(std::string_view key) const override {
    std::string path = root_.folder().generic_string();
    if (!key.empty()) path += "/" + std::string(key);
    return "file://" + percent_encode_path(path);
  }

 private:
  static core::Error not_found(std::string_view key) {
    return core::Error{core::ErrorCode::kNotFound, fmt::format("no object with key '{}'", key)};
  }

  /// Shows each object below a folder to `visit(path, stat)` until that says false. A folder that
  /// is gone has none.
  template <typename Visit>
  core::Result<> walk(fs::path start, const Visit& visit) const {
    // Folder by folder: remove() takes empty folders away at any time, and a walk of the library's
    // own would end there as if all had been seen.
    std::vector<fs::path> folders{std::move(start)};
    while (!folders.empty()) {
      const fs::path current = std::move(folders.back());
      folders.pop_back();
      std::error_code status;
      fs::directory_iterator entry(current, status);
      for (; !status && entry != fs::directory_iterator(); entry.increment(status)) {
        struct ::stat info {};
        // A file may vanish between the listing and here; symbolic links are not listed.
        if (::lstat(entry->path().c_str(), &info) != 0 || root_.is_hidden(entry->path())) continue;
        if (S_ISDIR(info.st_mode)) folders.push_back(entry->path());
        if (S_ISREG(info.st_mode) && !visit(entry->path(), info)) return {};
      }
      if (status && status.value() != ENOENT && status.value() != ENOTDIR)
        return core::system_error(status.value(), "cannot list", current);
    }
    return {};
  }

  core::Result<bool> holds_objects(const fs::path& folder) const {
    bool holds = false;
    auto walked = walk(folder, [&](const fs::path&, const struct ::stat&) {
      holds = true;
      return false;
    });
    if (!walked) return std::move(walked).error();
    return holds;
  }

  LocalRoot root_;
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
