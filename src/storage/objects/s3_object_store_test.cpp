#include "storage/objects/s3_object_store.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "core/id.h"
#include "storage/objects/s3_bucket.h"
#include "storage/objects/s3_xml.h"
#include "storage/testing/temporary_folder.h"

// What only a bucket has, on a real server: the bucket of TENURE_TEST_S3
// (tests/clients/s3_test.py).
namespace tenure::storage {
namespace {

class S3ObjectStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* const url = std::getenv("TENURE_TEST_S3");
    if (url == nullptr) GTEST_SKIP() << "TENURE_TEST_S3 names no bucket";
    auto options = read_s3_options(url, process_variable);
    ASSERT_TRUE(options) << options.error().message;
    options_ = *std::move(options);
    options_.prefix = core::random_hex_id();
    store_ = *open_s3_object_store(options_);
  }
  /// The elements of uploads in parts that are not complete.
  std::size_t count_uploads() {
    auto client = *S3Client::open(options_, std::make_shared<core::SystemClock>());
    const auto answer =
        client->call({.method = "GET", .query = {{"uploads", ""}, {"prefix", options_.prefix}}});
    EXPECT_TRUE(answer && answer->is_success());
    std::size_t count = 0;
    const auto root = parse_xml(answer->body);
    for (const XmlElement& element : root->children) count += element.name == "Upload" ? 1 : 0;
    return count;
  }
  S3Options options_;
  std::unique_ptr<ObjectStore> store_;
};

TEST_F(S3ObjectStoreTest, ALargeObjectGoesUpInParts) {
  std::string bytes;
  for (int i = 0; bytes.size() < std::size_t{20} << 20; ++i) bytes += fmt::format("{} ", i);
  auto writer = store_->create("large");
  for (std::size_t at = 0; at < bytes.size(); at += 1'000'000)
    ASSERT_TRUE((*writer)->write(std::string_view(bytes).substr(at, 1'000'000)));
  EXPECT_EQ(count_uploads(), 1U);
  EXPECT_EQ(store_->stat("large").error().code, core::ErrorCode::kNotFound);
  auto committed = (*writer)->commit();
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(count_uploads(), 0U);
  EXPECT_TRUE(store_->get("large").value() == bytes);
  const auto info = store_->stat("large");
  EXPECT_EQ(info->size, bytes.size());
  EXPECT_TRUE(info->version.ends_with("-3")) << info->version;
  ASSERT_TRUE(store_->put("large too", bytes));
  EXPECT_TRUE(store_->get("large too").value() == bytes);
}

TEST_F(S3ObjectStoreTest, AnUploadInPartsThatIsDroppedLeavesNothing) {
  {
    auto writer = store_->create("large");
    ASSERT_TRUE((*writer)->write(std::string(std::size_t{10} << 20, 'x')));
    EXPECT_EQ(count_uploads(), 1U);
  }
  EXPECT_EQ(count_uploads(), 0U);
  EXPECT_TRUE(store_->list("")->empty());
}

TEST_F(S3ObjectStoreTest, ListsAndRemovesMoreThanOnePage) {
  constexpr int kCount = 1'005;
  for (int i = 0; i < kCount; ++i) ASSERT_TRUE(store_->put(fmt::format("many/{:05}", i), ""));
  ASSERT_TRUE(store_->put("many-others/1", ""));
  const auto all = store_->list("many/");
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), static_cast<std::size_t>(kCount));
  EXPECT_EQ(all->back().key, "many/01004");
  EXPECT_EQ(store_->list_folder("many")->size(), static_cast<std::size_t>(kCount));
  auto removed = store_->remove_tree("many");
  ASSERT_TRUE(removed) << removed.error().message;
  const auto left = store_->list("");
  ASSERT_EQ(left->size(), 1U);
  EXPECT_EQ(left->front().key, "many-others/1");
}

TEST_F(S3ObjectStoreTest, KeysOfAnyTextComeBackAndGo) {
  const std::vector<std::string> keys{"a b+c%25&d=e", "caf\xc3\xa9 \xe2\x82\xac/<x>\"'.txt",
                                      "line\nfeed", "q?x=y#z;(1)!*@$,:[2]{3}~|^`\\"};
  for (const std::string& key : keys) {
    auto put = store_->put("odd/" + key, key);
    ASSERT_TRUE(put) << put.error().message;
    EXPECT_EQ(store_->get("odd/" + key).value(), key);
  }
  const auto listed = store_->list("odd/");
  ASSERT_TRUE(listed) << listed.error().message;
  ASSERT_EQ(listed->size(), keys.size());
  for (const std::string& key : keys) {
    EXPECT_EQ(std::count_if(listed->begin(), listed->end(),
                            [&](const ObjectInfo& object) { return object.key == "odd/" + key; }),
              1)
        << key;
  }
  ASSERT_TRUE(store_->remove_tree("odd"));
  EXPECT_TRUE(store_->list("")->empty());
}

TEST_F(S3ObjectStoreTest, ACopyIsMadeOncePerVersion) {
  const testing::TemporaryFolder cache;
  ASSERT_TRUE(store_->put("m/a", "1"));
  const auto first = store_->local_copy("m", cache.path());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(store_->local_copy("m", cache.path()).value(), *first);
  ASSERT_TRUE(store_->put("m/a", "2"));
  const auto second = store_->local_copy("m", cache.path());
  EXPECT_EQ(core::read_file(*first / "a").value(), "1");
  EXPECT_EQ(core::read_file(*second / "a").value(), "2");
}

TEST_F(S3ObjectStoreTest, TellsABucketThatIsNotThereAndKeysThatAreRefused) {
  S3Options wrong = options_;
  wrong.credentials.secret_key = "another";
  const auto refused = (*open_s3_object_store(wrong))->put("k", "x");
  EXPECT_EQ(refused.error().code, core::ErrorCode::kPermissionDenied) << refused.error().message;
  EXPECT_EQ(refused.error().message.find("another"), std::string::npos);
  S3Options missing = options_;
  missing.bucket = "nobody-has-this-bucket";
  const auto store = std::move(*open_s3_object_store(missing));
  for (const core::Error& error : {store->list("").error(), store->get("k").error()}) {
    EXPECT_EQ(error.code, core::ErrorCode::kUnavailable);
    EXPECT_NE(error.message.find("NoSuchBucket"), std::string::npos) << error.message;
  }
}

}  // namespace
}  // namespace tenure::storage
