#include "tracking/multipart_upload.h"

#include <gtest/gtest.h>

#include "storage/testing/temporary_folder.h"

namespace tenure::tracking {
namespace {

using Part = MultipartUploads::Part;

class MultipartUploadsTest : public ::testing::Test {
 protected:
  MultipartUploadsTest()
      : store_(
            std::move(*storage::open_object_store("file:///artifacts", folder_.path().string()))) {}

  Part upload(std::string_view id, std::int64_t number, std::string_view bytes) {
    auto writer = uploads_.open_part(id, number);
    EXPECT_TRUE(writer) << writer.error().message;
    EXPECT_TRUE((*writer)->write(bytes) && (*writer)->commit());
    return {number, uploads_.part_etag(id, number).value()};
  }
  bool is_empty() { return store_->list("")->empty(); }

  storage::testing::TemporaryFolder folder_;
  std::unique_ptr<storage::ObjectStore> store_;
  core::ManualClock clock_{core::SystemClock().now()};
  MultipartUploads uploads_{*store_, clock_};
};

TEST_F(MultipartUploadsTest, PutsPartsTogetherByNumber) {
  const std::string id = uploads_.begin("1/run/model.bin", 3).value();
  const Part third = upload(id, 3, "!");
  const Part first = upload(id, 1, std::string(3'000'000, 'a'));
  upload(id, 2, "a first try");
  const Part second = upload(id, 2, "second");
  EXPECT_EQ(store_->get("1/run/model.bin").error().code, core::ErrorCode::kNotFound);
  const auto done = uploads_.complete(id, "1/run/model.bin", {third, second, first});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(store_->get("1/run/model.bin").value(), std::string(3'000'000, 'a') + "second!");
  EXPECT_TRUE(uploads_.complete(id, "1/run/model.bin", {first, second, third})) << "asked again";
  EXPECT_FALSE(uploads_.open_part(id, 1));
  EXPECT_EQ(store_->list(std::string(MultipartUploads::kUploadsFolder))->size(), 2U);
}

TEST_F(MultipartUploadsTest, GoesOnAfterARestart) {
  const std::string id = uploads_.begin("k", 2).value();
  const Part first = upload(id, 1, "one,");
  auto store = std::move(*storage::open_object_store("file:///artifacts", folder_.path().string()));
  MultipartUploads others(*store, clock_);
  auto writer = others.open_part(id, 2);
  ASSERT_TRUE(writer && (*writer)->write("two") && (*writer)->commit());
  ASSERT_TRUE(others.complete(id, "k", {first, {2, others.part_etag(id, 2).value()}}));
  EXPECT_EQ(store_->get("k").value(), "one,two");
}

TEST_F(MultipartUploadsTest, RefusesPartsThatAreNotThoseThatWereTaken) {
  const std::string id = uploads_.begin("k", 2).value();
  const Part old_first = upload(id, 1, "old");
  const Part first = upload(id, 1, "new");
  const auto code = [&](std::vector<Part> parts) {
    const auto done = uploads_.complete(id, "k", std::move(parts));
    return done ? core::ErrorCode::kInternal : done.error().code;
  };
  EXPECT_EQ(code({}), core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({first}), core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({first, {2, "\"never sent\""}}), core::ErrorCode::kInvalidArgument);
  const Part second = upload(id, 2, "2");
  EXPECT_EQ(code({first, first}), core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({first, second, {3, "x"}}), core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({old_first, second}), core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_->get("k").error().code, core::ErrorCode::kNotFound);
  EXPECT_TRUE(uploads_.complete(id, "k", {first, second}));
}

TEST_F(MultipartUploadsTest, KnowsItsUploadsOnly) {
  const std::string id = uploads_.begin("k", 2).value();
  for (const std::string& other : {std::string(32, '0'), std::string("../") + id, std::string(),
                                   id + "0", std::string(32, 'x')}) {
    EXPECT_EQ(uploads_.open_part(other, 1).error().code, core::ErrorCode::kNotFound) << other;
    EXPECT_EQ(uploads_.abort(other, "k").error().code, core::ErrorCode::kNotFound) << other;
    EXPECT_EQ(uploads_.complete(other, "k", {}).error().code, core::ErrorCode::kNotFound) << other;
  }
  EXPECT_EQ(uploads_.abort(id, "another").error().code, core::ErrorCode::kInvalidArgument);
  for (const std::int64_t number : {-1, 0, 3})
    EXPECT_EQ(uploads_.open_part(id, number).error().code, core::ErrorCode::kInvalidArgument);
  for (const std::int64_t count : {-1, 0, 10'001})
    EXPECT_EQ(uploads_.begin("k", count).error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(uploads_.begin("../k", 1).error().code, core::ErrorCode::kInvalidArgument);
}

TEST_F(MultipartUploadsTest, AnAbortedUploadLeavesNothing) {
  const std::string id = uploads_.begin("k", 1).value();
  upload(id, 1, "x");
  ASSERT_TRUE(uploads_.abort(id, "k"));
  EXPECT_TRUE(is_empty());
  EXPECT_EQ(uploads_.abort(id, "k").error().code, core::ErrorCode::kNotFound);
}

TEST_F(MultipartUploadsTest, GivesUpUploadsToWhichNothingComes) {
  const std::string id = uploads_.begin("k", 1).value();
  upload(id, 1, "x");
  clock_.advance(MultipartUploads::kStaleAfter / 2);
  EXPECT_EQ(uploads_.remove_stale().value(), 0U);
  clock_.advance(MultipartUploads::kStaleAfter);
  const std::string next = uploads_.begin("k", 1).value();
  EXPECT_EQ(uploads_.open_part(id, 1).error().code, core::ErrorCode::kNotFound);
  EXPECT_TRUE(uploads_.open_part(next, 1));
}

}  // namespace
}  // namespace tenure::tracking
