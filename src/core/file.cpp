#include "core/file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/id.h"

namespace tenure::core {
namespace {

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
  bool is_open() const { return fd_ >= 0; }
  int close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Error system_error(int error_number, std::string_view what, const std::filesystem::path& path) {
  ErrorCode code = ErrorCode::kUnavailable;
  switch (error_number) {
    case ENOENT:
      code = ErrorCode::kNotFound;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = ErrorCode::kPermissionDenied;
      break;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFBIG:
      code = ErrorCode::kResourceExhausted;
      break;
    case EEXIST:
    case ENOTDIR:
      code = ErrorCode::kConflict;
      break;
    case EISDIR:
    case ENAMETOOLONG:
    case EINVAL:
      code = ErrorCode::kInvalidArgument;
      break;
    default:
      break;
  }
  return Error{code, fmt::format("{} {}: {}", what, path.string(),
                                 std::generic_category().message(error_number))};
}

Result<std::string> read_file(const std::filesystem::path& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return system_error(errno, "cannot open", path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return system_error(errno, "cannot read", path);
  if (S_ISDIR(info.st_mode)) return system_error(EISDIR, "cannot read", path);
  std::string content;
  content.reserve(static_cast<std::size_t>(info.st_size));
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot read", path);
    if (n == 0) return content;
    content.append(buffer, static_cast<std::size_t>(n));
  }
}

Result<> make_directories(const std::filesystem::path& path) {
  std::error_code status;
  std::filesystem::create_directories(path, status);
  if (status) return system_error(status.value(), "cannot make folder", path);
  return {};
}

Result<> sync_directory(const std::filesystem::path& path) {
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) return system_error(errno, "cannot open folder", path);
  // Some file systems refuse fsync on folders and need none.
  if (::fsync(folder.get()) != 0 && errno != EINVAL)
    return system_error(errno, "cannot sync folder", path);
  return {};
}

Result<> write_file_atomically(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path folder =
      path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (auto made = make_directories(folder); !made) return made;
  std::filesystem::path temporary = path;
  temporary += "." + random_hex_id().substr(0, 12) + ".tmp";

  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.is_open()) return system_error(errno, "cannot create", temporary);
  const auto fail = [&](std::string_view what) -> Error {
    Error error = system_error(errno, what, path);
    ::unlink(temporary.c_str());
    return error;
  };
  if (!write_all(file.get(), content)) return fail("cannot write");
  if (::fsync(file.get()) != 0) return fail("cannot sync");
  if (file.close() != 0) return fail("cannot close");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail("cannot rename to");
  return sync_directory(folder);
}

std::size_t remove_unfinished_files(const std::filesystem::path& folder, Micros modified_before) {
  using Iterator = std::filesystem::recursive_directory_iterator;
  std::size_t removed = 0;
  std::error_code failed;
  Iterator entry(folder, std::filesystem::directory_options::skip_permission_denied, failed);
  for (; !failed && entry != Iterator(); entry.increment(failed)) {
    struct stat status {};
    const std::filesystem::path& path = entry->path();
    if (path.extension() != ".tmp" || ::lstat(path.c_str(), &status) != 0 ||
        !S_ISREG(status.st_mode)) {
      continue;
    }
    const Micros modified = status.st_mtim.tv_sec * 1'000'000LL + status.st_mtim.tv_nsec / 1000;
    if (modified < modified_before && ::unlink(path.c_str()) == 0) ++removed;
  }
  return removed;
}

Result<> publish_file(const std::filesystem::path& temporary, const std::filesystem::path& path) {
  Descriptor file(::open(temporary.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.is_open()) return system_error(errno, "cannot open", temporary);
  if (::fsync(file.get()) != 0) return system_error(errno, "cannot sync", temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return system_error(errno, "cannot rename to", path);
  return sync_directory(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."));
}

}  // namespace tenure::core
