#include "storage/sql/postgresql_database.h"

#include <chrono>
#include <utility>

#include "storage/sql/commit_group.h"
#include "storage/sql/connection_pool.h"
#include "storage/sql/postgresql_connection.h"
#include "storage/sql/statement_kind.h"

namespace tenure::storage {
namespace {

constexpr std::size_t kReaders = 8;
constexpr std::chrono::seconds kPatience{20};

// The number is "tenure" in ASCII: other programs' advisory locks are elsewhere.
constexpr std::string_view kLock = "SELECT pg_advisory_xact_lock(127978993709669)";
constexpr std::string_view kBegin = "BEGIN ISOLATION LEVEL READ COMMITTED";
constexpr std::string_view kMark = "SAVEPOINT body";
constexpr std::string_view kForgetMark = "RELEASE SAVEPOINT body";

core::Error ended() {
  return core::Error{core::ErrorCode::kUnavailable,
                     "database: the transaction was rolled back after an earlier error"};
}

/// The connection that writes. It is opened when needed, and again after it was lost.
///
/// A round trip is what a statement costs most, and all writers wait for it. So the transaction is
/// begun, and a savepoint set, together with the statement that comes next.
class PostgresqlWriter final : public WritingConnection {
 public:
  using Call = PostgresqlConnection::Call;

  PostgresqlWriter(PostgresqlAddress address, Access access)
      : address_(std::move(address)), access_(access), inside_(*this), outside_(*this) {}

  core::Result<> connect() {
    if (connection_ != nullptr && connection_->is_alive()) return {};
    connection_.reset();
    auto opened = PostgresqlConnection::open(address_, access_);
    if (!opened) return std::move(opened).error();
    connection_ = std::move(*opened);
    return {};
  }

  core::Result<> begin() override {
    if (auto connected = connect(); !connected) return connected;
    wants_begin_ = true;
    is_marked_ = wants_mark_ = false;
    return {};
  }

  core::Result<> commit() override {
    wants_mark_ = false;
    if (std::exchange(wants_begin_, false)) return {};  // no statement came
    auto committed = connection_->command("COMMIT");
    if (!committed && !connection_->is_alive()) {
      return std::move(committed).error().within(
          "what the transaction wrote may be there or not, as it was lost while committing");
    }
    if (!committed) return std::move(committed).error();
    // A transaction in which a statement failed is rolled back instead, which is no error to them.
    if (*committed != "COMMIT") return ended();
    return {};
  }

  void roll_back() override {
    wants_begin_ = wants_mark_ = false;
    if (connection_ != nullptr && connection_->in_transaction())
      static_cast<void>(connection_->command("ROLLBACK"));
    // Whatever is wrong with it, a new one is right.
    if (connection_ != nullptr && (!connection_->is_alive() || connection_->in_transaction()))
      connection_.reset();
  }

  core::Result<> mark() override {
    wants_mark_ = true;
    return {};
  }

  core::Result<> back_to_mark() override {
    if (std::exchange(wants_mark_, false)) {
      if (is_spoiled()) return ended();
      return {};  // no statement came since
    }
    auto done = connection_->command("ROLLBACK TO SAVEPOINT body");
    if (!done) return std::move(done).error();
    return {};
  }

  bool in_transaction() override {
    return connection_ != nullptr && (wants_begin_ || connection_->in_transaction());
  }
  bool is_spoiled() override { return connection_ != nullptr && connection_->is_spoiled(); }
  SqlExecutor& executor() override { return inside_; }
  SqlExecutor& outside() override { return outside_; }
  bool commits_single_statements() const override { return false; }  // they need the lock

 private:
  /// In a transaction: one that has ended is not gone on with, statement by statement.
  class Inside final : public SqlExecutor {
   public:
    explicit Inside(PostgresqlWriter& writer) : writer_(&writer) {}
    core::Result<std::int64_t> execute(std::string_view sql,
                                       std::span<const SqlValue> parameters) override {
      std::int64_t changed = 0;
      const Call call{sql, parameters, nullptr, &changed};
      auto done = writer_->run_inside(std::span(&call, 1));
      if (!done) return std::move(done).error();
      return changed;
    }
    core::Result<> for_each(std::string_view sql, std::span<const SqlValue> parameters,
                            const OnRow& on_row) override {
      const Call call{sql, parameters, &on_row};
      return writer_->run_inside(std::span(&call, 1));
    }
    core::Result<> run_all(std::span<SqlStatement> statements) override {
      return writer_->run_inside(PostgresqlConnection::calls_of(statements));
    }

   private:
    PostgresqlWriter* writer_;
  };

  class Outside final : public SqlExecutor {
   public:
    explicit Outside(PostgresqlWriter& writer) : writer_(&writer) {}
    core::Result<std::int64_t> execute(std::string_view sql,
                                       std::span<const SqlValue> parameters) override {
      if (auto connected = writer_->connect(); !connected) return std::move(connected).error();
      return writer_->connection_->execute(sql, parameters);
    }
    core::Result<> for_each(std::string_view sql, std::span<const SqlValue> parameters,
                            const OnRow& on_row) override {
      if (auto connected = writer_->connect(); !connected) return connected;
      return writer_->connection_->for_each(sql, parameters, on_row);
    }

   private:
    PostgresqlWriter* writer_;
  };

  core::Result<> run_inside(std::span<const Call> asked) {
    if (!in_transaction()) return ended();
    std::vector<Call> calls;
    if (wants_begin_) calls.insert(calls.end(), {{kBegin}, {kLock}});
    if (wants_mark_ && is_marked_) calls.push_back({kForgetMark});
    if (wants_mark_) calls.push_back({kMark});
    const std::size_t openers = calls.size();
    calls.insert(calls.end(), asked.begin(), asked.end());
    auto done = connection_->run_calls(calls);
    // A connection that was lost before the transaction began lost nothing with it.
    if (!done && wants_begin_ && !calls.front().is_answered && !connection_->is_alive()) {
      done = connect();
      if (done) done = connection_->run_calls(calls);
      // What could not begin is no transaction, whatever the body makes of the error.
      if (!done && (connection_ == nullptr || !connection_->is_alive())) wants_begin_ = false;
    }
    // Where a later call was refused before anything was sent, they are wanted still.
    if (openers > 0 && calls[openers - 1].is_answered) {
      is_marked_ = is_marked_ || wants_mark_;
      wants_begin_ = wants_mark_ = false;
    }
    return done;
  }

  PostgresqlAddress address_;
  Access access_;
  std::unique_ptr<PostgresqlConnection> connection_;
  bool wants_begin_ = false;  ///< with the next statement
  bool wants_mark_ = false;   ///< with the next statement, in place of an earlier one
  bool is_marked_ = false;
  Inside inside_;
  Outside outside_;
};

class PostgresqlDatabase final : public Database {
 public:
  PostgresqlDatabase(const PostgresqlAddress& address, Access access)
      : readers_(kReaders,
                 [address] { return PostgresqlConnection::open(address, Access::kRead); }),
        writer_(address, access),
        group_(writer_) {}

  core::Result<> connect() { return writer_.connect(); }

  core::Result<std::int64_t> execute(std::string_view sql,
                                     std::span<const SqlValue> parameters) override {
    return group_.execute(kind_of(sql), sql, parameters);
  }

  core::Result<> for_each(std::string_view sql, std::span<const SqlValue> parameters,
                          const OnRow& on_row) override {
    if (kind_of_statement(sql) == StatementKind::kReads) return read(sql, parameters, on_row);
    return group_.run(kind_of(sql), [&](SqlExecutor& executor) {
      return executor.for_each(sql, parameters, on_row);
    });
  }

  core::Result<> transaction(const std::function<core::Result<>(SqlExecutor&)>& body) override {
    return group_.run(CommitGroup::Kind::kTransaction, body);
  }

  std::string_view backend() const override { return "postgresql"; }

 private:
  static CommitGroup::Kind kind_of(std::string_view sql) {
    return kind_of_statement(sql) == StatementKind::kStandsAlone ? CommitGroup::Kind::kAlone
                                                                 : CommitGroup::Kind::kStatement;
  }

  core::Result<> read(std::string_view sql, std::span<const SqlValue> parameters,
                      const OnRow& on_row) {
    bool was_lost = false;
    for (;;) {
      auto reader = readers_.lease(kPatience);
      if (!reader) return std::move(reader).error();
      if ((*reader)->is_alive()) {
        // Rows are shown when all have come, so another try shows none twice.
        auto done = (*reader)->for_each(sql, parameters, on_row);
        if (done || was_lost || (*reader)->is_alive()) return done;
        was_lost = true;
      }
      reader->drop();
      readers_.close_idle();  // the others were lost with it
    }
  }

  ConnectionPool<PostgresqlConnection> readers_;
  PostgresqlWriter writer_;
  CommitGroup group_;
};

}  // namespace

core::Result<std::unique_ptr<Database>> open_postgresql_database(std::string_view url,
                                                                 Access access) {
  auto address = parse_postgresql_url(url);
  if (!address) return std::move(address).error();
  auto database = std::make_unique<PostgresqlDatabase>(*address, access);
  if (auto connected = database->connect(); !connected) return std::move(connected).error();
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace tenure::storage
