#include "core/descriptor.h"

#include <cerrno>
#include <unistd.h>
#include <utility>

namespace tenure::core {
namespace {

/// Calls `write_some(bytes)` until all are written.
template <typename WriteSome>
bool write_until_done(std::string_view bytes, const WriteSome& write_some) {
  while (!bytes.empty()) {
    const ssize_t n = write_some(bytes);
    if (n < 0 && errno == EINTR) continue;
    // A file that takes nothing has no room; the system says so only sometimes.
    if (n == 0) errno = ENOSPC;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

bool Descriptor::close() {
  return fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0;
}

bool write_all(int fd, std::string_view bytes) {
  return write_until_done(
      bytes, [&](std::string_view rest) { return ::write(fd, rest.data(), rest.size()); });
}

bool write_all_at(int fd, std::string_view bytes, std::uint64_t offset) {
  return write_until_done(bytes, [&](std::string_view rest) {
    const std::uint64_t at = offset + (bytes.size() - rest.size());
    return ::pwrite(fd, rest.data(), rest.size(), static_cast<off_t>(at));
  });
}

}  // namespace tenure::core
