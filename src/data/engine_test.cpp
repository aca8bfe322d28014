#include "data/engine.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/id.h"

namespace tenure::data {
namespace {

using core::ErrorCode;

class EngineTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / core::random_hex_id();
    std::filesystem::create_directories(folder_);
    auto opened = Engine::open({.path = "", .temporary = folder_, .threads = 2});
    ASSERT_TRUE(opened) << opened.error().message;
    engine_ = std::move(*opened);
  }
  void TearDown() override {
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }

  Table query(std::string_view sql) {
    auto answer = engine_->query(sql);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? std::move(*answer) : Table{};
  }
  ErrorCode code_of(std::string_view sql) {
    auto answer = engine_->query(sql);
    EXPECT_FALSE(answer) << sql;
    if (answer) return ErrorCode::kInternal;
    EXPECT_FALSE(answer.error().message.empty());
    last_message_ = answer.error().message;
    return answer.error().code;
  }

  std::filesystem::path folder_;
  std::unique_ptr<Engine> engine_;
  std::string last_message_;
};

TEST_F(EngineTest, ReadsEveryIntegerType) {
  const Table t = query(
      "SELECT -1::TINYINT, -2::SMALLINT, -3::INTEGER, -4::BIGINT, 5::UTINYINT, 6::USMALLINT, "
      "7::UINTEGER, 8::UBIGINT, -9::HUGEINT, 10::UHUGEINT");
  ASSERT_EQ(t.columns.size(), 10u);
  const std::vector<std::int64_t> expected = {-1, -2, -3, -4, 5, 6, 7, 8, -9, 10};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(t.columns[i].type, ColumnType::kInteger) << i;
    EXPECT_EQ(std::get<std::vector<std::int64_t>>(t.columns[i].values).at(0), expected[i]) << i;
  }
}

TEST_F(EngineTest, LeavesMemoryToOthers) {
  auto engine = Engine::open({.path = "", .temporary = {}, .memory_limit_bytes = 0, .threads = 2});
  ASSERT_TRUE(engine);
  const auto limit = (*engine)->query_text("SELECT current_setting('memory_limit')");
  ASSERT_TRUE(limit);
  // Where there is less memory, DuckDB's own limit is lower still.
  EXPECT_TRUE(limit->ends_with(" MiB") || std::stod(*limit) <= 1.5) << *limit;
}

TEST_F(EngineTest, ReadsTheLimitsOfHugeIntegers) {
  const Table t = query("SELECT 9223372036854775807::HUGEINT, (-9223372036854775807 - 1)::HUGEINT");
  EXPECT_EQ(t.columns[0].display(0), "9223372036854775807");
  EXPECT_EQ(t.columns[1].display(0), "-9223372036854775808");
  EXPECT_EQ(code_of("SELECT 9223372036854775808::HUGEINT AS big"), ErrorCode::kInvalidArgument);
  EXPECT_NE(last_message_.find("'big'"), std::string::npos);
  EXPECT_EQ(code_of("SELECT 18446744073709551615::UBIGINT"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of("SELECT 9223372036854775808::UHUGEINT"), ErrorCode::kInvalidArgument);
}

TEST_F(EngineTest, ReadsRealNumbersAndDecimals) {
  const Table t = query(
      "SELECT 1.5::FLOAT, -2.25::DOUBLE, 1.23::DECIMAL(4,2), 12345.678::DECIMAL(9,3), "
      "0.05::DECIMAL(18,2), -1.5::DECIMAL(38,10)");
  const std::vector<double> expected = {1.5, -2.25, 1.23, 12345.678, 0.05, -1.5};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(t.columns[i].type, ColumnType::kNumber) << i;
    EXPECT_EQ(t.columns[i].number(0), expected[i]) << i;
  }
}

TEST_F(EngineTest, TakesNanAsMissing) {
  const Table t = query("SELECT unnest(['nan'::DOUBLE, 1.0, 'inf'::DOUBLE]) AS x");
  EXPECT_TRUE(t.columns[0].is_null(0));
  EXPECT_EQ(t.columns[0].number(1), 1.0);
  EXPECT_TRUE(std::isinf(t.columns[0].number(2)));
}

TEST_F(EngineTest, ReadsTimesAsMicrosecondsUtc) {
  const Table t = query(
      "SELECT DATE '1970-01-02', TIMESTAMP '1970-01-01 00:00:01.5', "
      "TIMESTAMPTZ '1970-01-01 02:00:00+02', '1970-01-01 00:00:02'::TIMESTAMP_S, "
      "'1970-01-01 00:00:00.003'::TIMESTAMP_MS, '1969-12-31 23:59:59.999999999'::TIMESTAMP_NS");
  const std::vector<std::int64_t> expected = {86'400'000'000, 1'500'000, 0, 2'000'000, 3'000, -1};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(t.columns[i].type, ColumnType::kTimestamp) << i;
    EXPECT_EQ(std::get<std::vector<std::int64_t>>(t.columns[i].values).at(0), expected[i]) << i;
  }
  EXPECT_EQ(code_of("SELECT 'infinity'::TIMESTAMP AS forever"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of("SELECT '-infinity'::DATE AS never"), ErrorCode::kInvalidArgument);
}

TEST_F(EngineTest, RunsInTimeZoneUtc) {
  EXPECT_EQ(*engine_->query_text("SELECT current_setting('TimeZone')"), "UTC");
  EXPECT_EQ(*engine_->query_text("SELECT TIMESTAMPTZ '2024-07-01 12:00:00+02'::VARCHAR"),
            "2024-07-01 10:00:00+00");
}

TEST_F(EngineTest, ReadsTextsEnumsAndBooleans) {
  const Table t = query(
      "SELECT * FROM (VALUES ('a', true, 'x'::ENUM('w', 'x')), (NULL, NULL, NULL), "
      "('Größe 🌍', false, 'w'), ('a', true, 'x')) AS v(s, b, e)");
  ASSERT_EQ(t.row_count(), 4u);
  EXPECT_EQ(t.columns[0].text(2), "Größe 🌍");
  EXPECT_TRUE(t.columns[0].is_null(1));
  EXPECT_EQ(std::get<TextValues>(t.columns[0].values).dictionary.size(), 2u);
  EXPECT_EQ(t.columns[1].type, ColumnType::kBoolean);
  EXPECT_EQ(t.columns[1].display(0), "true");
  EXPECT_TRUE(t.columns[1].is_null(1));
  EXPECT_EQ(t.columns[2].type, ColumnType::kText);
  EXPECT_EQ(t.columns[2].text(0), "x");
  EXPECT_EQ(t.columns[2].text(2), "w");
  EXPECT_TRUE(t.columns[2].is_null(1));
}

TEST_F(EngineTest, GivesEverythingElseAsText) {
  const Table t = query(
      "SELECT [1, 2] AS l, {'a': 1} AS s, INTERVAL 3 DAY AS i, TIME '01:02:03' AS t, "
      "'00000000-0000-0000-0000-000000000001'::UUID AS u, 7 AS n -- a comment\n;");
  EXPECT_EQ(t.columns[0].display(0), "[1, 2]");
  EXPECT_EQ(t.columns[1].display(0), "{'a': 1}");
  EXPECT_EQ(t.columns[2].display(0), "3 days");
  EXPECT_EQ(t.columns[3].display(0), "01:02:03");
  EXPECT_EQ(t.columns[4].display(0), "00000000-0000-0000-0000-000000000001");
  EXPECT_EQ(t.columns[5].type, ColumnType::kInteger);
  EXPECT_EQ(t.columns[4].name, "u");
}

TEST_F(EngineTest, ReadsColumnsOfOnlyMissingValues) {
  const Table t = query("SELECT NULL AS a, NULL::DOUBLE AS b, NULL::VARCHAR AS c FROM range(3000)");
  ASSERT_EQ(t.row_count(), 3000u);
  for (const Column& column : t.columns) {
    EXPECT_TRUE(column.is_null(0));
    EXPECT_TRUE(column.is_null(2999));
    EXPECT_EQ(column.display(5), "");
  }
}

TEST_F(EngineTest, GivesAnEmptyAnswerItsColumns) {
  const Table t = query("SELECT 1 AS a, 'x' AS b WHERE false");
  EXPECT_EQ(t.row_count(), 0u);
  ASSERT_EQ(t.columns.size(), 2u);
  EXPECT_EQ(t.columns[1].name, "b");
}

TEST_F(EngineTest, KeepsTheOrderOfLargeAnswers) {
  const Table t = query(
      "SELECT i, 'n' || (i % 1000) AS s, CASE WHEN i % 7 = 0 THEN NULL ELSE i / 4 END AS d "
      "FROM range(300000) AS r(i)");
  ASSERT_EQ(t.row_count(), 300000u);
  EXPECT_EQ(std::get<TextValues>(t.columns[1].values).dictionary.size(), 1000u);
  for (std::size_t i = 0; i < 300000; i += 997) {
    EXPECT_EQ(t.columns[0].number(i), static_cast<double>(i));
    EXPECT_EQ(t.columns[1].text(i), fmt::format("n{}", i % 1000));
    EXPECT_EQ(t.columns[2].is_null(i), i % 7 == 0);
  }
}

TEST_F(EngineTest, ReadsManyDistinctTexts) {
  const Table t = query("SELECT 'customer ' || i AS s FROM range(100000) AS r(i)");
  EXPECT_EQ(std::get<TextValues>(t.columns[0].values).dictionary.size(), 100000u);
  EXPECT_EQ(t.columns[0].text(0), "customer 0");
  EXPECT_EQ(t.columns[0].text(99999), "customer 99999");
}

TEST_F(EngineTest, RunsSeveralStatements) {
  ASSERT_TRUE(engine_->execute("CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1), (2);;"));
  EXPECT_EQ(*engine_->query_integer("SELECT sum(x) FROM a"), 3);
  ASSERT_TRUE(engine_->execute("  -- nothing to do\n"));
}

TEST_F(EngineTest, RefusesWhatIsNotOneQuery) {
  EXPECT_EQ(code_of("SELECT 1; SELECT 2"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(""), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(std::string_view("SELECT 1\0, 2", 12)), ErrorCode::kInvalidArgument);
}

TEST_F(EngineTest, TellsErrorsApart) {
  EXPECT_EQ(code_of("SELEC 1"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of("SELECT no_such_column"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of("SELECT * FROM no_such_table"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of("SELECT 'No such file or directory'::INTEGER"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of("SELECT * FROM read_csv('/nowhere/at/all.csv')"), ErrorCode::kNotFound);
  EXPECT_EQ(code_of("SELECT * FROM read_parquet('/nowhere/*.parquet')"), ErrorCode::kNotFound);
  EXPECT_EQ(code_of("SELECT 'x'::INTEGER"), ErrorCode::kInvalidArgument);
  EXPECT_NE(last_message_.find("'x'"), std::string::npos);
}

TEST_F(EngineTest, CallsADamagedFileCorrupt) {
  const auto damaged = folder_ / "damaged.parquet";
  ASSERT_TRUE(engine_->execute(
      fmt::format("COPY (SELECT i FROM range(1000) AS r(i)) TO {}", quote_text(damaged.string()))));
  const auto size = std::filesystem::file_size(damaged);
  const std::string sql =
      fmt::format("SELECT sum(i) FROM read_parquet({})", quote_text(damaged.string()));
  EXPECT_EQ(*engine_->query_integer(sql), 499500);

  std::filesystem::resize_file(damaged, size / 2);
  EXPECT_EQ(code_of(sql), ErrorCode::kCorruption) << last_message_;
  std::filesystem::resize_file(damaged, 5);
  EXPECT_EQ(code_of(sql), ErrorCode::kCorruption) << last_message_;
  std::filesystem::resize_file(damaged, 0);
  EXPECT_EQ(code_of(sql), ErrorCode::kCorruption) << last_message_;
}

TEST_F(EngineTest, RefusesAFileThatIsNoDatabase) {
  const auto file = folder_ / "text.db";
  std::ofstream(file) << std::string(10000, 'x');
  const auto opened = Engine::open({.path = file.string(), .temporary = folder_});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorruption) << opened.error().message;
}

TEST_F(EngineTest, KeepsTablesInADatabaseFile) {
  const auto file = (folder_ / "kept.db").string();
  {
    auto first = Engine::open({.path = file, .temporary = folder_});
    ASSERT_TRUE(first) << first.error().message;
    ASSERT_TRUE((*first)->execute("CREATE TABLE t AS SELECT 42 AS x"));
  }
  auto second = Engine::open({.path = file, .temporary = folder_});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(*(*second)->query_integer("SELECT x FROM t"), 42);
}

TEST_F(EngineTest, StopsAtTheMemoryLimit) {
  auto small = Engine::open({.path = "",
                             .temporary = folder_,
                             .memory_limit_bytes = std::uint64_t{32} << 20U,
                             .threads = 1});
  ASSERT_TRUE(small) << small.error().message;
  // One list value cannot be spilled to disk.
  const auto answer = (*small)->query("SELECT len(list(i)) FROM range(50000000) AS r(i)");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kResourceExhausted) << answer.error().message;
  EXPECT_EQ(*(*small)->query_integer("SELECT 1"), 1);
}

TEST_F(EngineTest, LeavesNoTemporaryFilesBehind) {
  {
    auto small = Engine::open({.path = "",
                               .temporary = folder_,
                               .memory_limit_bytes = std::uint64_t{48} << 20U,
                               .threads = 1});
    ASSERT_TRUE(small) << small.error().message;
    // 40 MB of values to sort, in text form several times that: it must spill.
    const auto answer = (*small)->query_integer(
        "SELECT count(*) FROM (SELECT (i * 7919) % 1000003 AS k, 'value ' || i || ' padded' AS v "
        "FROM range(1500000) AS r(i) ORDER BY k, v) WHERE k >= 0");
    EXPECT_TRUE(answer) << answer.error().message;
  }
  engine_.reset();
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(EngineTest, StopsTheStatementThatRunsInAnotherThread) {
  std::atomic<bool> is_done{false};
  std::thread watcher([&] {
    // An interrupt may come before the statement begins, so it is repeated until it has worked.
    while (!is_done.load()) {
      engine_->interrupt();
      std::this_thread::yield();
    }
  });
  const auto answer = engine_->query(
      "SELECT count(*) FROM range(10000000) AS a(i), range(10000000) AS b(j) WHERE i + j = 7");
  is_done.store(true);
  watcher.join();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kCancelled) << answer.error().message;
  EXPECT_EQ(*engine_->query_integer("SELECT 5"), 5);
}

TEST_F(EngineTest, EndsTheStatementThatRunsWhenTheFlagIsSetAndTakesNoOther) {
  std::atomic<bool> is_cancelled{false};
  auto engine =
      Engine::open({.path = "", .temporary = folder_, .threads = 2, .is_cancelled = &is_cancelled});
  ASSERT_TRUE(engine) << engine.error().message;
  std::atomic<bool> has_begun{false};
  const std::array parameters = {ColumnType::kNumber};
  ASSERT_TRUE((*engine)->add_function("noted", parameters,
                                      [&has_begun](const FunctionRows&, std::span<double> out) {
                                        has_begun.store(true);
                                        has_begun.notify_all();
                                        std::ranges::fill(out, 1);
                                        return core::Result<>();
                                      }));
  std::thread canceller([&] {
    has_begun.wait(false);
    is_cancelled.store(true);
  });
  const auto answer = (*engine)->query(
      "SELECT sum(noted(i)) FROM range(10000000) AS a(i), range(10000000) AS b(j)");
  canceller.join();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kCancelled) << answer.error().message;
  EXPECT_EQ((*engine)->query("SELECT 5").error().code, ErrorCode::kCancelled);
  EXPECT_EQ((*engine)->execute("CREATE TABLE t AS SELECT 5").error().code, ErrorCode::kCancelled);
}

TEST_F(EngineTest, NeverDownloadsExtensions) {
  EXPECT_EQ(*engine_->query_text("SELECT current_setting('autoinstall_known_extensions')::VARCHAR"),
            "false");
  EXPECT_EQ(*engine_->query_text("SELECT current_setting('autoload_known_extensions')::VARCHAR"),
            "false");
}

TEST_F(EngineTest, AnswersScalars) {
  EXPECT_EQ(*engine_->query_text("SELECT 'it''s'"), "it's");
  EXPECT_EQ(*engine_->query_integer("SELECT true"), 1);
  EXPECT_EQ(engine_->query_integer("SELECT 1, 2").error().code, ErrorCode::kInternal);
  EXPECT_EQ(engine_->query_integer("SELECT NULL").error().code, ErrorCode::kInternal);
  EXPECT_EQ(engine_->query_integer("SELECT 1 WHERE false").error().code, ErrorCode::kInternal);
  EXPECT_EQ(engine_->query_integer("SELECT 'x'").error().code, ErrorCode::kInternal);
}

Table all_types(std::size_t rows) {
  Table table;
  std::vector<double> numbers;
  std::vector<std::int64_t> integers;
  std::vector<std::string> texts;
  std::vector<core::Micros> times;
  Column flags;
  flags.name = "flag";
  flags.type = ColumnType::kBoolean;
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < rows; ++i) {
    numbers.push_back(i % 11 == 0 ? std::numeric_limits<double>::quiet_NaN()
                                  : static_cast<double>(i) / 3);
    integers.push_back(static_cast<std::int64_t>(i) - 5);
    texts.push_back(fmt::format("text {} \"quoted\" ü", i % 50));
    times.push_back(static_cast<core::Micros>(i) * 1'000'001);
    bytes.push_back(i % 2);
    flags.valid.push_back(i % 5 == 0 ? 0 : 1);
  }
  flags.values = std::move(bytes);
  table.columns.push_back(Column::of_numbers("a number", std::move(numbers)));
  table.columns.push_back(Column::of_integers("int\"eger", std::move(integers)));
  table.columns.push_back(Column::of_texts("text", texts));
  table.columns.push_back(Column::of_timestamps("time", std::move(times)));
  table.columns.push_back(std::move(flags));
  return table;
}

TEST_F(EngineTest, ReadsBackWhatATableWasMadeOf) {
  for (const std::size_t rows :
       {std::size_t{0}, std::size_t{1}, std::size_t{2048}, std::size_t{10007}}) {
    const Table given = all_types(rows);
    ASSERT_TRUE(engine_->create_table("my \"table\"", given));
    const Table got = query("SELECT * FROM \"my \"\"table\"\"\"");
    ASSERT_EQ(got.row_count(), rows);
    ASSERT_EQ(got.columns.size(), given.columns.size());
    for (std::size_t c = 0; c < got.columns.size(); ++c) {
      EXPECT_EQ(got.columns[c].name, given.columns[c].name);
      EXPECT_EQ(got.columns[c].type, given.columns[c].type);
      for (std::size_t r = 0; r < rows; ++r) {
        ASSERT_EQ(got.columns[c].is_null(r), given.columns[c].is_null(r)) << c << ' ' << r;
        ASSERT_EQ(got.columns[c].display(r), given.columns[c].display(r)) << c << ' ' << r;
      }
    }
  }
}

TEST_F(EngineTest, KeepsTheOldTableWhenTheNewOneIsBad) {
  Table good;
  good.columns.push_back(Column::of_integers("x", {1, 2, 3}));
  ASSERT_TRUE(engine_->create_table("t", good));
  Table uneven = good;
  uneven.columns.push_back(Column::of_integers("y", {1}));
  EXPECT_EQ(engine_->create_table("t", uneven).error().code, ErrorCode::kInvalidArgument);
  Table twice = good;
  twice.columns.push_back(Column::of_integers("X", {1, 2, 3}));
  EXPECT_EQ(engine_->create_table("t", twice).error().code, ErrorCode::kInvalidArgument);
  Table latin;
  latin.columns.push_back(Column::of_texts("s", {"caf\xe9"}));
  EXPECT_EQ(engine_->create_table("t", latin).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(engine_->create_table("t", Table{}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(*engine_->query_integer("SELECT sum(x) FROM t"), 6);
}

TEST_F(EngineTest, StopsWhenTheRowsThatWereAskedForAreMade) {
  // Making the last row fails. 5000 is more than the first vector, so a part of one is cut off.
  auto answer = engine_->query(
      "SELECT CASE WHEN i = 20000000 THEN error('made to the end') ELSE i END, [i] AS list FROM "
      "range(20000001) t(i)",
      5000);
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->row_count(), 5000u);
  EXPECT_EQ(answer->columns[0].number(4999), 4999);
  EXPECT_EQ(answer->columns[1].text(4999), "[4999]");
  EXPECT_EQ(engine_->query("SELECT 1 AS a", 0)->row_count(), 0u);
  EXPECT_EQ(*engine_->query_integer("SELECT 42"), 42);
}

TEST_F(EngineTest, GivesAllRowsAndErrorsBehindTheFirstChunkUpToALimit) {
  auto all = engine_->query("SELECT i FROM range(10000) t(i) ORDER BY i DESC", 20'000);
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->row_count(), 10'000u);
  EXPECT_EQ(all->columns[0].number(9999), 0);
  // Statements that are no SELECT are answered as without a limit.
  for (const char* sql : {"DESCRIBE SELECT 1", "PRAGMA database_list", "EXPLAIN SELECT 1"})
    EXPECT_TRUE(engine_->query(sql, 10)) << sql;
  const auto failed = engine_->query(
      "SELECT CASE WHEN i = 9999 THEN error('bad row') ELSE i::VARCHAR END FROM range(10000) t(i)",
      20'000);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("bad row"), std::string::npos) << failed.error().message;
}

TEST(Quoting, DoublesTheQuotes) {
  EXPECT_EQ(quote_identifier("a\"b c"), "\"a\"\"b c\"");
  EXPECT_EQ(quote_text("it's"), "'it''s'");
  EXPECT_EQ(quote_text(""), "''");
}

TEST(EngineFunction, ComputesRowsOnAllThreadsAndTellsNullsAndErrors) {
  auto engine = std::move(*Engine::open({.path = "", .temporary = {}, .threads = 2}));
  const auto length_times = [](const FunctionRows& rows, std::span<double> out) -> core::Result<> {
    for (std::size_t row = 0; row < rows.size(); ++row) {
      out[row] = std::numeric_limits<double>::quiet_NaN();
      if (rows.is_null(0, row) || rows.is_null(1, row)) continue;
      if (rows.text(0, row) == "refused")
        return core::Error{core::ErrorCode::kInvalidArgument, "not this word"};
      out[row] = static_cast<double>(rows.text(0, row).size()) * rows.number(1, row);
    }
    return {};
  };
  const std::vector<ColumnType> parameters = {ColumnType::kText, ColumnType::kNumber};
  ASSERT_TRUE(engine->add_function("length_times", parameters, length_times));
  EXPECT_EQ(*engine->query_integer(
                "SELECT sum(length_times(CASE WHEN i % 3 = 0 THEN NULL ELSE 'a longer text than "
                "twelve bytes' END, 2))::BIGINT FROM range(300000) t(i)"),
            200'000 * 31 * 2);
  EXPECT_EQ(*engine->query_integer("SELECT length_times('ab', NULL) IS NULL"), 1);
  const auto refused = engine->query("SELECT length_times('refused', 1)");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("not this word"), std::string::npos);
}

}  // namespace
}  // namespace tenure::data
