// Large objects of a local store: laid out beforehand, written past the page cache where that goes.

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "core/page_buffer.h"
#include "storage/objects/local_object_store.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::storage {
namespace {

using testing::TemporaryFolder;

constexpr std::size_t kPage = core::PageBuffer::kPage;
constexpr std::size_t kPiece = 64 * kPage;

class LargeObject : public ::testing::Test {
 protected:
  LargeObject() {
    auto store = open_local_object_store(folder_.path() / "objects");
    EXPECT_TRUE(store);
    store_ = *std::move(store);
    for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<char>(i * 31 % 251);
  }

  /// Writes all in pieces of `piece` bytes whose addresses are `off` past a page.
  core::Result<> write(ObjectWriter& writer, std::size_t piece, std::size_t off) {
    for (std::string_view rest = bytes_; !rest.empty();) {
      const std::string_view part = rest.substr(0, piece);
      part.copy(room_.data() + off, part.size());
      if (auto done = writer.write({room_.data() + off, part.size()}); !done) return done;
      rest.remove_prefix(part.size());
    }
    return {};
  }

  TemporaryFolder folder_;
  std::unique_ptr<ObjectStore> store_;
  core::PageBuffer room_{kPiece + kPage};
  std::string bytes_ = std::string(12 * kPiece + 1234, ' ');
};

TEST_F(LargeObject, IsTheSameHoweverItsPiecesLie) {
  for (const std::size_t piece : {kPiece, kPage, kPage + 1, std::size_t{100'000}}) {
    for (const std::size_t off : {std::size_t{0}, std::size_t{1}, std::size_t{512}}) {
      auto writer = store_->create("a/b");
      ASSERT_TRUE(writer);
      ASSERT_TRUE((*writer)->expect(bytes_.size()));
      ASSERT_TRUE(write(**writer, piece, off));
      ASSERT_TRUE((*writer)->commit());
      const auto got = store_->get("a/b");
      ASSERT_TRUE(got);
      EXPECT_TRUE(*got == bytes_) << piece << " " << off;
    }
  }
}

TEST_F(LargeObject, IsAsLongAsWhatWasWrittenAndNotAsWhatWasExpected) {
  for (const std::uint64_t expected : {bytes_.size() * 3, bytes_.size() / 2, std::size_t{0}}) {
    auto writer = store_->create("f");
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->expect(expected));
    ASSERT_TRUE(write(**writer, kPiece, 0));
    ASSERT_TRUE((*writer)->commit());
    const auto got = store_->get("f");
    ASSERT_TRUE(got);
    EXPECT_TRUE(*got == bytes_) << expected;
  }
}

TEST_F(LargeObject, IsRefusedBeforeItsBytesWhenThereIsNoRoom) {
  {
    auto writer = store_->create("f");
    ASSERT_TRUE(writer);
    const auto refused = (*writer)->expect(std::uint64_t{1} << 60);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, core::ErrorCode::kResourceExhausted);
    EXPECT_NE(refused.error().message.find("1152921504606846976"), std::string::npos);
    EXPECT_NE(refused.error().message.find((folder_.path() / "objects").string()),
              std::string::npos);
    EXPECT_FALSE((*writer)->commit());
  }
  EXPECT_FALSE(store_->stat("f"));
}

TEST_F(LargeObject, SaysWhereTheBytesOfAPartLie) {
  ASSERT_TRUE(store_->put("f", bytes_));
  auto reader = store_->open("f", 1000, 5000);
  ASSERT_TRUE(reader);
  const auto lies = (*reader)->local_bytes();
  ASSERT_TRUE(lies);
  EXPECT_EQ(lies->offset, 1000U);
  EXPECT_EQ(lies->length, 5000U);
  EXPECT_GE(lies->handle, 0);
}

}  // namespace
}  // namespace tenure::storage
