#pragma once

#include <lmdb.h>
#include <string_view>

#include "storage/kv/flat_table.h"
#include "storage/kv/kv_store.h"

namespace tenure::storage {

/// The entries of one snapshot in key order: LMDB's, and the flat table's that they do not hide.
/// Borrows both. Codes are LMDB's: 0, MDB_NOTFOUND after the last, MDB_CORRUPTED, ...
class MergedEntries {
 public:
  MergedEntries(MDB_cursor* cursor, const FlatTable* flat) : cursor_(cursor), flat_(flat) {}

  /// Stands before the first entry whose key is not below `from`.
  void seek(std::string_view from);
  int next(KvEntry& entry);

 private:
  void take_recent(int result);
  void take_row(FlatTable::Answer answer);

  MDB_cursor* cursor_;
  const FlatTable* flat_;
  int status_ = 0;
  bool has_recent_ = false;
  MDB_val key_{};
  MDB_val stored_{};
  bool has_row_ = false;
  FlatTable::Row row_;
};

}  // namespace tenure::storage
