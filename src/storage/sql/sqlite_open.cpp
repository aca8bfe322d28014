#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <memory>
#include <thread>
#include <unistd.h>

#include <sqlite3.h>

#include "core/file.h"
#include "storage/sql/sqlite_connection.h"
#include "storage/sql/wal_write_buffer.h"

// How a connection is opened; what it does then is in sqlite_connection.cpp.
namespace tenure::storage {
namespace {

/// Switches to write-ahead logging. SQLite does not wait for its busy time-out here when several
/// processes make a new database at once, so this does.
core::Result<> switch_to_wal(SqliteConnection& connection) {
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(kSqliteBusyTimeoutMs);
  for (;;) {
    auto mode = connection.query("PRAGMA journal_mode=WAL");
    if (mode) {
      if (mode->size() == 1 && mode->front().text_or(0, "") == "wal") return {};
      return core::Error{core::ErrorCode::kUnavailable,
                         "database: this file system does not support write-ahead logging"};
    }
    if (mode.error().code != core::ErrorCode::kUnavailable || steady_clock::now() > deadline)
      return std::move(mode).error();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

/// Why SQLite could not open a file: it keeps the reason to itself.
core::Error open_error(const std::filesystem::path& file, int result, const std::string& message) {
  std::error_code status;
  if (std::filesystem::is_directory(file, status))
    return core::system_error(EISDIR, "cannot open database", file);
  const bool exists = std::filesystem::exists(file, status);
  const std::filesystem::path checked = exists ? file : file.parent_path();
  if (::faccessat(AT_FDCWD, checked.c_str(), R_OK | W_OK, AT_EACCESS) != 0)
    return core::system_error(errno, "cannot open database", file);
  return sqlite_error(result, 0, message).within(file.string());
}

}  // namespace

core::Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(
    const std::filesystem::path& file, Access access) {
  const std::string name = file.empty() ? ":memory:" : file.string();
  // Each connection is used by one thread at a time, so SQLite need not lock it.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                    (access == Access::kReadWrite ? SQLITE_OPEN_CREATE : 0);
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(name.c_str(), &handle, flags, wal_buffering_vfs());
  auto connection = std::make_unique<SqliteConnection>(handle);
  if (result != SQLITE_OK) {
    return open_error(file, handle == nullptr ? result : sqlite3_extended_errcode(handle),
                      sqlite3_errstr(result));
  }
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kSqliteBusyTimeoutMs);

  // SQLite falls back to reading when it may not write; say so now, not at the first write.
  if (sqlite3_db_readonly(handle, "main") == 1)
    return core::system_error(EACCES, "cannot write database", file);
  // First of all: the buffer of the log is written when the log is synced.
  if (auto set = connection->query("PRAGMA synchronous=FULL"); !set)
    return std::move(set).error().within(file.string());
  if (!file.empty() && access == Access::kReadWrite) {
    if (auto wal = switch_to_wal(*connection); !wal)
      return std::move(wal).error().within(file.string());
  }
  // A log that grew under long readers is cut when it starts anew.
  for (const std::string_view pragma :
       {"PRAGMA foreign_keys=ON", "PRAGMA case_sensitive_like=ON", "PRAGMA cache_size=-8000",
        "PRAGMA journal_size_limit=67108864"}) {
    if (auto set = connection->query(pragma, {}); !set)
      return std::move(set).error().within(file.string());
  }
  if (access == Access::kRead) {
    if (auto set = connection->query("PRAGMA query_only=ON", {}); !set)
      return std::move(set).error();
  }
  return connection;
}

}  // namespace tenure::storage
