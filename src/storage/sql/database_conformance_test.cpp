#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/id.h"
#include "storage/sql/database.h"
#include "storage/sql/migration.h"
#include "storage/testing/child_process.h"
#include "storage/testing/postgresql_server.h"
#include "storage/testing/temporary_folder.h"

// What every database behind the interface must do. A backend joins by a line in kBackends.
namespace tenure::storage {
namespace {

using testing::ChildProcess;
using testing::PostgresqlServer;
using testing::TemporaryFolder;

struct Backend {
  std::string name;
  /// Opens the database that belongs to a folder; again and from other processes, the same one.
  std::function<core::Result<std::unique_ptr<Database>>(const std::filesystem::path&)> open;
};

class DatabaseConformance : public ::testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    if (GetParam().name == "postgresql" && PostgresqlServer::shared() == nullptr)
      GTEST_SKIP() << PostgresqlServer::kMissing;
  }
  std::unique_ptr<Database> open() {
    auto database = GetParam().open(folder_.path());
    EXPECT_TRUE(database) << database.error().message;
    return database ? std::move(*database) : nullptr;
  }
  static void must(const core::Result<std::int64_t>& result) {
    ASSERT_TRUE(result) << result.error().message;
  }
  static std::int64_t number(SqlExecutor& sql, std::string_view query) {
    auto rows = sql.query(query);
    EXPECT_TRUE(rows) << rows.error().message;
    return rows && rows->size() == 1 ? rows->front().integer(0) : -1;
  }
  TemporaryFolder folder_;
};

TEST_P(DatabaseConformance, KeepsEachTypeToTheLastBit) {
  auto database = open();
  must(database->execute(
      "CREATE TABLE t (a INTEGER, b BIGINT, c DOUBLE PRECISION, d VARCHAR(100))"));
  const double tenth = 0.1 + 0.2;
  const std::string text = "caf\xc3\xa9 'quoted' \n";
  must(database->execute("INSERT INTO t VALUES (:a, :b, :c, :d)",
                         {std::int64_t{7}, std::numeric_limits<std::int64_t>::min(), tenth, text}));
  must(database->execute("INSERT INTO t VALUES (:a, :b, :c, :d)",
                         {nullptr, nullptr, nullptr, nullptr}));
  auto rows = database->query("SELECT a, b, c, d FROM t ORDER BY a IS NULL");
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].integer(0), 7);
  EXPECT_EQ((*rows)[0].integer(1), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ((*rows)[0].number(2), tenth);
  EXPECT_EQ((*rows)[0].text(3), text);
  EXPECT_EQ((*rows)[0].number(0), 7.0);
  for (std::size_t column = 0; column < 4; ++column) EXPECT_TRUE((*rows)[1].is_null(column));
  EXPECT_EQ((*rows)[1].text_or(3, "none"), "none");
  EXPECT_EQ((*rows)[1].integer_if(0), std::nullopt);
  EXPECT_EQ((*rows)[0].size(), 4U);
}

TEST_P(DatabaseConformance, GivesExpressionsTheirOwnType) {
  auto database = open();
  must(database->execute("CREATE TABLE t (b BIGINT, d VARCHAR(10))"));
  must(database->execute("INSERT INTO t VALUES (5000000000, 'x'), (5000000001, 'y')"));
  auto rows = database->query("SELECT COUNT(*), MAX(b), MIN(d), MAX(b) + 1, NULL FROM t");
  ASSERT_TRUE(rows) << rows.error().message;
  const SqlRow& row = rows->front();
  EXPECT_EQ(row.integer(0), 2);
  EXPECT_EQ(row.integer(1), 5000000001);
  EXPECT_EQ(row.text(2), "x");
  EXPECT_EQ(row.integer(3), 5000000002);
  EXPECT_TRUE(row.is_null(4));
}

TEST_P(DatabaseConformance, BindsANameUsedTwiceOnce) {
  auto database = open();
  auto rows = database->query(
      "SELECT CAST(:b AS INTEGER) - CAST(:a AS INTEGER) + "
      "CAST(:b AS INTEGER)",
      {std::int64_t{5}, std::int64_t{3}});
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->front().integer(0), 7);  // b is 5, a is 3
}

TEST_P(DatabaseConformance, BindsQuestionMarksInTheirOrder) {
  auto database = open();
  must(database->execute("CREATE TABLE t (a INTEGER, b VARCHAR(9))"));
  must(database->execute("INSERT INTO t (a, b) VALUES (:a, ?), (:a, ?)",
                         {std::int64_t{5}, std::string("x"), std::string("y")}));
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM t WHERE a = 5 AND b IN ('x', 'y')"), 2);
}

TEST_P(DatabaseConformance, CountsChangedRows) {
  auto database = open();
  EXPECT_EQ(database->execute("CREATE TABLE t (a INTEGER)").value(), 0);
  EXPECT_EQ(database->execute("INSERT INTO t VALUES (1), (2), (3)").value(), 3);
  EXPECT_EQ(database->execute("UPDATE t SET a = a + 1 WHERE a > 1").value(), 2);
  EXPECT_EQ(database->execute("DELETE FROM t WHERE a = 99").value(), 0);
  EXPECT_EQ(database->execute("CREATE TABLE u (a INTEGER)").value(), 0);
}

TEST_P(DatabaseConformance, MapsBrokenConstraints) {
  auto database = open();
  must(database->execute("CREATE TABLE parent (id INTEGER PRIMARY KEY, name VARCHAR(9) UNIQUE)"));
  must(
      database->execute("CREATE TABLE child (parent_id INTEGER NOT NULL REFERENCES parent (id), "
                        "kind VARCHAR(9) CHECK (kind IN ('a', 'b')))"));
  must(database->execute("INSERT INTO parent VALUES (1, 'x')"));
  const auto code = [&](std::string_view sql) {
    auto result = database->execute(sql);
    return result ? core::ErrorCode::kInternal : result.error().code;
  };
  EXPECT_EQ(code("INSERT INTO parent VALUES (1, 'y')"), core::ErrorCode::kAlreadyExists);
  EXPECT_EQ(code("INSERT INTO parent VALUES (2, 'x')"), core::ErrorCode::kAlreadyExists);
  EXPECT_EQ(code("INSERT INTO child VALUES (9, 'a')"), core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("INSERT INTO child VALUES (1, 'z')"), core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("INSERT INTO child VALUES (NULL, 'a')"), core::ErrorCode::kInvalidArgument);
}

TEST_P(DatabaseConformance, RefusesBadStatements) {
  auto database = open();
  EXPECT_EQ(database->execute("SELEKT 1").error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(database->query("SELECT * FROM nowhere").error().code,
            core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(database->query("SELECT :a", {}).error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(database->execute("").error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(
      database->execute("CREATE TABLE a (x INTEGER); CREATE TABLE b (x INTEGER)").error().code,
      core::ErrorCode::kInvalidArgument);
}

TEST_P(DatabaseConformance, TreatsTextAsTextWhateverItHolds) {
  auto database = open();
  must(database->execute("CREATE TABLE t (a VARCHAR(100))"));
  const std::string evil = "'); DROP TABLE t; --";
  must(database->execute("INSERT INTO t VALUES (:a)", {evil}));
  auto rows = database->query("SELECT a FROM t WHERE a = :a", {evil});
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ(rows->front().text(0), evil);
}

TEST_P(DatabaseConformance, LikeTellsUpperFromLowerCase) {
  auto database = open();
  EXPECT_EQ(number(*database, "SELECT CASE WHEN 'abc' LIKE 'A%' THEN 1 ELSE 0 END"), 0);
}

TEST_P(DatabaseConformance, CommitsAllOrNothing) {
  auto database = open();
  must(database->execute("CREATE TABLE t (a INTEGER PRIMARY KEY)"));
  auto good = database->transaction([](SqlExecutor& sql) -> core::Result<> {
    if (auto r = sql.execute("INSERT INTO t VALUES (1)"); !r) return std::move(r).error();
    if (auto r = sql.execute("INSERT INTO t VALUES (2)"); !r) return std::move(r).error();
    return {};
  });
  ASSERT_TRUE(good) << good.error().message;
  auto bad = database->transaction([](SqlExecutor& sql) -> core::Result<> {
    if (auto r = sql.execute("INSERT INTO t VALUES (3)"); !r) return std::move(r).error();
    EXPECT_EQ(number(sql, "SELECT COUNT(*) FROM t"), 3);  // sees its own writes
    return core::Error{core::ErrorCode::kConflict, "changed my mind"};
  });
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, core::ErrorCode::kConflict);
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM t"), 2);
}

TEST_P(DatabaseConformance, RollsBackWhenTheBodyThrows) {
  auto database = open();
  must(database->execute("CREATE TABLE t (a INTEGER)"));
  const auto thrower = [](SqlExecutor& sql) -> core::Result<> {
    static_cast<void>(sql.execute("INSERT INTO t VALUES (1)"));
    throw std::runtime_error("out");
  };
  EXPECT_THROW(static_cast<void>(database->transaction(thrower)), std::runtime_error);
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM t"), 0);
  must(database->execute("INSERT INTO t VALUES (2)"));  // and is usable again
}

TEST_P(DatabaseConformance, ReadersSeeCommittedRowsOnlyAndDoNotWait) {
  auto database = open();
  must(database->execute("CREATE TABLE t (a INTEGER)"));
  auto done = database->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto r = sql.execute("INSERT INTO t VALUES (1)"); !r) return std::move(r).error();
    std::thread reader([&] { EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM t"), 0); });
    reader.join();
    return {};
  });
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM t"), 1);
}

TEST_P(DatabaseConformance, AQueryMayWriteAndReturn) {
  auto database = open();
  must(database->execute("CREATE TABLE t (a INTEGER)"));
  EXPECT_EQ(number(*database, "INSERT INTO t VALUES (41) RETURNING a + 1"), 42);
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM t"), 1);
}

TEST_P(DatabaseConformance, ManyThreadsLoseNoUpdate) {
  auto database = open();
  must(database->execute("CREATE TABLE t (n INTEGER)"));
  must(database->execute("INSERT INTO t VALUES (0)"));
  constexpr int kThreads = 6;
  constexpr int kRounds = 20;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        auto done = database->transaction([](SqlExecutor& sql) -> core::Result<> {
          const std::int64_t n = number(sql, "SELECT n FROM t");
          if (auto r = sql.execute("UPDATE t SET n = :n", {n + 1}); !r) return std::move(r).error();
          return {};
        });
        EXPECT_TRUE(done);
        EXPECT_GT(number(*database, "SELECT n FROM t"), 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(number(*database, "SELECT n FROM t"), kThreads * kRounds);
}

TEST_P(DatabaseConformance, ManyProcessesLoseNoUpdateAndMigrateOnce) {
  static constexpr Migration kMigrations[] = {
      {1, "a counter", "CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (0);"},
      {2, "another column", "ALTER TABLE t ADD COLUMN m INTEGER;"}};
  constexpr int kProcesses = 4;
  constexpr int kRounds = 15;
  const auto body = [&](const ChildProcess::Reporter&) -> int {
    auto database = GetParam().open(folder_.path());
    if (!database) return 1;
    if (!migrate(**database, "counter", kMigrations, 1)) return 2;
    for (int i = 0; i < kRounds; ++i) {
      if (!(*database)->transaction([](SqlExecutor& sql) -> core::Result<> {
            const std::int64_t n = number(sql, "SELECT n FROM t");
            if (auto r = sql.execute("UPDATE t SET n = :n", {n + 1}); !r)
              return std::move(r).error();
            return {};
          })) {
        return 3;
      }
    }
    return 0;
  };
  {
    std::vector<std::unique_ptr<ChildProcess>> children;
    for (int p = 0; p < kProcesses; ++p) children.push_back(std::make_unique<ChildProcess>(body));
    for (auto& child : children) EXPECT_EQ(child->wait(), 0);
  }
  auto database = open();
  EXPECT_EQ(number(*database, "SELECT n FROM t"), kProcesses * kRounds);
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM tenure_schema"), 2);
}

TEST_P(DatabaseConformance, WhatWasAcknowledgedSurvivesKill9) {
  must(open()->execute("CREATE TABLE t (a INTEGER)"));
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    auto database = GetParam().open(folder_.path());
    if (!database) return 1;
    for (std::int64_t i = 1;; ++i) {
      if (!(*database)->execute("INSERT INTO t VALUES (:i)", {i})) return 2;
      if (!reporter.report(i)) return 3;
    }
  });
  std::int64_t acknowledged = 0;
  while (acknowledged < 50) {
    acknowledged = child.next(-1);
    ASSERT_GT(acknowledged, 0);
  }
  child.kill_hard();
  for (std::int64_t more = child.next(0); more > 0; more = child.next(0)) acknowledged = more;
  auto database = open();
  const std::int64_t count = number(*database, "SELECT COUNT(*) FROM t");
  EXPECT_GE(count, acknowledged);
  EXPECT_LE(count, acknowledged + 1);
  must(database->execute("INSERT INTO t VALUES (0)"));
}

TEST_P(DatabaseConformance, ShowsRowsInPlaceAndStopsWhenTold) {
  auto database = open();
  must(database->execute("CREATE TABLE t (a INTEGER, b VARCHAR(10), c FLOAT)"));
  must(database->execute("INSERT INTO t VALUES (1, 'x', 0.5), (2, NULL, 1), (3, 'z', NULL)"));
  std::vector<std::int64_t> seen;
  auto read = database->for_each("SELECT a, b, c FROM t WHERE a >= :least ORDER BY a",
                                 {std::int64_t{1}}, [&](const SqlRowView& row) {
                                   seen.push_back(row.integer(0));
                                   if (seen.size() == 1) {
                                     EXPECT_EQ(row.text(1), "x");
                                     EXPECT_EQ(row.number(2), 0.5);
                                     EXPECT_EQ(row.size(), 3U);
                                     return true;
                                   }
                                   EXPECT_TRUE(row.is_null(1));
                                   EXPECT_EQ(row.text_or(1, "none"), "none");
                                   EXPECT_EQ(row.number(0), 2.0);
                                   EXPECT_EQ(row.integer_if(1), std::nullopt);
                                   return false;
                                 });
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2}));
  EXPECT_THROW(static_cast<void>(database->for_each(
                   "SELECT a FROM t", {},
                   [](const SqlRowView&) -> bool { throw std::runtime_error("out"); })),
               std::runtime_error);
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM t"), 3);
}

TEST_P(DatabaseConformance, RunsStatementsTogetherInTheirOrder) {
  auto database = open();
  must(database->execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b DOUBLE PRECISION)"));
  for (int round = 0; round < 2; ++round) {  // the second finds them prepared
    std::vector<std::int64_t> seen;
    const auto see = [&](const SqlRowView& row) {
      seen.push_back(row.integer(0));
      return true;
    };
    std::vector<SqlStatement> statements;
    statements.push_back({"SELECT COUNT(*) FROM t", {}, see});
    statements.push_back({"INSERT INTO t (a, b) VALUES (?, ?), (?, ?)",
                          {std::int64_t{1}, 0.5, std::int64_t{2}, nullptr},
                          {}});
    statements.push_back({"UPDATE t SET b = :b WHERE a = :a", {1.5, std::int64_t{1}}, {}});
    statements.push_back({"SELECT a FROM t WHERE b > :b OR b IS NULL ORDER BY a", {1.0}, see});
    auto done = database->transaction([&](SqlExecutor& sql) { return sql.run_all(statements); });
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(seen, (std::vector<std::int64_t>{0, 1, 2}));
    EXPECT_EQ(statements[1].changed, 2);
    EXPECT_EQ(statements[2].changed, 1);
    must(database->execute("DELETE FROM t"));
  }
  EXPECT_TRUE(database->run_all({}));
}

TEST_P(DatabaseConformance, StatementsTogetherEndAtTheFirstThatFails) {
  auto database = open();
  must(database->execute("CREATE TABLE t (a INTEGER PRIMARY KEY)"));
  for (int round = 0; round < 2; ++round) {
    std::int64_t seen = -1;
    std::vector<SqlStatement> statements;
    for (const std::int64_t a : {1, 1, 2}) {
      statements.push_back({"SELECT COUNT(*) FROM t", {}, [&](const SqlRowView& row) {
                              seen = row.integer(0);
                              return true;
                            }});
      statements.push_back({"INSERT INTO t VALUES (:a)", {a}, {}});
    }
    auto done = database->transaction([&](SqlExecutor& sql) { return sql.run_all(statements); });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, core::ErrorCode::kAlreadyExists) << done.error().message;
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(statements[1].changed, 1);
    EXPECT_EQ(statements[5].changed, 0);
    EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM t"), 0);
  }
  std::vector<SqlStatement> thrower;
  for (int i = 0; i < 2; ++i) {
    thrower.push_back(
        {"SELECT 1", {}, [](const SqlRowView&) -> bool { throw std::runtime_error("out"); }});
  }
  EXPECT_THROW(static_cast<void>(
                   database->transaction([&](SqlExecutor& sql) { return sql.run_all(thrower); })),
               std::runtime_error);
  must(database->execute("INSERT INTO t VALUES (3)"));
}

// What undoes one of several transactions that share a commit must not undo, or keep, more: also
// where a body fails before its first statement, or writes nothing.
TEST_P(DatabaseConformance, BodiesThatShareACommitAreUndoneOneByOne) {
  auto database = open();
  must(database->execute("CREATE TABLE t (a INTEGER PRIMARY KEY)"));
  constexpr std::int64_t kThreads = 12;
  constexpr std::int64_t kRounds = 30;
  std::vector<std::thread> threads;
  for (std::int64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::int64_t i = 0; i < kRounds; ++i) {
        const std::int64_t key = t * kRounds + i;
        const auto body = [&](SqlExecutor& sql) -> core::Result<> {
          if (key % 5 == 0) return {};
          if (key % 5 == 1) return core::Error{core::ErrorCode::kConflict, "at once"};
          if (key % 5 == 2) {  // never sent
            auto refused = sql.execute("INSERT INTO t VALUES (:a)", {});
            return std::move(refused).error();
          }
          if (auto r = sql.execute("INSERT INTO t VALUES (:a)", {key}); !r)
            return std::move(r).error();
          if (key % 5 == 3) return core::Error{core::ErrorCode::kConflict, "after writing"};
          return {};
        };
        EXPECT_EQ(database->transaction(body).has_value(), key % 5 == 0 || key % 5 == 4);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM t"), kThreads * kRounds / 5);
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM t WHERE a % 5 <> 4"), 0);
}

TEST_P(DatabaseConformance, AFailedTransactionTakesNoOtherWithIt) {
  auto database = open();
  must(database->execute("CREATE TABLE t (a INTEGER PRIMARY KEY)"));
  constexpr int kThreads = 8;
  constexpr int kRounds = 25;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        const std::int64_t id = t * kRounds + i;
        const auto body = [&](SqlExecutor& sql) -> core::Result<> {
          if (auto r = sql.execute("INSERT INTO t VALUES (:a)", {id}); !r)
            return std::move(r).error();
          if (i % 5 == 1) return core::Error{core::ErrorCode::kConflict, "mine alone"};
          if (i % 5 == 2) throw std::runtime_error("out");
          if (i % 5 == 3) {  // breaks a constraint
            auto r = sql.execute("INSERT INTO t VALUES (:a)", {id});
            if (!r) return std::move(r).error();
          }
          return {};
        };
        if (i % 5 == 2) {
          EXPECT_THROW(static_cast<void>(database->transaction(body)), std::runtime_error);
        } else if (i % 5 == 4) {
          must(database->execute("INSERT INTO t VALUES (:a)", {id}));
          auto again = database->execute("INSERT INTO t VALUES (:a)", {id});
          ASSERT_FALSE(again);
          EXPECT_EQ(again.error().code, core::ErrorCode::kAlreadyExists);
        } else {
          auto done = database->transaction(body);
          EXPECT_EQ(done.has_value(), i % 5 == 0);
          if (i % 5 == 1) {
            EXPECT_EQ(done.error().message, "mine alone");
          }
          if (i % 5 == 3) {
            EXPECT_EQ(done.error().code, core::ErrorCode::kAlreadyExists) << done.error().message;
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM t"), kThreads * kRounds * 2 / 5);
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM t WHERE a % 5 IN (0, 4)"),
            kThreads * kRounds * 2 / 5);
}

TEST_P(DatabaseConformance, WhatManyWritersWereToldSurvivesKill9) {
  must(open()->execute("CREATE TABLE t (a BIGINT PRIMARY KEY)"));
  constexpr std::int64_t kWriters = 8;
  constexpr std::int64_t kPerWriter = 1'000'000;
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    auto database = GetParam().open(folder_.path());
    if (!database) return 1;
    std::vector<std::thread> writers;
    for (std::int64_t w = 0; w < kWriters; ++w) {
      writers.emplace_back([&, w] {
        for (std::int64_t i = 1; i < kPerWriter; ++i) {
          const std::int64_t id = w * kPerWriter + i;
          auto done = (*database)->transaction([&](SqlExecutor& sql) -> core::Result<> {
            if (auto r = sql.execute("INSERT INTO t VALUES (:a)", {id}); !r)
              return std::move(r).error();
            return {};
          });
          if (!done || !reporter.report(id)) return;
        }
      });
    }
    for (std::thread& writer : writers) writer.join();
    return 2;
  });
  std::vector<std::int64_t> acknowledged;
  while (acknowledged.size() < 200) {
    acknowledged.push_back(child.next(-1));
    ASSERT_GT(acknowledged.back(), 0);
  }
  child.kill_hard();
  for (std::int64_t more = child.next(0); more > 0; more = child.next(0))
    acknowledged.push_back(more);
  auto database = open();
  auto rows = database->query("SELECT a FROM t");
  ASSERT_TRUE(rows) << rows.error().message;
  std::set<std::int64_t> kept;
  for (const SqlRow& row : *rows) kept.insert(row.integer(0));
  for (const std::int64_t id : acknowledged) EXPECT_TRUE(kept.contains(id)) << id;
  EXPECT_LE(kept.size(), acknowledged.size() + static_cast<std::size_t>(kWriters));
}

INSTANTIATE_TEST_SUITE_P(Backends, DatabaseConformance,
                         ::testing::Values(Backend{"sqlite",
                                                   [](const std::filesystem::path& folder) {
                                                     return open_database("sqlite:///db/tenure.db",
                                                                          folder.string());
                                                   }},
                                           Backend{"postgresql",
                                                   [](const std::filesystem::path& folder) {
                                                     return PostgresqlServer::shared()->open(
                                                         folder);
                                                   }}),
                         [](const auto& backend) { return backend.param.name; });

}  // namespace
}  // namespace tenure::storage
