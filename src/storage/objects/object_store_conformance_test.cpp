#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "storage/objects/object_store.h"
#include "storage/testing/child_process.h"
#include "storage/testing/temporary_folder.h"

// What every object store behind the interface must do. A backend joins by a line below.
namespace tenure::storage {
namespace {

using testing::ChildProcess;
using testing::TemporaryFolder;

struct Backend {
  std::string name;
  /// Opens the store that belongs to a folder; again and from other processes, the same one.
  std::function<core::Result<std::unique_ptr<ObjectStore>>(const std::filesystem::path&)> open;
};

class ObjectStoreConformance : public ::testing::TestWithParam<Backend> {
 protected:
  std::unique_ptr<ObjectStore> open() {
    auto store = GetParam().open(folder_.path());
    EXPECT_TRUE(store) << store.error().message;
    return store ? std::move(*store) : nullptr;
  }
  static std::vector<std::string> keys(ObjectStore& store, std::string_view prefix) {
    auto listed = store.list(prefix);
    EXPECT_TRUE(listed) << listed.error().message;
    std::vector<std::string> result;
    if (listed)
      for (const ObjectInfo& object : *listed) result.push_back(object.key);
    return result;
  }
  static std::string read_all(ObjectStore& store, std::string_view key, std::uint64_t offset = 0,
                              std::uint64_t length = std::numeric_limits<std::uint64_t>::max()) {
    auto reader = store.open(key, offset, length);
    EXPECT_TRUE(reader) << reader.error().message;
    std::string bytes;
    std::string piece(70'001, ' ');
    while (reader) {
      const auto n = (*reader)->read(piece);
      EXPECT_TRUE(n) << n.error().message;
      if (!n || *n == 0) break;
      bytes.append(piece, 0, *n);
    }
    return bytes;
  }
  TemporaryFolder folder_;
};

TEST_P(ObjectStoreConformance, GivesBackWhatWasPut) {
  auto store = open();
  const std::string bytes("\0\x01 text \xff", 9);
  ASSERT_TRUE(store->put("a/b/model.ubj", bytes));
  EXPECT_EQ(store->get("a/b/model.ubj").value(), bytes);
  ASSERT_TRUE(store->put("a/b/model.ubj", "new"));
  EXPECT_EQ(store->get("a/b/model.ubj").value(), "new");
  ASSERT_TRUE(store->put("empty", ""));
  EXPECT_EQ(store->get("empty").value(), "");
  ASSERT_TRUE(store->put("caf\xc3\xa9/a b+c%.txt", "x"));
  EXPECT_EQ(store->get("caf\xc3\xa9/a b+c%.txt").value(), "x");
}

TEST_P(ObjectStoreConformance, TellsSizeAndTime) {
  auto store = open();
  ASSERT_TRUE(store->put("k", "12345"));
  auto info = store->stat("k");
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->key, "k");
  EXPECT_EQ(info->size, 5U);
  EXPECT_GT(info->modified, 1'600'000'000 * core::kMicrosPerSecond);
}

TEST_P(ObjectStoreConformance, TellsWhatIsMissing) {
  auto store = open();
  ASSERT_TRUE(store->put("folder/object", "x"));
  for (const std::string_view key : {"nothing", "folder", "folder/object/below"}) {
    EXPECT_EQ(store->get(key).error().code, core::ErrorCode::kNotFound) << key;
    EXPECT_EQ(store->stat(key).error().code, core::ErrorCode::kNotFound) << key;
    EXPECT_EQ(store->open(key).error().code, core::ErrorCode::kNotFound) << key;
  }
  EXPECT_EQ(store->local_copy("nothing", folder_.path() / "cache").error().code,
            core::ErrorCode::kNotFound);
  EXPECT_TRUE(store->remove("nothing"));
  EXPECT_TRUE(store->remove("folder"));
  EXPECT_EQ(store->get("folder/object").value(), "x");
}

TEST_P(ObjectStoreConformance, ListsAllBelowAPrefixByKey) {
  auto store = open();
  for (const std::string_view key : {"runs/1/b", "runs/1/a/deep", "runs/10/c", "other", "runs/2"})
    ASSERT_TRUE(store->put(key, "x"));
  using Keys = std::vector<std::string>;
  EXPECT_EQ(keys(*store, ""), (Keys{"other", "runs/1/a/deep", "runs/1/b", "runs/10/c", "runs/2"}));
  EXPECT_EQ(keys(*store, "runs/1"), (Keys{"runs/1/a/deep", "runs/1/b", "runs/10/c"}));
  EXPECT_EQ(keys(*store, "runs/1/"), (Keys{"runs/1/a/deep", "runs/1/b"}));
  EXPECT_EQ(keys(*store, "runs/2"), (Keys{"runs/2"}));
  EXPECT_TRUE(keys(*store, "nothing/here").empty());
  EXPECT_TRUE(keys(*store, "other/below").empty());
}

TEST_P(ObjectStoreConformance, ForgetsWhatWasRemoved) {
  auto store = open();
  ASSERT_TRUE(store->put("a/b/c", "x"));
  ASSERT_TRUE(store->remove("a/b/c"));
  EXPECT_EQ(store->get("a/b/c").error().code, core::ErrorCode::kNotFound);
  EXPECT_TRUE(keys(*store, "").empty());
  EXPECT_TRUE(store->put("a", "now an object"));  // no trace of the former folder
}

TEST_P(ObjectStoreConformance, RefusesKeysThatCouldLeaveTheStore) {
  auto store = open();
  const std::string with_nul("a\0b", 3);
  const auto bad = std::to_array<std::string>(
      {"", "/", "/etc/passwd", "a/", "a//b", ".", "..", "../x", "a/../../x", "a/./b", "a/..",
       with_nul, "bad\xff", "overlong\xc0\xaf", "surrogate\xed\xa0\x80", std::string(1025, 'k')});
  for (const std::string& key : bad) {
    EXPECT_EQ(store->put(key, "x").error().code, core::ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store->get(key).error().code, core::ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store->stat(key).error().code, core::ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store->remove(key).error().code, core::ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store->remove_tree(key).error().code, core::ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store->open(key).error().code, core::ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store->create(key).error().code, core::ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store->local_copy(key, folder_.path()).error().code,
              core::ErrorCode::kInvalidArgument)
        << key;
  }
  EXPECT_EQ(store->list("../").error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->list("/").error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_TRUE(store->put(std::string(200, 'k') + "/...", "x"));
}

TEST_P(ObjectStoreConformance, StoresAFileAndGivesALocalCopy) {
  auto store = open();
  TemporaryFolder outside;
  const std::string bytes(3'000'001, 'q');
  std::ofstream(outside.path() / "big.bin") << bytes;
  ASSERT_TRUE(store->put_file("m/big.bin", outside.path() / "big.bin"));
  ASSERT_TRUE(store->put("m/sub/small", "s"));
  EXPECT_EQ(store->stat("m/big.bin")->size, bytes.size());
  auto file = store->local_copy("m/big.bin", outside.path() / "cache");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(core::read_file(*file).value(), bytes);
  auto folder = store->local_copy("m", outside.path() / "cache2");
  ASSERT_TRUE(folder) << folder.error().message;
  EXPECT_EQ(core::read_file(*folder / "sub/small").value(), "s");
  EXPECT_EQ(store->put_file("x", outside.path() / "missing").error().code,
            core::ErrorCode::kNotFound);
  EXPECT_EQ(store->put_file("x", outside.path()).error().code, core::ErrorCode::kInvalidArgument);
}

TEST_P(ObjectStoreConformance, WritesAndReadsAnObjectInPieces) {
  auto store = open();
  std::string bytes;
  auto writer = store->create("big/object");
  ASSERT_TRUE(writer) << writer.error().message;
  for (int i = 0; i < 300; ++i) {
    const std::string piece(static_cast<std::size_t>(1 + i * 97), static_cast<char>('a' + i % 26));
    ASSERT_TRUE((*writer)->write(piece));
    bytes += piece;
  }
  EXPECT_EQ(store->stat("big/object").error().code, core::ErrorCode::kNotFound);
  EXPECT_TRUE(keys(*store, "").empty());
  EXPECT_TRUE(store->list_folder("")->empty());
  ASSERT_TRUE((*writer)->commit());
  writer->reset();
  EXPECT_EQ(read_all(*store, "big/object"), bytes);
  EXPECT_EQ(read_all(*store, "big/object", 1000, 50'000), bytes.substr(1000, 50'000));
  EXPECT_EQ(read_all(*store, "big/object", bytes.size() - 3), bytes.substr(bytes.size() - 3));
  EXPECT_EQ(read_all(*store, "big/object", bytes.size()), "");
  EXPECT_EQ(read_all(*store, "big/object", bytes.size() + 10), "");
  EXPECT_EQ(read_all(*store, "big/object", 5, 0), "");
  EXPECT_EQ((*store->open("big/object", 7, 9))->info().size, bytes.size());
}

TEST_P(ObjectStoreConformance, AWriterThatIsDroppedLeavesNothing) {
  auto store = open();
  ASSERT_TRUE(store->put("k", "old"));
  {
    auto over = store->create("k");
    auto fresh = store->create("new/folder/object");
    ASSERT_TRUE((*over)->write("new"));
    ASSERT_TRUE((*fresh)->write(std::string(100'000, 'x')));
  }
  EXPECT_EQ(store->get("k").value(), "old");
  EXPECT_EQ(keys(*store, ""), std::vector<std::string>{"k"});
  EXPECT_EQ(store->list_folder("")->size(), 1U);
  EXPECT_TRUE(store->put("new", "no trace of a folder"));
}

TEST_P(ObjectStoreConformance, WritesAnEmptyObject) {
  auto store = open();
  auto writer = store->create("empty");
  ASSERT_TRUE(writer && (*writer)->commit());
  EXPECT_EQ(store->get("empty").value(), "");
  EXPECT_EQ(read_all(*store, "empty"), "");
}

TEST_P(ObjectStoreConformance, TellsAnotherVersionWheneverTheBytesAre) {
  auto store = open();
  std::set<std::string> versions;
  // As long as each other, and as quick as can be.
  for (int i = 0; i < 20; ++i) {
    auto writer = store->create("k");
    ASSERT_TRUE(writer && (*writer)->write(fmt::format("{:02}", i)) && (*writer)->commit());
    const std::string version = store->stat("k")->version;
    EXPECT_EQ((*store->open("k"))->info().version, version);
    EXPECT_EQ(store->stat("k")->version, version);
    versions.insert(version);
  }
  EXPECT_EQ(versions.size(), 20U);
}

TEST_P(ObjectStoreConformance, AReaderSeesTheBytesThatWereThereOrTellsThatTheyWentAway) {
  auto store = open();
  const std::string old_bytes(500'000, 'o');
  ASSERT_TRUE(store->put("k", old_bytes));
  auto reader = store->open("k");
  ASSERT_TRUE(reader);
  std::string seen(100'000, ' ');
  std::size_t count = (*reader)->read(seen).value();
  ASSERT_GT(count, 0U);
  ASSERT_TRUE(store->put("k", std::string(400'000, 'n')));
  std::string piece(100'000, ' ');
  bool has_failed = false;
  for (;;) {
    const auto n = (*reader)->read(piece);
    has_failed = !n;
    if (!n) {
      EXPECT_EQ(n.error().code, core::ErrorCode::kCorruption);
      break;
    }
    if (*n == 0) break;
    EXPECT_EQ(piece.substr(0, *n), std::string(*n, 'o'));
    count += *n;
  }
  EXPECT_TRUE(has_failed || count == old_bytes.size()) << count;
}

TEST_P(ObjectStoreConformance, ListsWhatLiesDirectlyInAFolderByName) {
  auto store = open();
  for (const std::string_view key :
       {"b.txt", "a/deep/er/x", "a/y", "ab/z", "a.txt", "caf\xc3\xa9/e"})
    ASSERT_TRUE(store->put(key, "123"));
  const auto names = [&](std::string_view folder) {
    std::vector<std::string> result;
    const auto entries = store->list_folder(folder);
    EXPECT_TRUE(entries) << entries.error().message;
    for (const ObjectEntry& entry : entries.value_or(std::vector<ObjectEntry>{}))
      result.push_back(entry.name + (entry.is_folder ? "/" : fmt::format("={}", entry.size)));
    return result;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(""), (Names{"a/", "a.txt=3", "ab/", "b.txt=3", "caf\xc3\xa9/"}));
  EXPECT_EQ(names("a"), (Names{"deep/", "y=3"}));
  EXPECT_EQ(names("a/deep"), (Names{"er/"}));
  EXPECT_TRUE(names("nothing").empty());
  EXPECT_TRUE(names("b.txt").empty());
  EXPECT_TRUE(names("b.txt/below").empty());
  EXPECT_EQ(store->list_folder("../x").error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_GT(store->list_folder("")->at(1).modified, 1'600'000'000 * core::kMicrosPerSecond);
}

TEST_P(ObjectStoreConformance, RemovesAnObjectAndAllBelowAKey) {
  auto store = open();
  for (const std::string_view key : {"run/a/1", "run/a/b/2", "run/ab/3", "other/4", "file"})
    ASSERT_TRUE(store->put(key, "x"));
  ASSERT_TRUE(store->remove_tree("run/a"));
  EXPECT_EQ(keys(*store, ""), (std::vector<std::string>{"file", "other/4", "run/ab/3"}));
  ASSERT_TRUE(store->remove_tree("file"));
  ASSERT_TRUE(store->remove_tree("other"));
  ASSERT_TRUE(store->remove_tree("nothing"));
  ASSERT_TRUE(store->remove_tree("run/ab/3/below"));
  EXPECT_EQ(keys(*store, ""), std::vector<std::string>{"run/ab/3"});
  EXPECT_EQ(store->list_folder("")->size(), 1U);
  for (const std::string_view key : {"", "..", "run/..", "/"})
    EXPECT_EQ(store->remove_tree(key).error().code, core::ErrorCode::kInvalidArgument) << key;
  EXPECT_TRUE(store->put("other", "now an object"));
}

TEST_P(ObjectStoreConformance, OfManyWritersOfOneKeyOneWinsWhole) {
  auto store = open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        auto writer = store->create("shared/key");
        ASSERT_TRUE(writer) << writer.error().message;
        for (int piece = 0; piece < 20; ++piece)
          ASSERT_TRUE((*writer)->write(std::string(5000, static_cast<char>('a' + t))));
        auto committed = (*writer)->commit();
        ASSERT_TRUE(committed) << committed.error().message;
        const std::string bytes = store->get("shared/key").value();
        ASSERT_EQ(bytes, std::string(100'000, bytes.front()));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(keys(*store, ""), std::vector<std::string>{"shared/key"});
}

TEST_P(ObjectStoreConformance, WritersAndRemoversOfOneTreeDoNotDisturbEachOther) {
  auto store = open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        if (t == 0) {
          auto removed = store->remove_tree("tree");
          ASSERT_TRUE(removed) << removed.error().message;
          continue;
        }
        auto writer = store->create(fmt::format("tree/{}/{}", t, i));
        ASSERT_TRUE(writer) << writer.error().message;
        ASSERT_TRUE((*writer)->write("x"));
        auto committed = (*writer)->commit();
        ASSERT_TRUE(committed) << committed.error().message;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(store->remove_tree("tree"));
  EXPECT_TRUE(keys(*store, "").empty());
}

TEST_P(ObjectStoreConformance, AKilledWriterLeavesNothingThatIsSeen) {
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    auto store = GetParam().open(folder_.path());
    if (!store) return 1;
    auto writer = (*store)->create("run/model.bin");
    if (!writer) return 2;
    for (std::int64_t i = 1;; ++i) {
      if (!(*writer)->write(std::string(50'000, 'x'))) return 3;
      if (!reporter.report(i)) return 4;
    }
  });
  for (int i = 0; i < 10; ++i) ASSERT_GT(child.next(-1), 0);
  child.kill_hard();
  auto store = open();
  EXPECT_TRUE(keys(*store, "").empty());
  EXPECT_TRUE(store->list_folder("")->empty());
  EXPECT_EQ(store->open("run/model.bin").error().code, core::ErrorCode::kNotFound);
  EXPECT_TRUE(store->put("run", "x"));
}

TEST_P(ObjectStoreConformance, ReadersSeeOldOrNewBytesWhole) {
  auto store = open();
  const std::string old_bytes(200'000, 'o');
  const std::string new_bytes(300'000, 'n');
  ASSERT_TRUE(store->put("k", old_bytes));
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      auto bytes = store->get("k");
      ASSERT_TRUE(bytes) << bytes.error().message;
      ASSERT_TRUE(*bytes == old_bytes || *bytes == new_bytes) << bytes->size();
    }
  });
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(store->put("k", i % 2 == 0 ? new_bytes : old_bytes));
  stop = true;
  reader.join();
}

TEST_P(ObjectStoreConformance, ManyWritersAndRemoversOfOneFolderDoNotDisturbEachOther) {
  auto store = open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::string key = fmt::format("shared/deep/{}", t);
      for (int i = 0; i < 20; ++i) {
        auto put = store->put(key, "x");
        ASSERT_TRUE(put) << put.error().message;
        auto removed = store->remove(key);
        ASSERT_TRUE(removed) << removed.error().message;
      }
      ASSERT_TRUE(store->put(key, "last"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(keys(*store, "shared/").size(), 4U);
}

TEST_P(ObjectStoreConformance, WhatWasAcknowledgedSurvivesKill9) {
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    auto store = GetParam().open(folder_.path());
    if (!store) return 1;
    for (std::int64_t i = 1;; ++i) {
      if (!(*store)->put(fmt::format("o/{}", i), std::string(50'000, 'x'))) return 2;
      if (!reporter.report(i)) return 3;
    }
  });
  std::int64_t acknowledged = 0;
  while (acknowledged < 20) {
    acknowledged = child.next(-1);
    ASSERT_GT(acknowledged, 0);
  }
  child.kill_hard();
  for (std::int64_t more = child.next(0); more > 0; more = child.next(0)) acknowledged = more;
  auto store = open();
  auto listed = store->list("o/");
  ASSERT_TRUE(listed);
  EXPECT_GE(listed->size(), static_cast<std::size_t>(acknowledged));
  for (const ObjectInfo& object : *listed) EXPECT_EQ(object.size, 50'000U) << object.key;
}

/// Local files; and the bucket of TENURE_TEST_S3 (s3://bucket?endpoint=…), with credentials in the
/// environment, where tests/clients/s3_test.py gives one.
std::vector<Backend> backends() {
  std::vector<Backend> all{{"file", [](const std::filesystem::path& folder) {
                              return open_object_store("file:///objects", folder.string());
                            }}};
  if (const char* const bucket = std::getenv("TENURE_TEST_S3")) {
    all.push_back({"s3", [url = std::string(bucket)](const std::filesystem::path& folder) {
                     const std::size_t query = std::min(url.find('?'), url.size());
                     return open_object_store(url.substr(0, query) + "/" +
                                                  folder.filename().string() + url.substr(query),
                                              "");
                   }});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Backends, ObjectStoreConformance, ::testing::ValuesIn(backends()),
                         [](const auto& backend) { return backend.param.name; });

}  // namespace
}  // namespace tenure::storage
