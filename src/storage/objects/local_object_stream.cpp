#include "storage/objects/local_object_stream.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/file.h"

namespace tenure::storage {
namespace {

namespace fs = std::filesystem;

/// So much is handed to the disk at a time while more arrives, so that the sync at the end does not
/// find all of a large object in memory.
constexpr std::uint64_t kWriteBack = std::uint64_t{32} << 20;

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

  core::Result<> write(std::string_view bytes) override {
    if (failed_) return *failed_;
    if (!core::write_all(unfinished_.file.get(), bytes)) return fail("cannot write");
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
