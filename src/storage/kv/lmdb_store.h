#pragma once

#include <filesystem>
#include <memory>

#include "core/result.h"
#include "storage/kv/kv_store.h"

namespace tenure::storage {

/// LMDB behind the KvStore interface: data.mdb and lock.mdb in `folder`, which several processes
/// may open at once. The map starts at `map_bytes` and doubles when it is full.
/// Errors: as open_kv_store; kConflict when this process has the folder open already, because LMDB
/// would drop its locks when one of the two is closed.
core::Result<std::unique_ptr<KvStore>> open_lmdb_store(const std::filesystem::path& folder,
                                                       std::size_t map_bytes);

}  // namespace tenure::storage
