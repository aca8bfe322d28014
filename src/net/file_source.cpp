#include "net/file_source.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/file.h"

namespace tenure::net {

FileSource::FileSource(int handle, ByteRange range)
    : handle_(handle), offset_(range.offset), left_(range.length), size_(range.length) {
  // A hint: the kernel reads further ahead. What it says to that does not matter.
  ::posix_fadvise(handle_, static_cast<off_t>(offset_), static_cast<off_t>(size_),
                  POSIX_FADV_SEQUENTIAL);
}

FileSource::~FileSource() {
  ::close(handle_);
}

core::Result<std::unique_ptr<FileSource>> FileSource::open(const std::filesystem::path& path) {
  const int handle = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (handle < 0) return core::system_error(errno, "cannot open", path);
  // From here on closed by the source.
  auto source = std::make_unique<FileSource>(handle, ByteRange{});
  struct stat about {};
  if (::fstat(handle, &about) != 0) return core::system_error(errno, "cannot read", path);
  if (!S_ISREG(about.st_mode))
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("{} is no plain file", path.string())};
  source->left_ = source->size_ = static_cast<std::uint64_t>(about.st_size);
  return source;
}

core::Result<std::size_t> FileSource::read(std::span<char> out) {
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left_));
  ssize_t n = -1;
  do {
    n = ::pread(handle_, out.data(), wanted, static_cast<off_t>(offset_));
  } while (n < 0 && errno == EINTR);
  if (n < 0) return core::system_error(errno, "cannot read", "the file that is sent");
  if (n == 0)
    return core::Error{
        core::ErrorCode::kCorruption,
        fmt::format("the file that is sent has become shorter: {} bytes are missing", left_)};
  offset_ += static_cast<std::uint64_t>(n);
  left_ -= static_cast<std::uint64_t>(n);
  return static_cast<std::size_t>(n);
}

core::Result<std::size_t> TextSource::read(std::span<char> out) {
  const std::size_t n = std::min(out.size(), text_.size() - at_);
  std::copy_n(text_.data() + at_, n, out.data());
  at_ += n;
  return n;
}

}  // namespace tenure::net
