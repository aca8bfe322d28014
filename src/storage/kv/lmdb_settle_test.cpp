#include "storage/kv/lmdb_settle.h"

#include <array>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "storage/kv/lmdb_store.h"
#include "storage/testing/child_process.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::storage {
namespace {

using testing::ChildProcess;
using testing::TemporaryFolder;
using Pause = KvStore::Pause;

constexpr LmdbOptions kEager = {.settle_bytes = 0};

core::Result<> put_one(KvStore& store, std::string_view key, std::string_view value) {
  const KvEntry entry{key, value};
  return store.put(std::span(&entry, 1));
}

core::Result<> erase_one(KvStore& store, std::string_view key) {
  return store.erase(std::span(&key, 1));
}

std::vector<std::string> tables_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("rows-")) names.push_back(name);
  }
  return names;
}

TEST(LmdbSettle, MovesEntriesAndKeepsWhatIsWrittenLater) {
  const TemporaryFolder folder;
  auto store = open_lmdb_store(folder.path(), kEager);
  ASSERT_TRUE(store) << store.error().message;
  for (const std::string_view key : {"a", "b", "c"}) ASSERT_TRUE(put_one(**store, key, "1"));
  ASSERT_TRUE((*store)->settle(Pause::kAtTheEnd));
  EXPECT_EQ(tables_in(folder.path()), std::vector<std::string>{"rows-1.flat"});
  ASSERT_TRUE(put_one(**store, "b", "2"));
  ASSERT_TRUE(erase_one(**store, "a"));
  ASSERT_TRUE(put_one(**store, "d", ""));
  const auto check = [&] {
    EXPECT_EQ((*store)->get("a").value(), std::nullopt);
    EXPECT_EQ((*store)->get("b").value(), "2");
    EXPECT_EQ((*store)->get("c").value(), "1");
    EXPECT_EQ((*store)->get("d").value(), "");
    EXPECT_EQ((*store)->count().value(), 3U);
  };
  check();
  ASSERT_TRUE((*store)->settle(Pause::kAtTheEnd));
  EXPECT_EQ(tables_in(folder.path()), std::vector<std::string>{"rows-2.flat"});
  check();
  store->reset();
  store = open_lmdb_store(folder.path(), kEager);
  check();
}

TEST(LmdbSettle, WaitsUntilThereIsEnough) {
  const TemporaryFolder folder;
  auto store = open_lmdb_store(folder.path(), {.settle_bytes = 40'000});
  ASSERT_TRUE(put_one(**store, "small", std::string(10'000, 'v')));
  ASSERT_TRUE((*store)->settle(Pause::kAtTheEnd));
  EXPECT_TRUE(tables_in(folder.path()).empty());
  ASSERT_TRUE(put_one(**store, "big", std::string(1'000'000, 'v')));
  ASSERT_TRUE((*store)->settle(Pause::kBetweenBatches));
  EXPECT_EQ(tables_in(folder.path()), std::vector<std::string>{"rows-1.flat"});
  // A tenth of what is settled is due at the end only.
  ASSERT_TRUE(put_one(**store, "more", std::string(100'000, 'v')));
  ASSERT_TRUE((*store)->settle(Pause::kBetweenBatches));
  EXPECT_EQ(tables_in(folder.path()), std::vector<std::string>{"rows-1.flat"});
  ASSERT_TRUE((*store)->settle(Pause::kAtTheEnd));
  EXPECT_EQ(tables_in(folder.path()), std::vector<std::string>{"rows-2.flat"});
}

TEST(LmdbSettle, KeepsItsOwnKeyToItself) {
  const TemporaryFolder folder;
  auto store = open_lmdb_store(folder.path(), kEager);
  const std::string_view own("\0tenure flat table", 18);
  EXPECT_EQ(put_one(**store, own, "x").error().code, core::ErrorCode::kInvalidArgument);
  ASSERT_TRUE(put_one(**store, "a", "1"));
  ASSERT_TRUE((*store)->settle(Pause::kAtTheEnd));
  ASSERT_TRUE(put_one(**store, "b", "2"));
  EXPECT_EQ((*store)->get(own).error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_EQ((*store)->count().value(), 2U);
  std::vector<std::string> keys;
  ASSERT_TRUE((*store)->scan("", [&](KvEntry entry) {
    keys.emplace_back(entry.key);
    return true;
  }));
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "b"}));
}

TEST(LmdbSettle, ReadersAndWritersGoOnMeanwhile) {
  const TemporaryFolder folder;
  auto store = open_lmdb_store(folder.path(), kEager);
  constexpr int kKeys = 2'000;
  const auto key = [](int i) { return fmt::format("key {:05}", i); };
  for (int i = 0; i < kKeys; ++i) ASSERT_TRUE(i % 100 != 0 || put_one(**store, key(i), "0"));
  std::atomic<bool> stop{false};
  std::thread settler([&] {
    while (!stop) ASSERT_TRUE((*store)->settle(Pause::kAtTheEnd));
  });
  std::thread reader([&] {
    while (!stop) {
      const auto both = std::to_array<std::string_view>({"left", "right"});
      std::array<std::string, 2> values;
      ASSERT_TRUE((*store)->get(both, [&](std::size_t i, std::optional<std::string_view> value) {
        values[i] = value.value_or("?");
      }));
      ASSERT_EQ(values[0], values[1]);
    }
  });
  // Every write lies before, in, or after some settling, and none is lost.
  for (int i = 0; i < 150; ++i) {
    const std::string text = std::to_string(i);
    const std::string mine = key(i);
    const auto entries = std::to_array<KvEntry>({{"left", text}, {"right", text}, {mine, text}});
    ASSERT_TRUE((*store)->put(entries));
    if (i % 3 == 0) {
      ASSERT_TRUE(erase_one(**store, mine));
    }
  }
  stop = true;
  settler.join();
  reader.join();
  for (int i = 0; i < 150; ++i) {
    const auto expected = i % 3 == 0 ? std::nullopt : std::optional(std::to_string(i));
    EXPECT_EQ((*store)->get(key(i)).value(), expected) << i;
  }
  EXPECT_EQ((*store)->get("left").value(), "149");
}

TEST(LmdbSettle, OtherProcessesFollowToTheNewTable) {
  const TemporaryFolder folder;
  std::array<int, 2> go{};
  ASSERT_EQ(::pipe(go.data()), 0);
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    auto store = open_lmdb_store(folder.path(), kEager);
    if (!store || !put_one(**store, "child", "1")) return 1;
    (*store)->keep_warm();
    reporter.report(1);
    char byte = 0;
    if (::read(go[0], &byte, 1) != 1) return 2;
    if ((*store)->get("parent").value() != "2") return 3;
    if ((*store)->get("child").value() != "1") return 4;
    return put_one(**store, "child", "3") ? 0 : 5;
  });
  ASSERT_EQ(child.next(-1), 1);
  auto store = open_lmdb_store(folder.path(), kEager);
  ASSERT_TRUE(store) << store.error().message;
  for (const std::string_view value : {"1", "2"}) {
    ASSERT_TRUE(put_one(**store, "parent", value));
    ASSERT_TRUE((*store)->settle(Pause::kAtTheEnd));
  }
  ASSERT_EQ(::write(go[1], "x", 1), 1);
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ((*store)->get("child").value(), "3");
  ::close(go[0]);
  ::close(go[1]);
}

TEST(LmdbSettle, AKillAtAnyInstantLosesNothing) {
  const TemporaryFolder folder;
  std::int64_t acknowledged = 0;
  for (int round = 0; round < 10; ++round) {
    ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
      auto store = open_lmdb_store(folder.path(), kEager);
      if (!store) return 1;
      for (std::int64_t i = acknowledged + 1;; ++i) {
        if (!put_one(**store, fmt::format("key {}", i), std::to_string(i))) return 2;
        if (!reporter.report(i)) return 3;
        if (!(*store)->settle(Pause::kAtTheEnd)) return 4;
      }
    });
    const std::int64_t until = acknowledged + 5 + round;
    while (acknowledged < until) {
      acknowledged = child.next(-1);
      ASSERT_GT(acknowledged, 0);
    }
    child.kill_hard();
    for (std::int64_t more = child.next(0); more > 0; more = child.next(0)) acknowledged = more;
    auto store = open_lmdb_store(folder.path(), kEager);
    ASSERT_TRUE(store) << store.error().message;
    for (std::int64_t i = 1; i <= acknowledged; ++i)
      ASSERT_EQ((*store)->get(fmt::format("key {}", i)).value(), std::to_string(i));
    ASSERT_GE((*store)->count().value(), static_cast<std::uint64_t>(acknowledged));
  }
  auto store = open_lmdb_store(folder.path(), kEager);
  ASSERT_TRUE(put_one(**store, "last", "v"));
  ASSERT_TRUE((*store)->settle(Pause::kAtTheEnd));
  EXPECT_EQ(tables_in(folder.path()).size(), 1U);  // what killed processes left is gone
}

TEST(LmdbSettle, SaysWhatToDoWhenTheTableIsGoneOrDamaged) {
  const TemporaryFolder folder;
  {
    auto store = open_lmdb_store(folder.path(), kEager);
    ASSERT_TRUE(put_one(**store, "a", "1"));
    ASSERT_TRUE((*store)->settle(Pause::kAtTheEnd));
  }
  const auto file = folder.path() / "rows-1.flat";
  std::filesystem::resize_file(file, 4'100);
  {
    auto store = open_lmdb_store(folder.path(), kEager);
    EXPECT_EQ((*store)->get("a").error().code, core::ErrorCode::kCorruption);
    EXPECT_EQ(put_one(**store, "a", "2").error().code, core::ErrorCode::kCorruption);
  }
  std::filesystem::remove(file);
  auto store = open_lmdb_store(folder.path(), kEager);
  const core::Error missing = (*store)->get("a").error();
  EXPECT_EQ(missing.code, core::ErrorCode::kCorruption);
  EXPECT_NE(missing.message.find("materialize again"), std::string::npos) << missing.message;
}

TEST(LmdbSettle, AFullDiskLeavesTheStoreAsItWas) {
  const TemporaryFolder folder;
  ChildProcess child([&](const ChildProcess::Reporter&) -> int {
    auto store = open_lmdb_store(folder.path(), kEager);
    const std::string value(100'000, 'v');
    for (int i = 0; i < 20; ++i) {
      if (!store || !put_one(**store, fmt::format("key {}", i), value)) return 1;
    }
    testing::limit_file_size(500'000);
    auto settled = (*store)->settle(Pause::kAtTheEnd);
    if (settled || settled.error().code != core::ErrorCode::kResourceExhausted) return 2;
    return (*store)->get("key 7").value() == value ? 0 : 3;
  });
  EXPECT_EQ(child.wait(), 0);
  auto store = open_lmdb_store(folder.path(), kEager);
  EXPECT_EQ((*store)->count().value(), 20U);
  EXPECT_TRUE(tables_in(folder.path()).empty());
}

}  // namespace
}  // namespace tenure::storage
