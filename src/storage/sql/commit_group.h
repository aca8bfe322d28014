#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"

namespace tenure::storage {

/// What a CommitGroup asks of the one connection that writes. One thread at a time.
class WritingConnection {
 public:
  virtual ~WritingConnection() = default;
  virtual core::Result<> begin() = 0;  ///< a write transaction, none other beside it
  virtual core::Result<> commit() = 0;
  virtual void roll_back() = 0;  ///< whatever state it is in
  /// Sets the savepoint, in place of an earlier one, and goes back to it.
  virtual core::Result<> mark() = 0;
  virtual core::Result<> back_to_mark() = 0;
  /// Whether the transaction is open. A full disk or a lost connection ends it behind our back.
  virtual bool in_transaction() = 0;
  /// Whether a statement failed in a way that leaves only going back.
  virtual bool is_spoiled() = 0;
  virtual SqlExecutor& executor() = 0;  ///< inside the transaction
  virtual SqlExecutor& outside() = 0;   ///< each statement by itself
  /// Whether a single statement outside is as safe as in a transaction of its own.
  virtual bool commits_single_statements() const = 0;
};

/// Gives the writing connection to one caller at a time, in the order they came, and lets those who
/// wait together share one commit, whose fsync is what a small transaction costs.
///
/// The caller at the head of the queue leads: it opens a transaction, runs its own body and then
/// those that wait, each behind a savepoint which alone is rolled back when its body fails or
/// throws, commits, and wakes all of them. A caller returns only after the commit that covers it;
/// if that commit fails, or a full disk ends the transaction, all of them fail. Nothing is waited
/// for, so a caller who is alone pays nothing.
class CommitGroup {
 public:
  enum class Kind : std::uint8_t {
    kTransaction,  ///< several statements: committed or rolled back as one
    kStatement,    ///< one statement: joins others, or runs by itself when there are none
    kAlone,        ///< what no transaction may hold (VACUUM, PRAGMA): shares nothing
  };
  using Body = std::function<core::Result<>(SqlExecutor&)>;

  /// A transaction that is open for `open_max` takes no more bodies: the first one waits for the
  /// last.
  explicit CommitGroup(WritingConnection& connection,
                       std::chrono::milliseconds open_max = std::chrono::milliseconds(20))
      : connection_(&connection), open_max_(open_max) {}
  CommitGroup(const CommitGroup&) = delete;
  CommitGroup& operator=(const CommitGroup&) = delete;

  /// Runs `body` and returns once its outcome is durable. What it throws, this throws. Aborts when
  /// called from inside a body: waiting for oneself never ends.
  core::Result<> run(Kind kind, const Body& body);

  /// The same for one statement; the number of rows it changed.
  core::Result<std::int64_t> execute(Kind kind, std::string_view sql,
                                     std::span<const SqlValue> parameters);

  /// How many wait for their turn now.
  std::size_t waiting() const;

 private:
  struct Caller;

  void lead();
  /// The next caller who may join an open transaction of `size` bodies; nullptr to commit now.
  std::shared_ptr<Caller> next_to_join(std::size_t size);
  void run_alone(Caller& caller, SqlExecutor& executor);
  /// False when the transaction is no longer open.
  bool run_in_transaction(Caller& caller, bool is_first);
  void run_together(std::vector<std::shared_ptr<Caller>>& callers);
  /// The transaction was lost while `cause` ran: none of the others was kept.
  static void fail_together(std::span<const std::shared_ptr<Caller>> callers, const Caller& cause);

  WritingConnection* connection_;
  std::chrono::milliseconds open_max_;
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<Caller>> queue_;
  bool has_leader_ = false;
  std::thread::id leader_;
};

}  // namespace tenure::storage
