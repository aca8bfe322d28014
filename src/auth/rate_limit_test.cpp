#include "auth/rate_limit.h"

#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tenure::auth {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr RatePolicy kSixInAMinute{.requests = 6, .window = 60'000'000};

TEST(RateBucket, GivesABurstThenComesBackEvenly) {
  RateBucket bucket;
  std::int64_t now = 1000 * kSecond;
  for (int left = 5; left >= 0; --left) {
    const RateState state = bucket.take(kSixInAMinute, now);
    EXPECT_TRUE(state.is_allowed);
    EXPECT_EQ(state.limit, 6);
    EXPECT_EQ(state.remaining, left);
    EXPECT_EQ(state.reset_s, (6 - left) * 10);
  }
  RateState state = bucket.take(kSixInAMinute, now);
  EXPECT_FALSE(state.is_allowed);
  EXPECT_EQ(state.remaining, 0);
  EXPECT_EQ(state.retry_after_s, 10);
  now += 9 * kSecond;
  state = bucket.take(kSixInAMinute, now);
  EXPECT_FALSE(state.is_allowed);
  EXPECT_EQ(state.retry_after_s, 1);
  now += 1 * kSecond;
  EXPECT_TRUE(bucket.take(kSixInAMinute, now).is_allowed);
  EXPECT_FALSE(bucket.take(kSixInAMinute, now).is_allowed);
  EXPECT_FALSE(bucket.is_full(now + 59 * kSecond));
  EXPECT_TRUE(bucket.is_full(now + 60 * kSecond));
  EXPECT_EQ(bucket.take(kSixInAMinute, now + 3600 * kSecond).remaining, 5);
}

TEST(RateBucket, HasNoLimitWithoutRequests) {
  RateBucket bucket;
  const RateState state = bucket.take({.requests = 0, .window = 60'000'000}, 5);
  EXPECT_TRUE(state.is_allowed);
  EXPECT_EQ(state.limit, 0);
}

TEST(RateBucket, TakesASmallerPolicyWithinAWindowOfIt) {
  RateBucket bucket;
  for (int i = 0; i < 1000; ++i) bucket.take({.requests = 1000, .window = 3600'000'000}, 0);
  const RateState state = bucket.take({.requests = 1, .window = 1'000'000}, 0);
  EXPECT_FALSE(state.is_allowed);
  EXPECT_EQ(state.retry_after_s, 1);
}

TEST(RateBucket, GivesNoMoreToManyThreads) {
  RateBucket bucket;
  const RatePolicy policy{.requests = 1000, .window = 60'000'000};
  std::atomic<int> allowed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) allowed += bucket.take(policy, kSecond).is_allowed ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(allowed.load(), 1000);
}

RC_GTEST_PROP(RateBucket, NeverGivesMoreThanABurstAndWhatCameBack, ()) {
  const RatePolicy policy{.requests = *rc::gen::inRange<std::int64_t>(1, 50),
                          .window = *rc::gen::inRange<std::int64_t>(1, 100) * 1'000'000};
  RateBucket bucket;
  const std::int64_t start = 77;
  std::int64_t now = start;
  std::int64_t allowed = 0;
  for (const auto pause : *rc::gen::container<std::vector<std::int64_t>>(
           rc::gen::inRange<std::int64_t>(0, 20 * kSecond))) {
    now += pause;
    allowed += bucket.take(policy, now).is_allowed ? 1 : 0;
    const std::int64_t each = policy.window * 1000 / policy.requests;
    RC_ASSERT(allowed <= policy.requests + (now - start) / each + 1);
  }
}

TEST(ClientOf, IsTheAddressOrTheNetworkOfASite) {
  EXPECT_EQ(client_of("192.0.2.1:51234"), "192.0.2.1");
  EXPECT_EQ(client_of("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(client_of("[2001:db8:1:2:3:4:5:6]:80"), "2001:db8:1:2");
  EXPECT_EQ(client_of("2001:db8:1:2:9:9:9:9"), "2001:db8:1:2");
  EXPECT_EQ(client_of("[2001:db8::1]:80"), "2001:db8::");
  EXPECT_EQ(client_of("[::1]:80"), "::");
  EXPECT_EQ(client_of("[::ffff:192.0.2.1]:80"), "192.0.2.1");
  EXPECT_EQ(client_of(""), "");
  EXPECT_EQ(client_of("["), "");
}

TEST(AddressBuckets, CountEachAddressByItself) {
  AddressBuckets buckets(7);
  const RatePolicy policy{.requests = 2, .window = 60'000'000};
  for (const char* remote : {"10.0.0.1:1000", "10.0.0.2:1000"}) {
    EXPECT_TRUE(buckets.take(policy, remote, kSecond).is_allowed);
    EXPECT_TRUE(buckets.take(policy, remote, kSecond).is_allowed);
    EXPECT_FALSE(buckets.take(policy, remote, kSecond).is_allowed);
  }
  EXPECT_FALSE(buckets.take(policy, "10.0.0.1:2000", kSecond).is_allowed) << "another port";
  EXPECT_TRUE(buckets.take(policy, "10.0.0.1:2000", 31 * kSecond).is_allowed);
}

TEST(AddressBuckets, StayLimitedWhenThereAreMoreAddressesThanRoom) {
  AddressBuckets buckets(7);
  const RatePolicy policy{.requests = 1, .window = 60'000'000};
  int allowed = 0;
  for (int i = 0; i < 40'000; ++i) {
    const std::string remote = fmt::format("10.{}.{}.{}:1", i >> 16 & 255, i >> 8 & 255, i & 255);
    allowed += buckets.take(policy, remote, kSecond).is_allowed ? 1 : 0;
  }
  EXPECT_GT(allowed, 12'000);
  EXPECT_LE(allowed, (1 << 14) + 1);
  // Later all of them are forgotten.
  EXPECT_TRUE(buckets.take(policy, "172.16.0.1:1", 62 * kSecond).is_allowed);
}

}  // namespace
}  // namespace tenure::auth
