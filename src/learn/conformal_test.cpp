#include "learn/conformal.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"

namespace tenure::learn {
namespace {

using testing::HasSubstr;

const std::vector<double> kScores = {.05, .10, .12, .20, .22, .30, .35, .41, .48, .55,
                                     .62, .70, .74, .81, .88, .90, .93, .95, .97};

TEST(ConformalQuantile, IsTheOneOfTheReference) {
  EXPECT_EQ(conformal_quantile(kScores, .1), .95);
  EXPECT_EQ(conformal_quantile(kScores, .2), .90);
}

TEST(ConformalQuantile, IsInfiniteWhenThereAreTooFewRowsForThePromise) {
  EXPECT_EQ(conformal_quantile(kScores, .05), .97);
  EXPECT_EQ(conformal_quantile(kScores, .04), std::numeric_limits<double>::infinity());
  EXPECT_EQ(conformal_quantile({}, .5), std::numeric_limits<double>::infinity());
}

TEST(ConformalQuantile, IsNotMovedByTheRoundingOfTheRank) {
  // 10 * (1 - 0.7) is 3.0000000000000004.
  const std::vector<double> nine = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(conformal_quantile(nine, .7), 3);
  EXPECT_EQ(conformal_quantile(nine, .999), 1);
}

struct Sample {
  std::vector<std::uint8_t> labels;
  std::vector<float> probabilities;
};

/// Few who leave, and scores that see them badly: where coverage per class matters.
Sample sample(std::uint64_t seed, std::size_t rows) {
  core::Random random(seed);
  Sample made;
  for (std::size_t i = 0; i < rows; ++i) {
    const double z = 1.2 * random.normal() - 2;
    made.probabilities.push_back(static_cast<float>(1 / (1 + std::exp(-z))));
    made.labels.push_back(random.bernoulli(1 / (1 + std::exp(-z))) ? 1 : 0);
  }
  return made;
}

struct Coverage {
  double of_class[2] = {0, 0};
  double overall = 0;
};

Coverage coverage_of(const Conformal& conformal, const Sample& sample) {
  double hits[2] = {0, 0};
  double rows[2] = {0, 0};
  for (std::size_t i = 0; i < sample.labels.size(); ++i) {
    const auto set = conformal.predict(sample.probabilities[i]);
    hits[sample.labels[i]] += (sample.labels[i] != 0 ? set.positive : set.negative) ? 1 : 0;
    rows[sample.labels[i]] += 1;
  }
  return {{hits[0] / rows[0], hits[1] / rows[1]}, (hits[0] + hits[1]) / (rows[0] + rows[1])};
}

TEST(Conformal, KeepsItsPromiseForEachClass) {
  const Sample calibration = sample(1, 20'000);
  const auto conformal =
      *Conformal::fit(calibration.labels, calibration.probabilities, {.alpha = .1});
  const Coverage coverage = coverage_of(conformal, sample(2, 50'000));
  EXPECT_NEAR(coverage.of_class[0], .9, .02);
  EXPECT_NEAR(coverage.of_class[1], .9, .02);
}

TEST(Conformal, OfAllTogetherHidesTheRareClass) {
  const Sample calibration = sample(1, 20'000);
  const auto conformal = *Conformal::fit(calibration.labels, calibration.probabilities,
                                         {.alpha = .1, .is_per_class = false});
  const Coverage coverage = coverage_of(conformal, sample(2, 50'000));
  EXPECT_NEAR(coverage.overall, .9, .01);
  EXPECT_LT(coverage.of_class[1], .7);
  EXPECT_EQ(conformal.quantiles()[0], conformal.quantiles()[1]);
}

TEST(Conformal, TellsTheClearCasesFromTheOthers) {
  std::vector<std::uint8_t> labels;
  std::vector<float> probabilities;
  for (int i = 0; i < 99; ++i) {
    labels.push_back(i % 2 == 0 ? 0 : 1);
    // Truth gets between 0.4 and 0.9.
    const float own = 0.4F + 0.5F * static_cast<float>(i) / 98;
    probabilities.push_back(i % 2 == 0 ? 1 - own : own);
  }
  const auto conformal = *Conformal::fit(labels, probabilities, {.alpha = .1});
  EXPECT_TRUE(conformal.predict(.1F).is_certain());
  EXPECT_TRUE(conformal.predict(.1F).negative);
  EXPECT_TRUE(conformal.predict(.9F).positive);
  EXPECT_FALSE(conformal.predict(.9F).negative);
  const auto middle = conformal.predict(.5F);
  EXPECT_TRUE(middle.positive && middle.negative);
  EXPECT_FALSE(middle.is_certain());
}

TEST(Conformal, OfAGoodModelMayExcludeBothClassesAndThenAbstainsToo) {
  std::vector<std::uint8_t> labels;
  std::vector<float> probabilities;
  for (int i = 0; i < 40; ++i) {
    labels.push_back(i % 2 == 0 ? 0 : 1);
    probabilities.push_back(i % 2 == 0 ? .05F : .95F);
  }
  const auto conformal = *Conformal::fit(labels, probabilities, {.alpha = .1});
  const auto set = conformal.predict(.5F);
  EXPECT_FALSE(set.positive || set.negative);
  EXPECT_FALSE(set.is_certain());
}

TEST(Conformal, ExcludesNothingForWhatIsNoNumber) {
  const Sample calibration = sample(3, 1000);
  const auto conformal = *Conformal::fit(calibration.labels, calibration.probabilities);
  const auto set = conformal.predict(std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(set.positive && set.negative);
}

TEST(Conformal, SurvivesItsJson) {
  const Sample calibration = sample(4, 500);
  for (const double alpha : {.1, .001}) {  // the second: infinite quantiles
    const auto conformal =
        *Conformal::fit(calibration.labels, calibration.probabilities, {.alpha = alpha});
    const auto read = Conformal::from_json(*core::parse_json(core::to_text(conformal.to_json())));
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(read->quantiles(), conformal.quantiles());
    EXPECT_EQ(read->alpha(), alpha);
    EXPECT_TRUE(read->is_per_class());
  }
}

TEST(Conformal, RefusesDamagedJson) {
  for (const char* text : {R"({})", R"({"alpha": 2, "per_class": true, "quantiles": [1, 1]})",
                           R"({"alpha": 0.1, "quantiles": [1, 1]})",
                           R"({"alpha": 0.1, "per_class": true, "quantiles": [1]})",
                           R"({"alpha": 0.1, "per_class": true, "quantiles": [1, "x"]})",
                           R"({"alpha": 0.1, "per_class": true, "quantiles": [1, 3]})"}) {
    const auto read = Conformal::from_json(*core::parse_json(text));
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_EQ(read.error().code, core::ErrorCode::kCorruption) << text;
  }
}

TEST(Conformal, RefusesRowsThatAllowNoPromise) {
  const auto mistake = [](const std::vector<std::uint8_t>& labels,
                          const std::vector<float>& probabilities, double alpha = .1) {
    const auto made = Conformal::fit(labels, probabilities, {.alpha = alpha});
    EXPECT_FALSE(made.has_value());
    return made ? std::string() : made.error().message;
  };
  EXPECT_THAT(mistake({1}, {}), HasSubstr("1 labels, but 0"));
  EXPECT_THAT(mistake({}, {}), HasSubstr("no rows"));
  EXPECT_THAT(mistake({1, 0}, {.5F, 1.5F}), HasSubstr("row 1 is 1.5"));
  EXPECT_THAT(mistake({1, 0}, {.5F, .5F}, 1), HasSubstr("alpha is 1"));
  EXPECT_THAT(mistake({1, 1}, {.5F, .5F}), HasSubstr("no row is negative"));
}

}  // namespace
}  // namespace tenure::learn
