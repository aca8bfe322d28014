#include "storage/sql/sqlite_database.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <mutex>
#include <optional>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>
#include <soci/connection-pool.h>
#include <soci/session.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "core/assert.h"
#include "core/file.h"
#include "storage/sql/sqlite_connection.h"

namespace tenure::storage {
namespace {

constexpr std::size_t kReaders = 4;
constexpr int kBusyTimeoutS = 20;  // as MLflow sets it

/// A SOCI session with what runs statements on it.
struct OpenConnection {
  soci::session* session = nullptr;
  std::unique_ptr<SqliteConnection> statements;
};

/// Switches to write-ahead logging. SQLite does not wait for its busy time-out here when several
/// processes make a new database at once, so this does.
core::Result<> switch_to_wal(SqliteConnection& connection) {
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + std::chrono::seconds(kBusyTimeoutS);
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

/// SQLite's connection inside a SOCI session. The sanitizer's check of dynamic types is off here:
/// it needs the class's type information, which SOCI's library does not export.
__attribute__((no_sanitize("vptr"))) sqlite_api::sqlite3* native_handle(soci::session& session) {
  return static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
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

core::Result<> open_connection(const std::filesystem::path& file, Access access,
                               OpenConnection& connection) {
  const std::string name = file.empty() ? ":memory:" : file.string();
  try {
    connection.session->open(soci::sqlite3,
                             fmt::format("db=\"{}\" timeout={}", name, kBusyTimeoutS));
  } catch (const soci::sqlite3_soci_error& error) {
    return open_error(file, error.result(), error.what());
  } catch (const soci::soci_error& error) {
    return core::Error{core::ErrorCode::kUnavailable,
                       fmt::format("cannot open database {}: {}", name, error.what())};
  }
  sqlite_api::sqlite3* handle = native_handle(*connection.session);
  connection.statements = std::make_unique<SqliteConnection>(handle);

  // SQLite falls back to reading when it may not write; say so now, not at the first write.
  if (sqlite_api::sqlite3_db_readonly(handle, "main") == 1)
    return core::system_error(EACCES, "cannot write database", file);
  if (!file.empty() && access == Access::kReadWrite) {
    if (auto wal = switch_to_wal(*connection.statements); !wal)
      return std::move(wal).error().within(file.string());
  }
  // LIKE tells upper from lower case, as PostgreSQL does.
  for (const std::string_view pragma :
       {"PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", "PRAGMA case_sensitive_like=ON"}) {
    if (auto set = connection.statements->query(pragma); !set)
      return std::move(set).error().within(file.string());
  }
  if (access == Access::kRead) {
    if (auto set = connection.statements->query("PRAGMA query_only=ON"); !set)
      return std::move(set).error();
  }
  return {};
}

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
  core::Result<std::vector<SqlRow>> query(std::string_view sql,
                                          std::span<const SqlValue> parameters) override {
    if (!connection_->in_transaction()) return ended();
    return connection_->query(sql, parameters);
  }
  static core::Error ended() {
    return core::Error{core::ErrorCode::kUnavailable,
                       "database: the transaction was rolled back after an earlier error"};
  }

 private:
  SqliteConnection* connection_;
};

class SqliteDatabase final : public Database {
 public:
  explicit SqliteDatabase(std::filesystem::path file)
      : file_(std::move(file)), reader_pool_(kReaders) {
    writer_.session = &writer_session_;
  }

  core::Result<> open(Access access) { return open_connection(file_, access, writer_); }

  core::Result<std::int64_t> execute(std::string_view sql,
                                     std::span<const SqlValue> parameters) override {
    const WriterTurn turn(*this);
    return writer_.statements->execute(sql, parameters);
  }

  core::Result<std::vector<SqlRow>> query(std::string_view sql,
                                          std::span<const SqlValue> parameters) override {
    if (!file_.empty()) {
      auto rows = query_on_reader(sql, parameters);
      if (!rows) return std::move(rows).error();
      if (rows->has_value()) return std::move(**rows);
    }
    const WriterTurn turn(*this);
    return writer_.statements->query(sql, parameters);
  }

  core::Result<> transaction(const std::function<core::Result<>(SqlExecutor&)>& body) override {
    const WriterTurn turn(*this);
    SqliteConnection& connection = *writer_.statements;
    if (auto begun = connection.execute("BEGIN IMMEDIATE"); !begun) return std::move(begun).error();
    // Also rolls back when the body throws.
    struct Rollback {
      SqliteConnection& connection;
      ~Rollback() {
        if (connection.in_transaction()) static_cast<void>(connection.execute("ROLLBACK"));
      }
    } const rollback{connection};
    TransactionExecutor executor(connection);
    if (auto done = body(executor); !done) return done;
    if (!connection.in_transaction()) return TransactionExecutor::ended();
    if (auto committed = connection.execute("COMMIT"); !committed)
      return std::move(committed).error();
    return {};
  }

  std::string_view backend() const override { return "sqlite"; }

 private:
  /// The writing connection for one caller at a time. SQLite would make writers wait as well, but
  /// by polling, which is neither fair nor fast inside one process.
  class WriterTurn {
   public:
    explicit WriterTurn(SqliteDatabase& database) : database_(database) {
      // Inside a transaction the body's executor must be used; waiting for oneself never ends.
      TENURE_ASSERT(database.writing_thread_.load() != std::this_thread::get_id());
      database.writer_mutex_.lock();
      database.writing_thread_.store(std::this_thread::get_id());
    }
    ~WriterTurn() {
      database_.writing_thread_.store(std::thread::id());
      database_.writer_mutex_.unlock();
    }
    WriterTurn(const WriterTurn&) = delete;
    WriterTurn& operator=(const WriterTurn&) = delete;

   private:
    SqliteDatabase& database_;
  };

  /// The rows, or nullopt for a statement that writes (INSERT ... RETURNING).
  core::Result<std::optional<std::vector<SqlRow>>> query_on_reader(
      std::string_view sql, std::span<const SqlValue> parameters) {
    std::size_t position = 0;
    if (!reader_pool_.try_lease(position, kBusyTimeoutS * 1000)) {
      return core::Error{core::ErrorCode::kUnavailable,
                         "database: every reading connection is busy"};
    }
    struct GiveBack {
      soci::connection_pool& pool;
      std::size_t position;
      ~GiveBack() { pool.give_back(position); }
    } const give_back{reader_pool_, position};

    OpenConnection& reader = readers_[position];
    if (reader.statements == nullptr) {
      OpenConnection fresh{&reader_pool_.at(position), nullptr};
      if (auto opened = open_connection(file_, Access::kRead, fresh); !opened) {
        fresh.statements.reset();
        fresh.session->close();
        return std::move(opened).error();
      }
      reader = std::move(fresh);
    }
    auto reads = reader.statements->is_read_only(sql);
    if (!reads) return std::move(reads).error();
    if (!*reads) return std::optional<std::vector<SqlRow>>();
    auto rows = reader.statements->query(sql, parameters);
    if (!rows) return std::move(rows).error();
    return std::optional(std::move(*rows));
  }

  // Sessions are declared before what runs on them: prepared statements must go first.
  std::filesystem::path file_;
  soci::session writer_session_;
  soci::connection_pool reader_pool_;
  OpenConnection writer_;
  std::array<OpenConnection, kReaders> readers_;  // opened at first use
  std::mutex writer_mutex_;
  std::atomic<std::thread::id> writing_thread_;
};

}  // namespace

core::Result<std::unique_ptr<Database>> open_sqlite_database(const std::filesystem::path& file,
                                                             Access access) {
  if (file.string().find('"') != std::string::npos) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("database {}: the path must not hold a '\"'", file.string())};
  }
  std::error_code status;
  const bool is_new = !file.empty() && !std::filesystem::exists(file, status);
  if (is_new && access == Access::kRead)
    return core::Error{core::ErrorCode::kNotFound,
                       fmt::format("there is no database {}", file.string())};
  if (is_new) {
    if (auto made = core::make_directories(file.parent_path()); !made)
      return std::move(made).error();
  }
  auto database = std::make_unique<SqliteDatabase>(file);
  if (auto opened = database->open(access); !opened) return std::move(opened).error();
  if (is_new) {
    if (auto synced = core::sync_directory(file.parent_path()); !synced)
      return std::move(synced).error();
  }
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace tenure::storage
