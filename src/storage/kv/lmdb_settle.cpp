#include "storage/kv/lmdb_settle.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <lmdb.h>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/file.h>

#include "core/descriptor.h"
#include "core/file.h"
#include "storage/kv/flat_table_writer.h"
#include "storage/kv/lmdb_entry.h"
#include "storage/kv/merged_entries.h"

namespace tenure::storage {
namespace {

// Between batches a new table is written each time the entries have doubled: every entry is then
// written about twice more, however many batches there are.
constexpr std::uint64_t kBetweenShare = 1;
// At the end, when what is in LMDB makes up a thirty-second of the whole.
constexpr std::uint64_t kAtTheEndShare = 32;

struct Amount {
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
};

core::Result<Amount> recent(const LmdbEnvironment& environment,
                            const LmdbEnvironment::Reader& reader) {
  MDB_stat stat{};
  if (const int result = mdb_stat(reader.transaction(), environment.table(), &stat))
    return environment.error(result, "cannot read");
  const std::uint64_t pages = std::uint64_t{stat.ms_leaf_pages} + stat.ms_overflow_pages;
  return Amount{pages * stat.ms_psize, stat.ms_entries};
}

bool is_due(const Amount& recent, const FlatTable* flat, const SettleRule& rule) {
  const std::uint64_t settled = flat == nullptr ? 0 : flat->bytes();
  const std::uint64_t share =
      rule.pause == KvStore::Pause::kAtTheEnd ? kAtTheEndShare : kBetweenShare;
  return recent.bytes >= rule.bytes_min && recent.bytes >= settled / share;
}

/// Files of tables that nobody names: of a settling that was killed.
void remove_leftovers(const std::filesystem::path& folder, const FlatTable* flat) {
  std::error_code ignored;
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("rows-") || core::is_unfinished_name(name)) found.push_back(entry.path());
  }
  for (const std::filesystem::path& path : found) {
    const bool is_named = flat != nullptr && path == flat_table_path(folder, flat->id());
    if (!is_named) std::filesystem::remove(path, ignored);
  }
}

core::Result<> write_table(const LmdbEnvironment& environment,
                           const LmdbEnvironment::Reader& reader, FlatTableWriter& writer) {
  MergedEntries entries(reader.cursor(), reader.flat());
  entries.seek("");
  KvEntry entry;
  int result = 0;
  while ((result = entries.next(entry)) == 0) {
    if (auto added = writer.add(entry.key, entry.value); !added) return added;
  }
  if (result != MDB_NOTFOUND) return environment.error(result, "cannot read");
  return {};
}

struct Change {
  std::string key;
  std::string stored;  ///< with the byte before it
};

/// What LMDB holds now and did not hold in the snapshot.
class Changes {
 public:
  Changes(MDB_cursor* then, MDB_cursor* now, bool has_table)
      : then_{then}, now_{now}, has_table_(has_table) {}

  /// LMDB's result code, 0 at the end.
  int collect(std::vector<Change>& changes) {
    then_.step(MDB_FIRST);
    now_.step(MDB_FIRST);
    while (then_.result == 0 || now_.result == 0) {
      const int order = then_.result != 0  ? 1
                        : now_.result != 0 ? -1
                                           : to_view(then_.key).compare(to_view(now_.key));
      if (order < 0) {
        changes.push_back({std::string(to_view(then_.key)), std::string(1, kHidden)});
      } else if (to_view(now_.key) != kFlatTableKey && (order > 0 || !is_same())) {
        const auto value = value_of(to_view(now_.value), has_table_);
        std::string stored(1, value ? kWritten : kHidden);
        changes.push_back({std::string(to_view(now_.key)), stored.append(value.value_or(""))});
      }
      if (order <= 0) then_.step(MDB_NEXT);
      if (order >= 0) now_.step(MDB_NEXT);
    }
    if (then_.result != MDB_NOTFOUND) return then_.result;
    return now_.result == MDB_NOTFOUND ? 0 : now_.result;
  }

 private:
  struct Side {
    MDB_cursor* cursor;
    MDB_val key{};
    MDB_val value{};
    int result = 0;
    void step(MDB_cursor_op how) { result = mdb_cursor_get(cursor, &key, &value, how); }
  };

  /// Pages are not written again while a snapshot needs them: what lies in the same place of the
  /// map is the same, without a look at it.
  bool is_same() const {
    if (then_.value.mv_size != now_.value.mv_size) return false;
    return then_.value.mv_data == now_.value.mv_data || to_view(then_.value) == to_view(now_.value);
  }

  Side then_;
  Side now_;
  bool has_table_;
};

core::Result<> exchange(LmdbEnvironment& environment, const LmdbEnvironment::Reader& reader,
                        std::uint64_t id) {
  LmdbEnvironment::Writer writer(environment);
  if (auto begun = writer.begin_beside(reader); !begun) return begun;
  const auto failed = [&](int result) {
    return environment.error(result, "cannot exchange the flat table");
  };
  MDB_cursor* now = nullptr;
  if (const int result = mdb_cursor_open(writer.transaction(), environment.table(), &now))
    return failed(result);
  std::vector<Change> changes;
  const int collected = Changes(reader.cursor(), now, reader.flat() != nullptr).collect(changes);
  mdb_cursor_close(now);
  if (collected != 0) return failed(collected);

  if (const int result = mdb_drop(writer.transaction(), environment.table(), 0))
    return failed(result);
  const auto put = [&](std::string_view key, std::string_view stored) {
    MDB_val name = to_mdb(key);
    MDB_val content = to_mdb(stored);
    return mdb_put(writer.transaction(), environment.table(), &name, &content, 0);
  };
  if (const int result = put(kFlatTableKey, {reinterpret_cast<const char*>(&id), sizeof id}))
    return failed(result);
  for (const Change& change : changes) {
    if (const int result = put(change.key, change.stored)) return failed(result);
  }
  if (const int result = writer.commit()) return failed(result);
  return {};
}

core::Result<> settle_alone(LmdbEnvironment& environment, const SettleRule& rule) {
  // No transaction may be open while the map grows, and the one below stays open for long: so there
  // must be room for what is written until then.
  constexpr std::uint64_t kRoom = std::uint64_t{1} << 30;
  if (auto reserved = environment.reserve(kRoom); !reserved) return reserved;
  std::filesystem::path former;
  {
    LmdbEnvironment::Reader reader(environment);
    if (auto begun = reader.begin(); !begun) return begun;
    const FlatTable* const flat = reader.flat();
    remove_leftovers(environment.folder(), flat);
    auto amount = recent(environment, reader);
    if (!amount) return std::move(amount).error();
    if (!is_due(*amount, flat, rule)) return {};
    const std::uint64_t id = flat == nullptr ? 1 : flat->id() + 1;
    if (flat != nullptr) former = flat_table_path(environment.folder(), flat->id());
    auto writer =
        FlatTableWriter::make(flat_table_path(environment.folder(), id), id,
                              amount->entries + (flat == nullptr ? 0 : flat->entry_count()));
    if (!writer) return std::move(writer).error();
    if (auto written = write_table(environment, reader, *writer); !written) return written;
    if (auto finished = std::move(*writer).finish(); !finished) return finished;
    if (auto exchanged = exchange(environment, reader, id); !exchanged) return exchanged;
  }
  std::error_code ignored;  // readers that still use it keep it; a left one is a leftover
  if (!former.empty()) std::filesystem::remove(former, ignored);
  return {};
}

}  // namespace

core::Result<> settle(LmdbEnvironment& environment, const SettleRule& rule) {
  {
    LmdbEnvironment::Reader reader(environment);
    if (auto begun = reader.begin(); !begun) return begun;
    auto amount = recent(environment, reader);
    if (!amount) return std::move(amount).error();
    if (!is_due(*amount, reader.flat(), rule)) return {};
  }
  const std::filesystem::path name = environment.folder() / "settle.lock";
  const core::Descriptor lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock.is_open()) return core::system_error(errno, "cannot open", name);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return {};
    return core::system_error(errno, "cannot lock", name);
  }
  return settle_alone(environment, rule);
}

}  // namespace tenure::storage
