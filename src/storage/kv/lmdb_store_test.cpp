#include "storage/kv/lmdb_store.h"

#include <array>
#include <cstdlib>
#include <fstream>
#include <new>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "storage/testing/child_process.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::storage {
namespace {

using testing::ChildProcess;
using testing::TemporaryFolder;

constexpr LmdbOptions kSmallMap = {.map_bytes = std::size_t{64} << 10};

core::Result<> put_one(KvStore& store, std::string_view key, std::string_view value) {
  const KvEntry entry{key, value};
  return store.put(std::span(&entry, 1));
}

TEST(LmdbStore, GrowsItsMapAsItFills) {
  const TemporaryFolder folder;
  auto store = open_lmdb_store(folder.path() / "kv", kSmallMap);
  ASSERT_TRUE(store) << store.error().message;
  const std::string value(10'000, 'v');
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(put_one(**store, fmt::format("k{}", i), value)) << i;
  EXPECT_EQ((*store)->count().value(), 200U);
}

TEST(LmdbStore, GrowsWhileOthersRead) {
  const TemporaryFolder folder;
  auto store = open_lmdb_store(folder.path(), kSmallMap);
  ASSERT_TRUE(store);
  const std::string value(10'000, 'v');
  ASSERT_TRUE(put_one(**store, "k", value));
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      while (!stop) ASSERT_EQ((*store)->get("k").value(), value);
    });
  }
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(put_one(**store, fmt::format("k{}", i), value));
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

TEST(LmdbStore, FollowsAnotherProcessThatGrewTheMap) {
  const TemporaryFolder folder;
  std::array<int, 2> go{};
  ASSERT_EQ(::pipe(go.data()), 0);
  // The child opens first, with a small map, and reads and writes after the parent grew it.
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    auto store = open_lmdb_store(folder.path(), kSmallMap);
    if (!store || !put_one(**store, "child", "1")) return 1;
    reporter.report(1);
    char byte = 0;
    if (::read(go[0], &byte, 1) != 1) return 2;
    auto value = (*store)->get("k99");
    if (!value || !*value || (*value)->size() != 10'000) return 3;
    return put_one(**store, "child", "2") ? 0 : 4;
  });
  ASSERT_EQ(child.next(-1), 1);
  auto store = open_lmdb_store(folder.path(), kSmallMap);
  ASSERT_TRUE(store) << store.error().message;
  const std::string value(10'000, 'v');
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(put_one(**store, fmt::format("k{}", i), value));
  ASSERT_EQ(::write(go[1], "x", 1), 1);
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ((*store)->get("child").value(), "2");
  ::close(go[0]);
  ::close(go[1]);
}

TEST(LmdbStore, MayBeOpenOnceInAProcess) {
  const TemporaryFolder folder;
  auto first = open_lmdb_store(folder.path(), kSmallMap);
  ASSERT_TRUE(first);
  auto second = open_lmdb_store(folder.path(), kSmallMap);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, core::ErrorCode::kConflict);
  first->reset();
  EXPECT_TRUE(open_lmdb_store(folder.path(), kSmallMap));
}

TEST(LmdbStore, TellsAFileThatIsNoStore) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "data.mdb") << std::string(20'000, 'x');
  auto store = open_lmdb_store(folder.path(), kSmallMap);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, core::ErrorCode::kCorruption) << store.error().message;
}

TEST(LmdbStore, ACutFileIsAnErrorAndNoCrash) {
  const TemporaryFolder folder;
  {
    auto store = open_lmdb_store(folder.path(), kSmallMap);
    for (int i = 0; i < 500; ++i)
      ASSERT_TRUE(put_one(**store, fmt::format("k{}", i), std::string(500, 'v')));
  }
  std::filesystem::resize_file(folder.path() / "data.mdb", 3 * 4096);
  auto store = open_lmdb_store(folder.path(), kSmallMap);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ((*store)->get("k250").error().code, core::ErrorCode::kCorruption);
  EXPECT_FALSE((*store)->scan("", [](KvEntry) { return true; }));
}

TEST(LmdbStore, RefusesAFolderItMayNotWrite) {
  const TemporaryFolder folder;
  ::chmod(folder.path().c_str(), 0555);
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    if (!testing::become_ordinary_user()) return 1;
    for (const auto& place : {folder.path(), folder.path() / "sub"}) {
      auto store = open_lmdb_store(place, kSmallMap);
      reporter.report(store ? -2 : static_cast<std::int64_t>(store.error().code));
    }
    return 0;
  });
  EXPECT_EQ(static_cast<core::ErrorCode>(child.next(-1)), core::ErrorCode::kPermissionDenied);
  EXPECT_EQ(static_cast<core::ErrorCode>(child.next(-1)), core::ErrorCode::kPermissionDenied);
  EXPECT_EQ(child.wait(), 0);
  ::chmod(folder.path().c_str(), 0755);
}

TEST(LmdbStore, AFullDiskIsToldAndKeepsWhatWasWritten) {
  const TemporaryFolder folder;
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    auto store = open_lmdb_store(folder.path(), kSmallMap);
    if (!store) return 1;
    testing::limit_file_size(401'000);  // not a multiple of the page size: a write is cut short
    const std::string value(30'000, 'v');
    for (int i = 1; i < 100; ++i) {
      const std::string left = fmt::format("l{}", i);
      const std::string right = fmt::format("r{}", i);
      const auto entries = std::to_array<KvEntry>({{left, value}, {right, value}});
      if (auto done = (*store)->put(entries); !done) {
        auto kept = (*store)->get("l1");
        if (!kept || !*kept) return 2;
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
  auto store = open_lmdb_store(folder.path(), kSmallMap);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ((*store)->count().value(), 2U * static_cast<std::uint64_t>(acknowledged));
  EXPECT_TRUE(put_one(**store, "room", "again"));
}

TEST(KvStoreUrl, NamesWhatItCanOpen) {
  auto bad = open_kv_store("etcd://host", "");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_NE(bad.error().message.find("lmdb"), std::string::npos);
  EXPECT_FALSE(open_kv_store("lmdb://:memory:", ""));
}

}  // namespace
}  // namespace tenure::storage
