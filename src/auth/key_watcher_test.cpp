#include "auth/key_watcher.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "auth/testing/jwt_examples.h"

namespace tenure::auth {
namespace {

constexpr core::Micros kSecond = core::kMicrosPerSecond;

std::string jwks_of(std::string_view key) {
  return fmt::format(R"({{"keys":[{}]}})", key);
}

class KeyWatcherTest : public ::testing::Test {
 protected:
  KeyWatcher::Options options() {
    KeyWatcher::Options options;
    options.fetch = [this](const std::atomic<bool>&) -> core::Result<std::string> {
      ++fetches_;
      if (is_away_) return core::Error{core::ErrorCode::kUnavailable, "nobody answers"};
      return published_;
    };
    options.jwt.issuer = "https://id.example";
    options.jwt.audience = "tenure";
    return options;
  }
  bool is_accepted(std::string_view jwt) {
    const std::string header = fmt::format("Bearer {}", jwt);
    return guard_
        .check({.credentials = {.authorization = header, .api_key = {}, .remote = "192.0.2.1:1"},
                .needed = core::Role::kOperator,
                .model = "churn"})
        .is_allowed();
  }
  /// Looks after each second, so many times; how often the keys were fetched.
  int fetches_in(int seconds) {
    const int before = fetches_;
    for (int i = 0; i < seconds; ++i) {
      clock_.advance(kSecond);
      watcher_.check_now();
    }
    return fetches_ - before;
  }

  core::ManualClock clock_{1'800'000'000'000'000};
  core::MetricRegistry metrics_;
  Guard guard_{{.is_enabled = true}, clock_, metrics_};
  std::string published_ = jwks_of(testing::kEcKey);
  bool is_away_ = false;
  int fetches_ = 0;
  KeyWatcher watcher_{options(), clock_, guard_};
};

TEST_F(KeyWatcherTest, FetchesTheKeysAndRenewsThem) {
  EXPECT_FALSE(is_accepted(testing::kEs256));
  ASSERT_TRUE(watcher_.fetch_now().has_value());
  EXPECT_TRUE(is_accepted(testing::kEs256));
  EXPECT_EQ(fetches_in(599), 0);
  published_ = jwks_of(testing::kEdKey);
  EXPECT_EQ(fetches_in(1), 1);
  EXPECT_FALSE(is_accepted(testing::kEs256)) << "its key is gone";
  EXPECT_TRUE(is_accepted(testing::kEdDsa));
}

TEST_F(KeyWatcherTest, RenewsEarlyForAKeyItDoesNotKnowOnceAMinute) {
  ASSERT_TRUE(watcher_.fetch_now().has_value());
  published_ = jwks_of(testing::kEdKey);
  EXPECT_EQ(fetches_in(5), 0) << "nobody has asked for it";
  EXPECT_FALSE(is_accepted(testing::kEdDsa));
  EXPECT_EQ(fetches_in(1), 1);
  EXPECT_TRUE(is_accepted(testing::kEdDsa)) << "the refusal is forgotten with the keys";
  int fetches = 0;
  for (int i = 0; i < 120; ++i) {
    clock_.advance(11 * kSecond / 10);  // a refused JWT is looked at again after ten seconds
    is_accepted(testing::kRs256);
    fetches += fetches_in(0);
    const int before = fetches_;
    watcher_.check_now();
    fetches += fetches_ - before;
  }
  EXPECT_GE(fetches, 1);
  EXPECT_LE(fetches, 3) << "132 seconds";
}

TEST_F(KeyWatcherTest, AsksNobodyForAKeyWithoutAName) {
  published_ = jwks_of(testing::kRsaKey);
  ASSERT_TRUE(watcher_.fetch_now().has_value());
  EXPECT_FALSE(is_accepted(testing::kWithoutKeyId)) << "signed by a key that is not there";
  EXPECT_EQ(fetches_in(100), 0);
}

TEST_F(KeyWatcherTest, KeepsTheKeysWhileTheIssuerIsAway) {
  ASSERT_TRUE(watcher_.fetch_now().has_value());
  is_away_ = true;
  EXPECT_EQ(fetches_in(599), 0);
  EXPECT_EQ(fetches_in(30), 3) << "sooner again after a failure";
  EXPECT_TRUE(is_accepted(testing::kEs256));
  is_away_ = false;
  published_ = "no keys";
  EXPECT_EQ(fetches_in(10), 1);
  EXPECT_TRUE(is_accepted(testing::kEs256));
  published_ = jwks_of(testing::kEdKey);
  EXPECT_EQ(fetches_in(10), 1);
  EXPECT_TRUE(is_accepted(testing::kEdDsa));
}

TEST_F(KeyWatcherTest, TriesAgainSoonWhenTheIssuerIsAwayAtTheStart) {
  is_away_ = true;
  const auto fetched = watcher_.fetch_now();
  ASSERT_FALSE(fetched.has_value());
  EXPECT_EQ(fetched.error().code, core::ErrorCode::kUnavailable);
  is_away_ = false;
  EXPECT_EQ(fetches_in(10), 1);
  EXPECT_TRUE(is_accepted(testing::kEs256));
}

TEST_F(KeyWatcherTest, EndsAFetchThatTakesLong) {
  std::atomic<bool> has_begun{false};
  KeyWatcher::Options slow = options();
  slow.look = 1;
  slow.fetch = [&](const std::atomic<bool>& is_cancelled) -> core::Result<std::string> {
    has_begun = true;
    while (!is_cancelled) std::this_thread::yield();
    return core::Error{core::ErrorCode::kCancelled, "cancelled"};
  };
  KeyWatcher watcher(slow, clock_, guard_);
  watcher.start();
  while (!has_begun) std::this_thread::yield();
  watcher.stop();
}

}  // namespace
}  // namespace tenure::auth
