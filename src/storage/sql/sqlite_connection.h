#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"

// SOCI wraps SQLite's own header in this namespace.
namespace sqlite_api {
struct sqlite3;
struct sqlite3_stmt;
}  // namespace sqlite_api

namespace tenure::storage {

/// Runs statements on one open SQLite connection and keeps them prepared. The connection belongs to
/// someone else, who outlives this object. One thread at a time.
///
/// SOCI opens and pools the connections, but its dynamic rows are not used: SOCI 4.0 types a column
/// by how it was declared, so an INTEGER above 2^31 is cut to 32 bits and an expression such as
/// count(*) comes back as text. Here each value keeps the type SQLite gives it.
class SqliteConnection final : public SqlExecutor {
 public:
  using SqlExecutor::execute;
  using SqlExecutor::query;

  explicit SqliteConnection(sqlite_api::sqlite3* handle) : handle_(handle) {}

  core::Result<std::int64_t> execute(std::string_view sql,
                                     std::span<const SqlValue> parameters) override;
  core::Result<std::vector<SqlRow>> query(std::string_view sql,
                                          std::span<const SqlValue> parameters) override;

  /// Whether a statement leaves the database as it is.
  core::Result<bool> is_read_only(std::string_view sql);
  /// Whether a transaction is open. A full disk closes it behind our back.
  bool in_transaction() const;

 private:
  struct Finalizer {
    void operator()(sqlite_api::sqlite3_stmt* statement) const;
  };
  using Statement = std::unique_ptr<sqlite_api::sqlite3_stmt, Finalizer>;

  core::Result<sqlite_api::sqlite3_stmt*> prepare(std::string_view sql);
  core::Result<> bind(sqlite_api::sqlite3_stmt* statement, std::span<const SqlValue> parameters);
  core::Result<> run(sqlite_api::sqlite3_stmt* statement, std::span<const SqlValue> parameters,
                     const std::function<void()>& on_row);

  sqlite_api::sqlite3* handle_;
  std::map<std::string, Statement, std::less<>> prepared_;
};

/// The error for SQLite's result code: unique constraints kAlreadyExists, a full disk
/// kResourceExhausted, and so on. `system_errno` is that of the failed system call, 0 for none.
core::Error sqlite_error(int result, int system_errno, std::string_view message);

}  // namespace tenure::storage
