#include "storage/sql/sqlite_database.h"

#include <atomic>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/file.h"
#include "storage/testing/child_process.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::storage {
namespace {

using testing::ChildProcess;
using testing::TemporaryFolder;

std::string text(Database& database, std::string_view sql) {
  auto rows = database.query(sql);
  EXPECT_TRUE(rows) << rows.error().message;
  if (!rows || rows->empty()) return "";
  return rows->front().text(0);
}

TEST(SqliteDatabase, MakesMissingFoldersAndUsesWal) {
  const TemporaryFolder folder;
  auto database = open_database("sqlite:///a/b c/x.db", folder.path().string());
  ASSERT_TRUE(database) << database.error().message;
  EXPECT_EQ((*database)->backend(), "sqlite");
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "a/b c/x.db"));
  EXPECT_EQ(text(**database, "PRAGMA journal_mode"), "wal");
  for (const auto& expected :
       {std::pair{"PRAGMA synchronous", 2}, std::pair{"PRAGMA foreign_keys", 1}}) {
    const char* const pragma = expected.first;
    const int value = expected.second;
    EXPECT_EQ((*database)->query(pragma)->front().integer(0), value) << pragma;
    auto in_writer = (*database)->transaction([&](SqlExecutor& sql) -> core::Result<> {
      EXPECT_EQ(sql.query(pragma)->front().integer(0), value) << pragma;
      return {};
    });
    EXPECT_TRUE(in_writer);
  }
}

TEST(SqliteDatabase, LivesInMemoryWhenAsked) {
  auto database = open_database("sqlite://:memory:", "");
  ASSERT_TRUE(database) << database.error().message;
  ASSERT_TRUE((*database)->execute("CREATE TABLE t (a INTEGER)"));
  ASSERT_TRUE((*database)->execute("INSERT INTO t VALUES (1)"));
  EXPECT_EQ((*database)->query("SELECT a FROM t")->size(), 1U);
}

TEST(SqliteDatabase, ReadAccessMakesAndChangesNothing) {
  const TemporaryFolder folder;
  const std::string base = folder.path().string();
  const auto missing = open_database("sqlite:///a/x.db", base, Access::kRead);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, core::ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "a"));
  {
    auto made = open_database("sqlite:///x.db", base);
    ASSERT_TRUE((*made)->execute("CREATE TABLE t (a INTEGER)"));
    // As other programs leave their databases; opening for writing would switch it back.
    ASSERT_TRUE((*made)->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
    ASSERT_TRUE((*made)->execute("PRAGMA journal_mode=DELETE"));
  }
  const std::string before = core::read_file(folder.path() / "x.db").value();
  {
    auto database = open_database("sqlite:///x.db", base, Access::kRead);
    ASSERT_TRUE(database) << database.error().message;
    EXPECT_EQ((*database)->query("SELECT a FROM t")->size(), 0U);
    const auto written = (*database)->execute("INSERT INTO t VALUES (1)");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, core::ErrorCode::kPermissionDenied);
    EXPECT_FALSE((*database)->transaction([](SqlExecutor& sql) -> core::Result<> {
      if (auto done = sql.execute("DROP TABLE t"); !done) return std::move(done).error();
      return {};
    }));
  }
  EXPECT_EQ(core::read_file(folder.path() / "x.db").value(), before);
}

TEST(SqliteDatabase, TellsAFileThatIsNoDatabase) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "x.db") << std::string(5000, 'x');
  auto database = open_database("sqlite:///x.db", folder.path().string());
  ASSERT_FALSE(database);
  EXPECT_EQ(database.error().code, core::ErrorCode::kCorruption);
  EXPECT_NE(database.error().message.find("x.db"), std::string::npos) << database.error().message;
}

TEST(SqliteDatabase, TellsADamagedPage) {
  const TemporaryFolder folder;
  {
    auto database = open_database("sqlite:///x.db", folder.path().string());
    ASSERT_TRUE((*database)->execute("CREATE TABLE t (a VARCHAR(1000))"));
    for (int i = 0; i < 50; ++i)
      ASSERT_TRUE((*database)->execute("INSERT INTO t VALUES (:a)", {std::string(900, 'a')}));
  }
  {
    std::fstream file(folder.path() / "x.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(8 * 4096, '\xff');
  }
  auto database = open_database("sqlite:///x.db", folder.path().string());
  ASSERT_TRUE(database) << database.error().message;
  auto rows = (*database)->query("SELECT a FROM t");
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, core::ErrorCode::kCorruption) << rows.error().message;
}

TEST(SqliteDatabase, RefusesAFolderAndABadScheme) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "x.db");
  EXPECT_EQ(open_database("sqlite:///x.db", folder.path().string()).error().code,
            core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(open_database("mysql://h/x", folder.path().string()).error().code,
            core::ErrorCode::kInvalidArgument);
}

TEST(SqliteDatabase, RefusesWhatItMayNotWrite) {
  const TemporaryFolder folder;
  ASSERT_TRUE(open_database("sqlite:///made.db", folder.path().string()));
  ::chmod((folder.path() / "made.db").c_str(), 0444);
  ::chmod(folder.path().c_str(), 0555);
  const auto code_of = [&](const std::string& url) {
    ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
      if (!testing::become_ordinary_user()) return 1;
      auto database = open_database(url, folder.path().string());
      if (database) return 2;
      reporter.report(static_cast<std::int64_t>(database.error().code));
      return 0;
    });
    const auto code = static_cast<core::ErrorCode>(child.next(-1));
    EXPECT_EQ(child.wait(), 0) << url;
    return code;
  };
  EXPECT_EQ(code_of("sqlite:///made.db"), core::ErrorCode::kPermissionDenied);
  EXPECT_EQ(code_of("sqlite:///new.db"), core::ErrorCode::kPermissionDenied);
  EXPECT_EQ(code_of("sqlite:///sub/new.db"), core::ErrorCode::kPermissionDenied);
  ::chmod(folder.path().c_str(), 0755);
}

TEST(SqliteDatabase, AFullDiskIsToldAndKeepsWhatWasWritten) {
  const TemporaryFolder folder;
  const auto open = [&] { return open_database("sqlite:///x.db", folder.path().string()); };
  ASSERT_TRUE((*open())->execute("CREATE TABLE t (a VARCHAR(100000))"));
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    auto database = open();
    if (!database) return 1;
    testing::limit_file_size(600'000);
    const std::string value(20'000, 'v');
    for (std::int64_t i = 1; i < 200; ++i) {
      auto done = (*database)->transaction([&](SqlExecutor& sql) -> core::Result<> {
        auto first = sql.execute("INSERT INTO t VALUES (:v)", {value});
        if (!first) return std::move(first).error();
        auto second = sql.execute("INSERT INTO t VALUES (:v)", {value});
        if (!second) return std::move(second).error();
        return {};
      });
      if (!done) {
        // Reading goes on.
        if (!(*database)->query("SELECT COUNT(*) FROM t")) return 2;
        return done.error().code == core::ErrorCode::kResourceExhausted ? 0 : 3;
      }
      reporter.report(i);
    }
    return 4;
  });
  std::int64_t acknowledged = 0;
  for (std::int64_t more = child.next(0); more > 0; more = child.next(0)) acknowledged = more;
  EXPECT_EQ(child.wait(), 0);
  EXPECT_GT(acknowledged, 0);
  auto database = open();
  ASSERT_TRUE(database) << database.error().message;
  EXPECT_EQ((*database)->query("SELECT COUNT(*) FROM t")->front().integer(0), 2 * acknowledged);
  EXPECT_TRUE((*database)->execute("INSERT INTO t VALUES ('room again')"));
}

TEST(SqliteDatabase, TheWriteAheadLogStaysShortWhileReadersNeverPause) {
  const TemporaryFolder folder;
  auto database = open_database("sqlite:///x.db", folder.path().string());
  ASSERT_TRUE((*database)->execute("CREATE TABLE t (a VARCHAR(10000))"));
  std::atomic<bool> ends{false};
  std::vector<std::thread> readers;
  // Each begins its next query before the others have ended theirs; none reads for long, for a
  // reader that is older than the log's end is waited for only shortly.
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!ends) {
        EXPECT_TRUE((*database)->for_each("SELECT a FROM t LIMIT 50", {},
                                          [&](const SqlRowView&) { return !ends.load(); }));
      }
    });
  }
  const std::string value(8000, 'v');
  constexpr int kRows = 6000;  // 72 MB of pages
  for (int i = 0; i < kRows; i += 10) {
    ASSERT_TRUE((*database)->transaction([&](SqlExecutor& sql) -> core::Result<> {
      for (int j = 0; j < 10; ++j) {
        if (auto r = sql.execute("INSERT INTO t VALUES (:v)", {value}); !r)
          return std::move(r).error();
      }
      return {};
    }));
  }
  ends = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_LT(std::filesystem::file_size(folder.path() / "x.db-wal"), std::uintmax_t{30'000'000});
  EXPECT_EQ((*database)->query("SELECT COUNT(*) FROM t")->front().integer(0), kRows);
}

}  // namespace
}  // namespace tenure::storage
