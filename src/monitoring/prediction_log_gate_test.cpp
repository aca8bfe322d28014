// Policy `block`: an answer goes when its events are durable, and is refused when they cannot be.

#include <atomic>
#include <csignal>
#include <future>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "monitoring/prediction_log_test_data.h"

namespace tenure::monitoring {
namespace {

using testing::numbered_event;
using testing::read_all;
using testing::TemporaryFolder;

struct World {
  core::SystemClock clock;
  core::MetricRegistry metrics;
  TemporaryFolder folder;

  std::unique_ptr<PredictionLog> open(std::uint64_t buffer_events = 1024) {
    // An interval this long shows that nobody waits for it.
    auto log = PredictionLog::open({.folder = folder.path(),
                                    .sync_interval = 60'000'000,
                                    .buffer_events = buffer_events,
                                    .policy = LogPolicy::kBlock},
                                   clock, metrics);
    EXPECT_TRUE(log.has_value());
    return *std::move(log);
  }
  std::uint64_t count(const std::string& name) { return metrics.counter(name, "").value(); }
};

bool record(PredictionLog& log, std::uint64_t number) {
  const auto ticket = log.begin();
  if (!ticket) return false;
  log.append(numbered_event(number).view());
  std::promise<bool> done;
  log.when_recorded(*ticket, [&done](bool is_recorded) { done.set_value(is_recorded); });
  return done.get_future().get();
}

TEST(PredictionLogGate, LetsAnAnswerGoWhenItsEventIsOnDisk) {
  World world;
  const auto log = world.open();
  for (std::uint64_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(record(*log, i));
    EXPECT_EQ(read_all(world.folder.path()).size(), i + 1);
  }
  EXPECT_EQ(world.count("tenure_prediction_answers_refused_total"), 0U);
}

TEST(PredictionLogGate, LetsAnAnswerWithoutEventsGoAtOnce) {
  World world;
  const auto log = world.open();
  const auto ticket = log->begin();
  ASSERT_TRUE(ticket.has_value());
  bool is_recorded = false;
  log->when_recorded(*ticket, [&](bool is_done) { is_recorded = is_done; });
  EXPECT_TRUE(is_recorded);
}

TEST(PredictionLogGate, RecordsWhatManyThreadsWaitFor) {
  World world;
  const auto log = world.open();
  std::vector<std::thread> threads;
  std::atomic<int> recorded{0};
  for (std::uint64_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 50; ++i) recorded += record(*log, t * 1000 + i) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(recorded, 400);
  EXPECT_EQ(read_all(world.folder.path()).size(), 400U);
}

TEST(PredictionLogGate, RefusesAnAnswerOfWhichAnEventFoundNoRoom) {
  World world;
  const auto log = world.open(64);
  const auto ticket = log->begin();
  ASSERT_TRUE(ticket.has_value());
  const std::string large(40'000, 'x');  // more than the whole buffer
  const auto owned = numbered_event(1);
  serving::PredictionEvent event = owned.view();
  event.entity_id = large;
  log->append(event);
  bool is_recorded = true;
  log->when_recorded(*ticket, [&](bool is_done) { is_recorded = is_done; });
  EXPECT_FALSE(is_recorded);
  EXPECT_TRUE(log->was_too_large(*ticket)) << "to try again is of no use";
  EXPECT_FALSE(log->was_too_large(*log->begin()));
  EXPECT_EQ(world.count("tenure_prediction_answers_refused_total"), 1U);
  EXPECT_EQ(world.count("tenure_prediction_events_dropped_total"), 1U);
  EXPECT_TRUE(record(*log, 2)) << "one loss does not refuse what comes after it";
}

TEST(PredictionLogGate, RecordsARequestOfMoreEventsThanTheBufferHolds) {
  World world;
  const auto log = world.open(64);  // 16 KiB, some 150 events
  const auto ticket = log->begin();
  ASSERT_TRUE(ticket.has_value());
  for (std::uint64_t i = 0; i < 2'000; ++i) log->append(numbered_event(i).view());
  std::promise<bool> done;
  log->when_recorded(*ticket, [&done](bool is_recorded) { done.set_value(is_recorded); });
  EXPECT_TRUE(done.get_future().get());
  EXPECT_EQ(read_all(world.folder.path()).size(), 2'000U);
  EXPECT_EQ(world.count("tenure_prediction_events_dropped_total"), 0U);
}

/// A clock that the writer, which asks it in the middle of a write, may be made to hang in.
class HangingClock final : public core::Clock {
 public:
  core::Micros now() const override {
    if (is_hanging_) {
      is_entered_ = true;
      is_entered_.notify_all();
      is_hanging_.wait(true);
    }
    return 1'700'000'000'000'000;
  }
  std::int64_t monotonic_ns() const override { return ns_; }
  void hang() { is_hanging_ = true; }
  void wait_until_it_hangs() { is_entered_.wait(false); }
  void go_on() {
    is_hanging_ = false;
    is_hanging_.notify_all();
  }
  void advance_seconds(std::int64_t seconds) { ns_ += seconds * 1'000'000'000; }

 private:
  mutable std::atomic<bool> is_hanging_{false}, is_entered_{false};
  std::atomic<std::int64_t> ns_{0};
};

TEST(PredictionLogGate, LetsNobodyInWhileTheDiskHangs) {
  const TemporaryFolder folder;
  HangingClock clock;
  core::MetricRegistry metrics;
  auto log =
      PredictionLog::open({.folder = folder.path(), .policy = LogPolicy::kBlock}, clock, metrics);
  ASSERT_TRUE(log.has_value() && record(**log, 0));
  clock.hang();
  const auto ticket = (*log)->begin();
  ASSERT_TRUE(ticket.has_value());
  (*log)->append(numbered_event(1).view());
  std::promise<bool> held;
  (*log)->when_recorded(*ticket, [&held](bool is_recorded) { held.set_value(is_recorded); });
  clock.wait_until_it_hangs();
  EXPECT_TRUE((*log)->begin().has_value()) << "a write may take its time";
  clock.advance_seconds(3);
  EXPECT_FALSE((*log)->begin().has_value());
  clock.go_on();
  EXPECT_TRUE(held.get_future().get()) << "who was inside is answered";
  while (!(*log)->begin()) std::this_thread::yield();
}

/// In a child whose files may not grow.
int refuse_on_a_full_disk() {
  ::signal(SIGXFSZ, SIG_IGN);
  World world;
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
  auto log = PredictionLog::open(
      {.folder = world.folder.path(), .sync_interval = 60'000'000, .policy = LogPolicy::kBlock},
      world.clock, world.metrics);
  if (!log || !record(**log, 0)) return 2;
  const rlimit full{300, limit.rlim_max};
  if (::setrlimit(RLIMIT_FSIZE, &full) != 0) return 3;
  std::uint64_t number = 1;
  while (record(**log, number)) ++number;
  // From now on nobody is let in, so the events of refused requests do not pile up.
  if ((*log)->begin()) return 4;
  if (read_all(world.folder.path()).size() != number) return 5;
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 6;
  while (!(*log)->begin()) std::this_thread::yield();
  return record(**log, number + 1) ? 0 : 7;
}

TEST(PredictionLogGate, RefusesWhileTheDiskIsFullAndAnswersAgainAfterwards) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(refuse_on_a_full_disk());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace tenure::monitoring
