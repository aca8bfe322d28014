#include "storage/kv/flat_table.h"

#include <fstream>
#include <map>
#include <rapidcheck.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "storage/kv/flat_table_writer.h"
#include "storage/kv/page_warmer.h"
#include "storage/testing/child_process.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::storage {
namespace {

using testing::TemporaryFolder;
using Answer = FlatTable::Answer;
using Entries = std::map<std::string, std::string>;

void write_table(const std::filesystem::path& file, const Entries& entries) {
  auto writer = FlatTableWriter::make(file, 7, entries.size());
  ASSERT_TRUE(writer) << writer.error().message;
  for (const auto& [key, value] : entries) ASSERT_TRUE(writer->add(key, value));
  auto finished = std::move(*writer).finish();
  ASSERT_TRUE(finished) << finished.error().message;
}

Entries many(int count) {
  Entries entries;
  for (int i = 0; i < count; ++i)
    entries[fmt::format("key {:06}", i * 3)] = std::string(static_cast<std::size_t>(i % 200), 'v');
  return entries;
}

TEST(FlatTable, FindsEveryEntryAndWalksThemInOrder) {
  const TemporaryFolder folder;
  const Entries entries = many(30'000);  // over several pieces and blocks
  write_table(folder.path() / "t", entries);
  const auto table = FlatTable::open(folder.path() / "t");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ((*table)->id(), 7U);
  EXPECT_EQ((*table)->entry_count(), entries.size());
  FlatTable::Row row;
  std::uint64_t at = (*table)->begin();
  for (const auto& [key, value] : entries) {
    ASSERT_EQ((*table)->find(key, row), Answer::kFound) << key;
    ASSERT_EQ(row.value, value);
    ASSERT_EQ((*table)->read(at, row), Answer::kFound);
    ASSERT_EQ(row.key, key);
    at = row.next;
  }
  EXPECT_EQ(at, (*table)->end());
  EXPECT_EQ((*table)->read(at, row), Answer::kUnknown);
  EXPECT_EQ((*table)->find("key 000001", row), Answer::kUnknown);
  EXPECT_EQ((*table)->find("", row), Answer::kUnknown);
}

TEST(FlatTable, LowerBoundIsThatOfAMap) {
  const TemporaryFolder folder;
  const Entries entries = many(5'000);
  write_table(folder.path() / "t", entries);
  const auto table = FlatTable::open(folder.path() / "t");
  ASSERT_TRUE(table);
  const bool holds = rc::check("lower bound", [&] {
    const std::string key = fmt::format("key {:06}", *rc::gen::inRange(0, 16'000));
    FlatTable::Row row;
    const Answer answer = (*table)->lower_bound(key, row);
    const auto expected = entries.lower_bound(key);
    RC_ASSERT((answer == Answer::kFound) == (expected != entries.end()));
    if (answer == Answer::kFound) RC_ASSERT(row.key == expected->first);
  });
  EXPECT_TRUE(holds);
}

TEST(FlatTable, MayBeEmpty) {
  const TemporaryFolder folder;
  write_table(folder.path() / "t", {});
  const auto table = FlatTable::open(folder.path() / "t");
  ASSERT_TRUE(table) << table.error().message;
  FlatTable::Row row;
  EXPECT_EQ((*table)->find("a", row), Answer::kUnknown);
  EXPECT_EQ((*table)->lower_bound("", row), Answer::kUnknown);
}

TEST(FlatTable, KeepsTheHashOfItsFormat) {
  EXPECT_EQ(FlatTable::hash("customer"), FlatTable::hash(std::string("customer")));
  EXPECT_NE(FlatTable::hash("a"), FlatTable::hash(std::string_view("a\0", 2)));
  const TemporaryFolder folder;
  write_table(folder.path() / "t", {{"key", "value"}});
  const std::string bytes = core::read_file(folder.path() / "t").value();
  // The vector of docs/formats/flat-table.md.
  EXPECT_EQ(bytes.substr(0, 8), "TNFLAT01");
  EXPECT_EQ(bytes.substr(4096, 16), std::string_view("\3\0\0\0\5\0\0\0keyvalue", 16));
  EXPECT_EQ(bytes.size(), 4096U + 16U + 8U + 3U * 8U);
}

TEST(FlatTable, SaysWhenAFileIsCutOrForeign) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "t";
  write_table(file, many(1'000));
  const std::string whole = core::read_file(file).value();
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
    std::ofstream(file, std::ios::binary) << whole.substr(0, size);
    EXPECT_EQ(FlatTable::open(file).error().code, core::ErrorCode::kCorruption) << size;
  }
  std::string other = whole;
  other[20] ^= 1;
  std::ofstream(file, std::ios::binary) << other;
  EXPECT_EQ(FlatTable::open(file).error().code, core::ErrorCode::kCorruption);
  EXPECT_EQ(FlatTable::open(folder.path() / "none").error().code, core::ErrorCode::kNotFound);
}

TEST(FlatTable, NeverFollowsDamageOutOfTheFile) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "t";
  const Entries entries = many(300);
  write_table(file, entries);
  const std::string whole = core::read_file(file).value();
  const bool holds = rc::check("any bytes behind the header", [&] {
    std::string bytes = whole;
    for (int i = 0; i < 50; ++i) {
      const auto at = *rc::gen::inRange<std::size_t>(4096, bytes.size());
      bytes[at] = *rc::gen::arbitrary<char>();
    }
    std::ofstream(file, std::ios::binary) << bytes;
    const auto table = FlatTable::open(file);
    RC_ASSERT(table.has_value());
    FlatTable::Row row;
    for (const auto& [key, value] : entries) {
      static_cast<void>((*table)->find(key, row));
      static_cast<void>((*table)->lower_bound(key, row));
    }
    std::uint64_t at = (*table)->begin();
    while ((*table)->read(at, row) == Answer::kFound) at = row.next;
    RC_ASSERT(at <= (*table)->end());
  });
  EXPECT_TRUE(holds);
}

TEST(FlatTable, AFullDiskLeavesNothing) {
  const TemporaryFolder folder;
  testing::ChildProcess child([&](const testing::ChildProcess::Reporter&) -> int {
    testing::limit_file_size(3'000'000);
    auto writer = FlatTableWriter::make(folder.path() / "t", 1, 10'000);
    if (!writer) return 1;
    const std::string value(1'000, 'v');
    for (int i = 0; i < 10'000; ++i) {
      if (auto added = writer->add(fmt::format("{:05}", i), value); !added)
        return added.error().code == core::ErrorCode::kResourceExhausted ? 0 : 2;
    }
    return 3;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(PageWarmer, TakesTablesAndEndsWhenItIsTold) {
  const TemporaryFolder folder;
  write_table(folder.path() / "t", many(10'000));
  auto table = FlatTable::open(folder.path() / "t");
  ASSERT_TRUE(table);
  EXPECT_EQ((*table)->warm_bytes().size(), (*table)->bytes());
  PageWarmer warmer;
  warmer.warm(*table);
  warmer.wait_until_idle();
  EXPECT_EQ(table->use_count(), 1);
  warmer.warm(*table);
}

}  // namespace
}  // namespace tenure::storage
