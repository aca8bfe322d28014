#include "storage/sql/postgresql_database.h"

#include <limits>

#include <gtest/gtest.h>

#include "storage/sql/postgresql_connection.h"
#include "storage/testing/postgresql_server.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::storage {
namespace {

using core::ErrorCode;
using testing::PostgresqlServer;
using testing::TemporaryFolder;

class PostgresqlDatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server_ = PostgresqlServer::shared();
    if (server_ == nullptr) GTEST_SKIP() << PostgresqlServer::kMissing;
    database_ = open();
    ASSERT_NE(database_, nullptr);
  }
  std::unique_ptr<Database> open() {
    auto opened = server_->open(folder_.path());
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  void must(std::string_view sql) {
    auto done = database_->execute(sql);
    ASSERT_TRUE(done) << done.error().message;
  }
  SqlRow row(std::string_view sql, std::initializer_list<SqlValue> parameters = {}) {
    auto rows = database_->query(sql, parameters);
    EXPECT_TRUE(rows) << rows.error().message;
    return rows && rows->size() == 1 ? rows->front() : SqlRow({nullptr});
  }
  /// Ends every other connection to the server, as an operator may.
  static void end_connections(Database& by) {
    ASSERT_TRUE(
        by.query("SELECT COUNT(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
                 "WHERE pid <> pg_backend_pid() AND application_name = 'tenure'"));
  }

  PostgresqlServer* server_ = nullptr;
  TemporaryFolder folder_;
  std::unique_ptr<Database> database_;
};

TEST_F(PostgresqlDatabaseTest, ComparesALargeNumberWithASmallColumn) {
  must("CREATE TABLE t (a INTEGER, b SMALLINT)");
  must("INSERT INTO t VALUES (1, 1)");
  for (const std::int64_t number :
       {std::int64_t{5'000'000'000}, std::numeric_limits<std::int64_t>::min(), std::int64_t{1}}) {
    EXPECT_EQ(row("SELECT COUNT(*) FROM t WHERE a = :a", {number}).integer(0), number == 1 ? 1 : 0);
    EXPECT_EQ(row("SELECT COUNT(*) FROM t WHERE b = :b", {number}).integer(0), number == 1 ? 1 : 0);
  }
  EXPECT_EQ(row("SELECT COUNT(*) FROM t WHERE a < :a", {1.5}).integer(0), 1);
  auto stored = database_->execute("INSERT INTO t (a) VALUES (:a)", {std::int64_t{5'000'000'000}});
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(PostgresqlDatabaseTest, ReadsBooleansAndSumsAsIntegers) {
  must("CREATE TABLE t (a BOOLEAN, b BIGINT, c FLOAT, d REAL, e NUMERIC)");
  auto stored =
      database_->execute("INSERT INTO t VALUES (:a, :b, :c, :d, :e), (FALSE, 2, 0, 0, 1.5)",
                         {std::int64_t{1}, std::int64_t{40}, 0.1, 0.5, std::int64_t{7}});
  ASSERT_TRUE(stored) << stored.error().message;
  const SqlRow binary = row("SELECT a, b, c, d FROM t WHERE a = :a", {std::int64_t{1}});
  EXPECT_EQ(binary.integer(0), 1);
  EXPECT_EQ(binary.integer(1), 40);
  EXPECT_EQ(binary.number(2), 0.1);
  EXPECT_EQ(binary.number(3), 0.5);
  const SqlRow text = row("SELECT SUM(b), SUM(e), MIN(e), MAX(c), BOOL_OR(a) FROM t");
  EXPECT_EQ(text.integer(0), 42);
  EXPECT_EQ(text.number(1), 8.5);
  EXPECT_EQ(text.number(2), 1.5);
  EXPECT_EQ(text.number(3), 0.1);
  EXPECT_EQ(text.integer(4), 1);
}

TEST_F(PostgresqlDatabaseTest, GivesAParameterItsOwnTypeWhereNoneIsToBeFound) {
  EXPECT_EQ(row("SELECT CASE WHEN :a IS NULL THEN 1 ELSE 0 END", {std::string("x")}).integer(0), 0);
  must("CREATE TABLE t (a INTEGER, b VARCHAR(9))");
  auto done = database_->transaction([](SqlExecutor& sql) -> core::Result<> {
    auto first = sql.execute("INSERT INTO t VALUES (1, 'x')");
    if (!first) return std::move(first).error();
    auto found = sql.query("SELECT a FROM t WHERE :b IS NULL OR b = :b", {std::string("x")});
    if (!found) return std::move(found).error();
    EXPECT_EQ(found->size(), 1U);
    for (int time = 0; time < 2; ++time) {  // also when it is known that there is none
      auto typed = sql.query("SELECT CASE WHEN :a IS NULL THEN 1 ELSE 0 END", {std::int64_t{7}});
      if (!typed) return std::move(typed).error();
    }
    return {};
  });
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_EQ(row("SELECT COUNT(*) FROM t").integer(0), 1);
}

TEST_F(PostgresqlDatabaseTest, RefusesATextWithANul) {
  must("CREATE TABLE t (a TEXT)");
  auto stored = database_->execute("INSERT INTO t VALUES (:a)", {std::string("a\0b", 3)});
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(database_->execute("INSERT INTO t VALUES (:a)", {std::string("\xff")}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(PostgresqlDatabaseTest, ABodyThatHidesAnErrorKeepsNothing) {
  must("CREATE TABLE t (a INTEGER PRIMARY KEY)");
  auto done = database_->transaction([](SqlExecutor& sql) -> core::Result<> {
    EXPECT_TRUE(sql.execute("INSERT INTO t VALUES (1)"));
    EXPECT_FALSE(sql.execute("INSERT INTO t VALUES (1)"));
    return {};
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(row("SELECT COUNT(*) FROM t").integer(0), 0);
}

TEST_F(PostgresqlDatabaseTest, ConnectsAgainWhenItsConnectionsWereEnded) {
  must("CREATE TABLE t (a INTEGER)");
  EXPECT_EQ(row("SELECT COUNT(*) FROM t").integer(0), 0);
  const auto other = open();
  end_connections(*other);
  EXPECT_EQ(row("SELECT COUNT(*) FROM t").integer(0), 0);
  end_connections(*other);
  must("INSERT INTO t VALUES (1)");
  auto lost = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto r = sql.execute("INSERT INTO t VALUES (2)"); !r) return std::move(r).error();
    end_connections(*other);
    if (auto r = sql.execute("INSERT INTO t VALUES (3)"); !r) return std::move(r).error();
    return {};
  });
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kUnavailable) << lost.error().message;
  must("INSERT INTO t VALUES (4)");
  EXPECT_EQ(row("SELECT SUM(a) FROM t").integer(0), 5);
}

TEST_F(PostgresqlDatabaseTest, SaysThatTheServerIsGoneAndWorksWhenItIsBack) {
  must("CREATE TABLE t (a INTEGER)");
  must("INSERT INTO t VALUES (1)");
  EXPECT_EQ(row("SELECT COUNT(*) FROM t").integer(0), 1);
  server_->stop();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(database_->query("SELECT a FROM t").error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(database_->execute("INSERT INTO t VALUES (2)").error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(database_->transaction([](SqlExecutor&) { return core::Result<>(); }).error().code,
              ErrorCode::kUnavailable);
  }
  ASSERT_TRUE(server_->start());
  must("INSERT INTO t VALUES (3)");
  EXPECT_EQ(row("SELECT SUM(a) FROM t").integer(0), 4);
}

TEST_F(PostgresqlDatabaseTest, ABodyThatHidesThatTheServerWentKeepsNothing) {
  must("CREATE TABLE t (a INTEGER)");
  auto done = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    server_->stop();
    EXPECT_EQ(sql.execute("INSERT INTO t VALUES (1)").error().code, ErrorCode::kUnavailable);
    return {};
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kUnavailable);
  ASSERT_TRUE(server_->start());
  EXPECT_EQ(row("SELECT COUNT(*) FROM t").integer(0), 0);
  must("INSERT INTO t VALUES (2)");
}

TEST_F(PostgresqlDatabaseTest, ReadAccessChangesNothing) {
  must("CREATE TABLE t (a INTEGER)");
  auto reader =
      open_database(server_->url(PostgresqlServer::schema_of(folder_.path())), "", Access::kRead);
  ASSERT_TRUE(reader) << reader.error().message;
  for (const std::string_view sql : {"INSERT INTO t VALUES (1)", "CREATE TABLE u (a INTEGER)"}) {
    auto written = (*reader)->execute(sql);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::kPermissionDenied) << written.error().message;
  }
}

TEST_F(PostgresqlDatabaseTest, EndsAStatementThatTakesTooLong) {
  auto impatient =
      open_database(server_->url("public") + "%20-cstatement_timeout%3D50", "", Access::kRead);
  ASSERT_TRUE(impatient) << impatient.error().message;
  auto late = (*impatient)->query("SELECT 1 FROM pg_sleep(60)");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kUnavailable) << late.error().message;
}

TEST_F(PostgresqlDatabaseTest, NeverShowsThePassword) {
  std::string wrong = server_->url("public");
  wrong.replace(wrong.find("a%20secret%2F%40word"), 20, "hunter2");
  std::string nowhere = wrong;
  nowhere.replace(nowhere.find("/postgres?"), 10, "/nowhere?");
  const std::string nobody = "postgresql://tenure:hunter2@/x?host=/nowhere";
  for (const auto& [url, code] :
       {std::pair{wrong, ErrorCode::kPermissionDenied},
        std::pair{nowhere, ErrorCode::kPermissionDenied},
        std::pair{nobody, ErrorCode::kUnavailable},
        std::pair{std::string("postgresql://tenure:hunter2@h:notaport:x/"),
                  ErrorCode::kInvalidArgument},
        std::pair{std::string("postgresql://tenure:hunter2%@h/x?nonsense=1"),
                  ErrorCode::kInvalidArgument}}) {
    auto opened = open_database(url, "");
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, code) << opened.error().message;
    EXPECT_EQ(opened.error().message.find("hunter2"), std::string::npos) << opened.error().message;
  }
  std::string missing = server_->url("public");
  missing.replace(missing.find("/postgres?"), 10, "/nowhere?");
  auto opened = open_database(missing, "");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kNotFound) << opened.error().message;
}

TEST(PostgresqlUrl, IsTakenAsSqlalchemyWritesIt) {
  const auto plain = parse_postgresql_url("postgresql+psycopg2://u:p%40w@h:5433/d?sslmode=require");
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->url, "postgresql://u:p%40w@h:5433/d?sslmode=require");
  EXPECT_EQ(plain->password, "p@w");
  EXPECT_EQ(plain->shown, "PostgreSQL database d on h");
  EXPECT_TRUE(parse_postgresql_url("postgres://h/d"));
  EXPECT_EQ(parse_postgresql_url("postgresql://h/d?nonsense=1").error().code,
            ErrorCode::kInvalidArgument);
}

TEST(PostgresqlErrors, AreToldByTheirState) {
  for (const auto& [state, code] :
       {std::pair{"23505", ErrorCode::kAlreadyExists},
        std::pair{"23503", ErrorCode::kInvalidArgument},
        std::pair{"42601", ErrorCode::kInvalidArgument},
        std::pair{"22001", ErrorCode::kInvalidArgument},
        std::pair{"42501", ErrorCode::kPermissionDenied},
        std::pair{"25006", ErrorCode::kPermissionDenied},
        std::pair{"53100", ErrorCode::kResourceExhausted},
        std::pair{"53300", ErrorCode::kUnavailable}, std::pair{"40001", ErrorCode::kUnavailable},
        std::pair{"40P01", ErrorCode::kUnavailable}, std::pair{"55P03", ErrorCode::kUnavailable},
        std::pair{"57014", ErrorCode::kUnavailable}, std::pair{"XX001", ErrorCode::kCorruption},
        std::pair{"XX000", ErrorCode::kInternal}}) {
    EXPECT_EQ(postgresql_error_code(state), code) << state;
  }
}

}  // namespace
}  // namespace tenure::storage
