#include "storage/objects/local_object_store.h"

#include <atomic>
#include <chrono>
#include <fstream>
#include <set>
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
namespace fs = std::filesystem;

class LocalObjectStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = std::move(*open_object_store("file:///objects", folder_.path().string()));
    root_ = fs::canonical(folder_.path() / "objects");
  }
  TemporaryFolder folder_;
  std::unique_ptr<ObjectStore> store_;
  fs::path root_;
};

TEST_F(LocalObjectStoreTest, NamesObjectsByFileUri) {
  EXPECT_EQ(store_->uri("a/b c/%.ubj"), "file://" + root_.string() + "/a/b%20c/%25.ubj");
  EXPECT_EQ(store_->uri(""), "file://" + root_.string());
}

TEST_F(LocalObjectStoreTest, RefusesLinksThatLeaveTheRoot) {
  const TemporaryFolder outside;
  std::ofstream(outside.path() / "secret") << "s";
  fs::create_symlink(outside.path(), root_ / "out");
  fs::create_symlink(outside.path() / "secret", root_ / "file");
  for (const std::string_view key : {"out/secret", "file", "out/new"}) {
    EXPECT_EQ(store_->get(key).error().code, core::ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store_->put(key, "x").error().code, core::ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store_->remove(key).error().code, core::ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store_->local_copy(key, "").error().code, core::ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store_->open(key).error().code, core::ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store_->create(key).error().code, core::ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store_->remove_tree(key).error().code, core::ErrorCode::kInvalidArgument) << key;
  }
  EXPECT_EQ(store_->list("out/").error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_->list_folder("out").error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_TRUE(store_->list("")->empty());
  EXPECT_TRUE(store_->list_folder("")->empty());
  EXPECT_EQ(core::read_file(outside.path() / "secret").value(), "s");
  EXPECT_FALSE(fs::exists(outside.path() / "new"));
}

TEST_F(LocalObjectStoreTest, FollowsLinksThatStayInside) {
  ASSERT_TRUE(store_->put("real/object", "x"));
  fs::create_symlink(root_ / "real", root_ / "alias");
  EXPECT_EQ(store_->get("alias/object").value(), "x");
}

TEST_F(LocalObjectStoreTest, HidesUnfinishedWrites) {
  ASSERT_TRUE(store_->put("model.ubj", "x"));
  std::ofstream(root_ / "model.ubj.0123456789ab.tmp") << "half";
  EXPECT_EQ(store_->list("")->size(), 1U);
  EXPECT_EQ(store_->put("other.0123456789ab.tmp", "x").error().code,
            core::ErrorCode::kInvalidArgument);
  EXPECT_TRUE(store_->put("plain.tmp", "x"));
}

TEST_F(LocalObjectStoreTest, HidesAndKeepsTheFolderOfUnfinishedWrites) {
  auto writer = store_->create("a/b");
  ASSERT_TRUE(writer && (*writer)->write("half"));
  EXPECT_TRUE(fs::exists(root_ / ".tenure-unfinished"));
  EXPECT_TRUE(store_->list("")->empty());
  EXPECT_TRUE(store_->list(".tenure-unfinished/")->empty());
  EXPECT_TRUE(store_->list_folder("")->empty());
  EXPECT_TRUE(store_->list_folder(".tenure-unfinished")->empty());
  for (const std::string_view key : {".tenure-unfinished", ".tenure-unfinished/x"}) {
    EXPECT_EQ(store_->put(key, "x").error().code, core::ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store_->remove_tree(key).error().code, core::ErrorCode::kInvalidArgument) << key;
  }
  ASSERT_TRUE((*writer)->commit());
  writer->reset();
  EXPECT_FALSE(fs::exists(root_ / ".tenure-unfinished"));
  EXPECT_EQ(core::read_file(root_ / "a/b").value(), "half");
}

TEST_F(LocalObjectStoreTest, RemovesWhatKilledProcessesLeftADayAgo) {
  const fs::path waiting = root_ / ".tenure-unfinished";
  fs::create_directories(waiting / ".00000000000a.tmp/half/removed");
  std::ofstream(waiting / ".0123456789ab.tmp") << "old";
  std::ofstream(waiting / ".0123456789ac.tmp") << "young";
  fs::last_write_time(waiting / ".0123456789ab.tmp",
                      fs::file_time_type::clock::now() - std::chrono::hours(25));
  auto again = open_object_store("file:///objects", folder_.path().string());
  ASSERT_TRUE(again);
  EXPECT_FALSE(fs::exists(waiting / ".0123456789ab.tmp"));
  EXPECT_FALSE(fs::exists(waiting / ".00000000000a.tmp"));
  EXPECT_TRUE(fs::exists(waiting / ".0123456789ac.tmp"));
}

TEST_F(LocalObjectStoreTest, TellsAtTheBeginningThatAnObjectCannotBeNamedSo) {
  ASSERT_TRUE(store_->put("a/b", "x"));
  EXPECT_EQ(store_->create("a").error().code, core::ErrorCode::kConflict);
  const auto below = store_->create("a/b/c/d");
  ASSERT_FALSE(below);
  EXPECT_EQ(below.error().code, core::ErrorCode::kConflict);
  EXPECT_NE(below.error().message.find("'a/b' is an object, not a folder"), std::string::npos);
  // And at the end, when it was not so at the beginning.
  auto writer = store_->create("later/x");
  ASSERT_TRUE(writer);
  ASSERT_TRUE(store_->put("later", "x"));
  EXPECT_EQ((*writer)->commit().error().code, core::ErrorCode::kConflict);
}

TEST_F(LocalObjectStoreTest, TellsWhenAFileShrinksWhileItIsRead) {
  ASSERT_TRUE(store_->put("k", std::string(100'000, 'x')));
  auto reader = store_->open("k");
  std::string piece(10'000, ' ');
  ASSERT_EQ((*reader)->read(piece).value(), 10'000U);
  fs::resize_file(root_ / "k", 10'000);
  EXPECT_EQ((*reader)->read(piece).error().code, core::ErrorCode::kCorruption);
}

TEST_F(LocalObjectStoreTest, ANamedPipeIsNoObject) {
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(store_->open("pipe").error().code, core::ErrorCode::kNotFound);
  EXPECT_TRUE(store_->list_folder("")->empty());
}

TEST_F(LocalObjectStoreTest, TakesSegmentsAsLongAsTheFileSystemDoes) {
  const std::string longest(255, 'n');
  const fs::path file = folder_.path() / "file";
  std::ofstream(file) << "streamed";
  ASSERT_TRUE(store_->put("a/" + longest, "x"));
  EXPECT_EQ(store_->get("a/" + longest).value(), "x");
  ASSERT_TRUE(store_->put_file("b/" + longest, file));
  EXPECT_EQ(store_->get("b/" + longest).value(), "streamed");
  EXPECT_EQ(store_->list("")->size(), 2U);
  EXPECT_EQ(store_->put(longest + "n", "x").error().code, core::ErrorCode::kInvalidArgument);
}

TEST_F(LocalObjectStoreTest, ListsAllObjectsWhileFoldersComeAndGo) {
  std::set<std::string> stable;
  for (int i = 0; i < 20; ++i) {
    stable.insert("stable/" + std::to_string(i) + "/object");
    ASSERT_TRUE(store_->put("stable/" + std::to_string(i) + "/object", "x"));
  }
  std::atomic<bool> is_done{false};
  std::thread churn([&] {
    // As remove() does it, many times faster: no fsync.
    for (int i = 0; !is_done; i = (i + 1) % 20) {
      const fs::path folder = root_ / "stable" / std::to_string(i) / "passing";
      fs::create_directories(folder / "deeper");
      fs::remove(folder / "deeper");
      fs::remove(folder);
    }
  });
  for (int round = 0; round < 1000; ++round) {
    const auto listed = store_->list("");
    std::set<std::string> keys;
    if (listed)
      for (const ObjectInfo& object : *listed) keys.insert(object.key);
    EXPECT_EQ(keys, stable) << "round " << round;
    if (keys != stable) break;
  }
  is_done = true;
  churn.join();
}

TEST_F(LocalObjectStoreTest, AnObjectAndAFolderOfOneNameConflict) {
  ASSERT_TRUE(store_->put("a/b", "x"));
  EXPECT_EQ(store_->put("a", "y").error().code, core::ErrorCode::kConflict);
  EXPECT_EQ(store_->put("a/b/c", "y").error().code, core::ErrorCode::kConflict);
  EXPECT_EQ(store_->get("a/b").value(), "x");
}

TEST_F(LocalObjectStoreTest, AFullDiskIsToldAndTheOldBytesStay) {
  ASSERT_TRUE(store_->put("k", "old"));
  const fs::path big = folder_.path() / "big";
  std::ofstream(big) << std::string(2'000'000, 'b');
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    testing::limit_file_size(1'000'000);
    auto put = store_->put("k", std::string(2'000'000, 'n'));
    reporter.report(put ? -2 : static_cast<std::int64_t>(put.error().code));
    auto streamed = store_->put_file("k", big);
    reporter.report(streamed ? -2 : static_cast<std::int64_t>(streamed.error().code));
    auto writer = store_->create("k");
    if (!writer || !(*writer)->write(std::string(900'000, 'n'))) return 1;
    auto last = (*writer)->write(std::string(200'000, 'n'));
    reporter.report(last ? -2 : static_cast<std::int64_t>(last.error().code));
    return (*writer)->commit() ? 2 : 0;
  });
  EXPECT_EQ(static_cast<core::ErrorCode>(child.next(-1)), core::ErrorCode::kResourceExhausted);
  EXPECT_EQ(static_cast<core::ErrorCode>(child.next(-1)), core::ErrorCode::kResourceExhausted);
  EXPECT_EQ(static_cast<core::ErrorCode>(child.next(-1)), core::ErrorCode::kResourceExhausted);
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(store_->get("k").value(), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), fs::directory_iterator()), 1);
}

TEST_F(LocalObjectStoreTest, RefusesAFolderItMayNotWrite) {
  ASSERT_TRUE(store_->put("k", "old"));
  ::chmod(root_.c_str(), 0555);
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    if (!testing::become_ordinary_user()) return 1;
    auto put = store_->put("k", "new");
    reporter.report(put ? -2 : static_cast<std::int64_t>(put.error().code));
    auto opened = open_local_object_store(root_ / "sub");
    reporter.report(opened ? -2 : static_cast<std::int64_t>(opened.error().code));
    return store_->get("k").value_or("") == "old" ? 0 : 2;
  });
  EXPECT_EQ(static_cast<core::ErrorCode>(child.next(-1)), core::ErrorCode::kPermissionDenied);
  EXPECT_EQ(static_cast<core::ErrorCode>(child.next(-1)), core::ErrorCode::kPermissionDenied);
  EXPECT_EQ(child.wait(), 0);
  ::chmod(root_.c_str(), 0755);
}

TEST(LocalObjectStore, RefusesAFileAsItsRoot) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "objects") << "x";
  EXPECT_EQ(open_object_store("file:///objects", folder.path().string()).error().code,
            core::ErrorCode::kConflict);
  EXPECT_EQ(open_object_store("ftp://host/x", "").error().code, core::ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace tenure::storage
