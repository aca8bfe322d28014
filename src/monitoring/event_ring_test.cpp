#include "monitoring/event_ring.h"

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.h"

namespace tenure::monitoring {
namespace {

bool push(EventRing& ring, std::string_view text) {
  char* const message = ring.reserve(text.size());
  if (message == nullptr) return false;
  std::memcpy(message, text.data(), text.size());
  ring.commit(message, text.size());
  return true;
}

TEST(EventRing, GivesMessagesInTheOrderOfTheirReservation) {
  EventRing ring(4096);
  char* const first = ring.reserve(3);
  ASSERT_TRUE(push(ring, "second"));
  EXPECT_FALSE(ring.next().has_value()) << "the first is not committed yet";
  std::memcpy(first, "one", 3);  // NOLINT(bugprone-not-null-terminated-result)
  ring.commit(first, 3);
  EXPECT_EQ(ring.next(), "one");
  EXPECT_EQ(ring.next(), "second");
  EXPECT_FALSE(ring.next().has_value());
}

TEST(EventRing, GivesMessagesAgainAfterRewind) {
  EventRing ring(4096);
  ASSERT_TRUE(push(ring, "a"));
  ASSERT_TRUE(push(ring, "b"));
  EXPECT_EQ(ring.next(), "a");
  ring.release();
  EXPECT_EQ(ring.next(), "b");
  ring.rewind();
  EXPECT_EQ(ring.next(), "b");
  EXPECT_EQ(ring.freed(), 16U);
  ring.release();
  EXPECT_EQ(ring.freed(), ring.reserved());
}

TEST(EventRing, RefusesWhenFullAndTakesAgainWhenFreed) {
  EventRing ring(4096);
  const std::string text(500, 'x');
  int taken = 0;
  while (push(ring, text)) ++taken;
  EXPECT_EQ(taken, 8);
  EXPECT_EQ(ring.next(), text);
  EXPECT_FALSE(push(ring, text)) << "given, but not freed";
  ring.release();
  EXPECT_TRUE(push(ring, text));
}

TEST(EventRing, RefusesWhatIsLargerThanAQuarter) {
  EventRing ring(4096);
  EXPECT_EQ(ring.reserve(1017), nullptr);
  EXPECT_NE(ring.reserve(1016), nullptr);
}

TEST(EventRing, StopsAtTheEndOfAFullRing) {
  EventRing ring(4096);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(push(ring, std::string(1016, 'x')));
  int given = 0;
  while (ring.next()) ++given;
  EXPECT_EQ(given, 4);
}

TEST(EventRing, KeepsMessagesOfAnySizeWholeWhileItWrapsAround) {
  EventRing ring(4096);
  core::Random random(1);
  std::vector<std::string> waiting;
  std::size_t read = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random.below(1000), static_cast<char>('a' + i % 26));
    if (push(ring, text)) waiting.push_back(std::move(text));
    if (random.bernoulli(0.6)) {
      const auto message = ring.next();
      ASSERT_EQ(message.has_value(), read < waiting.size());
      if (message) {
        ASSERT_EQ(*message, waiting[read++]);
      }
      if (random.bernoulli(0.5)) ring.release();
    }
  }
}

TEST(EventRing, DoesNotTakeAHeadReadLongAgoForAFullRing) {
  static_assert(ring_fit(64, 64, 16, 4096) == RingFit::kFits);
  static_assert(ring_fit(4096, 16, 16, 4096) == RingFit::kFits);
  static_assert(ring_fit(4096, 15, 16, 4096) == RingFit::kIsFull);
  // The writer slept between reading the head, 64, and the tail: both have gone on.
  static_assert(ring_fit(64, 128, 16, 4096) == RingFit::kHeadIsStale);
  static_assert(ring_fit(64, 1'000'000, 16, 4096) == RingFit::kHeadIsStale);
  static_assert(ring_fit(~std::uint64_t{0} - 15, 0, 16, 4096) == RingFit::kHeadIsStale);
}

TEST(EventRing, RefusesNothingWhileItIsNearlyEmpty) {
  EventRing ring(64 * 1024);
  constexpr int kThreads = 4;
  constexpr int kEach = 50'000;
  constexpr int kWaitingMax = 256;
  std::atomic<int> waiting{0};
  std::atomic<int> refused{0};
  std::atomic<int> running{kThreads};
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kThreads; ++writer) {
    writers.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        while (waiting.load() > kWaitingMax) std::this_thread::yield();
        if (push(ring, "message")) {
          ++waiting;
        } else {
          ++refused;
        }
      }
      --running;
    });
  }
  while (running > 0 || ring.reserved() != ring.freed()) {
    int given = 0;
    while (ring.next()) ++given;
    ring.release();
    waiting -= given;
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(refused, 0);
}

TEST(EventRing, LosesAndMixesNothingBetweenThreads) {
  EventRing ring(16 * 1024);
  constexpr int kThreads = 4;
  constexpr std::uint32_t kEach = 20'000;
  std::vector<std::thread> writers;
  for (std::uint32_t writer = 0; writer < kThreads; ++writer) {
    writers.emplace_back([&ring, writer] {
      for (std::uint32_t i = 0; i < kEach;) {
        // The number repeated, so that a mixed-up message is seen.
        const std::vector<std::uint32_t> words(1 + i % 40, writer << 24 | i);
        const std::string_view text(reinterpret_cast<const char*>(words.data()), words.size() * 4);
        if (push(ring, text)) {
          ++i;
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  std::vector<std::uint32_t> next(kThreads, 0);
  for (std::uint32_t seen = 0; seen < kThreads * kEach;) {
    const auto message = ring.next();
    if (!message) {
      ring.release();
      std::this_thread::yield();
      continue;
    }
    ++seen;
    std::vector<std::uint32_t> words(message->size() / 4);
    std::memcpy(words.data(), message->data(), message->size());
    const std::uint32_t writer = words.front() >> 24;
    const std::uint32_t i = words.front() & 0xFFFFFF;
    EXPECT_EQ(i, next[writer]++);
    EXPECT_EQ(words, std::vector<std::uint32_t>(1 + i % 40, words.front()));
  }
  for (std::thread& writer : writers) writer.join();
}

}  // namespace
}  // namespace tenure::monitoring
