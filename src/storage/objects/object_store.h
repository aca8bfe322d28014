#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
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
};

/// Named blobs: artifacts, model packages. Keys are '/'-separated UTF-8 paths without empty, "." or
/// ".." segments, at most 1,024 bytes; anything else is refused with kInvalidArgument, so no key
/// can leave the store. Thread-safe. A put is atomic: readers see the old bytes or the new ones,
/// whole, and once it returns they survive a crash.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  virtual core::Result<> put(std::string_view key, std::string_view bytes) = 0;
  virtual core::Result<> put_file(std::string_view key,
                                  const std::filesystem::path& file) = 0;  ///< larger than memory
  virtual core::Result<std::string> get(std::string_view key) = 0;         ///< kNotFound
  virtual core::Result<ObjectInfo> stat(std::string_view key) = 0;         ///< kNotFound
  virtual core::Result<std::vector<ObjectInfo>> list(
      std::string_view prefix) = 0;                         ///< recursive, by key
  virtual core::Result<> remove(std::string_view key) = 0;  ///< unknown keys are fine

  /// A local folder or file with the object's content, for libraries that want a path; a store that
  /// is not local downloads into `cache`. For a prefix, everything below it.
  virtual core::Result<std::filesystem::path> local_copy(std::string_view key,
                                                         const std::filesystem::path& cache) = 0;

  /// The URI of a key as MLflow would write it: file:///…, s3://….
  virtual std::string uri(std::string_view key) const = 0;
};

/// Opens `file:///folder` (paths as in open_database). Makes missing folders.
core::Result<std::unique_ptr<ObjectStore>> open_object_store(std::string_view url,
                                                             const std::string& base);

}  // namespace tenure::storage
