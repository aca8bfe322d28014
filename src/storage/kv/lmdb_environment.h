#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "core/result.h"
#include "storage/kv/flat_table.h"
#include "storage/kv/page_warmer.h"

struct MDB_cursor;
struct MDB_env;
struct MDB_txn;

namespace tenure::storage {

/// An open LMDB environment: its map, its transactions, and how the map grows. Beside it may lie a
/// flat table, named by an entry of LMDB, that holds what LMDB does not. Thread-safe.
///
/// The map may only be resized while this process runs no transaction on it. So each transaction
/// holds `map_mutex_` shared, and a resize holds it alone.
class LmdbEnvironment {
 public:
  static core::Result<std::unique_ptr<LmdbEnvironment>> open(const std::filesystem::path& folder,
                                                             std::size_t map_bytes);
  explicit LmdbEnvironment(std::filesystem::path folder) : folder_(std::move(folder)) {}
  ~LmdbEnvironment();
  LmdbEnvironment(const LmdbEnvironment&) = delete;
  LmdbEnvironment& operator=(const LmdbEnvironment&) = delete;

  /// A snapshot for reading. Reader transactions and their cursors are kept and renewed, which
  /// allocates nothing and takes no lock shared with other processes.
  class Reader {
   public:
    explicit Reader(LmdbEnvironment& environment) : environment_(&environment) {}
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    core::Result<> begin();
    MDB_txn* transaction() const { return reader_.transaction; }
    MDB_cursor* cursor() const { return reader_.cursor; }  ///< over the table, nowhere yet
    /// The flat table of this snapshot, or nullptr.
    const FlatTable* flat() const { return reader_.flat.get(); }
    /// Whether LMDB holds any entry beside the name of the flat table.
    bool has_recent() const { return reader_.has_recent; }

   private:
    friend class LmdbEnvironment;
    struct Handles {
      MDB_txn* transaction = nullptr;
      MDB_cursor* cursor = nullptr;
      // What the snapshot of that number has; most reads find it as they left it.
      std::size_t snapshot = 0;
      std::shared_ptr<const FlatTable> flat;
      bool has_recent = true;
    };
    int renew();
    core::Result<> find_flat_table();
    static void close(Handles& handles);
    LmdbEnvironment* environment_;
    Handles reader_;
  };

  /// A write transaction; aborted unless committed. LMDB lets one writer in at a time, over all
  /// processes.
  class Writer {
   public:
    explicit Writer(LmdbEnvironment& environment) : environment_(&environment) {}
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    core::Result<> begin();
    /// As begin, while nothing is known of the table yet.
    core::Result<> begin_plain();
    /// As begin, by a thread that holds `reader`, which outlives the writer. Errors: kUnavailable
    /// when another process grew the map meanwhile.
    core::Result<> begin_beside(const Reader& reader);
    int commit();  ///< LMDB's result code
    MDB_txn* transaction() const { return transaction_; }
    const FlatTable* flat() const { return flat_.get(); }

   private:
    void let_map_go();
    LmdbEnvironment* environment_;
    MDB_txn* transaction_ = nullptr;
    bool holds_map_ = true;  ///< else a reader does, for both
    std::shared_ptr<const FlatTable> flat_;
  };

  unsigned table() const { return table_; }
  const std::filesystem::path& folder() const { return folder_; }

  /// Doubles the map. No transaction of the calling thread may be open.
  core::Result<> grow();

  /// Grows the map until so many bytes more than now fit. No transaction of the calling thread may
  /// be open.
  core::Result<> reserve(std::uint64_t bytes);

  /// From now on brings flat tables into memory, in the background, before they are asked for.
  void keep_warm();

  /// The error for LMDB's result code or errno.
  core::Error error(int result, std::string_view what) const;

 private:
  core::Result<> open_files(std::size_t map_bytes);
  core::Result<> make_whole();
  core::Result<> adopt_size();
  core::Result<> resize(std::size_t bytes);
  void lock_map();
  core::Result<std::shared_ptr<const FlatTable>> flat_table_of(MDB_txn* transaction);
  core::Result<std::shared_ptr<const FlatTable>> flat_table(std::uint64_t id);

  std::filesystem::path folder_;
  MDB_env* environment_ = nullptr;
  unsigned table_ = 0;
  std::shared_mutex map_mutex_;
  std::mutex resize_mutex_;
  std::atomic<bool> is_resizing_{false};
  std::mutex idle_mutex_;
  std::vector<Reader::Handles> idle_readers_;
  std::mutex flat_mutex_;
  std::shared_ptr<const FlatTable> flat_;  ///< the newest that was seen
  std::unique_ptr<PageWarmer> warmer_;     ///< guarded by flat_mutex_
};

}  // namespace tenure::storage
