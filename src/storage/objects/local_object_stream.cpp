#include "storage/objects/local_object_stream.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/page_buffer.h"

namespace tenure::storage {
namespace {

namespace fs = std::filesystem;

/// So much is handed to the disk at a time while more arrives, so that the sync at the end does not
/// find all of a large object in memory.
constexpr std::uint64_t kWriteBack = std::uint64_t{32} << 20;

/// From this size on a file is worth being laid out beforehand, and written past the page cache.
constexpr std::uint64_t kLargeMin = std::uint64_t{1} << 20;
constexpr std::size_t kPage = core::PageBuffer::kPage;

class LocalObjectReader final : public ObjectReader {
 public:
  LocalObjectReader(core::Descriptor file, ObjectInfo info, std::uint64_t offset,
                    std::uint64_t length)
      : file_(std::move(file)),
        info_(std::move(info)),
        offset_(std::min(offset, info_.size)),
        end_(offset_ + std::min(length, info_.size - offset_)) {}

  const ObjectInfo& info() const override { return info_; }

  core::Result<std::size_t> read(std::span<char> out) override {
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), end_ - offset_));
    if (wanted == 0) return std::size_t{0};
    for (;;) {
      const ssize_t n = ::pread(file_.get(), out.data(), wanted, static_cast<off_t>(offset_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return core::system_error(errno, "cannot read", info_.key);
      if (n == 0) {
        return core::Error{core::ErrorCode::kCorruption,
                           fmt::format("object '{}' ends at byte {}, expected {}: it was changed "
                                       "while it was read",
                                       info_.key, offset_, info_.size)};
      }
      offset_ += static_cast<std::uint64_t>(n);
      return static_cast<std::size_t>(n);
    }
  }

  std::optional<LocalBytes> local_bytes() const override {
    return LocalBytes{file_.get(), offset_, end_ - offset_};
  }

 private:
  core::Descriptor file_;
  ObjectInfo info_;
  std::uint64_t offset_;
  std::uint64_t end_;
};

class LocalObjectWriter final : public ObjectWriter {
 public:
  LocalObjectWriter(LocalRoot root, std::string key, LocalRoot::Unfinished unfinished)
      : root_(std::move(root)), key_(std::move(key)), unfinished_(std::move(unfinished)) {}

  ~LocalObjectWriter() override {
    if (!is_published_) ::unlink(unfinished_.path.c_str());
    root_.tidy();
  }
  LocalObjectWriter(const LocalObjectWriter&) = delete;
  LocalObjectWriter& operator=(const LocalObjectWriter&) = delete;

  core::Result<> expect(std::uint64_t size) override {
    if (failed_) return *failed_;
    if (size < kLargeMin || size_ > 0) return {};
    const int file = unfinished_.file.get();
    if (::fallocate(file, 0, 0, static_cast<off_t>(size)) == 0) {
      allocated_ = size;
    } else if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) {
      return fail(fmt::format("no room for {} bytes, cannot write", size));
    }
    is_direct_ = set_direct(true);
    return {};
  }

  core::Result<> write(std::string_view bytes) override {
    if (failed_) return *failed_;
    if (is_direct_) bytes.remove_prefix(write_direct(bytes));
    if (bytes.empty()) return {};
    if (!core::write_all_at(unfinished_.file.get(), bytes, size_)) return fail("cannot write");
    size_ += bytes.size();
    if (size_ - handed_over_ >= kWriteBack) {
      // Only begins to write; a file system that cannot is asked again by fsync.
      ::sync_file_range(unfinished_.file.get(), static_cast<off_t>(handed_over_),
                        static_cast<off_t>(size_ - handed_over_), SYNC_FILE_RANGE_WRITE);
      handed_over_ = size_;
    }
    return {};
  }

  core::Result<> commit() override {
    if (failed_) return *failed_;
    if (is_published_) {
      return core::Error{core::ErrorCode::kInternal,
                         fmt::format("object '{}' was committed already", key_)};
    }
    if (size_ < allocated_ && ::ftruncate(unfinished_.file.get(), static_cast<off_t>(size_)) != 0)
      return fail("cannot cut");
    if (::fsync(unfinished_.file.get()) != 0) return fail("cannot sync");
    if (!unfinished_.file.close()) return fail("cannot close");
    auto published = root_.publish(unfinished_, key_);
    if (!published) {
      failed_ = published.error();
      return published;
    }
    is_published_ = true;
    return {};
  }

 private:
  bool set_direct(bool is_on) {
    const int file = unfinished_.file.get();
    const int flags = ::fcntl(file, F_GETFL);
    return flags >= 0 && ::fcntl(file, F_SETFL, is_on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
  }

  /// Writes what may go past the page cache and says how much that was. The rest, which is the
  /// last piece or from somebody who does not care for pages, goes the usual way, as does all
  /// that follows.
  std::size_t write_direct(std::string_view bytes) {
    // A file system that cannot do it refuses the first piece. Other errors are met again.
    const std::size_t whole = bytes.size() / kPage * kPage;
    const bool is_aligned =
        size_ % kPage == 0 && reinterpret_cast<std::uintptr_t>(bytes.data()) % kPage == 0;
    const bool is_written =
        is_aligned && whole > 0 &&
        core::write_all_at(unfinished_.file.get(), bytes.substr(0, whole), size_);
    if (is_written) size_ += whole;
    handed_over_ = size_;
    if (!is_written || whole < bytes.size()) is_direct_ = !set_direct(false);
    return is_written ? whole : 0;
  }

  core::Error fail(std::string_view what) {
    failed_ = core::system_error(errno, what, root_.folder() / fs::path(key_));
    return *failed_;
  }

  LocalRoot root_;
  std::string key_;
  LocalRoot::Unfinished unfinished_;
  std::optional<core::Error> failed_;
  std::uint64_t size_ = 0;
  std::uint64_t handed_over_ = 0;
  std::uint64_t allocated_ = 0;  ///< bytes the file was given beforehand
  bool is_direct_ = false;
  bool is_published_ = false;
};

core::Error not_found(std::string_view key) {
  return core::Error{core::ErrorCode::kNotFound, fmt::format("no object with key '{}'", key)};
}

}  // namespace

ObjectInfo describe_local_object(std::string key, const struct ::stat& info) {
  return {std::move(key), static_cast<std::uint64_t>(info.st_size),
          core::Micros{info.st_mtim.tv_sec} * core::kMicrosPerSecond + info.st_mtim.tv_nsec / 1000};
}

std::string version_of_local_object(const struct ::stat& info) {
  // Each write makes a file of its own, so two versions differ in their inodes even when they are
  // as long as each other and of the same tick of the clock.
  return fmt::format("{:x}-{:x}-{:x}.{:x}", info.st_ino, info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

core::Result<std::unique_ptr<ObjectReader>> open_local_reader(std::string key, const fs::path& path,
                                                              std::uint64_t offset,
                                                              std::uint64_t length) {
  // Without O_NONBLOCK a named pipe would be waited for.
  core::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ENXIO) return not_found(key);
    return core::system_error(errno, "cannot open", path);
  }
  struct ::stat info {};
  if (::fstat(file.get(), &info) != 0) return core::system_error(errno, "cannot read", path);
  if (!S_ISREG(info.st_mode)) return not_found(key);
  ::posix_fadvise(file.get(), static_cast<off_t>(offset), 0, POSIX_FADV_SEQUENTIAL);
  ObjectInfo object = describe_local_object(std::move(key), info);
  object.version = version_of_local_object(info);
  return std::unique_ptr<ObjectReader>(
      std::make_unique<LocalObjectReader>(std::move(file), std::move(object), offset, length));
}

core::Result<std::unique_ptr<ObjectWriter>> open_local_writer(LocalRoot root, std::string key) {
  // What cannot be named at the end is told before it is sent.
  auto possible = root.place(key, [&](const fs::path& path) -> core::Result<> {
    std::error_code status;
    for (fs::path above = path.parent_path(); above != root.folder(); above = above.parent_path()) {
      if (fs::is_directory(above, status)) break;
      if (fs::exists(above, status)) return core::system_error(ENOTDIR, "cannot make", path);
    }
    return {};
  });
  if (!possible) return std::move(possible).error();
  auto unfinished = root.create_unfinished();
  if (!unfinished) return std::move(unfinished).error();
  return std::unique_ptr<ObjectWriter>(
      std::make_unique<LocalObjectWriter>(std::move(root), std::move(key), *std::move(unfinished)));
}

}  // namespace tenure::storage
