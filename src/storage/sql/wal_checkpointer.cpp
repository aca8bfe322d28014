#include "storage/sql/wal_checkpointer.h"

#include <algorithm>
#include <system_error>

#include <sqlite3.h>

#include "storage/sql/sqlite_connection.h"

namespace tenure::storage {
namespace {

constexpr int kPagesPerCheckpoint = 1000;  // 4 MB, as SQLite's own default
constexpr int kWaitPerCheckpointMs = 25;   // for readers, by how many checkpoints the log is long
constexpr int kWaitMaxMs = 1000;           // writers wait as well meanwhile

/// Starts the log anew after bringing over what is left in it; gives up when readers keep it.
void restart_log(sqlite3* handle, int log_pages) {
  sqlite3_busy_timeout(
      handle, std::min(kWaitMaxMs, log_pages / kPagesPerCheckpoint * kWaitPerCheckpointMs));
  static_cast<void>(
      sqlite3_wal_checkpoint_v2(handle, nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr));
  sqlite3_busy_timeout(handle, kSqliteBusyTimeoutMs);
}

}  // namespace

WalCheckpointer::~WalCheckpointer() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void WalCheckpointer::committed(int log_pages) {
  if (log_pages < kPagesPerCheckpoint) {
    due_at_pages_ = kPagesPerCheckpoint;
    return;
  }
  if (log_pages < due_at_pages_) return;
  due_at_pages_ = log_pages + kPagesPerCheckpoint;
  {
    const std::lock_guard lock(mutex_);
    is_due_ = true;
    try {
      if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    } catch (const std::system_error&) {
      return;  // no thread to be had now: the log keeps all, and a later commit tries again
    }
  }
  wake_.notify_one();
}

void WalCheckpointer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return is_due_ || ends_; });
    if (ends_) return;  // closing the last connection brings the log over
    is_due_ = false;
    lock.unlock();
    checkpoint();
    lock.lock();
  }
}

void WalCheckpointer::checkpoint() {
  // Opened each time: a checkpoint is rare, and an idle connection would hold memory.
  auto connection = SqliteConnection::open(file_, Access::kReadWrite);
  // What fails here fails again, and is told, where something is written. The log keeps all.
  if (!connection) return;
  int in_log = 0;
  int brought_over = 0;
  const int result = sqlite3_wal_checkpoint_v2((*connection)->handle(), nullptr,
                                               SQLITE_CHECKPOINT_PASSIVE, &in_log, &brought_over);
  if (result != SQLITE_OK) return;
  in_writer_turn_([&](sqlite3* writer) { restart_log(writer, in_log); });
}

}  // namespace tenure::storage
