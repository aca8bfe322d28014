#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.h"

namespace tenure::storage {

/// A value of a row or a parameter.
using SqlValue = std::variant<std::nullptr_t, std::int64_t, double, std::string>;

/// A value of the row a query stands at; text belongs to the database.
using SqlCell = std::variant<std::nullptr_t, std::int64_t, double, std::string_view>;

/// The row a query stands at, read in place: valid, with its texts, until the callback of
/// `for_each` returns. Accessors abort (TENURE_ASSERT) on a wrong type, as those of SqlRow do.
class SqlRowView {
 public:
  explicit SqlRowView(std::span<const SqlCell> cells) : cells_(cells) {}
  bool is_null(std::size_t column) const;
  std::int64_t integer(std::size_t column) const;
  double number(std::size_t column) const;  ///< integers are numbers too
  std::string_view text(std::size_t column) const;
  std::string_view text_or(std::size_t column, std::string_view if_null) const;
  std::optional<std::int64_t> integer_if(std::size_t column) const;
  std::size_t size() const { return cells_.size(); }
  std::span<const SqlCell> cells() const { return cells_; }

 private:
  std::span<const SqlCell> cells_;
};

/// One row; text and number accessors abort (TENURE_ASSERT) on a wrong type, as the statement
/// decides the types.
class SqlRow {
 public:
  explicit SqlRow(std::vector<SqlValue> values) : values_(std::move(values)) {}
  bool is_null(std::size_t column) const;
  std::int64_t integer(std::size_t column) const;
  double number(std::size_t column) const;  ///< integers are numbers too
  const std::string& text(std::size_t column) const;
  std::string text_or(std::size_t column, std::string_view if_null) const;
  std::optional<std::int64_t> integer_if(std::size_t column) const;
  std::size_t size() const { return values_.size(); }

 private:
  std::vector<SqlValue> values_;
};

struct SqlStatement;

/// What runs statements: a Database by itself (each statement its own transaction) or an open
/// transaction. Parameters are written `:name`, in any order, and bound by position of first
/// appearance.
///
/// Inside a transaction the body returns the error of a statement that failed: SQLite would undo
/// that statement alone and go on, PostgreSQL refuses all that follows.
class SqlExecutor {
 public:
  /// Given each row; false ends the reading. It must not call the executor that calls it.
  using OnRow = std::function<bool(const SqlRowView&)>;

  virtual ~SqlExecutor() = default;

  /// Runs a statement; returns the number of rows it changed.
  /// Errors: kAlreadyExists (unique constraint), kInvalidArgument (other constraint, syntax),
  /// kUnavailable (locked beyond the busy time-out, connection lost), kResourceExhausted (disk
  /// full), kCorruption.
  virtual core::Result<std::int64_t> execute(std::string_view sql,
                                             std::span<const SqlValue> parameters) = 0;

  /// Runs a query and shows each row in place: what many rows are read with, as nothing is copied.
  virtual core::Result<> for_each(std::string_view sql, std::span<const SqlValue> parameters,
                                  const OnRow& on_row) = 0;

  /// Runs statements that need nothing of each other's answers, in their order: one round trip to a
  /// server instead of one for each. Ends at the first that fails, with its error; what those
  /// before it answered was told. Inside a transaction they are one by one part of it.
  virtual core::Result<> run_all(std::span<SqlStatement> statements);

  /// Runs a query and returns all rows.
  core::Result<std::vector<SqlRow>> query(std::string_view sql,
                                          std::span<const SqlValue> parameters);

  core::Result<std::int64_t> execute(std::string_view sql,
                                     std::initializer_list<SqlValue> parameters = {}) {
    return execute(sql, std::span(parameters.begin(), parameters.size()));
  }
  core::Result<> for_each(std::string_view sql, std::initializer_list<SqlValue> parameters,
                          const OnRow& on_row) {
    return for_each(sql, std::span(parameters.begin(), parameters.size()), on_row);
  }
  core::Result<std::vector<SqlRow>> query(std::string_view sql,
                                          std::initializer_list<SqlValue> parameters = {}) {
    return query(sql, std::span(parameters.begin(), parameters.size()));
  }
};

/// One of the statements of SqlExecutor::run_all.
struct SqlStatement {
  std::string sql;
  std::vector<SqlValue> parameters;
  SqlExecutor::OnRow on_row;  ///< of a query; empty where no rows are wanted
  std::int64_t changed = 0;   ///< how many rows it changed, told by run_all
};

/// A relational database. Statements are written in the SQL that SQLite and PostgreSQL share.
/// Thread-safe: calls on one Database may come from any thread; each takes a pooled connection.
class Database : public SqlExecutor {
 public:
  using SqlExecutor::execute;
  using SqlExecutor::for_each;

  /// Runs `body` in one write transaction: committed when it returns a value, rolled back when it
  /// returns an Error or throws. What was committed survives kill -9 and power loss. Write
  /// transactions run one after another, in all processes that use the database. Those that wait
  /// together are committed together (see commit_group.h): the body may run on the thread of
  /// another caller, and an error of that commit is an error of all of them.
  virtual core::Result<> transaction(const std::function<core::Result<>(SqlExecutor&)>& body) = 0;

  virtual std::string_view backend() const = 0;  ///< "sqlite", "postgresql"
};

enum class Access : std::uint8_t { kReadWrite, kRead };

/// Opens `sqlite:///relative/or//absolute.db` (three slashes: relative to `base`, four: absolute),
/// made when missing, `sqlite://:memory:`, or `postgresql://user:password@host/database`, which
/// must be there. SQLite has a WAL, synchronous=FULL, foreign keys. Access::kRead makes and changes
/// nothing: no database is kNotFound, and statements that write are kPermissionDenied.
/// Errors: kInvalidArgument for an unknown scheme (naming the known ones), kPermissionDenied,
/// kCorruption when the file is no database.
core::Result<std::unique_ptr<Database>> open_database(std::string_view url, const std::string& base,
                                                      Access access = Access::kReadWrite);

}  // namespace tenure::storage
