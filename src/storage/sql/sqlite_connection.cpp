#include "storage/sql/sqlite_connection.h"

#include <cerrno>

#include <fmt/format.h>
#include <sqlite3.h>

#include "storage/disk_space.h"

namespace tenure::storage {
namespace {

// More distinct statements than the program has; a bound for statements made of variable lists.
constexpr std::size_t kPreparedMax = 256;

core::ErrorCode code_of(int result, int system_errno) {
  const bool disk_is_full =
      system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG;
  switch (result) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return core::ErrorCode::kAlreadyExists;
    default:
      break;
  }
  switch (result & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
      return core::ErrorCode::kInvalidArgument;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return core::ErrorCode::kResourceExhausted;
    case SQLITE_IOERR:
      return disk_is_full || result == SQLITE_IOERR_NOMEM ? core::ErrorCode::kResourceExhausted
                                                          : core::ErrorCode::kUnavailable;
    case SQLITE_CANTOPEN:
      if (disk_is_full) return core::ErrorCode::kResourceExhausted;
      return system_errno == EACCES || system_errno == EPERM || system_errno == EROFS
                 ? core::ErrorCode::kPermissionDenied
                 : core::ErrorCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return core::ErrorCode::kCorruption;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return core::ErrorCode::kPermissionDenied;
    case SQLITE_INTERRUPT:
      return core::ErrorCode::kCancelled;
    case SQLITE_MISUSE:
      return core::ErrorCode::kInternal;
    default:  // BUSY, LOCKED, PROTOCOL, SCHEMA, ...
      return core::ErrorCode::kUnavailable;
  }
}

SqlCell cell_of(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return static_cast<std::int64_t>(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_NULL:
      return nullptr;
    default: {
      // The bytes first: SQLite documents this order as the safe one.
      const void* bytes = sqlite3_column_blob(statement, column);
      const int size = sqlite3_column_bytes(statement, column);
      return std::string_view(static_cast<const char*>(bytes == nullptr ? "" : bytes),
                              static_cast<std::size_t>(size));
    }
  }
}

}  // namespace

core::Error sqlite_error(int result, int system_errno, std::string_view message) {
  return core::Error{code_of(result, system_errno), fmt::format("database: {}", message)};
}

core::Error sqlite_last_error(sqlite3* handle) {
  const int result = sqlite3_extended_errcode(handle);
  const char* message = sqlite3_errmsg(handle);
  int system_errno = sqlite3_system_errno(handle);
  if ((result & 0xff) == SQLITE_IOERR) {
    const char* name = sqlite3_db_filename(handle, "main");
    const std::string file = name == nullptr ? "" : name;
    if (has_no_room(file) || has_no_room(file + "-wal")) {
      system_errno = ENOSPC;
      message = "the disk is full";
    }
  }
  return sqlite_error(result, system_errno, message);
}

void SqliteConnection::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

SqliteConnection::~SqliteConnection() {
  prepared_.clear();
  sqlite3_close_v2(handle_);
}

bool SqliteConnection::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

core::Result<sqlite3_stmt*> SqliteConnection::prepare(std::string_view sql) {
  if (const auto found = prepared_.find(sql); found != prepared_.end()) return found->second.get();
  if (prepared_.size() >= kPreparedMax) {
    std::erase_if(prepared_,
                  [](const auto& entry) { return sqlite3_stmt_busy(entry.second.get()) == 0; });
  }

  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int result = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &raw, &tail);
  Statement statement(raw);
  if (result != SQLITE_OK) return sqlite_last_error(handle_);
  if (statement == nullptr)
    return core::Error{core::ErrorCode::kInvalidArgument, "database: the statement is empty"};
  const std::string_view rest = sql.substr(static_cast<std::size_t>(tail - sql.data()));
  if (rest.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "database: one statement is expected, found more after the ';'"};
  }
  return prepared_.emplace(std::string(sql), std::move(statement)).first->second.get();
}

core::Result<> SqliteConnection::bind(sqlite3_stmt* statement,
                                      std::span<const SqlValue> parameters) {
  const int expected = sqlite3_bind_parameter_count(statement);
  if (parameters.size() != static_cast<std::size_t>(expected)) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("database: the statement has {} parameters, {} were given",
                                   expected, parameters.size())};
  }
  int position = 0;
  for (const SqlValue& value : parameters) {
    ++position;
    int result = SQLITE_OK;
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      result = sqlite3_bind_int64(statement, position, *integer);
    } else if (const auto* number = std::get_if<double>(&value)) {
      result = sqlite3_bind_double(statement, position, *number);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      // The caller's text outlives the run, so nothing is copied.
      result = sqlite3_bind_text64(statement, position, text->data(), text->size(), SQLITE_STATIC,
                                   SQLITE_UTF8);
    } else {
      result = sqlite3_bind_null(statement, position);
    }
    if (result != SQLITE_OK) return sqlite_last_error(handle_);
  }
  return {};
}

core::Result<> SqliteConnection::for_each(std::string_view sql,
                                          std::span<const SqlValue> parameters,
                                          const OnRow& on_row) {
  auto prepared = prepare(sql);
  if (!prepared) return std::move(prepared).error();
  sqlite3_stmt* const statement = *prepared;
  struct Reset {
    sqlite3_stmt* statement;
    ~Reset() {
      sqlite3_reset(statement);
      sqlite3_clear_bindings(statement);
    }
  } const reset{statement};
  if (auto bound = bind(statement, parameters); !bound) return bound;
  std::vector<SqlCell> cells;
  for (;;) {
    const int result = sqlite3_step(statement);
    if (result == SQLITE_DONE) return {};
    if (result != SQLITE_ROW) return sqlite_last_error(handle_);
    const int columns = sqlite3_column_count(statement);
    cells.resize(static_cast<std::size_t>(columns));
    for (int column = 0; column < columns; ++column)
      cells[static_cast<std::size_t>(column)] = cell_of(statement, column);
    if (!on_row(SqlRowView(cells))) return {};
  }
}

core::Result<std::int64_t> SqliteConnection::execute(std::string_view sql,
                                                     std::span<const SqlValue> parameters) {
  const auto changes_before = sqlite3_total_changes64(handle_);
  auto ran = for_each(sql, parameters, [](const SqlRowView&) { return true; });
  if (!ran) return std::move(ran).error();
  // sqlite3_changes keeps the count of an older statement when this one changed no row.
  if (sqlite3_total_changes64(handle_) == changes_before) return 0;
  return static_cast<std::int64_t>(sqlite3_changes64(handle_));
}

core::Result<bool> SqliteConnection::is_read_only(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return std::move(statement).error();
  return sqlite3_stmt_readonly(*statement) != 0;
}

}  // namespace tenure::storage
