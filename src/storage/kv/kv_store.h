#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace tenure::storage {

struct KvEntry {
  std::string_view key;
  std::string_view value;
};

/// Bytes by key, in key order. Keys 1 to 511 bytes (LMDB's limit, checked for every backend),
/// values up to 16 MiB. Thread-safe. Readers never block writers, nor the other way round.
class KvStore {
 public:
  virtual ~KvStore() = default;

  /// Calls `visit(index, value)` once for each key, in the order of `keys`; value is std::nullopt
  /// for an unknown key. The view lives only during the call. One consistent snapshot serves all
  /// keys. Allocates nothing with the embedded backend.
  virtual core::Result<> get(
      std::span<const std::string_view> keys,
      const std::function<void(std::size_t, std::optional<std::string_view>)>& visit) = 0;

  /// Writes all entries in one atomic, durable step; existing keys are replaced.
  /// Errors: kInvalidArgument (key size), kResourceExhausted (disk or map full); then nothing was
  /// written.
  virtual core::Result<> put(std::span<const KvEntry> entries) = 0;

  /// Reads, decides and writes under one lock: for each key `decide(index, old value)` returns the
  /// new value, or std::nullopt to leave it as it is. One atomic step. For last-event-time-wins.
  /// `decide` may be asked again from the first key when a write must be repeated; the last answer
  /// counts. Neither it nor a `visit` may call the store.
  virtual core::Result<> update(
      std::span<const std::string_view> keys,
      const std::function<std::optional<std::string>(std::size_t, std::optional<std::string_view>)>&
          decide) = 0;

  /// Removes keys; unknown ones are fine.
  virtual core::Result<> erase(std::span<const std::string_view> keys) = 0;

  /// Visits entries whose key starts with `prefix`, in key order, until `visit` returns false.
  virtual core::Result<> scan(std::string_view prefix,
                              const std::function<bool(KvEntry)>& visit) = 0;

  virtual core::Result<std::uint64_t>
  count() = 0;  ///< number of keys; may be slow on remote backends

  /// A good moment to bring entries written of late to where reads cost least, if that pays: for
  /// writers of many entries. Nothing that others see changes; they read and write meanwhile.
  /// Errors: kResourceExhausted and others of writing; then all is as it was.
  enum class Pause : std::uint8_t { kBetweenBatches, kAtTheEnd };
  virtual core::Result<> settle(Pause pause);

  /// For programs that will read for long: brings entries into memory ahead of reads, in the
  /// background, now and whenever they were brought elsewhere.
  virtual void keep_warm() {}

  /// The value of one key, copied.
  core::Result<std::optional<std::string>> get(std::string_view key);
};

/// Opens `lmdb:///folder` (paths as in open_database). Makes missing folders.
/// Errors: kInvalidArgument for an unknown scheme, kPermissionDenied, kCorruption.
core::Result<std::unique_ptr<KvStore>> open_kv_store(std::string_view url, const std::string& base);

}  // namespace tenure::storage
