#include "core/file.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "core/id.h"
#include "core/sha256.h"

namespace tenure::core {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  ~FileTest() override { fs::remove_all(folder_); }

  /// Runs `body` in a child process, which ends with its answer.
  template <typename Body>
  static int in_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  const fs::path folder_ = fs::temp_directory_path() / random_hex_id();
  const fs::path file_ = folder_ / "sub" / "file";
};

TEST_F(FileTest, ReadsWhatWasWrittenAndMakesFolders) {
  const std::string content("a\0b\nc", 5);
  ASSERT_TRUE(write_file_atomically(file_, content).has_value());
  EXPECT_EQ(read_file(file_).value(), content);
  ASSERT_TRUE(write_file_atomically(file_, "").has_value());
  EXPECT_EQ(read_file(file_).value(), "");
  const std::string large(3'000'000, 'x');
  ASSERT_TRUE(write_file_atomically(file_, large).has_value());
  EXPECT_EQ(read_file(file_).value(), large);
  EXPECT_EQ(sha256_file(file_).value(), sha256_hex(large));
}

TEST_F(FileTest, SaysWhatIsWrongWithAPath) {
  EXPECT_EQ(read_file(file_).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(write_file_atomically(file_, "x").has_value());
  EXPECT_EQ(read_file(folder_).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(sha256_file(folder_ / "none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(make_directories(file_ / "below").error().code, ErrorCode::kConflict);
  EXPECT_EQ(write_file_atomically(file_ / "below", "x").error().code, ErrorCode::kConflict);
  EXPECT_EQ(sync_directory(folder_ / "none").error().code, ErrorCode::kNotFound);
  const auto long_name = write_file_atomically(folder_ / std::string(300, 'a'), "x");
  EXPECT_EQ(long_name.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(read_file(folder_ / "none").error().message.find((folder_ / "none").string()),
            std::string::npos);
}

TEST_F(FileTest, AFolderInTheWayIsNotReplaced) {
  ASSERT_TRUE(make_directories(file_).has_value());
  const auto written = write_file_atomically(file_, "x");
  ASSERT_FALSE(written.has_value());
  EXPECT_TRUE(fs::is_directory(file_));
}

TEST_F(FileTest, ReadsFilesWhoseSizeIsNotKnown) {
  const auto status = read_file("/proc/self/status");
  ASSERT_TRUE(status.has_value());
  EXPECT_NE(status->find("Pid:"), std::string::npos);
}

TEST_F(FileTest, KeepsTheOldFileWhenTheDiskIsFull) {
  ASSERT_TRUE(write_file_atomically(file_, "old").has_value());
  const int code = in_child([&] {
    // A limit on file sizes fails the write as a full disk does: half of the bytes are there.
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto written = write_file_atomically(file_, std::string(10'000, 'n'));
    if (written) return 1;
    return written.error().code == ErrorCode::kResourceExhausted ? 42 : 2;
  });
  EXPECT_EQ(code, 42);
  EXPECT_EQ(read_file(file_).value(), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(file_.parent_path()), fs::directory_iterator{}),
            1);
}

TEST_F(FileTest, MapsTheReasonsOfTheSystem) {
  const auto code = [](int number) { return system_error(number, "cannot write", "x").code; };
  EXPECT_EQ(code(ENOSPC), ErrorCode::kResourceExhausted);
  EXPECT_EQ(code(EDQUOT), ErrorCode::kResourceExhausted);
  EXPECT_EQ(code(EACCES), ErrorCode::kPermissionDenied);
  EXPECT_EQ(code(EROFS), ErrorCode::kPermissionDenied);
  EXPECT_EQ(code(EIO), ErrorCode::kUnavailable);
  EXPECT_EQ(code(ENOENT), ErrorCode::kNotFound);
}

TEST_F(FileTest, RemovesOnlyOldUnfinishedFiles) {
  const fs::path folder = file_.parent_path() / "state";
  fs::create_directories(folder / "runs");
  const auto make = [&](const fs::path& path, std::time_t modified) {
    std::ofstream(path) << "half";
    const timespec times[] = {{modified, 0}, {modified, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  };
  make(folder / "runs" / "old.0123456789ab.tmp", 1000);
  make(folder / "young.0123456789ab.tmp", 3000);
  make(folder / "old.json", 1000);
  const fs::path elsewhere = file_.parent_path() / "elsewhere.tmp";
  make(elsewhere, 1000);
  fs::create_symlink(elsewhere, folder / "link.tmp");

  EXPECT_EQ(remove_unfinished_files(folder, 2000 * kMicrosPerSecond), 1U);
  EXPECT_FALSE(fs::exists(folder / "runs" / "old.0123456789ab.tmp"));
  EXPECT_TRUE(fs::exists(folder / "young.0123456789ab.tmp"));
  EXPECT_TRUE(fs::exists(folder / "old.json"));
  EXPECT_TRUE(fs::exists(elsewhere));
  EXPECT_TRUE(fs::is_symlink(folder / "link.tmp"));
  EXPECT_EQ(remove_unfinished_files(folder / "none", 2000 * kMicrosPerSecond), 0U);
}

TEST_F(FileTest, AKilledWriterLeavesTheOldOrTheNewContentWhole) {
  // Each round kills a writer that replaces the file again and again, at a moment of chance.
  const std::string a(200'000, 'a');
  const std::string b(200'000, 'b');
  ASSERT_TRUE(write_file_atomically(file_, a).has_value());
  for (int round = 0; round < 25; ++round) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const char byte = 'r';
      for (bool is_first = true;; is_first = false) {
        if (!write_file_atomically(file_, b) || !write_file_atomically(file_, a)) ::_exit(1);
        if (is_first && ::write(ready[1], &byte, 1) != 1) ::_exit(1);
      }
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    // Read on while it writes: what is visible is whole at every moment, not only at the end.
    for (int i = 0; i <= round; ++i) {
      const std::string seen = read_file(file_).value();
      ASSERT_TRUE(seen == a || seen == b);
    }
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    ::close(ready[0]);
    ::close(ready[1]);
    const std::string left = read_file(file_).value();
    ASSERT_TRUE(left == a || left == b);
  }
}

}  // namespace
}  // namespace tenure::core
