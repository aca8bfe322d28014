#include "serving/circuit_breaker.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tenure::serving {
namespace {

using State = CircuitBreaker::State;

constexpr std::int64_t kSecond = 1'000'000'000;

class CircuitBreakerTest : public ::testing::Test {
 protected:
  void call(bool is_success, int times = 1) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(breaker_.allow(now_));
      breaker_.record(is_success, now_);
    }
  }
  CircuitBreaker breaker_{
      {.failure_share = 0.5, .calls_min = 10, .window = 10'000'000, .pause = 5'000'000}};
  std::int64_t now_ = 100 * kSecond;
};

TEST_F(CircuitBreakerTest, OpensWhenEnoughOfTheCallsFail) {
  call(true, 6);
  call(false, 5);
  EXPECT_EQ(breaker_.state(), State::kClosed) << "5 of 11 are less than half";
  call(false);
  EXPECT_EQ(breaker_.state(), State::kOpen);
  EXPECT_FALSE(breaker_.allow(now_));
  EXPECT_EQ(breaker_.times_opened(), 1U);
}

TEST_F(CircuitBreakerTest, DoesNotJudgeAFewCalls) {
  call(false, 9);
  EXPECT_EQ(breaker_.state(), State::kClosed);
  now_ += 11 * kSecond;  // a new window forgets them
  call(false, 9);
  EXPECT_EQ(breaker_.state(), State::kClosed);
  call(false);
  EXPECT_EQ(breaker_.state(), State::kOpen);
}

TEST_F(CircuitBreakerTest, ClosesAfterAProbeThatWorks) {
  call(false, 10);
  now_ += 5 * kSecond;
  EXPECT_TRUE(breaker_.allow(now_));
  EXPECT_EQ(breaker_.state(), State::kHalfOpen);
  EXPECT_FALSE(breaker_.allow(now_)) << "one probe at a time";
  breaker_.record(true, now_);
  EXPECT_EQ(breaker_.state(), State::kClosed);
  call(false, 9);
  EXPECT_EQ(breaker_.state(), State::kClosed) << "it counts from nothing";
}

TEST_F(CircuitBreakerTest, OpensAgainAfterAProbeThatFails) {
  call(false, 10);
  now_ += 5 * kSecond;
  EXPECT_TRUE(breaker_.allow(now_));
  breaker_.record(false, now_);
  EXPECT_EQ(breaker_.state(), State::kOpen);
  EXPECT_FALSE(breaker_.allow(now_ + 5 * kSecond - 1));
  EXPECT_TRUE(breaker_.allow(now_ + 5 * kSecond));
  EXPECT_EQ(breaker_.times_opened(), 2U);
}

TEST_F(CircuitBreakerTest, ReplacesAProbeThatIsLost) {
  call(false, 10);
  now_ += 5 * kSecond;
  EXPECT_TRUE(breaker_.allow(now_));
  now_ += 5 * kSecond;
  EXPECT_TRUE(breaker_.allow(now_));
  breaker_.record(true, now_);
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

TEST_F(CircuitBreakerTest, LetsOneOfManyThreadsProbe) {
  call(false, 10);
  now_ += 5 * kSecond;
  std::atomic<int> allowed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      if (breaker_.allow(now_)) ++allowed;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(allowed.load(), 1);
}

}  // namespace
}  // namespace tenure::serving
