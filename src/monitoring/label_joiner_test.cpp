#include "monitoring/label_joiner.h"

#include <memory>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "core/id.h"
#include "monitoring/label_eraser.h"
#include "monitoring/label_matcher.h"
#include "monitoring/prediction_archive.h"
#include "monitoring/prediction_log_test_data.h"
#include "monitoring/segment_file.h"
#include "tracking/experiments.h"

namespace tenure::monitoring {
namespace {

using ::testing::HasSubstr;
using testing::OwnedEvent;
using testing::TemporaryFolder;

constexpr core::Micros kNow = 1'700'000'000'000'000;
constexpr core::Micros kDay = 24LL * 3600 * core::kMicrosPerSecond;

class LabelJoinerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(tracking::prepare_schema(*database_, kNow).has_value());
    ASSERT_TRUE(store_.prepare().has_value());
  }

  struct Said {
    std::string customer;
    double probability = 0;
    core::Micros time = kNow;
    std::int64_t version = 3;
    bool is_shadow = false;
    serving::Level level = serving::Level::kPrimary;
  };
  /// Writes predictions into the log, each closed segment with those of one call; returns their
  /// ids.
  std::vector<std::string> predict(const std::vector<Said>& rows) {
    std::vector<std::string> ids;
    auto log = PredictionLog::open({.folder = folder()}, clock_, metrics_);
    EXPECT_TRUE(log.has_value());
    for (const Said& row : rows) {
      OwnedEvent owned;
      char id[36];
      core::uuid_v7(row.time, id);
      owned.id.assign(id, sizeof id);
      owned.entity = row.customer;
      owned.version = row.version;
      serving::PredictionEvent event = owned.view();
      event.time = row.time;
      event.probability = static_cast<float>(row.probability);
      event.is_shadow = row.is_shadow;
      event.variant = row.is_shadow ? "dark" : "";
      event.level = row.level;
      (*log)->append(event);
      ids.push_back(owned.id);
    }
    EXPECT_TRUE((*log)->flush().has_value());
    return ids;
  }
  /// Turns all segments but the newest into Parquet files.
  void archive() {
    auto engine = *data::Engine::open();
    auto segments = *list_segments(folder());
    segments.pop_back();
    for (const SegmentName& segment : segments)
      ASSERT_TRUE(archive_segment(*engine, folder(), segment.path, segment.number).has_value());
  }
  void tell(const std::vector<OutcomeLabel>& labels) {
    const auto added = store_.add(labels, "ann");
    ASSERT_TRUE(added.has_value()) << added.error().message;
  }
  static OutcomeLabel label(std::string prediction, std::string customer, bool has_happened,
                            core::Micros time = kNow + kDay) {
    OutcomeLabel label;
    label.model = "churn";
    label.prediction_id = std::move(prediction);
    label.entity_id = std::move(customer);
    label.time = time;
    label.has_happened = has_happened;
    return label;
  }
  std::unique_ptr<LabelJoiner> joiner() {
    return std::make_unique<LabelJoiner>(
        LabelJoinerOptions{.folder = folder(), .horizon = 30 * kDay, .interval = 1'000}, store_,
        clock_, metrics_);
  }
  std::int64_t join(LabelJoiner& joiner) {
    clock_.advance(2 * core::kMicrosPerSecond);
    const auto joined = joiner.join_now();
    EXPECT_TRUE(joined.has_value()) << joined.error().message;
    return joined.value_or(-1);
  }
  serving::OutcomeSums sums(const LabelJoiner& joiner, std::int64_t version = 3) {
    return joiner.outcomes("churn", version).value_or(serving::OutcomeSums{});
  }
  std::filesystem::path folder() const { return root_.path() / "predictions"; }

  TemporaryFolder root_;
  core::ManualClock clock_{kNow};
  core::MetricRegistry metrics_;
  std::unique_ptr<storage::Database> database_ =
      std::move(*storage::open_database("sqlite:///labels.db", root_.path().string()));
  LabelStore store_{*database_, clock_};
};

TEST_F(LabelJoinerTest, JoinsByPredictionAndByCustomerInBothFormsOfTheLog) {
  const auto first = predict({{"C-1", 0.2}, {"C-2", 0.4}, {"", 0.6}});
  predict({{"C-3", 0.1}, {"C-4", 0.9}});
  predict({{"C-5", 0.5}});
  for (const bool is_archived : {false, true}) {
    if (is_archived) archive();
    auto joiner = this->joiner();
    tell({label(first[0], "", true), label(first[2], "", false), label("", "C-3", true),
          label("", "C-5", false)});
    EXPECT_EQ(join(*joiner), 4) << is_archived;
    const serving::OutcomeSums known = sums(*joiner);
    EXPECT_EQ(known.customers, 4U);
    EXPECT_EQ(known.events, 2U);
    EXPECT_NEAR(known.expected, 0.2 + 0.6 + 0.1 + 0.5, 1e-6);
    EXPECT_FALSE(joiner->outcomes("churn", 4).has_value());
    EXPECT_FALSE(joiner->outcomes("upsell", 3).has_value());
    ASSERT_TRUE(database_->execute("DELETE FROM tenure_outcomes").has_value());
  }
}

TEST_F(LabelJoinerTest, CountsForACustomerTheNewestPredictionWithinTheHorizon) {
  predict({{"C-1", 0.1, kNow - 40 * kDay},
           {"C-1", 0.2, kNow - 2 * kDay},
           {"C-1", 0.3, kNow - kDay},
           {"C-1", 0.4, kNow + 2 * kDay},
           {"C-1", 0.5, kNow - kDay, 4},
           {"C-2", 0.6, kNow - 31 * kDay}});
  auto joiner = this->joiner();
  tell({label("", "C-1", true, kNow), label("", "C-2", true, kNow)});
  EXPECT_EQ(join(*joiner), 2);
  EXPECT_EQ(sums(*joiner).customers, 1U);
  EXPECT_NEAR(sums(*joiner).expected, 0.3, 1e-6);
  EXPECT_NEAR(sums(*joiner, 4).expected, 0.5, 1e-6) << "each version by itself";
  // What comes of the customer later is about the later prediction.
  clock_.advance(4 * kDay);
  tell({label("", "C-1", false, kNow + 3 * kDay)});
  join(*joiner);
  EXPECT_NEAR(sums(*joiner).expected, 0.4, 1e-6);
  EXPECT_EQ(sums(*joiner).events, 0U);
  EXPECT_THAT(metrics_.prometheus_text(), HasSubstr("tenure_labels_unmatched_total 1"));
}

TEST_F(LabelJoinerTest, CountsNoAnswerThatTheModelDidNotGive) {
  const auto ids = predict(
      {{"C-1", 0.2, kNow, 3, false, serving::Level::kBaseRate}, {"C-2", 0.4, kNow, 3, true}});
  auto joiner = this->joiner();
  tell({label(ids[0], "", true), label(ids[1], "", true)});
  EXPECT_EQ(join(*joiner), 1) << "a shadow's prediction is one all the same";
  EXPECT_NEAR(sums(*joiner).expected, 0.4, 1e-6);
}

TEST_F(LabelJoinerTest, ForgetsWhomItIsToldToInBothFormsOfTheLog) {
  const auto ids = predict({{"C-1", 0.2, kNow - kDay}, {"C-1", 0.3}, {"C-2", 0.4}});
  predict({{"C-3", 0.5}});
  for (const bool is_archived : {false, true}) {
    if (is_archived) archive();
    auto joiner = this->joiner();
    // The first label is of an older prediction, which no outcome knows; the last one was not
    // joined yet.
    tell({label(ids[0], "", true), label(ids[1], "", true), label("", "C-1", true),
          label(ids[2], "", false)});
    EXPECT_EQ(join(*joiner), 2) << is_archived;
    tell({label("", "C-1", false, kNow + 2 * kDay)});
    const std::vector<std::string> customers{"C-1", "nobody"};
    const auto erased = erase_labels(store_, folder(), customers, {"ann", "a request", nullptr});
    ASSERT_TRUE(erased.has_value()) << erased.error().message;
    EXPECT_EQ(erased->labels, 4) << is_archived;
    EXPECT_EQ(erased->outcomes, 1);
    join(*joiner);
    EXPECT_EQ(sums(*joiner).customers, 1U) << "counted anew, although no label came";
    EXPECT_NEAR(sums(*joiner).expected, 0.4, 1e-6);
    const auto again = erase_labels(store_, folder(), customers, {"ann", "", nullptr});
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->labels + again->outcomes, 0);
    ASSERT_TRUE(database_->execute("DELETE FROM tenure_outcomes").has_value());
    ASSERT_TRUE(database_->execute("DELETE FROM tenure_labels").has_value());
  }
}

TEST_F(LabelJoinerTest, ErasesNothingWhenItCannotTellWhatTheLogHolds) {
  predict({{"C-1", 0.2}});
  predict({{"C-2", 0.2}});
  tell({label("", "C-1", true)});
  const auto segment = list_segments(folder())->front().path;
  std::string bytes = *core::read_file(segment);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  ASSERT_TRUE(core::write_file_atomically(segment, bytes).has_value());
  const std::vector<std::string> customers{"C-1"};
  const auto erased = erase_labels(store_, folder(), customers, {"ann", "", nullptr});
  ASSERT_FALSE(erased.has_value());
  EXPECT_EQ(erased.error().code, core::ErrorCode::kCorruption);
  EXPECT_EQ(store_.after(0, 10)->size(), 1U);
}

TEST_F(LabelJoinerTest, LetsALabelBeCorrected) {
  const auto ids = predict({{"C-1", 0.2}});
  auto joiner = this->joiner();
  tell({label(ids[0], "", true)});
  join(*joiner);
  EXPECT_EQ(sums(*joiner).events, 1U);
  tell({label(ids[0], "", false)});
  join(*joiner);
  EXPECT_EQ(sums(*joiner).events, 0U);
  EXPECT_EQ(sums(*joiner).customers, 1U);
}

TEST_F(LabelJoinerTest, LeavesALabelAloneUntilTheLogHasWhatItIsAbout) {
  auto joiner = this->joiner();
  tell({label("", "C-1", true)});
  ASSERT_EQ(*joiner->join_now(), 0) << "too fresh";
  predict({{"C-1", 0.2}});
  EXPECT_EQ(join(*joiner), 1);
}

TEST_F(LabelJoinerTest, GoesOnAfterARestartWhereItWas) {
  predict({{"C-1", 0.2}, {"C-2", 0.3}});
  tell({label("", "C-1", true)});
  {
    auto joiner = this->joiner();
    EXPECT_EQ(join(*joiner), 1);
    EXPECT_EQ(join(*joiner), 0);
    clock_.advance(120 * core::kMicrosPerSecond);
    EXPECT_EQ(join(*joiner), 0);
  }
  auto again = this->joiner();
  tell({label("", "C-2", true)});
  EXPECT_EQ(join(*again), 1) << "what was joined is not joined again";
  EXPECT_EQ(sums(*again).customers, 2U);
  ASSERT_TRUE(core::write_file_atomically(folder() / "labels-joined", "x").has_value());
  auto damaged = this->joiner();
  EXPECT_EQ(damaged->join_now().error().code, core::ErrorCode::kCorruption);
}

TEST_F(LabelJoinerTest, JoinsWhatIsWholeBesideADamagedSegment) {
  predict({{"C-1", 0.2}});
  predict({{"C-2", 0.3}});
  predict({{"C-3", 0.4}});
  const auto files = testing::segment_files(folder());
  std::string bytes = *core::read_file(files[1]);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x40);
  ASSERT_TRUE(core::write_file_atomically(files[1], bytes).has_value());
  auto joiner = this->joiner();
  tell({label("", "C-1", true), label("", "C-2", true), label("", "C-3", false)});
  clock_.advance(2 * core::kMicrosPerSecond);
  EXPECT_EQ(joiner->join_now().error().code, core::ErrorCode::kCorruption);
  EXPECT_EQ(sums(*joiner).customers, 2U);
}

TEST_F(LabelJoinerTest, JudgesNoPredictionBeforeItIsMature) {
  predict({{"C-1", 0.2, kNow}});
  LabelJoiner joiner({.folder = folder(), .horizon = 30 * kDay, .mature_after = 10 * kDay}, store_,
                     clock_, metrics_);
  tell({label("", "C-1", true)});
  join(joiner);
  EXPECT_EQ(sums(joiner).customers, 0U);
  clock_.advance(11 * kDay);
  join(joiner);
  EXPECT_EQ(sums(joiner).customers, 1U);
}

TEST_F(LabelJoinerTest, JoinsByItselfAndStopsAtOnce) {
  predict({{"C-1", 0.2}});
  auto joiner = this->joiner();
  tell({label("", "C-1", true)});
  clock_.advance(2 * core::kMicrosPerSecond);
  joiner->start();
  while (!joiner->outcomes("churn", 3)) std::this_thread::yield();
  joiner->stop();
  EXPECT_EQ(sums(*joiner).customers, 1U);
}

}  // namespace
}  // namespace tenure::monitoring
