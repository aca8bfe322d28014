#include "storage/kv/merged_entries.h"

#include "storage/kv/lmdb_entry.h"

namespace tenure::storage {

void MergedEntries::seek(std::string_view from) {
  status_ = 0;
  key_ = to_mdb(from);
  take_recent(mdb_cursor_get(cursor_, &key_, &stored_, from.empty() ? MDB_FIRST : MDB_SET_RANGE));
  has_row_ = false;
  if (flat_ != nullptr) take_row(flat_->lower_bound(from, row_));
}

void MergedEntries::take_recent(int result) {
  has_recent_ = result == 0;
  if (result != 0 && result != MDB_NOTFOUND) status_ = result;
}

void MergedEntries::take_row(FlatTable::Answer answer) {
  has_row_ = answer == FlatTable::Answer::kFound;
  if (answer == FlatTable::Answer::kDamaged) status_ = MDB_CORRUPTED;
}

int MergedEntries::next(KvEntry& entry) {
  for (;;) {
    if (status_ != 0) return status_;
    if (!has_recent_ && !has_row_) return MDB_NOTFOUND;
    const int order = !has_recent_ ? 1 : !has_row_ ? -1 : to_view(key_).compare(row_.key);
    if (order > 0) {
      entry = {row_.key, row_.value};
      take_row(flat_->read(row_.next, row_));
      return 0;
    }
    const std::string_view key = to_view(key_);
    const auto value = value_of(to_view(stored_), flat_ != nullptr);
    // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): there is a row only of a table
    if (order == 0) take_row(flat_->read(row_.next, row_));
    take_recent(mdb_cursor_get(cursor_, &key_, &stored_, MDB_NEXT));
    if (!value || key == kFlatTableKey) continue;
    entry = {key, *value};
    return 0;
  }
}

}  // namespace tenure::storage
