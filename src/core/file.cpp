#include "core/file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/descriptor.h"
#include "core/id.h"

namespace tenure::core {
namespace {

constexpr std::string_view kUnfinishedEnd = ".tmp";
constexpr std::size_t kUnfinishedDigits = 12;

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

/// The folders on the way to `path` that are not there, the deepest first.
std::vector<std::filesystem::path> missing_folders(std::filesystem::path path) {
  std::vector<std::filesystem::path> missing;
  std::error_code status;
  while (!path.empty() && !std::filesystem::exists(path, status) && !status) {
    // "a/b/" and "a/b" are one folder.
    if (path.has_filename()) missing.push_back(path);
    path = path.parent_path();
  }
  return missing;
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
  if (std::filesystem::is_directory(path, status)) return {};
  const auto missing = missing_folders(path);
  std::filesystem::create_directories(path, status);
  if (status) return system_error(status.value(), "cannot make folder", path);
  // A folder is there for good once its name is: that stands in the folder above.
  for (const std::filesystem::path& made : missing)
    if (auto synced = sync_directory(folder_of(made)); !synced) return synced;
  return {};
}

Result<> make_private_directory(const std::filesystem::path& path) {
  const std::filesystem::path above = folder_of(path);
  if (auto made = make_directories(above); !made) return made;
  if (::mkdir(path.c_str(), 0700) == 0) return sync_directory(above);
  if (errno != EEXIST) return system_error(errno, "cannot make folder", path);
  return make_directories(path);  // tells when it is no folder
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
  const std::filesystem::path folder = folder_of(path);
  if (auto made = make_directories(folder); !made) return made;
  const std::filesystem::path temporary = unfinished_path(path);

  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.is_open()) return system_error(errno, "cannot create", temporary);
  const auto fail = [&](std::string_view what) -> Error {
    Error error = system_error(errno, what, path);
    ::unlink(temporary.c_str());
    return error;
  };
  struct stat old {};
  if (::stat(path.c_str(), &old) == 0 && S_ISREG(old.st_mode) &&
      ::fchmod(file.get(), old.st_mode & 07777) != 0) {
    return fail("cannot keep the permissions of");
  }
  if (!write_all(file.get(), content)) return fail("cannot write");
  if (::fsync(file.get()) != 0) return fail("cannot sync");
  if (!file.close()) return fail("cannot close");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail("cannot rename to");
  return sync_directory(folder);
}

std::filesystem::path unfinished_path(const std::filesystem::path& target) {
  std::string name = "." + random_hex_id().substr(0, kUnfinishedDigits);
  return target.parent_path() / name.append(kUnfinishedEnd);
}

bool is_unfinished_name(std::string_view name) {
  if (!name.ends_with(kUnfinishedEnd)) return false;
  name.remove_suffix(kUnfinishedEnd.size());
  if (name.size() <= kUnfinishedDigits || name[name.size() - kUnfinishedDigits - 1] != '.')
    return false;
  return name.substr(name.size() - kUnfinishedDigits).find_first_not_of("0123456789abcdef") ==
         std::string_view::npos;
}

std::size_t remove_unfinished_files(const std::filesystem::path& folder, Micros modified_before) {
  std::size_t removed = 0;
  // Folder by folder: a walk of the library's own ends at the first that cannot be read.
  std::vector<std::filesystem::path> folders{folder};
  while (!folders.empty()) {
    std::error_code failed;
    std::filesystem::directory_iterator entry(folders.back(), failed);
    folders.pop_back();
    for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
      struct stat status {};
      const std::filesystem::path& path = entry->path();
      if (::lstat(path.c_str(), &status) != 0) continue;
      if (S_ISDIR(status.st_mode)) folders.push_back(path);
      if (!S_ISREG(status.st_mode) || !is_unfinished_name(path.filename().native())) continue;
      const Micros modified = status.st_mtim.tv_sec * 1'000'000LL + status.st_mtim.tv_nsec / 1000;
      if (modified < modified_before && ::unlink(path.c_str()) == 0) ++removed;
    }
  }
  return removed;
}

Result<> publish_file(const std::filesystem::path& temporary, const std::filesystem::path& path) {
  Descriptor file(::open(temporary.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.is_open()) return system_error(errno, "cannot open", temporary);
  if (::fsync(file.get()) != 0) return system_error(errno, "cannot sync", temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return system_error(errno, "cannot rename to", path);
  return sync_directory(folder_of(path));
}

}  // namespace tenure::core
