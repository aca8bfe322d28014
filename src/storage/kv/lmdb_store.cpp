#include "storage/kv/lmdb_store.h"

#include <cstring>
#include <lmdb.h>

#include <fmt/format.h>

#include "storage/kv/lmdb_entry.h"
#include "storage/kv/lmdb_environment.h"
#include "storage/kv/lmdb_settle.h"
#include "storage/kv/merged_entries.h"

namespace tenure::storage {
namespace {

constexpr std::size_t kKeyMax = 511;
constexpr std::size_t kValueMax = std::size_t{16} << 20;

core::Result<> check_key(std::string_view key) {
  if (key == kFlatTableKey) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "key-value store: this key is kept for the store itself"};
  }
  if (!key.empty() && key.size() <= kKeyMax) return {};
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("key-value store: a key has 1 to {} bytes, this one has {}",
                                 kKeyMax, key.size())};
}

core::Result<> check_value(std::string_view value) {
  if (value.size() <= kValueMax) return {};
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("key-value store: a value has up to {} bytes, this one has {}",
                                 kValueMax, value.size())};
}

/// Looks up keys in the entries of one snapshot. Keys that are neighbours in the store, and asked
/// for in its order, cost one search together.
class LookUp {
 public:
  explicit LookUp(const LmdbEnvironment::Reader& reader)
      : cursor_(reader.cursor()), flat_(reader.flat()), has_recent_(reader.has_recent()) {}

  /// LMDB's result code: 0, MDB_NOTFOUND, or an error.
  int find(std::string_view key, std::string_view& value) {
    if (has_recent_) {
      const int result = find_recent(key);
      if (result != 0 && result != MDB_NOTFOUND) return result;
      if (result == 0) {
        const auto found = value_of(to_view(stored_), flat_ != nullptr);
        if (found) value = *found;
        return found ? 0 : MDB_NOTFOUND;
      }
    }
    return flat_ == nullptr ? MDB_NOTFOUND : find_in_table(key, value);
  }

 private:
  /// The cursor stands at the first key that is not below the one asked for last.
  int find_recent(std::string_view key) {
    if (is_placed_ && key >= last_) {
      if (is_at_end_) return MDB_NOTFOUND;
      int order = key.compare(to_view(here_));
      if (order > 0 && was_found_) {
        last_ = key;
        place(mdb_cursor_get(cursor_, &here_, &stored_, MDB_NEXT));
        if (result_ != 0) return result_;
        order = key.compare(to_view(here_));
      }
      if (order <= 0) {
        last_ = key;
        was_found_ = order == 0;
        return was_found_ ? 0 : MDB_NOTFOUND;
      }
    }
    last_ = key;
    here_ = to_mdb(key);
    place(mdb_cursor_get(cursor_, &here_, &stored_, MDB_SET_RANGE));
    if (result_ != 0) return result_;
    was_found_ = to_view(here_) == key;
    return was_found_ ? 0 : MDB_NOTFOUND;
  }

  void place(int result) {
    result_ = result;
    is_at_end_ = result == MDB_NOTFOUND;
    is_placed_ = result == 0 || is_at_end_;
    was_found_ = false;
  }

  int find_in_table(std::string_view key, std::string_view& value) {
    // The row after the one found last is in the processor's caches, or on its way there.
    bool is_found = row_.next != 0 && flat_->read(row_.next, row_) == FlatTable::Answer::kFound &&
                    row_.key == key;
    if (!is_found) {
      const FlatTable::Answer answer = flat_->find(key, row_);
      if (answer == FlatTable::Answer::kDamaged) return MDB_CORRUPTED;
      is_found = answer == FlatTable::Answer::kFound;
    }
    value = row_.value;
    if (!is_found) row_.next = 0;
    return is_found ? 0 : MDB_NOTFOUND;
  }

  MDB_cursor* cursor_;
  const FlatTable* flat_;
  bool has_recent_;
  std::string_view last_;
  MDB_val here_{};
  MDB_val stored_{};
  int result_ = 0;
  bool is_placed_ = false;
  bool is_at_end_ = false;
  bool was_found_ = false;
  FlatTable::Row row_;
};

class LmdbStore final : public KvStore {
 public:
  using KvStore::get;
  LmdbStore(std::unique_ptr<LmdbEnvironment> environment, std::uint64_t settle_bytes)
      : environment_(std::move(environment)), settle_bytes_(settle_bytes) {}

  core::Result<> get(
      std::span<const std::string_view> keys,
      const std::function<void(std::size_t, std::optional<std::string_view>)>& visit) override {
    for (const std::string_view key : keys) {
      if (auto checked = check_key(key); !checked) return checked;
    }
    LmdbEnvironment::Reader reader(*environment_);
    if (auto begun = reader.begin(); !begun) return begun;
    LookUp look_up(reader);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      std::string_view value;
      const int result = look_up.find(keys[i], value);
      if (result != 0 && result != MDB_NOTFOUND) return environment_->error(result, "cannot read");
      visit(i, result == 0 ? std::optional(value) : std::nullopt);
    }
    return {};
  }

  core::Result<> put(std::span<const KvEntry> entries) override {
    for (const KvEntry& entry : entries) {
      if (auto checked = check_key(entry.key); !checked) return checked;
      if (auto checked = check_value(entry.value); !checked) return checked;
    }
    return write([&](const LmdbEnvironment::Writer& writer) -> Step {
      for (const KvEntry& entry : entries) {
        if (const int result = store(writer, entry.key, entry.value)) return result;
      }
      return 0;
    });
  }

  core::Result<> update(
      std::span<const std::string_view> keys,
      const std::function<std::optional<std::string>(std::size_t, std::optional<std::string_view>)>&
          decide) override {
    for (const std::string_view key : keys) {
      if (auto checked = check_key(key); !checked) return checked;
    }
    return write([&](const LmdbEnvironment::Writer& writer) -> Step {
      for (std::size_t i = 0; i < keys.size(); ++i) {
        auto old = find(writer, keys[i]);
        if (!old) return std::move(old).error();
        const std::optional<std::string> value = decide(i, *old);
        if (!value) continue;
        if (auto checked = check_value(*value); !checked) return std::move(checked).error();
        if (const int result = store(writer, keys[i], *value)) return result;
      }
      return 0;
    });
  }

  core::Result<> erase(std::span<const std::string_view> keys) override {
    for (const std::string_view key : keys) {
      if (auto checked = check_key(key); !checked) return checked;
    }
    return write([&](const LmdbEnvironment::Writer& writer) -> Step {
      for (const std::string_view key : keys) {
        if (const int result = remove(writer, key)) return result;
      }
      return 0;
    });
  }

  core::Result<> scan(std::string_view prefix, const std::function<bool(KvEntry)>& visit) override {
    if (prefix.size() > kKeyMax) return {};  // no key is that long
    LmdbEnvironment::Reader reader(*environment_);
    if (auto begun = reader.begin(); !begun) return begun;
    MergedEntries entries(reader.cursor(), reader.flat());
    entries.seek(prefix);
    KvEntry entry;
    int result = 0;
    while ((result = entries.next(entry)) == 0 && entry.key.starts_with(prefix)) {
      if (!visit(entry)) return {};
    }
    if (result != 0 && result != MDB_NOTFOUND) return environment_->error(result, "cannot scan");
    return {};
  }

  core::Result<std::uint64_t> count() override {
    LmdbEnvironment::Reader reader(*environment_);
    if (auto begun = reader.begin(); !begun) return std::move(begun).error();
    MDB_stat stat{};
    if (const int result = mdb_stat(reader.transaction(), environment_->table(), &stat))
      return environment_->error(result, "cannot count");
    const FlatTable* const flat = reader.flat();
    if (flat == nullptr) return std::uint64_t{stat.ms_entries};
    std::uint64_t count = flat->entry_count();
    MDB_val key{};
    MDB_val stored{};
    int result = mdb_cursor_get(reader.cursor(), &key, &stored, MDB_FIRST);
    for (; result == 0; result = mdb_cursor_get(reader.cursor(), &key, &stored, MDB_NEXT)) {
      if (to_view(key) == kFlatTableKey) continue;
      FlatTable::Row row;
      const FlatTable::Answer answer = flat->find(to_view(key), row);
      if (answer == FlatTable::Answer::kDamaged) return flat->damaged();
      const bool is_there = answer == FlatTable::Answer::kFound;
      const bool is_kept = value_of(to_view(stored), true).has_value();
      if (is_kept && !is_there) ++count;
      if (!is_kept && is_there) --count;
    }
    if (result != MDB_NOTFOUND) return environment_->error(result, "cannot count");
    return count;
  }

  core::Result<> settle(Pause pause) override {
    return storage::settle(*environment_, {pause, settle_bytes_});
  }

  void keep_warm() override { environment_->keep_warm(); }

 private:
  /// LMDB's result code (0: go on and commit), or an error of ours.
  using Step = core::Result<int>;

  core::Result<std::optional<std::string_view>> find(const LmdbEnvironment::Writer& writer,
                                                     std::string_view key) {
    const FlatTable* const flat = writer.flat();
    MDB_val name = to_mdb(key);
    MDB_val value{};
    const int result = mdb_get(writer.transaction(), environment_->table(), &name, &value);
    if (result == 0) return value_of(to_view(value), flat != nullptr);
    if (result != MDB_NOTFOUND) return environment_->error(result, "cannot read");
    if (flat == nullptr) return std::optional<std::string_view>();
    FlatTable::Row row;
    const FlatTable::Answer answer = flat->find(key, row);
    if (answer == FlatTable::Answer::kDamaged) return flat->damaged();
    if (answer == FlatTable::Answer::kUnknown) return std::optional<std::string_view>();
    return std::optional(row.value);
  }

  int store(const LmdbEnvironment::Writer& writer, std::string_view key, std::string_view value) {
    MDB_val name = to_mdb(key);
    if (writer.flat() == nullptr) {
      MDB_val content = to_mdb(value);
      return mdb_put(writer.transaction(), environment_->table(), &name, &content, 0);
    }
    MDB_val room{value.size() + 1, nullptr};
    const int result =
        mdb_put(writer.transaction(), environment_->table(), &name, &room, MDB_RESERVE);
    if (result != 0) return result;
    char* const bytes = static_cast<char*>(room.mv_data);
    bytes[0] = kWritten;
    if (!value.empty()) std::memcpy(bytes + 1, value.data(), value.size());
    return 0;
  }

  int remove(const LmdbEnvironment::Writer& writer, std::string_view key) {
    MDB_val name = to_mdb(key);
    FlatTable::Row row;
    const auto answer =
        writer.flat() == nullptr ? FlatTable::Answer::kUnknown : writer.flat()->find(key, row);
    if (answer == FlatTable::Answer::kDamaged) return MDB_CORRUPTED;
    if (answer == FlatTable::Answer::kFound) {
      MDB_val hidden = to_mdb(std::string_view(&kHidden, 1));
      return mdb_put(writer.transaction(), environment_->table(), &name, &hidden, 0);
    }
    const int result = mdb_del(writer.transaction(), environment_->table(), &name, nullptr);
    return result == MDB_NOTFOUND ? 0 : result;
  }

  /// Runs `body` in a write transaction. When the map is full it is grown and the body runs again
  /// from the start, on a fresh transaction.
  core::Result<> write(const std::function<Step(const LmdbEnvironment::Writer&)>& body) {
    for (;;) {
      int result = 0;
      {
        LmdbEnvironment::Writer writer(*environment_);
        if (auto begun = writer.begin(); !begun) return begun;
        auto step = body(writer);
        if (!step) return std::move(step).error();
        result = *step;
        if (result == 0) result = writer.commit();
      }
      if (result == 0) return {};
      if (result != MDB_MAP_FULL) return environment_->error(result, "cannot write");
      if (auto grown = environment_->grow(); !grown) return grown;
    }
  }

  std::unique_ptr<LmdbEnvironment> environment_;
  std::uint64_t settle_bytes_;
};

}  // namespace

core::Result<std::unique_ptr<KvStore>> open_lmdb_store(const std::filesystem::path& folder,
                                                       const LmdbOptions& options) {
  auto environment = LmdbEnvironment::open(folder, options.map_bytes);
  if (!environment) return std::move(environment).error();
  return std::unique_ptr<KvStore>(
      std::make_unique<LmdbStore>(std::move(*environment), options.settle_bytes));
}

}  // namespace tenure::storage
