#pragma once

#include <cstdint>
#include <string_view>

namespace tenure::core {

/// Owns a file descriptor and closes it at the end of its life.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

  /// Closes it now. False, with errno, when the system reports an error only then; true when there
  /// is nothing to close.
  bool close();

 private:
  int fd_;
};

/// Writes all of `bytes`, however often it takes. False, with errno, when that fails.
bool write_all(int fd, std::string_view bytes);

/// As write_all, from byte `offset` of the file on.
bool write_all_at(int fd, std::string_view bytes, std::uint64_t offset);

}  // namespace tenure::core
