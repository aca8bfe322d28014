#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace tenure::storage {

struct ObjectInfo {
  std::string key;
  std::uint64_t size = 0;
  core::Micros modified = 0;
  std::string version = {};  ///< another one whenever the bytes are; not set by list()
};

/// One level of a store: an object, or what several keys begin with.
struct ObjectEntry {
  std::string name;  ///< last segment of the key
  bool is_folder = false;
  std::uint64_t size = 0;  ///< of an object
  core::Micros modified = 0;
};

/// Bytes of an open file of this machine.
struct LocalBytes {
  int handle = -1;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// Reads an object from front to back. One thread at a time.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  virtual const ObjectInfo& info() const = 0;
  /// Fills `out` with the next bytes, at least one unless the end is reached. Errors: kUnavailable,
  /// kCorruption when the object changed meanwhile.
  virtual core::Result<std::size_t> read(std::span<char> out) = 0;
  /// Where the bytes lie that read() would give, for those who can have the kernel send them. The
  /// handle is open as long as the reader lives. Nothing when the store is elsewhere.
  virtual std::optional<LocalBytes> local_bytes() const { return std::nullopt; }
};

/// Writes an object larger than memory. What was not committed is never seen, and is removed when
/// the writer goes. One thread at a time.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  /// Before the first write: so many bytes will come. A store that has no room for them says so
  /// now (kResourceExhausted); one that has keeps it, and may write them past the page cache when
  /// they come in multiples of 4096 bytes at addresses that are. What is written decides.
  virtual core::Result<> expect(std::uint64_t /*size*/) { return {}; }
  virtual core::Result<> write(std::string_view bytes) = 0;
  virtual core::Result<> commit() = 0;  ///< as put: atomic, then durable
};

/// Named blobs: artifacts, model packages. Keys are '/'-separated UTF-8 paths without empty, "." or
/// ".." segments, at most 1,024 bytes; anything else is refused with kInvalidArgument, so no key
/// can leave the store. Thread-safe. A put is atomic: readers see the old bytes or the new ones,
/// whole, and once it returns they survive a crash.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  virtual core::Result<> put(std::string_view key, std::string_view bytes) = 0;
  core::Result<> put_file(std::string_view key,
                          const std::filesystem::path& file);       ///< larger than memory
  virtual core::Result<std::string> get(std::string_view key) = 0;  ///< kNotFound
  /// Bytes from `offset` on, at most `length`. Errors: kNotFound.
  virtual core::Result<std::unique_ptr<ObjectReader>> open(
      std::string_view key, std::uint64_t offset = 0,
      std::uint64_t length = std::numeric_limits<std::uint64_t>::max()) = 0;
  virtual core::Result<std::unique_ptr<ObjectWriter>> create(std::string_view key) = 0;
  virtual core::Result<ObjectInfo> stat(std::string_view key) = 0;  ///< kNotFound
  virtual core::Result<std::vector<ObjectInfo>> list(
      std::string_view prefix) = 0;  ///< recursive, by key
  /// What lies directly below `folder` ("" = the root), by name; nothing for what is no folder.
  virtual core::Result<std::vector<ObjectEntry>> list_folder(std::string_view folder) = 0;
  virtual core::Result<> remove(std::string_view key) = 0;  ///< unknown keys are fine
  /// The object `key` and everything below key + '/'; unknown keys are fine.
  virtual core::Result<> remove_tree(std::string_view key) = 0;

  /// A local folder or file with the object's content, for libraries that want a path; a store that
  /// is not local downloads into `cache`. For a prefix, everything below it.
  virtual core::Result<std::filesystem::path> local_copy(std::string_view key,
                                                         const std::filesystem::path& cache) = 0;

  /// The URI of a key as MLflow would write it: file:///…, s3://….
  virtual std::string uri(std::string_view key) const = 0;

  enum class Access { kRead, kWrite };
  /// A URL by which anybody may GET or PUT this one object for `seconds`, past this process.
  /// Errors: kUnimplemented where there is no such thing, as for local files.
  virtual core::Result<std::string> presigned_url(Access access, std::string_view key, int seconds);
};

/// Opens `file:///folder` (paths as in open_database), making missing folders, or
/// `s3://bucket/prefix?endpoint=…` (s3_options.h), which sends nothing yet.
core::Result<std::unique_ptr<ObjectStore>> open_object_store(std::string_view url,
                                                             const std::string& base);

}  // namespace tenure::storage
