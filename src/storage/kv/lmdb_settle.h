#pragma once

#include <cstdint>

#include "core/result.h"
#include "storage/kv/kv_store.h"
#include "storage/kv/lmdb_environment.h"

namespace tenure::storage {

struct SettleRule {
  KvStore::Pause pause = KvStore::Pause::kAtTheEnd;
  std::uint64_t bytes_min = 0;  ///< fewer stay in LMDB
};

/// Moves LMDB's entries into a new flat table together with those of the former table, when there
/// are enough of them; what KvStore::settle does. Readers go on, and so do writers, who wait only
/// while the table is exchanged: a walk over the keys. What is written meanwhile stays in LMDB.
/// At most one process settles at a time; the others return at once. A crash leaves the former
/// state and a file that the next settling removes.
/// Errors: kResourceExhausted, kCorruption, those of the environment; then nothing has changed.
core::Result<> settle(LmdbEnvironment& environment, const SettleRule& rule);

}  // namespace tenure::storage
