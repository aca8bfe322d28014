#include "storage/kv/lmdb_store.h"

#include <lmdb.h>

#include <fmt/format.h>

#include "storage/kv/lmdb_environment.h"

namespace tenure::storage {
namespace {

constexpr std::size_t kKeyMax = 511;
constexpr std::size_t kValueMax = std::size_t{16} << 20;

MDB_val to_mdb(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};  // LMDB does not write through it
}

std::string_view to_view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

core::Result<> check_key(std::string_view key) {
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

class LmdbStore final : public KvStore {
 public:
  using KvStore::get;
  explicit LmdbStore(std::unique_ptr<LmdbEnvironment> environment)
      : environment_(std::move(environment)) {}

  core::Result<> get(
      std::span<const std::string_view> keys,
      const std::function<void(std::size_t, std::optional<std::string_view>)>& visit) override {
    for (const std::string_view key : keys) {
      if (auto checked = check_key(key); !checked) return checked;
    }
    LmdbEnvironment::Reader reader(*environment_);
    if (auto begun = reader.begin(); !begun) return begun;
    // Keys that are neighbours in the store, and asked for in its order, cost one search together.
    bool is_at_previous = false;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      MDB_val name = to_mdb(keys[i]);
      MDB_val value{};
      bool is_found = is_at_previous && is_next(reader.cursor(), keys[i], value);
      if (!is_found) {
        const int result = mdb_cursor_get(reader.cursor(), &name, &value, MDB_SET);
        if (result != 0 && result != MDB_NOTFOUND)
          return environment_->error(result, "cannot read");
        is_found = result == 0;
      }
      is_at_previous = is_found;
      visit(i, is_found ? std::optional(to_view(value)) : std::nullopt);
    }
    return {};
  }

  core::Result<> put(std::span<const KvEntry> entries) override {
    for (const KvEntry& entry : entries) {
      if (auto checked = check_key(entry.key); !checked) return checked;
      if (auto checked = check_value(entry.value); !checked) return checked;
    }
    return write([&](MDB_txn* transaction) -> Step {
      for (const KvEntry& entry : entries) {
        if (const int result = store(transaction, entry.key, entry.value)) return result;
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
    return write([&](MDB_txn* transaction) -> Step {
      for (std::size_t i = 0; i < keys.size(); ++i) {
        auto old = find(transaction, keys[i]);
        if (!old) return std::move(old).error();
        const std::optional<std::string> value = decide(i, *old);
        if (!value) continue;
        if (auto checked = check_value(*value); !checked) return std::move(checked).error();
        if (const int result = store(transaction, keys[i], *value)) return result;
      }
      return 0;
    });
  }

  core::Result<> erase(std::span<const std::string_view> keys) override {
    for (const std::string_view key : keys) {
      if (auto checked = check_key(key); !checked) return checked;
    }
    return write([&](MDB_txn* transaction) -> Step {
      for (const std::string_view key : keys) {
        MDB_val name = to_mdb(key);
        const int result = mdb_del(transaction, environment_->table(), &name, nullptr);
        if (result != 0 && result != MDB_NOTFOUND) return result;
      }
      return 0;
    });
  }

  core::Result<> scan(std::string_view prefix, const std::function<bool(KvEntry)>& visit) override {
    if (prefix.size() > kKeyMax) return {};  // no key is that long
    LmdbEnvironment::Reader reader(*environment_);
    if (auto begun = reader.begin(); !begun) return begun;
    MDB_cursor* const cursor = reader.cursor();
    MDB_val key = to_mdb(prefix);
    MDB_val value{};
    int result = mdb_cursor_get(cursor, &key, &value, prefix.empty() ? MDB_FIRST : MDB_SET_RANGE);
    while (result == 0 && to_view(key).starts_with(prefix)) {
      if (!visit({to_view(key), to_view(value)})) return {};
      result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
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
    return std::uint64_t{stat.ms_entries};
  }

 private:
  /// LMDB's result code (0: go on and commit), or an error of ours.
  using Step = core::Result<int>;

  /// Steps to the next entry; whether it is the one of that key.
  static bool is_next(MDB_cursor* cursor, std::string_view key, MDB_val& value) {
    MDB_val found{};
    return mdb_cursor_get(cursor, &found, &value, MDB_NEXT) == 0 && to_view(found) == key;
  }

  core::Result<std::optional<std::string_view>> find(MDB_txn* transaction, std::string_view key) {
    MDB_val name = to_mdb(key);
    MDB_val value{};
    const int result = mdb_get(transaction, environment_->table(), &name, &value);
    if (result == MDB_NOTFOUND) return std::optional<std::string_view>();
    if (result != 0) return environment_->error(result, "cannot read");
    return std::optional(to_view(value));
  }

  int store(MDB_txn* transaction, std::string_view key, std::string_view value) {
    MDB_val name = to_mdb(key);
    MDB_val content = to_mdb(value);
    return mdb_put(transaction, environment_->table(), &name, &content, 0);
  }

  /// Runs `body` in a write transaction. When the map is full it is grown and the body runs again
  /// from the start, on a fresh transaction.
  core::Result<> write(const std::function<Step(MDB_txn*)>& body) {
    for (;;) {
      int result = 0;
      {
        LmdbEnvironment::Writer writer(*environment_);
        if (auto begun = writer.begin(); !begun) return begun;
        auto step = body(writer.transaction());
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
};

}  // namespace

core::Result<std::unique_ptr<KvStore>> open_lmdb_store(const std::filesystem::path& folder,
                                                       std::size_t map_bytes) {
  auto environment = LmdbEnvironment::open(folder, map_bytes);
  if (!environment) return std::move(environment).error();
  return std::unique_ptr<KvStore>(std::make_unique<LmdbStore>(std::move(*environment)));
}

}  // namespace tenure::storage
