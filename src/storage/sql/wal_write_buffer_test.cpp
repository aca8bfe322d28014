#include "storage/sql/wal_write_buffer.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "storage/sql/sqlite_connection.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::storage {
namespace {

using Connection = std::unique_ptr<SqliteConnection>;

/// A connection of SQLite's own, with nothing between it and the file.
Connection open_plain(const std::filesystem::path& file) {
  sqlite3* handle = nullptr;
  sqlite3_open_v2(file.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr);
  return std::make_unique<SqliteConnection>(handle);
}

Connection open_buffered(const std::filesystem::path& file) {
  return *SqliteConnection::open(file, Access::kReadWrite);
}

void run(const Connection& connection, const std::string& sql) {
  const auto done = connection->execute(sql);
  ASSERT_TRUE(done.has_value()) << sql << ": " << done.error().message;
}

std::int64_t number(const Connection& connection, const std::string& sql) {
  const auto rows = connection->query(sql);
  EXPECT_TRUE(rows.has_value()) << sql << ": " << (rows ? "" : rows.error().message);
  return rows && !rows->empty() ? rows->front().integer(0) : -1;
}

constexpr const char* kFill =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t "
    "SELECT i, hex(zeroblob(500)) FROM n";

class WalWriteBuffer : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(wal_buffering_vfs(), nullptr);
    writer_ = open_buffered(file_);
    run(writer_, "CREATE TABLE t (i INTEGER, text TEXT)");
  }

  testing::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "a.db";
  Connection writer_;
};

TEST_F(WalWriteBuffer, ShowsACommitToOtherConnectionsAtOnce) {
  const Connection reader = open_plain(file_);
  for (int i = 1; i <= 5; ++i) {
    run(writer_, "INSERT INTO t VALUES (1, 'a')");
    EXPECT_EQ(number(reader, "SELECT COUNT(*) FROM t"), i);
  }
  run(writer_, kFill);
  EXPECT_EQ(number(reader, "SELECT COUNT(*) FROM t"), 2005);
  EXPECT_EQ(number(reader,
                   "SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check = "
                   "'ok'"),
            1);
}

TEST_F(WalWriteBuffer, ReadsBackPagesThatDoNotFitIntoTheCache) {
  run(writer_, "PRAGMA cache_size=10");
  run(writer_, "BEGIN IMMEDIATE");
  run(writer_, kFill);
  run(writer_, "CREATE INDEX t_i ON t (i, text)");
  EXPECT_EQ(number(writer_, "SELECT SUM(LENGTH(text)) FROM t"), 2'000'000);
  run(writer_, "UPDATE t SET i = i + 1");
  run(writer_, "COMMIT");
  EXPECT_EQ(number(open_plain(file_), "SELECT SUM(i) FROM t"), 2'003'000);
}

TEST_F(WalWriteBuffer, ForgetsATransactionThatIsTakenBack) {
  run(writer_, "PRAGMA cache_size=10");
  for (int i = 0; i < 3; ++i) {
    run(writer_, "BEGIN IMMEDIATE");
    run(writer_, kFill);
    run(writer_, "ROLLBACK");
    run(writer_, "INSERT INTO t VALUES (7, 'kept')");
  }
  const Connection reader = open_plain(file_);
  EXPECT_EQ(number(reader, "SELECT COUNT(*) FROM t"), 3);
  EXPECT_EQ(number(reader,
                   "SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check = "
                   "'ok'"),
            1);
}

TEST_F(WalWriteBuffer, HasEveryCommitInTheFilesWhenTheProgramDies) {
  run(writer_, kFill);
  run(writer_, "BEGIN IMMEDIATE");
  run(writer_, "DELETE FROM t");
  // What lies on the disk at this moment, as after kill -9.
  const std::filesystem::path copy = folder_.path() / "b.db";
  std::filesystem::copy_file(file_, copy);
  std::filesystem::copy_file(file_.string() + "-wal", copy.string() + "-wal");
  EXPECT_EQ(number(open_plain(copy), "SELECT COUNT(*) FROM t"), 2000);
  run(writer_, "ROLLBACK");
}

TEST_F(WalWriteBuffer, StartsTheLogAnewAfterACheckpoint) {
  for (int i = 0; i < 3; ++i) {
    run(writer_, kFill);
    EXPECT_EQ(number(writer_, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
  }
  EXPECT_EQ(std::filesystem::file_size(file_.string() + "-wal"), 0u);
  EXPECT_EQ(number(open_plain(file_), "SELECT COUNT(*) FROM t"), 6000);
}

}  // namespace
}  // namespace tenure::storage
