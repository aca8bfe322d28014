#include "storage/objects/local_object_store.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/id.h"
#include "storage/objects/object_key.h"

namespace tenure::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kIdDigits = 12;

/// Names of files that are being written: "<name>.<12 hexadecimal digits>.tmp", the form of
/// core::write_file_atomically. After a crash some stay; they are never shown.
bool is_unfinished(std::string_view name) {
  constexpr std::string_view kEnd = ".tmp";
  if (!name.ends_with(kEnd)) return false;
  name.remove_suffix(kEnd.size());
  if (name.size() <= kIdDigits || name[name.size() - kIdDigits - 1] != '.') return false;
  return name.substr(name.size() - kIdDigits).find_first_not_of("0123456789abcdef") ==
         std::string_view::npos;
}

/// Closes a file descriptor at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// Copies a file into a new one and syncs it. A failed copy is removed.
core::Result<> copy_durably(const fs::path& from, const fs::path& to) {
  const Descriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (source.get() < 0) return core::system_error(errno, "cannot open", from);
  const Descriptor target(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (target.get() < 0) return core::system_error(errno, "cannot create", to);
  const auto fail = [&](std::string_view what, const fs::path& where) {
    core::Error error = core::system_error(errno, what, where);
    ::unlink(to.c_str());
    return error;
  };
  std::string buffer(std::size_t{1} << 20, '\0');
  for (;;) {
    const ssize_t n = ::read(source.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail("cannot read", from);
    if (n == 0) break;
    if (!write_all(target.get(), std::string_view(buffer.data(), static_cast<std::size_t>(n))))
      return fail("cannot write", to);
  }
  if (::fsync(target.get()) != 0) return fail("cannot sync", to);
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
      fs::path temporary = path;
      temporary += "." + core::random_hex_id().substr(0, kIdDigits) + ".tmp";
      if (auto copied = copy_durably(file, temporary); !copied) return copied;
      if (::rename(temporary.c_str(), path.c_str()) != 0) {
        core::Error error = core::system_error(errno, "cannot rename to", path);
        ::unlink(temporary.c_str());
        return error;
      }
      return core::sync_directory(path.parent_path());
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
    std::error_code status;
    fs::recursive_directory_iterator entry(start, status);
    for (; !status && entry != fs::recursive_directory_iterator(); entry.increment(status)) {
      std::string key = entry->path().lexically_relative(root_).generic_string();
      if (!key.starts_with(prefix) || is_unfinished(entry->path().filename().string())) continue;
      struct ::stat info {};
      // A file may vanish between the listing and here; symbolic links are not listed.
      if (::lstat(entry->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
      found.push_back(describe(std::move(key), info));
    }
    if (status && status.value() != ENOENT && status.value() != ENOTDIR)
      return core::system_error(status.value(), "cannot list", start);
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

  /// Where a checked key lies. Refused when a symbolic link on the way leads out of the root.
  core::Result<fs::path> resolve(std::string_view key) const {
    fs::path path = root_ / fs::path(key);
    std::error_code status;
    const fs::path real = fs::weakly_canonical(path, status);
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
    if (is_unfinished(key)) {
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("object key '{}': names that end in .<{} hexadecimal "
                                     "digits>.tmp are kept for unfinished writes",
                                     key, kIdDigits)};
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
