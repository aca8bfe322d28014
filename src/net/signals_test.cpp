#include "net/signals.h"

#include <cerrno>
#include <csignal>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/wait.h>

namespace tenure::net {
namespace {

/// Signals concern a whole process, so each case has its own; `act` gives its exit status.
template <typename Act>
int status_of_process(Act act) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(act());
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(Signals, AStopSignalIsWaitedForByOneThreadAndEndsNoOther) {
  for (const int number : {SIGTERM, SIGINT}) {
    const int status = status_of_process([number] {
      block_stop_signals();
      std::thread worker([number] { ::kill(::getpid(), number); });
      const int seen = wait_for_stop_signal();
      worker.join();
      return seen;
    });
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), number);
  }
}

TEST(Signals, ASecondStopSignalEndsTheProcessAtOnce) {
  const int status = status_of_process([] {
    block_stop_signals();
    ::kill(::getpid(), SIGTERM);
    wait_for_stop_signal();
    ::kill(::getpid(), SIGTERM);
    return 0;
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST(Signals, WritingToAClosedPipeIsAnErrorAndNotTheEnd) {
  const int status = status_of_process([] {
    block_stop_signals();
    int ends[2];
    if (::pipe(ends) != 0) return 1;
    ::close(ends[0]);
    const char byte = 'x';
    return ::write(ends[1], &byte, 1) == -1 && errno == EPIPE ? 42 : 2;
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

}  // namespace
}  // namespace tenure::net
