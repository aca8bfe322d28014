#include "net/file_source.h"

#include <array>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "core/id.h"
#include "net/test_transfers.h"

namespace tenure::net {
namespace {

class FileSourceTest : public testing::Test {
 protected:
  FileSourceTest() {
    std::filesystem::create_directory(folder_);
    std::ofstream(path_, std::ios::binary) << transfer_text(1000);
  }
  ~FileSourceTest() override { std::filesystem::remove_all(folder_); }

  static std::string read_all(BodySource& source, std::size_t step) {
    std::string all, piece(step, ' ');
    while (all.size() < source.size()) {
      const auto n = source.read(piece);
      if (!n || *n == 0) return "broken";
      all.append(piece, 0, *n);
    }
    return all;
  }

  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / core::random_hex_id();
  std::filesystem::path path_ = folder_ / "body";
};

TEST_F(FileSourceTest, GivesTheWholeFileOrTheRangeAskedFor) {
  auto whole = FileSource::open(path_);
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ((*whole)->size(), 1000U);
  EXPECT_EQ(read_all(**whole, 300), transfer_text(1000));
  FileSource part(::open(path_.c_str(), O_RDONLY | O_CLOEXEC), {100, 7});
  EXPECT_EQ(part.size(), 7U);
  EXPECT_EQ(read_all(part, 300), transfer_text(7, 100));
}

TEST_F(FileSourceTest, DoesNotSendWhatIsAppendedMeanwhile) {
  auto source = FileSource::open(path_);
  std::ofstream(path_, std::ios::app) << "more";
  EXPECT_EQ(read_all(**source, 4096), transfer_text(1000));
}

TEST_F(FileSourceTest, TellsThatTheFileHasBecomeShorter) {
  auto source = FileSource::open(path_);
  std::filesystem::resize_file(path_, 10);
  std::array<char, 100> room;
  EXPECT_EQ((*source)->read(room).value(), 10U);
  const auto gone = (*source)->read(room);
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(gone.error().code, core::ErrorCode::kCorruption);
}

TEST_F(FileSourceTest, RefusesWhatIsNoPlainFile) {
  EXPECT_EQ(FileSource::open(folder_ / "none").error().code, core::ErrorCode::kNotFound);
  EXPECT_EQ(FileSource::open(folder_).error().code, core::ErrorCode::kInvalidArgument);
}

TEST_F(FileSourceTest, ATextIsASourceToo) {
  TextSource source("abcdefg");
  EXPECT_EQ(source.size(), 7U);
  EXPECT_EQ(read_all(source, 3), "abcdefg");
}

}  // namespace
}  // namespace tenure::net
