#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "core/result.h"
#include "storage/kv/kv_store.h"

namespace tenure::storage {

struct LmdbOptions {
  std::size_t map_bytes = std::size_t{256} << 20;  ///< at first; doubles when it is full
  /// Fewer bytes than these stay in LMDB when the store is settled: a tree as small as that lies in
  /// a processor's caches.
  std::uint64_t settle_bytes = std::uint64_t{16} << 20;
};

/// LMDB behind the KvStore interface: data.mdb and lock.mdb in `folder`, which several processes
/// may open at once, and beside them the flat table that settle() writes
/// (docs/formats/flat-table.md). Errors: as open_kv_store; kConflict when this process has the
/// folder open already, because LMDB would drop its locks when one of the two is closed.
core::Result<std::unique_ptr<KvStore>> open_lmdb_store(const std::filesystem::path& folder,
                                                       const LmdbOptions& options);

}  // namespace tenure::storage
