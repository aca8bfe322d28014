#include "core/descriptor.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>

#include <gtest/gtest.h>

namespace tenure::core {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) != -1;
}

TEST(Descriptor, ClosesWhatItOwnsOnce) {
  int number = -1;
  {
    Descriptor file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    number = file.get();
    Descriptor moved(std::move(file));
    EXPECT_FALSE(file.is_open());  // NOLINT(bugprone-use-after-move)
    Descriptor assigned;
    assigned = std::move(moved);
    EXPECT_EQ(assigned.get(), number);
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
  Descriptor none;
  EXPECT_TRUE(none.close());
  Descriptor wrong(1'000'000);
  EXPECT_FALSE(wrong.close());
  EXPECT_EQ(errno, EBADF);
}

TEST(WriteAll, WritesInAsManyPiecesAsItTakes) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  const std::string sent(1'000'000, 'x');  // more than a pipe holds
  std::thread writer([&] {
    EXPECT_TRUE(write_all(writing.get(), sent));
    EXPECT_TRUE(writing.close());
  });
  std::string got;
  char buffer[65536];
  for (ssize_t n = 0; (n = ::read(reading.get(), buffer, sizeof buffer)) > 0;)
    got.append(buffer, static_cast<std::size_t>(n));
  writer.join();
  EXPECT_EQ(got, sent);
}

TEST(WriteAll, TellsWhyItCannotWrite) {
  const Descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_FALSE(write_all(full.get(), "x"));
  EXPECT_EQ(errno, ENOSPC);
  EXPECT_FALSE(write_all_at(full.get(), "x", 0));
  EXPECT_EQ(errno, ENOSPC);
}

}  // namespace
}  // namespace tenure::core
