#include "core/niceness.h"

#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace tenure::core {
namespace {

int niceness_now() {
  return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
}

TEST(Niceness, IsOfTheCallingThreadAlone) {
  const int before = niceness_now();
  int at_start = -1, after_zero = -1, after = -1;
  std::thread([&] {
    at_start = niceness_now();
    be_nice(0);
    after_zero = niceness_now();
    be_nice(19);  // the most: none of this machine's limits can forbid it
    after = niceness_now();
  }).join();
  EXPECT_EQ(at_start, before);
  EXPECT_EQ(after_zero, before);
  EXPECT_EQ(after, 19);
  EXPECT_EQ(niceness_now(), before);
}

}  // namespace
}  // namespace tenure::core
