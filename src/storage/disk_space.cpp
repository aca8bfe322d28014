#include "storage/disk_space.h"

#include <cstdint>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace tenure::storage {
namespace {

// Less free space than this counts as a full disk.
constexpr std::uint64_t kSpareBytes = std::uint64_t{1} << 20;

}  // namespace

bool has_no_room(const std::filesystem::path& file) {
  struct statvfs disk {};
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  if (::statvfs(folder.c_str(), &disk) == 0 &&
      std::uint64_t{disk.f_bavail} * disk.f_frsize < kSpareBytes) {
    return true;
  }
  struct rlimit limit {};
  struct stat info {};
  return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         ::stat(file.c_str(), &info) == 0 &&
         static_cast<std::uint64_t>(info.st_size) + kSpareBytes > limit.rlim_cur;
}

}  // namespace tenure::storage
