#include "serving/shadow_tap.h"

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tenure::serving {
namespace {

class Counting final : public PredictionSink {
 public:
  void append(const PredictionEvent&) noexcept override { ++events; }
  std::atomic<int> events{0};
};

struct Event {
  std::string id = "0190163d-8694-739b-aea5-966c26f8ad91";
  std::string entity = "C-1";
  std::string plan = "a plan with a name too long for a small string";
  std::vector<data::Cell> cells;
  PredictionEvent view() {
    cells = {data::Cell::of(std::string_view(plan)), data::Cell::of(2.5), data::Cell::null()};
    PredictionEvent event;
    event.prediction_id = id;
    event.entity_id = entity;
    event.version = 3;
    event.features = cells;
    event.probability = 0.25F;
    return event;
  }
};

TEST(ShadowTap, HandsEventsOnAndKeepsCopiesOfTheirOwn) {
  Counting sink;
  ShadowTap tap(&sink, 4);
  {
    Event event;
    tap.append(event.view());
    event.plan.assign(event.plan.size(), 'x');  // its bytes are gone
  }
  EXPECT_EQ(sink.events, 1);
  ShadowRow row;
  ASSERT_TRUE(tap.take(row));
  EXPECT_EQ(std::string_view(row.prediction_id, 36), "0190163d-8694-739b-aea5-966c26f8ad91");
  EXPECT_EQ(row.entity_id, "C-1");
  EXPECT_EQ(row.version, 3);
  EXPECT_EQ(row.probability, 0.25F);
  ASSERT_EQ(row.cells.size(), 3U);
  EXPECT_EQ(row.cells[0].text, "a plan with a name too long for a small string");
  EXPECT_EQ(row.cells[1].number, 2.5);
  EXPECT_EQ(row.cells[2].kind, data::Cell::Kind::kNull);
  EXPECT_FALSE(tap.take(row));
}

TEST(ShadowTap, KeepsShortTextsWhereTheyAreWhenRowsMove) {
  ShadowTap tap(nullptr, 8);
  Event event;
  for (const char* const plan : {"a", "bb", "ccc"}) {
    event.plan = plan;
    tap.append(event.view());
  }
  for (const char* const plan : {"a", "bb", "ccc"}) {
    ShadowRow row;
    ASSERT_TRUE(tap.take(row));
    const ShadowRow moved = std::move(row);
    EXPECT_EQ(moved.cells[0].text, plan);
    EXPECT_EQ(moved.cells[0].text.data(), moved.texts.data());
  }
}

TEST(ShadowTap, DropsAndCountsWhatDoesNotFit) {
  Counting sink;
  ShadowTap tap(&sink, 4);
  Event event;
  for (int i = 0; i < 7; ++i) tap.append(event.view());
  EXPECT_EQ(tap.dropped(), 3U);
  EXPECT_EQ(sink.events, 7);
  ShadowRow row;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(tap.take(row));
  EXPECT_FALSE(tap.take(row));
  event.plan.assign(1'000'000, 'x');
  tap.append(event.view());
  EXPECT_EQ(tap.dropped(), 4U);
  EXPECT_FALSE(tap.take(row));
}

TEST(ShadowTap, LosesNothingBetweenThreads) {
  constexpr int kThreads = 4, kEvents = 5'000;
  ShadowTap tap(nullptr, 64);
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&tap, &running, t] {
      Event event;
      for (int i = 0; i < kEvents; ++i) {
        event.entity = std::to_string(t) + "-" + std::to_string(i);
        event.plan = event.entity + " and some more text, so that it is long";
        tap.append(event.view());
      }
      --running;
    });
  std::set<std::string> seen;
  ShadowRow row;
  for (bool is_done = false; !is_done;) {
    is_done = running == 0;
    while (tap.take(row)) {
      ASSERT_EQ(row.cells[0].text, row.entity_id + " and some more text, so that it is long");
      ASSERT_TRUE(seen.insert(row.entity_id).second);
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen.size() + tap.dropped(), static_cast<std::size_t>(kThreads * kEvents));
}

}  // namespace
}  // namespace tenure::serving
