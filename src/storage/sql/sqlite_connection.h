#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tenure::storage {

/// Runs statements on one SQLite connection and keeps them prepared. Each value keeps the type
/// SQLite gives it. One thread at a time.
class SqliteConnection final : public SqlExecutor {
 public:
  using SqlExecutor::execute;
  using SqlExecutor::for_each;

  /// Opens a file as the Database interface promises it: write-ahead logging, synchronous=FULL,
  /// foreign keys, LIKE that tells upper from lower case. An empty path is a new database in
  /// memory. With Access::kRead the journal stays as it is and statements that write fail.
  static core::Result<std::unique_ptr<SqliteConnection>> open(const std::filesystem::path& file,
                                                              Access access);
  /// Takes what SQLite opened and closes it at the end.
  explicit SqliteConnection(sqlite3* handle) : handle_(handle) {}
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  core::Result<std::int64_t> execute(std::string_view sql,
                                     std::span<const SqlValue> parameters) override;
  core::Result<> for_each(std::string_view sql, std::span<const SqlValue> parameters,
                          const OnRow& on_row) override;

  /// Whether a statement leaves the database as it is.
  core::Result<bool> is_read_only(std::string_view sql);
  /// Whether a transaction is open. A full disk closes it behind our back.
  bool in_transaction() const;

  sqlite3* handle() const { return handle_; }

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Finalizer>;
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  core::Result<sqlite3_stmt*> prepare(std::string_view sql);
  core::Result<> bind(sqlite3_stmt* statement, std::span<const SqlValue> parameters);

  sqlite3* handle_;
  std::unordered_map<std::string, Statement, TextHash, std::equal_to<>> prepared_;
};

/// The error for SQLite's result code: unique constraints kAlreadyExists, a full disk
/// kResourceExhausted, and so on. `system_errno` is that of the failed system call, 0 for none.
core::Error sqlite_error(int result, int system_errno, std::string_view message);

/// The error of what was called last on a connection.
core::Error sqlite_last_error(sqlite3* handle);

constexpr int kSqliteBusyTimeoutMs = 20'000;  ///< as MLflow sets it

}  // namespace tenure::storage
