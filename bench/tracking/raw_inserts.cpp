// The floor of bench/tracking for single calls: the same rows through statements prepared once,
// bound row by row, in transactions of the same size and durability. Nothing is checked.
//
//   bench_raw_inserts OPERATION DATABASE RUN CALLS
//
// OPERATION: how many metrics a call logs (1, 10, 1000); DATABASE: the path of an SQLite file, or a
// postgresql:// URL. Prints seconds and processor seconds of this process.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string>

#include <fmt/format.h>
#include <postgresql/libpq-fe.h>
#include <sqlite3.h>

#include "call_metrics.h"

namespace {

constexpr const char* kMetric =
    "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES ($1, $2, $3, $4, "
    "$5, $6)";
constexpr const char* kLatest =
    "INSERT INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES ($1, $2, "
    "$3, $4, $5, $6) ON "
    "CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value, timestamp = "
    "excluded.timestamp, step = "
    "excluded.step, is_nan = excluded.is_nan";

void check(bool is_good, const std::string& what) {
  if (!is_good) throw std::runtime_error(what);
}

class Sqlite {
 public:
  Sqlite(const std::string& file, std::string run) : run_(std::move(run)) {
    check(sqlite3_open_v2(file.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                          nullptr) == SQLITE_OK,
          "cannot open " + file);
    for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                               "PRAGMA foreign_keys=ON", "PRAGMA cache_size=-8000"})
      execute(pragma);
    metric_ = prepare(kMetric);
    latest_ = prepare(kLatest);
  }
  ~Sqlite() {
    sqlite3_finalize(metric_);
    sqlite3_finalize(latest_);
    sqlite3_close(handle_);
  }
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;

  void begin() { execute("BEGIN IMMEDIATE"); }
  void metric(const tenure::bench::CallMetric& row) { insert(metric_, row); }
  void latest(const tenure::bench::CallMetric& row) { insert(latest_, row); }
  void commit() { execute("COMMIT"); }

 private:
  void execute(const char* sql) {
    check(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK,
          sqlite3_errmsg(handle_));
  }
  sqlite3_stmt* prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) ==
              SQLITE_OK,
          sqlite3_errmsg(handle_));
    return statement;
  }
  void insert(sqlite3_stmt* statement, const tenure::bench::CallMetric& row) {
    sqlite3_bind_text(statement, 1, row.key.data(), static_cast<int>(row.key.size()),
                      SQLITE_STATIC);
    sqlite3_bind_double(statement, 2, row.value);
    sqlite3_bind_int64(statement, 3, row.number);
    sqlite3_bind_text(statement, 4, run_.data(), static_cast<int>(run_.size()), SQLITE_STATIC);
    sqlite3_bind_int64(statement, 5, row.number);
    sqlite3_bind_int64(statement, 6, 0);
    check(sqlite3_step(statement) == SQLITE_DONE, sqlite3_errmsg(handle_));
    sqlite3_reset(statement);
  }

  std::string run_;
  sqlite3* handle_ = nullptr;
  sqlite3_stmt* metric_ = nullptr;
  sqlite3_stmt* latest_ = nullptr;
};

/// In pipeline mode: one round trip a transaction, not one a row.
class Postgresql {
 public:
  Postgresql(const std::string& url, std::string run)
      : run_(std::move(run)), connection_(PQconnectdb(url.c_str())) {
    check(PQstatus(connection_) == CONNECTION_OK, PQerrorMessage(connection_));
    for (const auto& [name, sql] : {std::pair{"metric", kMetric}, std::pair{"latest", kLatest},
                                    std::pair{"begin", "BEGIN"}, std::pair{"commit", "COMMIT"}}) {
      PGresult* const made = PQprepare(connection_, name, sql, 0, nullptr);
      const bool is_good = PQresultStatus(made) == PGRES_COMMAND_OK;
      PQclear(made);
      check(is_good, PQerrorMessage(connection_));
    }
    check(PQenterPipelineMode(connection_) == 1, PQerrorMessage(connection_));
  }
  ~Postgresql() { PQfinish(connection_); }
  Postgresql(const Postgresql&) = delete;
  Postgresql& operator=(const Postgresql&) = delete;

  void begin() { send("begin", 0, nullptr); }
  void metric(const tenure::bench::CallMetric& row) { insert("metric", row); }
  void latest(const tenure::bench::CallMetric& row) { insert("latest", row); }
  void commit() {
    send("commit", 0, nullptr);
    check(PQpipelineSync(connection_) == 1, PQerrorMessage(connection_));
    for (bool is_synced = false; !is_synced;) {
      PGresult* const result = PQgetResult(connection_);
      if (result == nullptr) continue;  // between two statements
      const ExecStatusType status = PQresultStatus(result);
      is_synced = status == PGRES_PIPELINE_SYNC;
      PQclear(result);
      check(is_synced || status == PGRES_COMMAND_OK, PQerrorMessage(connection_));
    }
  }

 private:
  void send(const char* name, int count, const char* const* values) {
    check(PQsendQueryPrepared(connection_, name, count, values, nullptr, nullptr, 0) == 1,
          PQerrorMessage(connection_));
  }
  void insert(const char* name, const tenure::bench::CallMetric& row) {
    const std::string value = fmt::format("{}", row.value);
    const std::string number = fmt::format("{}", row.number);
    const char* const values[] = {row.key.c_str(), value.c_str(),  number.c_str(),
                                  run_.c_str(),    number.c_str(), "f"};
    send(name, 6, values);
  }

  std::string run_;
  PGconn* connection_;
};

template <class Backend>
void run(Backend& backend, int metrics_a_call, int calls) {
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t processor = std::clock();
  for (int call = 0; call < calls; ++call) {
    const std::vector<tenure::bench::CallMetric> rows =
        tenure::bench::metrics_of_call(call, metrics_a_call);
    backend.begin();
    for (const tenure::bench::CallMetric& row : rows) backend.metric(row);
    for (const tenure::bench::CallMetric& row : tenure::bench::last_of_keys(rows))
      backend.latest(row);
    backend.commit();
  }
  tenure::bench::print_times(start, processor);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: {} OPERATION DATABASE RUN CALLS\n", argv[0]);
    return 2;
  }
  try {
    const std::string database = argv[2];
    const int metrics = std::atoi(argv[1]);
    const int calls = std::atoi(argv[4]);
    if (database.starts_with("postgresql://")) {
      Postgresql backend(database, argv[3]);
      run(backend, metrics, calls);
    } else {
      Sqlite backend(database, argv[3]);
      run(backend, metrics, calls);
    }
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_raw_inserts: {}\n", error.what());
    return 1;
  }
}
