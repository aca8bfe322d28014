#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"

struct pg_conn;
struct pg_result;

namespace tenure::storage {

/// Where a PostgreSQL database is, and as whom.
struct PostgresqlAddress {
  std::string url;       ///< as libpq reads it; holds the password: never shown
  std::string shown;     ///< "PostgreSQL database <name> on <host>", for messages
  std::string password;  ///< to keep it out of messages
};

/// Reads `postgresql://user:password@host:port/database?options`, also `postgres://` and
/// SQLAlchemy's `postgresql+driver://`. The options are those of libpq (sslmode, options, ...).
/// Errors: kInvalidArgument, without the password.
core::Result<PostgresqlAddress> parse_postgresql_url(std::string_view url);

/// Runs statements on one connection to PostgreSQL and keeps them prepared. One thread at a time.
///
/// A parameter takes the type PostgreSQL finds for it; where it finds none, or one that cannot hold
/// the value (a 64-bit number compared with an INTEGER), it is given the value's own. Booleans are
/// integers 0 and 1 both ways, and NUMERIC, which sums of BIGINT are, is an integer if it has no
/// fraction.
class PostgresqlConnection final : public SqlExecutor {
 public:
  using SqlExecutor::execute;
  using SqlExecutor::for_each;

  /// Errors: kUnavailable when the server does not answer, kPermissionDenied when it does not know
  /// the user, kNotFound when it has no such database.
  static core::Result<std::unique_ptr<PostgresqlConnection>> open(const PostgresqlAddress& address,
                                                                  Access access);
  PostgresqlConnection(pg_conn* connection, std::string shown)
      : connection_(connection), shown_(std::move(shown)) {}
  ~PostgresqlConnection() override;
  PostgresqlConnection(const PostgresqlConnection&) = delete;
  PostgresqlConnection& operator=(const PostgresqlConnection&) = delete;

  core::Result<std::int64_t> execute(std::string_view sql,
                                     std::span<const SqlValue> parameters) override;
  core::Result<> for_each(std::string_view sql, std::span<const SqlValue> parameters,
                          const OnRow& on_row) override;
  core::Result<> run_all(std::span<SqlStatement> statements) override;

  /// A statement among others; what it points to is the caller's.
  struct Call {
    std::string_view sql;
    std::span<const SqlValue> parameters = {};
    const OnRow* on_row = nullptr;    ///< null where no rows are wanted
    std::int64_t* changed = nullptr;  ///< set to the number of rows it changed, unless null
    bool is_answered = false;         ///< told: the server ran it
  };
  static std::vector<Call> calls_of(std::span<SqlStatement> statements);

  /// Runs them in their order, in one round trip (libpq's pipeline) once all are prepared. Ends at
  /// the first that fails. One that is not prepared yet waits for those before it, so that its
  /// failure finds the savepoint they set.
  core::Result<> run_calls(std::span<Call> calls);

  /// Runs statements without parameters and rows, unprepared, in one round trip. Gives the word
  /// PostgreSQL answers the last one with.
  core::Result<std::string> command(const char* statements);

  /// Whether the server is still there, as far as is known without asking it. Between statements.
  bool is_alive();
  /// Whether a transaction is open; whether a statement in it failed, so that it can only go back.
  bool in_transaction() const;
  bool is_spoiled() const;

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  using Reply = std::unique_ptr<pg_result, Clear>;
  using Types = std::vector<unsigned>;

  struct Prepared {
    std::string name;
    Types parameters;
    bool has_binary_rows = false;
  };
  struct Statement {
    std::string text;
    std::size_t parameter_count = 0;
    bool needs_own_types = false;  ///< PostgreSQL finds none, or several, for a parameter
    std::vector<std::pair<Types, Prepared>> prepared;  ///< by the types that were asked for
  };
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  struct BoundCall;

  core::Result<Statement*> find(const Call& call);
  static const Prepared* find_prepared(const Statement& statement,
                                       std::span<const SqlValue> parameters);
  static Types wanted_types(const Statement& statement, std::span<const SqlValue> parameters);
  core::Result<const Prepared*> prepare(Statement& statement, std::span<const SqlValue> parameters);
  core::Result<> prepare_first(Statement& statement, std::span<const SqlValue> parameters);
  core::Result<const Prepared*> prepare_as(Statement& statement, const Types& types);
  core::Result<> run_trip(std::span<BoundCall> calls);
  std::vector<Reply> exchange(std::span<const BoundCall> calls);
  core::Result<> run_alone(BoundCall& call);
  core::Result<> take_answer(pg_result* reply, Call& call);
  core::Error error_of(const pg_result* reply);

  pg_conn* connection_;
  std::string shown_;
  std::unordered_map<std::string, Statement, TextHash, std::equal_to<>> statements_;
  std::uint64_t names_given_ = 0;
  std::string last_state_;  ///< SQLSTATE of the last error
  bool is_broken_ = false;
};

/// The code for PostgreSQL's SQLSTATE (five characters).
core::ErrorCode postgresql_error_code(std::string_view state);

}  // namespace tenure::storage
