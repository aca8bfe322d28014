#include "decision/control_group.h"

#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tenure::decision {
namespace {

TEST(ControlGroup, HoldsItsShareOfCustomers) {
  for (const double share : {0.05, 0.1, 0.5}) {
    const ControlGroup group(share, "spring");
    const int n = 100'000;
    int members = 0;
    for (int i = 0; i < n; ++i) members += group.has(fmt::format("{:04}-ABCDE", i)) ? 1 : 0;
    // Four standard deviations.
    EXPECT_NEAR(members, n * share, 4 * std::sqrt(n * share * (1 - share)));
  }
}

TEST(ControlGroup, IsAnotherOneForAnotherCampaign) {
  const ControlGroup spring(0.1, "spring"), autumn(0.1, "autumn");
  int both = 0;
  const int n = 100'000;
  for (int i = 0; i < n; ++i) {
    const std::string id = std::to_string(i);
    both += spring.has(id) && autumn.has(id) ? 1 : 0;
  }
  EXPECT_NEAR(both, n * 0.01, 4 * std::sqrt(n * 0.01));
}

TEST(ControlGroup, GrowsWithItsShareAndKeepsItsMembers) {
  const ControlGroup small(0.05, "spring"), large(0.2, "spring");
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = std::to_string(i);
    EXPECT_TRUE(large.has(id) || !small.has(id)) << id;
  }
}

TEST(ControlGroup, StaysTheSameForEver) {
  // Who was told which group must be told the same by later versions.
  const ControlGroup group(0.5, "spring 2026");
  std::string members;
  for (const char* id : {"7590-VHVEG", "5575-GNVDE", "3668-QPYBK", "7795-CFOCW", "9237-HQITU",
                         "9305-CDSKC", "1452-KIOVK", "6713-OKOMC"})
    members += group.has(id) ? '1' : '0';
  EXPECT_EQ(members, "11011000");
}

TEST(ControlGroup, HasNobodyWithoutAnIdOrAShare) {
  EXPECT_FALSE(ControlGroup(1, "spring").has(""));
  EXPECT_TRUE(ControlGroup(1, "spring").has("a"));
  EXPECT_FALSE(ControlGroup(0, "spring").has("a"));
  EXPECT_FALSE(ControlGroup().has("a"));
}

}  // namespace
}  // namespace tenure::decision
