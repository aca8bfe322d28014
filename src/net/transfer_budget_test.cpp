#include "net/transfer_budget.h"

#include <string>

#include <gtest/gtest.h>

namespace tenure::net {
namespace {

TEST(TransferBudget, HandsRoomOnInTheOrderOfAsking) {
  TransferBudget budget(2 * TransferBudget::kEach);
  std::string order;
  EXPECT_TRUE(budget.take([&] { order += "x"; }));
  EXPECT_TRUE(budget.take([&] { order += "x"; }));
  EXPECT_FALSE(budget.take([&] { order += "a"; }));
  EXPECT_FALSE(budget.take([&] { order += "b"; }));
  EXPECT_EQ(order, "");
  budget.give_back();
  EXPECT_EQ(order, "a");
  budget.give_back();
  EXPECT_EQ(order, "ab");
  budget.give_back();
  EXPECT_TRUE(budget.take([&] { order += "x"; }));
  EXPECT_FALSE(budget.take([&] { order += "c"; })) << "a still has its room, and so has who took";
  EXPECT_EQ(order, "ab");
}

TEST(TransferBudget, LetsOneTransferGoOnHoweverSmallItIs) {
  TransferBudget budget(0);
  EXPECT_TRUE(budget.take([] {}));
  EXPECT_FALSE(budget.take([] {}));
}

}  // namespace
}  // namespace tenure::net
