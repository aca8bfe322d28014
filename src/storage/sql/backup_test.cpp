#include "storage/sql/backup.h"

#include <atomic>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "storage/sql/database.h"
#include "storage/testing/postgresql_server.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::storage {
namespace {

using core::ErrorCode;
using testing::PostgresqlServer;
using testing::TemporaryFolder;

constexpr std::string_view kUrl = "sqlite:///x.db";

std::int64_t number(Database& database, std::string_view sql) {
  auto rows = database.query(sql);
  EXPECT_TRUE(rows) << rows.error().message;
  return rows && rows->size() == 1 ? rows->front().integer(0) : -1;
}

TEST(Backup, IsConsistentWhileWritersGoOn) {
  const TemporaryFolder folder;
  const TemporaryFolder other;
  auto database = open_database(kUrl, folder.path().string());
  ASSERT_TRUE((*database)->execute("CREATE TABLE t (a INTEGER)"));
  std::atomic<bool> ends{false};
  std::atomic<std::int64_t> acknowledged{0};
  std::thread writer([&] {
    for (std::int64_t i = 1; !ends; ++i) {
      auto done = (*database)->transaction([&](SqlExecutor& sql) -> core::Result<> {
        for (const std::int64_t value : {i, -i}) {
          if (auto r = sql.execute("INSERT INTO t VALUES (:a)", {value}); !r)
            return std::move(r).error();
        }
        return {};
      });
      EXPECT_TRUE(done);
      acknowledged = i;
    }
  });
  while (acknowledged < 20) std::this_thread::yield();
  const std::int64_t before = acknowledged;
  auto backed_up = back_up_database(kUrl, folder.path().string(), other.path() / "copy");
  const std::int64_t after = acknowledged;
  ends = true;
  writer.join();
  ASSERT_TRUE(backed_up) << backed_up.error().message;
  EXPECT_FALSE(std::filesystem::exists(other.path() / "copy-wal"));

  EXPECT_FALSE(has_tables(kUrl, other.path().string()).value());
  auto restored = restore_database(kUrl, other.path().string(), other.path() / "copy", false);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_TRUE(has_tables(kUrl, other.path().string()).value());
  auto copy = open_database(kUrl, other.path().string());
  EXPECT_EQ(number(**copy, "SELECT SUM(a) FROM t"), 0);
  EXPECT_GE(number(**copy, "SELECT COUNT(*) FROM t"), 2 * before);
  EXPECT_LE(number(**copy, "SELECT COUNT(*) FROM t"), 2 * (after + 1));
}

TEST(Backup, RestoringReplacesOnlyWhenTold) {
  const TemporaryFolder folder;
  const std::string base = folder.path().string();
  ASSERT_TRUE((*open_database(kUrl, base))->execute("CREATE TABLE t (a INTEGER)"));
  ASSERT_TRUE(back_up_database(kUrl, base, folder.path() / "copy"));
  auto database = open_database(kUrl, base);
  ASSERT_TRUE((*database)->execute("INSERT INTO t VALUES (1)"));
  auto refused = restore_database(kUrl, base, folder.path() / "copy", false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(number(**database, "SELECT COUNT(*) FROM t"), 1);
  ASSERT_TRUE(restore_database(kUrl, base, folder.path() / "copy", true));
  EXPECT_EQ(number(**database, "SELECT COUNT(*) FROM t"), 0);  // also for who had it open
}

TEST(Backup, TellsWhatIsMissingOrDamaged) {
  const TemporaryFolder folder;
  const std::string base = folder.path().string();
  EXPECT_EQ(back_up_database(kUrl, base, folder.path() / "copy").error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(restore_database(kUrl, base, folder.path() / "copy", false).error().code,
            ErrorCode::kNotFound);
  std::ofstream(folder.path() / "copy") << std::string(9000, 'x');
  EXPECT_EQ(restore_database(kUrl, base, folder.path() / "copy", false).error().code,
            ErrorCode::kCorruption);
  EXPECT_EQ(back_up_database("sqlite://:memory:", base, folder.path() / "copy").error().code,
            ErrorCode::kInvalidArgument);
}

TEST(Backup, OfPostgresqlIsItsSchema) {
  PostgresqlServer* const server = PostgresqlServer::shared();
  if (server == nullptr) GTEST_SKIP() << PostgresqlServer::kMissing;
  const TemporaryFolder folder;
  auto database = server->open(folder.path());
  ASSERT_TRUE(database) << database.error().message;
  const std::string url = server->url(PostgresqlServer::schema_of(folder.path()));
  ASSERT_TRUE((*database)->execute("CREATE TABLE t (a SERIAL, b TEXT)"));
  ASSERT_TRUE((*database)->execute("INSERT INTO t (b) VALUES ('x'), ('y')"));
  auto backed_up = back_up_database(url, "", folder.path() / "copy");
  ASSERT_TRUE(backed_up) << backed_up.error().message;
  ASSERT_TRUE((*database)->execute("DELETE FROM t"));
  auto refused = restore_database(url, "", folder.path() / "copy", false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  auto restored = restore_database(url, "", folder.path() / "copy", true);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(number(**database, "SELECT COUNT(*) FROM t"), 2);
  EXPECT_EQ(number(**database, "INSERT INTO t (b) VALUES ('z') RETURNING a"), 3);
  std::ofstream(folder.path() / "copy") << "no dump";
  EXPECT_FALSE(restore_database(url, "", folder.path() / "copy", true));
  EXPECT_EQ(number(**database, "SELECT COUNT(*) FROM t"), 3);
}

}  // namespace
}  // namespace tenure::storage
