#include "storage/sql/sqlite_database.h"

#include <chrono>
#include <optional>

#include <fmt/format.h>
#include <sqlite3.h>

#include "core/file.h"
#include "storage/sql/commit_group.h"
#include "storage/sql/connection_pool.h"
#include "storage/sql/sqlite_connection.h"
#include "storage/sql/statement_kind.h"
#include "storage/sql/wal_checkpointer.h"

namespace tenure::storage {
namespace {

constexpr std::size_t kReaders = 4;

/// What a transaction's body gets. A full disk or an I/O error ends the transaction inside SQLite;
/// later statements must then fail instead of committing one by one.
class TransactionExecutor final : public SqlExecutor {
 public:
  explicit TransactionExecutor(SqliteConnection& connection) : connection_(&connection) {}

  core::Result<std::int64_t> execute(std::string_view sql,
                                     std::span<const SqlValue> parameters) override {
    if (!connection_->in_transaction()) return ended();
    return connection_->execute(sql, parameters);
  }
  core::Result<> for_each(std::string_view sql, std::span<const SqlValue> parameters,
                          const OnRow& on_row) override {
    if (!connection_->in_transaction()) return ended();
    return connection_->for_each(sql, parameters, on_row);
  }

 private:
  static core::Error ended() {
    return core::Error{core::ErrorCode::kUnavailable,
                       "database: the transaction was rolled back after an earlier error"};
  }

  SqliteConnection* connection_;
};

class SqliteWriter final : public WritingConnection {
 public:
  /// `committed` is told after each commit how many pages the write-ahead log has.
  SqliteWriter(std::unique_ptr<SqliteConnection> connection, std::function<void(int)> committed)
      : connection_(std::move(connection)),
        executor_(*connection_),
        committed_(std::move(committed)) {
    // In place of SQLite's own checkpoints inside a commit.
    sqlite3_wal_hook(connection_->handle(), &SqliteWriter::on_commit, this);
  }

  core::Result<> begin() override { return run("BEGIN IMMEDIATE"); }
  core::Result<> commit() override { return run("COMMIT"); }
  void roll_back() override {
    if (connection_->in_transaction()) static_cast<void>(run("ROLLBACK"));
    is_marked_ = false;
  }
  core::Result<> mark() override {
    if (is_marked_) {
      if (auto released = run("RELEASE body"); !released) return released;
    }
    is_marked_ = true;
    return run("SAVEPOINT body");
  }
  core::Result<> back_to_mark() override { return run("ROLLBACK TO body"); }
  bool in_transaction() override { return connection_->in_transaction(); }
  bool is_spoiled() override { return false; }
  SqlExecutor& executor() override { return executor_; }
  SqlExecutor& outside() override { return *connection_; }
  bool commits_single_statements() const override { return true; }

  sqlite3* handle() const { return connection_->handle(); }

 private:
  core::Result<> run(std::string_view sql) {
    if (auto done = connection_->execute(sql, {}); !done) return std::move(done).error();
    if (sql == "COMMIT") is_marked_ = false;
    return {};
  }
  static int on_commit(void* self, sqlite3* /*handle*/, const char* /*database*/, int pages) {
    static_cast<SqliteWriter*>(self)->committed_(pages);
    return SQLITE_OK;
  }

  std::unique_ptr<SqliteConnection> connection_;
  TransactionExecutor executor_;
  bool is_marked_ = false;
  std::function<void(int)> committed_;
};

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(std::filesystem::path file, std::unique_ptr<SqliteConnection> connection)
      : file_(std::move(file)),
        readers_(kReaders, [this] { return SqliteConnection::open(file_, Access::kRead); }),
        writer_(std::move(connection), [this](int pages) { checkpointer_.committed(pages); }),
        group_(writer_),
        checkpointer_(file_, [this](const std::function<void(sqlite3*)>& restart) {
          static_cast<void>(group_.run(CommitGroup::Kind::kAlone, [&](SqlExecutor&) {
            restart(writer_.handle());
            return core::Result<>();
          }));
        }) {}

  core::Result<std::int64_t> execute(std::string_view sql,
                                     std::span<const SqlValue> parameters) override {
    return group_.execute(kind_of(sql), sql, parameters);
  }

  core::Result<> for_each(std::string_view sql, std::span<const SqlValue> parameters,
                          const OnRow& on_row) override {
    if (!file_.empty()) {
      auto is_done = read(sql, parameters, on_row);
      if (!is_done) return std::move(is_done).error();
      if (*is_done) return {};
    }
    return group_.run(kind_of(sql), [&](SqlExecutor& executor) {
      return executor.for_each(sql, parameters, on_row);
    });
  }

  core::Result<> transaction(const std::function<core::Result<>(SqlExecutor&)>& body) override {
    return group_.run(CommitGroup::Kind::kTransaction, body);
  }

  std::string_view backend() const override { return "sqlite"; }

 private:
  static CommitGroup::Kind kind_of(std::string_view sql) {
    return kind_of_statement(sql) == StatementKind::kStandsAlone ? CommitGroup::Kind::kAlone
                                                                 : CommitGroup::Kind::kStatement;
  }

  /// False for a statement that writes (INSERT ... RETURNING), which has not run then.
  core::Result<bool> read(std::string_view sql, std::span<const SqlValue> parameters,
                          const OnRow& on_row) {
    auto reader = readers_.lease(std::chrono::milliseconds(kSqliteBusyTimeoutMs));
    if (!reader) return std::move(reader).error();
    auto reads = (*reader)->is_read_only(sql);
    if (!reads) return std::move(reads).error();
    if (!*reads) return false;
    if (auto done = (*reader)->for_each(sql, parameters, on_row); !done)
      return std::move(done).error();
    return true;
  }

  std::filesystem::path file_;
  ConnectionPool<SqliteConnection> readers_;
  SqliteWriter writer_;
  CommitGroup group_;
  WalCheckpointer checkpointer_;  // ends first: it takes turns among the writers
};

}  // namespace

core::Result<std::unique_ptr<Database>> open_sqlite_database(const std::filesystem::path& file,
                                                             Access access) {
  std::error_code status;
  const bool is_new = !file.empty() && !std::filesystem::exists(file, status);
  if (is_new && access == Access::kRead)
    return core::Error{core::ErrorCode::kNotFound,
                       fmt::format("there is no database {}", file.string())};
  if (is_new) {
    if (auto made = core::make_directories(file.parent_path()); !made)
      return std::move(made).error();
  }
  auto connection = SqliteConnection::open(file, access);
  if (!connection) return std::move(connection).error();
  if (is_new) {
    if (auto synced = core::sync_directory(file.parent_path()); !synced)
      return std::move(synced).error();
  }
  return std::unique_ptr<Database>(std::make_unique<SqliteDatabase>(file, std::move(*connection)));
}

}  // namespace tenure::storage
