#include "storage/kv/lmdb_environment.h"

#include <cerrno>
#include <cstring>
#include <lmdb.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/file.h"
#include "storage/disk_space.h"
#include "storage/kv/lmdb_entry.h"

namespace tenure::storage {
namespace {

// Slots of the reader table, over all processes; 64 bytes each in lock.mdb.
constexpr unsigned kReadersMax = 1022;
constexpr mdb_mode_t kFileMode = 0644;

/// Whether this process has the file open: LMDB must not open one environment twice in a process,
/// as closing either would drop the POSIX locks of both.
bool is_open_here(const std::filesystem::path& file) {
  struct stat wanted {};
  if (::stat(file.c_str(), &wanted) != 0) return false;
  std::error_code status;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", status)) {
    struct stat found {};
    if (::stat(entry.path().c_str(), &found) == 0 && found.st_dev == wanted.st_dev &&
        found.st_ino == wanted.st_ino) {
      return true;
    }
  }
  return false;
}

/// LMDB names a flat table that is not there.
core::Error table_is_gone(const core::Error& error) {
  return core::Error{core::ErrorCode::kCorruption,
                     error.message + ": remove the store's folder and materialize again"};
}

}  // namespace

core::Error LmdbEnvironment::error(int result, std::string_view what) const {
  const auto made = [&](core::ErrorCode code, std::string_view reason) {
    return core::Error{code,
                       fmt::format("key-value store {}: {}: {}", folder_.string(), what, reason)};
  };
  switch (result) {
    case MDB_MAP_FULL:
    case MDB_READERS_FULL:
    case MDB_TXN_FULL:
      return made(core::ErrorCode::kResourceExhausted, mdb_strerror(result));
    case MDB_BAD_VALSIZE:
      return made(core::ErrorCode::kInvalidArgument, mdb_strerror(result));
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
      return made(core::ErrorCode::kCorruption, mdb_strerror(result));
    case MDB_PANIC:
      return made(core::ErrorCode::kUnavailable,
                  "an earlier write error left the store read-only: restart the program");
    case EIO:
      // LMDB reports a write that was cut short, the first sign of a full disk, as an I/O error.
      if (has_no_room(folder_ / "data.mdb"))
        return made(core::ErrorCode::kResourceExhausted, "the disk is full");
      break;
    default:
      break;
  }
  if (result > 0) return core::system_error(result, what, folder_);
  return made(core::ErrorCode::kInternal, mdb_strerror(result));
}

core::Result<std::unique_ptr<LmdbEnvironment>> LmdbEnvironment::open(
    const std::filesystem::path& folder, std::size_t map_bytes) {
  auto environment = std::make_unique<LmdbEnvironment>(folder);
  if (auto opened = environment->open_files(map_bytes); !opened) return std::move(opened).error();
  return environment;
}

core::Result<> LmdbEnvironment::open_files(std::size_t map_bytes) {
  if (auto made = core::make_directories(folder_); !made) return made;
  if (is_open_here(folder_ / "data.mdb")) {
    return core::Error{core::ErrorCode::kConflict,
                       fmt::format("key-value store {} is open in this process already: share it",
                                   folder_.string())};
  }
  if (const int result = mdb_env_create(&environment_)) return error(result, "cannot set up");
  mdb_env_set_maxreaders(environment_, kReadersMax);
  // LMDB takes the size of the file when that is greater.
  if (const int result = mdb_env_set_mapsize(environment_, map_bytes))
    return error(result, "cannot set the map size");
  // MDB_NOTLS: a reader transaction belongs to whoever holds it, not to a thread.
  // MDB_NORDAHEAD: look-ups are random; reading ahead would push useful pages out of memory.
  if (const int result =
          mdb_env_open(environment_, folder_.c_str(), MDB_NOTLS | MDB_NORDAHEAD, kFileMode)) {
    return error(result, "cannot open");
  }
  idle_readers_.reserve(kReadersMax);
  // Slots of processes that were killed would keep old pages from being used again.
  int dead_readers = 0;
  mdb_reader_check(environment_, &dead_readers);
  if (auto whole = make_whole(); !whole) return whole;
  return core::sync_directory(folder_);
}

/// Opens the table, and lets the file reach as far as its own header says. Reading a mapped page
/// beyond the end of a cut file would kill the process; a page of zeros is an error that LMDB
/// reports.
core::Result<> LmdbEnvironment::make_whole() {
  Writer writer(*this);
  if (auto begun = writer.begin_plain(); !begun)
    return begun;  // keeps other processes from growing it
  MDB_envinfo info{};
  MDB_stat stat{};
  mdb_env_info(environment_, &info);
  mdb_env_stat(environment_, &stat);
  const std::uint64_t needed = (std::uint64_t{info.me_last_pgno} + 1) * stat.ms_psize;
  const std::filesystem::path file = folder_ / "data.mdb";
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) return core::system_error(errno, "cannot read", file);
  if (static_cast<std::uint64_t>(found.st_size) < needed &&
      ::truncate(file.c_str(), static_cast<off_t>(needed)) != 0) {
    return core::system_error(errno, "cannot extend", file);
  }
  MDB_dbi table = 0;
  if (const int result = mdb_dbi_open(writer.transaction(), nullptr, 0, &table))
    return error(result, "cannot open the table");
  table_ = table;
  if (const int result = writer.commit()) return error(result, "cannot open the table");
  return {};
}

LmdbEnvironment::~LmdbEnvironment() {
  for (Reader::Handles& reader : idle_readers_) Reader::close(reader);
  if (environment_ != nullptr) mdb_env_close(environment_);
}

void LmdbEnvironment::lock_map() {
  // A resize waits for all readers; without this door a steady stream of them would starve it.
  if (is_resizing_.load()) const std::lock_guard wait(resize_mutex_);
  map_mutex_.lock_shared();
}

core::Result<> LmdbEnvironment::resize(std::size_t bytes) {
  is_resizing_.store(true);
  int result = 0;
  {
    const std::unique_lock alone(map_mutex_);
    result = mdb_env_set_mapsize(environment_, bytes);
  }
  is_resizing_.store(false);
  if (result != 0) return error(result, "cannot grow the map");
  return {};
}

core::Result<> LmdbEnvironment::grow() {
  const std::lock_guard one(resize_mutex_);
  MDB_envinfo info{};
  mdb_env_info(environment_, &info);
  return resize(info.me_mapsize * 2);
}

core::Result<> LmdbEnvironment::reserve(std::uint64_t bytes) {
  const std::lock_guard one(resize_mutex_);
  MDB_envinfo info{};
  MDB_stat stat{};
  mdb_env_info(environment_, &info);
  mdb_env_stat(environment_, &stat);
  const std::uint64_t needed = (std::uint64_t{info.me_last_pgno} + 1) * stat.ms_psize + bytes;
  std::size_t wanted = info.me_mapsize;
  while (wanted < needed) wanted *= 2;
  if (wanted == info.me_mapsize) return {};
  return resize(wanted);
}

/// Takes over the size that another process gave the map; LMDB reads it from the file for 0.
core::Result<> LmdbEnvironment::adopt_size() {
  const std::lock_guard one(resize_mutex_);
  return resize(0);
}

void LmdbEnvironment::Reader::close(Handles& handles) {
  if (handles.cursor != nullptr) mdb_cursor_close(std::exchange(handles.cursor, nullptr));
  if (handles.transaction != nullptr) mdb_txn_abort(std::exchange(handles.transaction, nullptr));
  handles = {};
}

/// LMDB's result code; whatever it is, what is open is in `reader_`.
int LmdbEnvironment::Reader::renew() {
  if (reader_.transaction != nullptr) {
    if (const int result = mdb_txn_renew(reader_.transaction)) return result;
    return mdb_cursor_renew(reader_.transaction, reader_.cursor);
  }
  if (const int result =
          mdb_txn_begin(environment_->environment_, nullptr, MDB_RDONLY, &reader_.transaction))
    return result;
  return mdb_cursor_open(reader_.transaction, environment_->table_, &reader_.cursor);
}

core::Result<> LmdbEnvironment::Reader::begin() {
  // Each turn but the last met a change by another process.
  constexpr int kTurnsMax = 100;
  for (int turn = 0;; ++turn) {
    environment_->lock_map();
    {
      const std::lock_guard lock(environment_->idle_mutex_);
      if (!environment_->idle_readers_.empty()) {
        reader_ = std::move(environment_->idle_readers_.back());
        environment_->idle_readers_.pop_back();
      }
    }
    const int result = renew();
    if (result == 0) {
      if (mdb_txn_id(reader_.transaction) == reader_.snapshot) return {};
      auto found = find_flat_table();
      if (found) return {};
      close(reader_);
      environment_->map_mutex_.unlock_shared();
      // The snapshot's table was replaced, and removed, since the snapshot was taken.
      if (found.error().code != core::ErrorCode::kNotFound) return found;
      if (turn < kTurnsMax) continue;
      return table_is_gone(std::move(found).error());
    }
    close(reader_);
    environment_->map_mutex_.unlock_shared();
    if (result != MDB_MAP_RESIZED) return environment_->error(result, "cannot read");
    if (auto adopted = environment_->adopt_size(); !adopted) return adopted;
  }
}

core::Result<> LmdbEnvironment::Reader::find_flat_table() {
  reader_.snapshot = 0;
  auto flat = environment_->flat_table_of(reader_.transaction);
  if (!flat) return std::move(flat).error();
  MDB_stat stat{};
  if (const int result = mdb_stat(reader_.transaction, environment_->table_, &stat))
    return environment_->error(result, "cannot read");
  reader_.flat = *std::move(flat);
  reader_.has_recent = reader_.flat == nullptr || stat.ms_entries > 1;
  reader_.snapshot = mdb_txn_id(reader_.transaction);
  return {};
}

/// The flat table that a snapshot names, or nullptr. Errors: as FlatTable::open.
core::Result<std::shared_ptr<const FlatTable>> LmdbEnvironment::flat_table_of(
    MDB_txn* transaction) {
  MDB_val name = to_mdb(kFlatTableKey);
  MDB_val value{};
  const int result = mdb_get(transaction, table_, &name, &value);
  if (result == MDB_NOTFOUND) return std::shared_ptr<const FlatTable>();
  if (result != 0) return error(result, "cannot read");
  std::uint64_t id = 0;
  if (value.mv_size != sizeof id) return error(MDB_CORRUPTED, "cannot read the flat table's name");
  std::memcpy(&id, value.mv_data, sizeof id);
  return flat_table(id);
}

core::Result<std::shared_ptr<const FlatTable>> LmdbEnvironment::flat_table(std::uint64_t id) {
  const std::lock_guard lock(flat_mutex_);
  if (flat_ != nullptr && flat_->id() == id) return flat_;
  auto opened = FlatTable::open(flat_table_path(folder_, id));
  if (!opened || (flat_ != nullptr && flat_->id() > id)) return opened;
  flat_ = *opened;
  if (warmer_ != nullptr) warmer_->warm(flat_);
  // Idle readers would keep the file of the former table on disk.
  const std::lock_guard idle(idle_mutex_);
  for (Reader::Handles& reader : idle_readers_) {
    reader.flat.reset();
    reader.snapshot = 0;
  }
  return opened;
}

void LmdbEnvironment::keep_warm() {
  {
    const std::lock_guard lock(flat_mutex_);
    if (warmer_ != nullptr) return;
    warmer_ = std::make_unique<PageWarmer>();
    if (flat_ != nullptr) warmer_->warm(flat_);
  }
  // Finds the table when nobody has read yet. An error there is told to whoever reads.
  Reader reader(*this);
  static_cast<void>(reader.begin());
}

LmdbEnvironment::Reader::~Reader() {
  if (reader_.transaction == nullptr) return;
  mdb_txn_reset(reader_.transaction);
  {
    // At most kReadersMax readers exist, for which room is reserved.
    const std::lock_guard lock(environment_->idle_mutex_);
    environment_->idle_readers_.push_back(std::move(reader_));
  }
  environment_->map_mutex_.unlock_shared();
}

core::Result<> LmdbEnvironment::Writer::begin() {
  if (auto begun = begin_plain(); !begun) return begun;
  auto flat = environment_->flat_table_of(transaction_);
  if (!flat && flat.error().code == core::ErrorCode::kNotFound)
    return table_is_gone(std::move(flat).error());
  if (!flat) return std::move(flat).error();
  flat_ = *std::move(flat);
  return {};
}

core::Result<> LmdbEnvironment::Writer::begin_plain() {
  for (;;) {
    environment_->lock_map();
    const int result = mdb_txn_begin(environment_->environment_, nullptr, 0, &transaction_);
    if (result == 0) return {};
    transaction_ = nullptr;
    environment_->map_mutex_.unlock_shared();
    if (result != MDB_MAP_RESIZED) return environment_->error(result, "cannot write");
    if (auto adopted = environment_->adopt_size(); !adopted) return adopted;
  }
}

core::Result<> LmdbEnvironment::Writer::begin_beside(const Reader&) {
  const int result = mdb_txn_begin(environment_->environment_, nullptr, 0, &transaction_);
  if (result == 0) {
    holds_map_ = false;
    return {};
  }
  transaction_ = nullptr;
  if (result != MDB_MAP_RESIZED) return environment_->error(result, "cannot write");
  return core::Error{core::ErrorCode::kUnavailable,
                     fmt::format("key-value store {}: another process grew it, try again",
                                 environment_->folder_.string())};
}

void LmdbEnvironment::Writer::let_map_go() {
  if (holds_map_) environment_->map_mutex_.unlock_shared();
}

int LmdbEnvironment::Writer::commit() {
  const int result = mdb_txn_commit(std::exchange(transaction_, nullptr));  // frees it either way
  let_map_go();
  return result;
}

LmdbEnvironment::Writer::~Writer() {
  if (transaction_ == nullptr) return;
  mdb_txn_abort(transaction_);
  let_map_go();
}

}  // namespace tenure::storage
