#include "serving/traffic_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "serving/predictor.h"

namespace tenure::serving {
namespace {

using ::testing::HasSubstr;

Prediction scored(double probability) {
  Prediction prediction;
  prediction.probability = static_cast<float>(probability);
  return prediction;
}

Prediction fallback() {
  Prediction prediction = scored(0.25);
  prediction.level = Level::kBaseRate;
  return prediction;
}

/// So many scores, spread evenly over a range.
ArmCounts spread(double from, double to, int count) {
  ArmMeter meter;
  for (int i = 0; i < count; ++i) meter.count(scored(from + (to - from) * (i + 0.5) / count));
  return meter.counts();
}

ArmCounts timed(std::int64_t ns, int count, ArmCounts counts = {}) {
  ArmMeter meter;
  for (int i = 0; i < count; ++i) meter.time(ns);
  counts.latencies = meter.counts().latencies;
  return counts;
}

const GuardOptions kOptions{.answers_min = 100};

/// As if the champion would say to the arm's customers what it says to its own.
std::string objection(const GuardOptions& options, const ArmCounts& champion,
                      const ArmCounts& arm) {
  return serving::objection(
      options, {.champion = champion, .arm = arm, .arm_pairs = arm, .champion_pairs = champion});
}

TEST(ArmMeter, CountsAnswersScoresAndFallbacks) {
  ArmMeter meter;
  meter.count(scored(0.2));
  meter.count(scored(0.4));
  meter.count(fallback());
  meter.count(scored(1.0));
  const ArmCounts counts = meter.counts();
  EXPECT_EQ(counts.answers, 4U);
  EXPECT_EQ(counts.scored(), 3U);
  EXPECT_DOUBLE_EQ(counts.fallback_share(), 0.25);
  EXPECT_NEAR(counts.mean_score(), 1.6 / 3, 1e-5);
  EXPECT_EQ(counts.scores.back(), 1U);
}

TEST(ArmMeter, KnowsThe99thPercentileToAFifth) {
  for (const std::int64_t ns : {200, 3'000, 45'000, 900'000, 12'000'000, 700'000'000}) {
    const auto p99 = static_cast<double>(timed(ns, 1000).latency_p99_ns());
    EXPECT_GE(p99, static_cast<double>(ns));
    EXPECT_LE(p99, static_cast<double>(ns) * 1.35 + 256);
  }
  ArmMeter meter;
  for (int i = 0; i < 989; ++i) meter.time(1'000);
  for (int i = 0; i < 11; ++i) meter.time(1'000'000);
  EXPECT_GT(meter.counts().latency_p99_ns(), 900'000);
  EXPECT_EQ(ArmCounts{}.latency_p99_ns(), 0);
}

TEST(StabilityIndex, IsNearZeroForScoresOfOneDistributionAndLargeForAnother) {
  core::Random random(1);
  ArmMeter a, b, c;
  for (int i = 0; i < 5'000; ++i) {
    a.count(scored(random.uniform() * random.uniform()));
    b.count(scored(random.uniform() * random.uniform()));
    c.count(scored(0.3 + 0.1 * random.uniform()));
  }
  EXPECT_LT(stability_index(a.counts(), b.counts()), 0.02);
  EXPECT_GT(stability_index(a.counts(), c.counts()), 1.0);
  EXPECT_EQ(stability_index(a.counts(), a.counts()), 0.0);
  EXPECT_EQ(stability_index(a.counts(), {}), 0.0);
  EXPECT_EQ(stability_index({}, a.counts()), 0.0);
}

TEST(Guard, HasNoObjectionToAnArmThatIsAsGood) {
  const ArmCounts champion = timed(3'000, 1000, spread(0.1, 0.9, 1000));
  EXPECT_EQ(objection(kOptions, champion, timed(4'000, 300, spread(0.1, 0.9, 300))), "");
}

TEST(Guard, JudgesNothingOnFewAnswers) {
  EXPECT_EQ(objection(kOptions, spread(0.1, 0.2, 1000), spread(0.8, 0.9, 99)), "");
  EXPECT_NE(objection(kOptions, spread(0.1, 0.2, 1000), spread(0.8, 0.9, 100)), "");
}

TEST(Guard, ObjectsToMoreFallbacksThanTheChampionHas) {
  ArmMeter champion, arm;
  for (int i = 0; i < 200; ++i) {
    champion.count(i % 10 == 0 ? fallback() : scored(0.3));
    arm.count(i % 5 == 0 ? fallback() : scored(0.3));
  }
  EXPECT_THAT(objection(kOptions, champion.counts(), arm.counts()),
              HasSubstr("20.0 % of 200 answers were fallbacks, 10.0 % of the champion's"));
  EXPECT_EQ(
      objection({.answers_min = 100, .fallback_margin = 0.11}, champion.counts(), arm.counts()),
      "");
  // A champion without answers is taken to have no fallbacks.
  EXPECT_THAT(objection(kOptions, {}, arm.counts()), HasSubstr("0.0 % of the champion's"));
}

TEST(Guard, ObjectsToASlowArm) {
  const ArmCounts scores = spread(0.1, 0.9, 1000);
  const ArmCounts fast = timed(3'000, 1000, scores), slow = timed(9'000'000, 1000, scores);
  EXPECT_THAT(objection(kOptions, fast, slow), HasSubstr("99 % of 1000 answers took"));
  EXPECT_EQ(objection(kOptions, slow, fast), "");
  EXPECT_EQ(objection({.answers_min = 100, .latency_margin = 0}, fast, slow), "");
  EXPECT_EQ(objection(kOptions, timed(3'000, 99, scores), slow), "") << "nothing to compare with";
}

TEST(Guard, ObjectsToAMeanScoreFarFromTheChampions) {
  EXPECT_THAT(objection(kOptions, spread(0.2, 0.4, 500), spread(0.35, 0.55, 500)),
              HasSubstr("the mean of 500 scores is 0.4500, the champion's of the same customers "
                        "0.3000"));
}

TEST(Guard, ComparesScoresOfTheSameCustomersOnly) {
  // The arm's customers are others than the champion's; to them the champion says the same.
  const ArmCounts champion = spread(0.0, 0.2, 500), arm = spread(0.6, 0.9, 500);
  EXPECT_EQ(
      serving::objection(
          kOptions, {.champion = champion, .arm = arm, .arm_pairs = arm, .champion_pairs = arm}),
      "");
  // A champion without customers of its own can be compared with all the same.
  EXPECT_NE(
      serving::objection(
          kOptions, {.champion = {}, .arm = arm, .arm_pairs = arm, .champion_pairs = champion}),
      "");
  const ArmCounts few = spread(0.6, 0.9, 99);
  EXPECT_EQ(serving::objection(
                kOptions,
                {.champion = champion, .arm = arm, .arm_pairs = few, .champion_pairs = champion}),
            "");
}

TEST(Guard, ObjectsToScoresThatAreSpreadOtherwise) {
  const ArmCounts champion = spread(0.0, 0.6, 1000), arm = spread(0.29, 0.31, 1000);
  EXPECT_THAT(objection(kOptions, champion, arm), HasSubstr("spread otherwise"));
  EXPECT_EQ(objection({.answers_min = 100, .psi_max = 0}, champion, arm), "");
}

TEST(ArmHistory, ForgetsWhatIsOlderThanTheWindow) {
  constexpr core::Micros kWindow = 10 * core::kMicrosPerSecond;
  constexpr std::int64_t kSecond = 1'000'000'000;
  ArmHistory history;
  ArmMeter champion, arm, pairs;
  const auto at = [&](std::int64_t second) {
    return history.advance(second * kSecond, kWindow,
                           {.champion = champion.counts(),
                            .arm = arm.counts(),
                            .arm_pairs = pairs.counts(),
                            .champion_pairs = pairs.counts()});
  };
  for (int i = 0; i < 5; ++i) arm.count(scored(0.5));
  // What was before the first look is not known to be of these versions.
  EXPECT_EQ(at(0).arm.answers, 0U);
  arm.count(scored(0.5));
  pairs.count(scored(0.5));
  EXPECT_EQ(at(1).arm.answers, 1U);
  EXPECT_EQ(at(1).arm_pairs.answers, 1U);
  champion.count(scored(0.5));
  EXPECT_EQ(at(9).arm.answers, 1U);
  EXPECT_EQ(at(9).champion.answers, 1U);
  EXPECT_EQ(at(12).arm.answers, 0U);
  EXPECT_EQ(at(12).arm_pairs.answers, 0U);
  EXPECT_EQ(at(12).champion.answers, 1U);
  history.restart();
  EXPECT_EQ(at(13).champion.answers, 0U);
}

}  // namespace
}  // namespace tenure::serving
