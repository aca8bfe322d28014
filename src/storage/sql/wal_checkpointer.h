#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "core/result.h"

struct sqlite3;

namespace tenure::storage {

/// Brings what SQLite's write-ahead log holds into the database file, on a thread and a connection
/// of its own, so that no writer waits for it. SQLite would do that inside the commit that made the
/// log long.
///
/// Writers may go on meanwhile. What they added is brought over in a turn among the writers, which
/// is short; the log then starts anew, and so does not grow for ever, even when readers never
/// pause: those who begin after that read the database file alone. A reader that is older than the
/// log's end is waited for only shortly; then the log goes on and another try follows later.
class WalCheckpointer {
 public:
  /// Runs what it is given in a writer's turn, on the connection that writes.
  using InWriterTurn = std::function<void(const std::function<void(sqlite3*)>&)>;

  WalCheckpointer(std::filesystem::path file, InWriterTurn in_writer_turn)
      : file_(std::move(file)), in_writer_turn_(std::move(in_writer_turn)) {}
  ~WalCheckpointer();
  WalCheckpointer(const WalCheckpointer&) = delete;
  WalCheckpointer& operator=(const WalCheckpointer&) = delete;

  /// Told by the writer after each commit how many pages the log has. One thread at a time.
  void committed(int log_pages);

 private:
  void run();
  void checkpoint();

  std::filesystem::path file_;
  InWriterTurn in_writer_turn_;
  int due_at_pages_ = 0;  ///< of the thread that writes

  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_due_ = false;
  bool ends_ = false;
  std::thread thread_;  ///< started when first needed
};

}  // namespace tenure::storage
