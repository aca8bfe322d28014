// The log under kill -9 and a full disk: what flush() acknowledged is there afterwards, and nothing
// else is damaged. Each fault happens to a process of its own.

#include <csignal>
#include <functional>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "core/random.h"
#include "monitoring/prediction_log_test_data.h"

namespace tenure::monitoring {
namespace {

using testing::numbered_event;
using testing::read_all;
using testing::TemporaryFolder;

/// Runs `body` in a child; its answer is the exit code.
pid_t fork_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

/// Appends for ever, three events a flush, and writes each acknowledged number to the pipe.
int write_until_killed(const std::filesystem::path& folder, std::uint64_t first, int pipe) {
  const core::SystemClock clock;
  core::MetricRegistry metrics;
  auto log = PredictionLog::open({.folder = folder, .segment_max = 8192}, clock, metrics);
  if (!log) return 1;
  for (std::uint64_t i = first;; ++i) {
    (*log)->append(numbered_event(i).view());
    if (i % 3 != 2) continue;
    if (!(*log)->flush()) return 2;
    const std::uint64_t acknowledged = i + 1;
    if (::write(pipe, &acknowledged, sizeof acknowledged) != sizeof acknowledged) return 3;
  }
}

TEST(PredictionLogFaults, KeepsWhatWasAcknowledgedWhenKilledAtRandomPoints) {
  const TemporaryFolder folder;
  core::Random random(20);
  std::uint64_t present = 0;
  for (int round = 0; round < 25; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child =
        fork_child([&] { return write_until_killed(folder.path(), present, ends[1]); });
    ::close(ends[1]);
    std::uint64_t acknowledged = present;
    const std::uint64_t kill_after = 1 + random.below(60);
    for (std::uint64_t i = 0; i < kill_after; ++i) {
      ASSERT_EQ(::read(ends[0], &acknowledged, sizeof acknowledged),
                static_cast<ssize_t>(sizeof acknowledged));
    }
    ::kill(child, SIGKILL);
    EXPECT_TRUE(WIFSIGNALED(wait_for(child)));
    // The last acknowledgements may have been under way in the pipe.
    std::uint64_t late = 0;
    while (::read(ends[0], &late, sizeof late) == sizeof late) acknowledged = late;
    ::close(ends[0]);

    core::Error error;
    const auto read = read_all(folder.path(), &error);
    ASSERT_TRUE(error.message.empty()) << error.message;
    ASSERT_GE(read.size(), acknowledged);
    for (std::size_t i = 0; i < read.size(); ++i) {
      ASSERT_EQ(read[i].prediction_id, fmt::format("n{}", i));
    }
    present = read.size();
  }
}

/// In a child with a limit on the size of files: every write beyond it fails, as on a full disk.
int fill_the_disk(const std::filesystem::path& folder) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0) return 10;
  const core::SystemClock clock;
  core::MetricRegistry metrics;
  auto log = PredictionLog::open({.folder = folder, .buffer_events = 64}, clock, metrics);
  if (!log) return 11;
  (*log)->append(numbered_event(0).view());
  if (!(*log)->flush()) return 12;

  const rlimit full{300, limit.rlim_max};
  if (::setrlimit(RLIMIT_FSIZE, &full) != 0) return 13;
  const core::Counter& dropped = metrics.counter("tenure_prediction_events_dropped_total", "");
  std::uint64_t appended = 1;
  while (dropped.value() < 5) (*log)->append(numbered_event(appended++).view());
  const auto flushed = (*log)->flush();
  if (flushed || flushed.error().code != core::ErrorCode::kResourceExhausted) return 14;

  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 15;
  if (!(*log)->flush()) return 16;
  const std::uint64_t kept = appended - dropped.value();
  const auto read = read_all(folder);
  if (read.size() != kept) return 17;
  // The buffer was kept in order; what came when it was full is what is missing.
  for (std::size_t i = 0; i + 5 < read.size(); ++i) {
    if (read[i].prediction_id != fmt::format("n{}", i)) return 18;
  }
  (*log)->append(numbered_event(appended).view());
  if (!(*log)->flush()) return 19;
  return read_all(folder).size() == kept + 1 ? 0 : 20;
}

TEST(PredictionLogFaults, KeepsTheBufferWhileTheDiskIsFullAndWritesItLater) {
  const TemporaryFolder folder;
  const int status = wait_for(fork_child([&] { return fill_the_disk(folder.path()); }));
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(PredictionLogFaults, CountsWhatAFullDiskKeptFromTheLogAtTheEnd) {
  const TemporaryFolder folder;
  const int status = wait_for(fork_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const core::SystemClock clock;
    core::MetricRegistry metrics;
    {
      auto log = PredictionLog::open({.folder = folder.path()}, clock, metrics);
      if (!log) return 1;
      const rlimit full{0, RLIM_INFINITY};
      if (::setrlimit(RLIMIT_FSIZE, &full) != 0) return 2;
      for (std::uint64_t i = 0; i < 7; ++i) (*log)->append(numbered_event(i).view());
    }
    return metrics.counter("tenure_prediction_events_dropped_total", "").value() == 7 ? 0 : 3;
  }));
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace tenure::monitoring
