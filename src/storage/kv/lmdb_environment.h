#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "core/result.h"

struct MDB_cursor;
struct MDB_env;
struct MDB_txn;

namespace tenure::storage {

/// An open LMDB environment: its map, its transactions, and how the map grows. Thread-safe.
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

   private:
    friend class LmdbEnvironment;
    struct Handles {
      MDB_txn* transaction = nullptr;
      MDB_cursor* cursor = nullptr;
    };
    int renew();
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
    int commit();  ///< LMDB's result code
    MDB_txn* transaction() const { return transaction_; }

   private:
    LmdbEnvironment* environment_;
    MDB_txn* transaction_ = nullptr;
  };

  unsigned table() const { return table_; }

  /// Doubles the map. No transaction of the calling thread may be open.
  core::Result<> grow();

  /// The error for LMDB's result code or errno.
  core::Error error(int result, std::string_view what) const;

 private:
  core::Result<> open_files(std::size_t map_bytes);
  core::Result<> make_whole();
  core::Result<> adopt_size();
  core::Result<> resize(std::size_t bytes);
  void lock_map();

  std::filesystem::path folder_;
  MDB_env* environment_ = nullptr;
  unsigned table_ = 0;
  std::shared_mutex map_mutex_;
  std::mutex resize_mutex_;
  std::atomic<bool> is_resizing_{false};
  std::mutex idle_mutex_;
  std::vector<Reader::Handles> idle_readers_;
};

}  // namespace tenure::storage
