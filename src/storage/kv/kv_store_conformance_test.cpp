#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <rapidcheck.h>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "storage/kv/kv_store.h"
#include "storage/kv/lmdb_store.h"
#include "storage/testing/child_process.h"
#include "storage/testing/temporary_folder.h"

// What every key-value store behind the interface must do. A backend joins by a line below.
namespace tenure::storage {
namespace {

using testing::ChildProcess;
using testing::TemporaryFolder;

struct Backend {
  std::string name;
  /// Opens the store that belongs to a folder; from other processes, the same one.
  std::function<core::Result<std::unique_ptr<KvStore>>(const std::filesystem::path&)> open;
};

std::string key_of(int i) {
  return fmt::format("key-{:05}", i);
}

core::Result<> put_one(KvStore& store, std::string_view key, std::string_view value) {
  const KvEntry entry{key, value};
  return store.put(std::span(&entry, 1));
}

class KvStoreConformance : public ::testing::TestWithParam<Backend> {
 protected:
  std::unique_ptr<KvStore> open() {
    auto store = GetParam().open(folder_.path());
    EXPECT_TRUE(store) << store.error().message;
    return store ? std::move(*store) : nullptr;
  }
  static std::optional<std::string> value_of(KvStore& store, std::string_view key) {
    auto value = store.get(key);
    EXPECT_TRUE(value) << value.error().message;
    return value ? *value : std::nullopt;
  }
  static std::vector<std::string> keys_below(KvStore& store, std::string_view prefix) {
    std::vector<std::string> keys;
    auto scanned = store.scan(prefix, [&](KvEntry entry) {
      keys.emplace_back(entry.key);
      return true;
    });
    EXPECT_TRUE(scanned);
    return keys;
  }
  TemporaryFolder folder_;
};

TEST_P(KvStoreConformance, GivesBackWhatWasPutInTheOrderAsked) {
  auto store = open();
  const std::string zero("\0\x01\xff", 3);
  const auto entries = std::to_array<KvEntry>({{"b", "2"}, {"a", "1"}, {zero, zero}, {"e", ""}});
  ASSERT_TRUE(store->put(entries));
  const auto keys = std::to_array<std::string_view>({"a", "missing", zero, "b", "a", "e"});
  std::vector<std::optional<std::string>> found;
  ASSERT_TRUE(store->get(keys, [&](std::size_t i, std::optional<std::string_view> value) {
    EXPECT_EQ(i, found.size());
    found.push_back(value ? std::optional<std::string>(*value) : std::nullopt);
  }));
  const std::vector<std::optional<std::string>> expected = {"1", std::nullopt, zero, "2", "1", ""};
  EXPECT_EQ(found, expected);
}

TEST_P(KvStoreConformance, ReplacesErasesAndCounts) {
  auto store = open();
  EXPECT_EQ(store->count().value(), 0U);
  ASSERT_TRUE(put_one(*store, "a", "1"));
  ASSERT_TRUE(put_one(*store, "a", "2"));
  ASSERT_TRUE(put_one(*store, "b", "3"));
  EXPECT_EQ(value_of(*store, "a"), "2");
  EXPECT_EQ(store->count().value(), 2U);
  const auto keys = std::to_array<std::string_view>({"a", "unknown"});
  ASSERT_TRUE(store->erase(keys));
  EXPECT_EQ(value_of(*store, "a"), std::nullopt);
  EXPECT_EQ(store->count().value(), 1U);
}

TEST_P(KvStoreConformance, ChecksKeySizesAndThenWritesNothing) {
  auto store = open();
  const std::string longest(511, 'k');
  const std::string too_long(512, 'k');
  ASSERT_TRUE(put_one(*store, longest, "v"));
  EXPECT_EQ(value_of(*store, longest), "v");
  for (const std::string_view bad : {std::string_view(too_long), std::string_view()}) {
    const auto entries = std::to_array<KvEntry>({{"good", "v"}, {bad, "v"}});
    EXPECT_EQ(store->put(entries).error().code, core::ErrorCode::kInvalidArgument);
    EXPECT_EQ(store->get(bad).error().code, core::ErrorCode::kInvalidArgument);
    EXPECT_EQ(store->erase(std::span(&bad, 1)).error().code, core::ErrorCode::kInvalidArgument);
    EXPECT_EQ(store
                  ->update(std::span(&bad, 1),
                           [](std::size_t, std::optional<std::string_view>)
                               -> std::optional<std::string> { return "v"; })
                  .error()
                  .code,
              core::ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(value_of(*store, "good"), std::nullopt);
}

TEST_P(KvStoreConformance, TakesValuesUpTo16MiB) {
  auto store = open();
  const std::string big(std::size_t{16} << 20, 'x');
  ASSERT_TRUE(put_one(*store, "big", big));
  EXPECT_EQ(value_of(*store, "big"), big);
  EXPECT_EQ(put_one(*store, "bigger", big + "y").error().code, core::ErrorCode::kInvalidArgument);
}

TEST_P(KvStoreConformance, UpdateDecidesOnTheOldValue) {
  auto store = open();
  ASSERT_TRUE(put_one(*store, "old", "5"));
  const auto keys = std::to_array<std::string_view>({"old", "new", "kept", "old"});
  ASSERT_TRUE(put_one(*store, "kept", "k"));
  std::vector<std::optional<std::string>> seen(keys.size());
  ASSERT_TRUE(store->update(
      keys, [&](std::size_t i, std::optional<std::string_view> old) -> std::optional<std::string> {
        seen[i] = old ? std::optional<std::string>(*old) : std::nullopt;
        if (i == 2) return std::nullopt;
        return fmt::format("{}+", old.value_or("0"));
      }));
  // A key named twice sees what the same call wrote.
  const std::vector<std::optional<std::string>> expected = {"5", std::nullopt, "k", "5+"};
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(value_of(*store, "old"), "5++");
  EXPECT_EQ(value_of(*store, "new"), "0+");
  EXPECT_EQ(value_of(*store, "kept"), "k");
}

TEST_P(KvStoreConformance, ScansAPrefixInKeyOrderUntilTold) {
  auto store = open();
  for (const std::string_view key : {"b/2", "a/1", "b/1", "b", "c", "b/\xff"})
    ASSERT_TRUE(put_one(*store, key, "v"));
  const std::vector<std::string> below = {"b/1", "b/2", "b/\xff"};
  EXPECT_EQ(keys_below(*store, "b/"), below);
  EXPECT_EQ(keys_below(*store, "").size(), 6U);
  EXPECT_TRUE(keys_below(*store, "zzz").empty());
  EXPECT_TRUE(keys_below(*store, std::string(600, 'b')).empty());
  int visited = 0;
  ASSERT_TRUE(store->scan("b", [&](KvEntry) { return ++visited < 2; }));
  EXPECT_EQ(visited, 2);
}

TEST_P(KvStoreConformance, BehavesAsAMap) {
  auto store = open();
  std::map<std::string, std::string> model;
  const bool holds = rc::check("random operations", [&] {
    const auto key = key_of(*rc::gen::inRange(0, 30));
    if (*rc::gen::inRange(0, 4) == 0) {
      const std::string_view view = key;
      RC_ASSERT(store->erase(std::span(&view, 1)).has_value());
      model.erase(key);
    } else {
      const auto value = *rc::gen::arbitrary<std::string>();
      RC_ASSERT(put_one(*store, key, value).has_value());
      model[key] = value;
    }
    RC_ASSERT(store->count().value() == model.size());
    auto expected = model.begin();
    RC_ASSERT(store
                  ->scan("",
                         [&](KvEntry entry) {
                           RC_ASSERT(expected != model.end());
                           RC_ASSERT(entry.key == expected->first);
                           RC_ASSERT(entry.value == expected->second);
                           ++expected;
                           return true;
                         })
                  .has_value());
    RC_ASSERT(expected == model.end());
    // Many keys at once: known and unknown, neighbours, repeated, in any order.
    std::vector<std::string> asked;
    for (const int i : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 30)))
      asked.push_back(key_of(i));
    if (*rc::gen::arbitrary<bool>()) std::sort(asked.begin(), asked.end());
    const std::vector<std::string_view> keys(asked.begin(), asked.end());
    std::size_t visited = 0;
    RC_ASSERT(store
                  ->get(keys,
                        [&](std::size_t i, std::optional<std::string_view> value) {
                          RC_ASSERT(i == visited++);
                          const auto known = model.find(asked[i]);
                          RC_ASSERT(value.has_value() == (known != model.end()));
                          if (value) RC_ASSERT(*value == known->second);
                        })
                  .has_value());
    RC_ASSERT(visited == keys.size());
  });
  EXPECT_TRUE(holds);
}

TEST_P(KvStoreConformance, OneGetSeesOneSnapshot) {
  auto store = open();
  const auto put_both = [&](int i) {
    const std::string value = std::to_string(i);
    const auto entries = std::to_array<KvEntry>({{"left", value}, {"right", value}});
    ASSERT_TRUE(store->put(entries));
  };
  put_both(0);
  std::vector<std::thread> readers;
  std::atomic<bool> stop{false};
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      const auto keys = std::to_array<std::string_view>({"left", "right"});
      while (!stop) {
        std::array<std::string, 2> values;
        ASSERT_TRUE(store->get(keys, [&](std::size_t i, std::optional<std::string_view> value) {
          values[i] = value.value_or("?");
        }));
        ASSERT_EQ(values[0], values[1]);
      }
    });
  }
  for (int i = 1; i <= 100; ++i) put_both(i);
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

/// Adds one to a decimal number, `rounds` times.
bool count_up(KvStore& store, int rounds) {
  const std::string_view key = "counter";
  for (int i = 0; i < rounds; ++i) {
    auto done = store.update(
        std::span(&key, 1),
        [](std::size_t, std::optional<std::string_view> old) -> std::optional<std::string> {
          return std::to_string(std::stoi(std::string(old.value_or("0"))) + 1);
        });
    if (!done) return false;
  }
  return true;
}

TEST_P(KvStoreConformance, ManyProcessesAndThreadsLoseNoUpdate) {
  constexpr int kProcesses = 3;
  constexpr int kThreads = 3;
  constexpr int kRounds = 20;
  const auto body = [&](const ChildProcess::Reporter&) -> int {
    auto store = GetParam().open(folder_.path());
    if (!store) return 1;
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&] { failed += count_up(**store, kRounds) ? 0 : 1; });
    for (std::thread& thread : threads) thread.join();
    return failed == 0 ? 0 : 2;
  };
  {
    std::vector<std::unique_ptr<ChildProcess>> children;
    for (int p = 0; p < kProcesses; ++p) children.push_back(std::make_unique<ChildProcess>(body));
    for (auto& child : children) EXPECT_EQ(child->wait(), 0);
  }
  auto store = open();
  EXPECT_EQ(value_of(*store, "counter"), std::to_string(kProcesses * kThreads * kRounds));
}

TEST_P(KvStoreConformance, WhatWasAcknowledgedSurvivesKill9) {
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    auto store = GetParam().open(folder_.path());
    if (!store) return 1;
    for (int i = 1;; ++i) {
      const std::string left = key_of(2 * i);
      const std::string right = key_of(2 * i + 1);
      const auto entries = std::to_array<KvEntry>({{left, "v"}, {right, "v"}});
      if (!(*store)->put(entries)) return 2;
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
  auto store = open();
  const std::uint64_t count = store->count().value();
  EXPECT_GE(count, 2U * static_cast<std::uint64_t>(acknowledged));
  EXPECT_EQ(count % 2, 0U);  // both entries of a put or none
  EXPECT_TRUE(put_one(*store, "after", "v"));
}

/// Settles after every write, so that entries lie in a flat table and what hides them in LMDB.
class SettlingStore final : public KvStore {
 public:
  using KvStore::get;
  explicit SettlingStore(std::unique_ptr<KvStore> store) : store_(std::move(store)) {}
  core::Result<> get(
      std::span<const std::string_view> keys,
      const std::function<void(std::size_t, std::optional<std::string_view>)>& visit) override {
    return store_->get(keys, visit);
  }
  core::Result<> put(std::span<const KvEntry> entries) override {
    return settled(store_->put(entries));
  }
  core::Result<> update(
      std::span<const std::string_view> keys,
      const std::function<std::optional<std::string>(std::size_t, std::optional<std::string_view>)>&
          decide) override {
    return settled(store_->update(keys, decide));
  }
  core::Result<> erase(std::span<const std::string_view> keys) override {
    return settled(store_->erase(keys));
  }
  core::Result<> scan(std::string_view prefix, const std::function<bool(KvEntry)>& visit) override {
    return store_->scan(prefix, visit);
  }
  core::Result<std::uint64_t> count() override { return store_->count(); }

 private:
  /// Every other time, so that both the table and LMDB have entries.
  core::Result<> settled(core::Result<> written) {
    if (!written || ++writes_ % 2 == 0) return written;
    return store_->settle(Pause::kAtTheEnd);
  }
  std::unique_ptr<KvStore> store_;
  std::atomic<int> writes_{0};
};

core::Result<std::unique_ptr<KvStore>> open_settling(const std::filesystem::path& folder) {
  auto store = open_lmdb_store(folder / "online", {.settle_bytes = 0});
  if (!store) return std::move(store).error();
  return std::unique_ptr<KvStore>(std::make_unique<SettlingStore>(std::move(*store)));
}

INSTANTIATE_TEST_SUITE_P(Backends, KvStoreConformance,
                         ::testing::Values(Backend{"lmdb",
                                                   [](const std::filesystem::path& folder) {
                                                     return open_kv_store("lmdb:///online",
                                                                          folder.string());
                                                   }},
                                           Backend{"settled", open_settling}),
                         [](const auto& backend) { return backend.param.name; });

}  // namespace
}  // namespace tenure::storage
