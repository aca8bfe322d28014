#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "storage/objects/object_store.h"

namespace tenure::tracking {

/// Objects that arrive in parts, in any order and at the same time. All that is known of an upload
/// lies in the store, below kUploadsFolder: another process, or one that was started again, goes on
/// with it. Who knows an upload's id may add to it, and nobody can guess one. Thread-safe.
class MultipartUploads {
 public:
  static constexpr std::int64_t kPartsMax = 10'000;
  static constexpr std::string_view kUploadsFolder = ".tenure-uploads";
  /// An upload to which nothing came for so long is given up.
  static constexpr core::Micros kStaleAfter = core::Micros{24} * 3600 * core::kMicrosPerSecond;

  struct Part {
    std::int64_t number = 0;  ///< from 1
    std::string etag;         ///< what part_etag() said, with or without quotes
  };

  /// Both are borrowed.
  MultipartUploads(storage::ObjectStore& store, const core::Clock& clock)
      : store_(&store), clock_(&clock) {}

  /// A new upload of the object `key`; its id. Removes uploads that were given up.
  /// Errors: kInvalidArgument for a key or number that cannot be.
  core::Result<std::string> begin(std::string_view key, std::int64_t part_count);

  /// Takes a part, again if need be. Errors: kNotFound, kInvalidArgument for its number.
  core::Result<std::unique_ptr<storage::ObjectWriter>> open_part(std::string_view id,
                                                                 std::int64_t number);
  core::Result<std::string> part_etag(std::string_view id, std::int64_t number);

  /// Puts the parts together, by number, at once and durably. Completing again is fine.
  /// Errors: kNotFound for the upload; kInvalidArgument for another key, for parts that are missing
  /// or are not those that were taken.
  core::Result<> complete(std::string_view id, std::string_view key, std::vector<Part> parts);
  core::Result<> abort(std::string_view id, std::string_view key);

  /// How many uploads were given up.
  core::Result<std::size_t> remove_stale();

 private:
  struct Upload {
    std::string key;
    std::int64_t part_count = 0;
  };
  core::Result<Upload> find(std::string_view id);
  core::Result<Upload> find(std::string_view id, std::string_view key);
  core::Result<std::unique_ptr<storage::ObjectReader>> open_as_sent(std::string_view id,
                                                                    const Part& part);
  core::Result<> join(std::string_view id, std::string_view key, const std::vector<Part>& parts);
  bool is_done(std::string_view id);

  storage::ObjectStore* store_;
  const core::Clock* clock_;
};

}  // namespace tenure::tracking
