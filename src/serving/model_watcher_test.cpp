#include "serving/model_watcher.h"

#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

#include "serving/testing/served_world.h"
#include "storage/sql/database.h"
#include "tracking/experiments.h"

namespace tenure::serving {
namespace {

using testing::must;
using testing::ServedWorld;

class ModelWatcherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(tracking::prepare_schema(*database_, world_.clock.now()).has_value());
    ASSERT_TRUE(registry_.create_model_if_missing("churn", change_).has_value());
  }
  void add_version() {
    must(registry_.create_version("churn", "file:///nowhere", "run", {}, change_));
  }
  void promote(std::int64_t version) {
    ASSERT_TRUE(registry_.set_alias("churn", "champion", version, change_).has_value());
  }
  ModelWatcher make(core::Micros poll_interval = 1000) {
    return {{.model = "churn", .poll_interval = poll_interval},
            registry_,
            predictor_,
            [this](const tracking::ModelVersion& version) { return load(version); }};
  }
  core::Result<std::shared_ptr<const ModelSnapshot>> load(const tracking::ModelVersion& version) {
    const std::lock_guard guard(mutex_);
    ++loads_;
    changed_.notify_all();
    if (version.version == broken_version_) {
      return core::Error{core::ErrorCode::kCorruption, "tree 3: node 5: child 99"};
    }
    return world_.snapshot(version.version);
  }
  std::int64_t live() const {
    const auto snapshot = predictor_.snapshot();
    return snapshot ? snapshot->version : 0;
  }
  std::uint64_t failures() {
    return world_.metrics.counter("tenure_model_load_failures_total", "").value();
  }

  ServedWorld world_;
  std::unique_ptr<storage::Database> database_ =
      must(storage::open_database("sqlite:///registry.db", world_.folder.path().string()));
  tracking::Registry registry_{*database_, world_.clock};
  const tracking::Change change_{"test", "because", nullptr};
  Predictor predictor_{{world_.clock, world_.metrics, nullptr}};
  std::mutex mutex_;
  std::condition_variable changed_;
  int loads_ = 0;
  std::int64_t broken_version_ = 0;
};

TEST_F(ModelWatcherTest, HasNoModelUntilAnAliasPointsToOne) {
  ModelWatcher watcher = make();
  EXPECT_EQ(watcher.check_now().value(), false);
  EXPECT_EQ(predictor_.snapshot(), nullptr);
}

TEST_F(ModelWatcherTest, FollowsTheAliasThereAndBack) {
  add_version();
  add_version();
  ModelWatcher watcher = make();
  promote(1);
  EXPECT_EQ(watcher.check_now().value(), true);
  EXPECT_EQ(live(), 1);
  promote(2);
  EXPECT_EQ(watcher.check_now().value(), true);
  EXPECT_EQ(live(), 2);
  promote(1);
  EXPECT_EQ(watcher.check_now().value(), true);
  EXPECT_EQ(live(), 1);
  EXPECT_EQ(watcher.status().live_version, 1);
}

TEST_F(ModelWatcherTest, LoadsAVersionOnce) {
  add_version();
  promote(1);
  ModelWatcher watcher = make();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(watcher.check_now().value(), true);
  EXPECT_EQ(loads_, 1);
}

TEST_F(ModelWatcherTest, KeepsTheLiveModelWhenTheNextDoesNotLoad) {
  add_version();
  add_version();
  promote(1);
  ModelWatcher watcher = make();
  ASSERT_EQ(watcher.check_now().value(), true);
  broken_version_ = 2;
  promote(2);
  const auto looked = watcher.check_now();
  ASSERT_FALSE(looked.has_value());
  EXPECT_EQ(live(), 1);
  EXPECT_EQ(watcher.status().wanted_version, 2);
  EXPECT_EQ(watcher.status().live_version, 1);
  EXPECT_NE(watcher.status().last_error.find("child 99"), std::string::npos);
  EXPECT_EQ(failures(), 1U);
}

TEST_F(ModelWatcherTest, TriesAVersionThatFailedAgainOnlyAfterAWhile) {
  add_version();
  promote(1);
  broken_version_ = 1;
  ModelWatcher watcher = make();
  EXPECT_FALSE(watcher.check_now().has_value());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(watcher.check_now().value(), false);
  EXPECT_EQ(loads_, 1);
  broken_version_ = 0;
  int polls = 0;
  while (live() != 1 && ++polls < 1000) static_cast<void>(watcher.check_now().has_value());
  EXPECT_EQ(live(), 1);
  EXPECT_EQ(watcher.status().last_error, "");
}

TEST_F(ModelWatcherTest, SwapsByItselfOnceStarted) {
  add_version();
  promote(1);
  ModelWatcher watcher = make();
  watcher.start();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return loads_ == 1; });
  lock.unlock();
  watcher.stop();
  EXPECT_EQ(live(), 1);
}

TEST_F(ModelWatcherTest, StopsAtOnceHoweverLongItWouldWait) {
  ModelWatcher watcher = make(3'600'000'000);
  watcher.start();
  watcher.stop();
  watcher.stop();
}

}  // namespace
}  // namespace tenure::serving
