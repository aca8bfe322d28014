#include "learn/calibration.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/random.h"
#include "learn/metrics.h"

namespace tenure::learn {
namespace {

using testing::HasSubstr;
using enum CalibrationMethod;

const std::vector<double> kScores = {.1, .2, .3, .35, .5, .55, .6, .7, .8, .9};
const std::vector<std::uint8_t> kLabels = {0, 0, 1, 0, 0, 1, 0, 1, 1, 1};

struct Sample {
  std::vector<std::uint8_t> labels;
  std::vector<double> probabilities;
};

/// Customers whose true log-odds are `slope` times those of the given probability.
Sample sample(std::uint64_t seed, std::size_t rows, double slope, double shift = 0) {
  core::Random random(seed);
  Sample made;
  for (std::size_t i = 0; i < rows; ++i) {
    const double z = 1.5 * random.normal() - 0.5;
    made.probabilities.push_back(1 / (1 + std::exp(-z)));
    made.labels.push_back(random.bernoulli(1 / (1 + std::exp(-slope * z - shift))) ? 1 : 0);
  }
  return made;
}

TEST(PlattCurve, AgreesWithTheReference) {
  const auto curve = fit_platt(kLabels, kScores);
  ASSERT_TRUE(curve.has_value()) << curve.error().message;
  EXPECT_NEAR(curve->a, -3.988144201126, 1e-11);
  EXPECT_NEAR(curve->b, 1.995470200108, 1e-11);
  const auto at = [&curve](double s) { return 1 / (1 + std::exp(curve->a * s + curve->b)); };
  EXPECT_NEAR(at(.1), .168450, 5e-7);
  EXPECT_NEAR(at(.9), .831158, 5e-7);
}

TEST(BetaCurve, AgreesWithTheReference) {
  const auto curve = fit_beta(kLabels, kScores);
  ASSERT_TRUE(curve.has_value()) << curve.error().message;
  EXPECT_NEAR(curve->a, .027736288672, 1e-10);
  EXPECT_NEAR(curve->b, 3.251640564553, 1e-10);
  EXPECT_NEAR(curve->c, -2.491362329306, 1e-10);
}

TEST(IsotonicCalibration, PoolsAdjacentViolatorsAndKeepsAwayFromCertainty) {
  const auto calibration = Calibration::fit(kIsotonic, kLabels, kScores);
  ASSERT_TRUE(calibration.has_value());
  const double third = 1.0 / 3;
  const double expected[] = {1e-4, 1e-4, third, third, third, .5, .5, 1 - 1e-4, 1 - 1e-4, 1 - 1e-4};
  for (std::size_t i = 0; i < kScores.size(); ++i)
    EXPECT_NEAR(calibration->apply(static_cast<float>(kScores[i])), expected[i], 1e-5) << i;
  EXPECT_FLOAT_EQ(calibration->apply(0), 1e-4F);
  EXPECT_FLOAT_EQ(calibration->apply(1), 1 - 1e-4F);
  EXPECT_NEAR(calibration->apply(.25F), third / 2, 1e-6);  // between two blocks: on the line
}

TEST(IsotonicCurve, CountsEqualScoresAsOne) {
  const std::vector<std::uint8_t> labels = {0, 1, 1, 0};
  const std::vector<double> scores = {.2, .2, .2, .1};
  const auto curve = fit_isotonic(labels, scores);
  EXPECT_EQ(curve->x, (std::vector<double>{.1, .2}));
  EXPECT_EQ(curve->y, (std::vector<double>{0, 2.0 / 3}));
}

TEST(Calibration, FindsTheDistortionOfOverconfidentProbabilities) {
  const auto [labels, probabilities] = sample(1, 50'000, 0.5, -0.3);
  for (const auto method : {kPlatt, kBeta, kIsotonic}) {
    const auto calibration = Calibration::fit(method, labels, probabilities);
    ASSERT_TRUE(calibration.has_value()) << calibration.error().message;
    for (const double p : {.1, .3, .5, .8}) {
      const double truth = 1 / (1 + std::exp(-0.5 * std::log(p / (1 - p)) + 0.3));
      EXPECT_NEAR(calibration->apply(static_cast<float>(p)), truth, 0.03)
          << calibration_method_name(method) << " " << p;
    }
  }
}

TEST(Calibration, AnswersAtTheEndsAndForNoNumber) {
  const auto [labels, probabilities] = sample(2, 2000, 0.7);
  for (const auto method : {kPlatt, kBeta, kIsotonic}) {
    const auto calibration = *Calibration::fit(method, labels, probabilities);
    for (const float p : {0.0F, 1e-30F, 1.0F}) {
      const float answer = calibration.apply(p);
      EXPECT_GE(answer, 0) << calibration_method_name(method);
      EXPECT_LE(answer, 1);
    }
    EXPECT_TRUE(std::isnan(calibration.apply(std::numeric_limits<float>::quiet_NaN())));
  }
  EXPECT_EQ(Calibration().apply(.123F), .123F);
}

TEST(BetaCurve, LeavesOutATermThatWouldBendItBack) {
  // Truth is flat towards 1, so the weight of -ln(1 - p) comes out below 0.
  core::Random random(3);
  Sample made;
  for (int i = 0; i < 5000; ++i) {
    const double p = 0.001 + 0.998 * random.uniform();
    made.probabilities.push_back(p);
    made.labels.push_back(random.bernoulli(0.9 * std::pow(p, 1.5) * (1.2 - 0.4 * p)) ? 1 : 0);
  }
  const auto curve = fit_beta(made.labels, made.probabilities);
  ASSERT_TRUE(curve.has_value()) << curve.error().message;
  EXPECT_GE(curve->a, 0);
  EXPECT_GE(curve->b, 0);
}

TEST(Calibration, RefusesRowsThatCannotBeFitted) {
  const auto mistake = [](const auto& result) {
    EXPECT_FALSE(result.has_value());
    return result ? std::string() : result.error().message;
  };
  const std::vector<std::uint8_t> labels = {0, 0, 1, 1};
  EXPECT_THAT(mistake(fit_platt(labels, kScores)), HasSubstr("4 labels, but 10 scores"));
  EXPECT_THAT(mistake(fit_platt(std::vector<std::uint8_t>{1, 1}, std::vector{.1, .2})),
              HasSubstr("all 2 labels are 1"));
  EXPECT_THAT(mistake(fit_isotonic({}, {})), HasSubstr("all 0 labels are 0"));
  EXPECT_THAT(mistake(Calibration::fit(kPlatt, labels, std::vector{.1, std::nan(""), .2, .3})),
              HasSubstr("row 1 is not a finite number"));
  EXPECT_THAT(mistake(fit_beta(labels, std::vector{.1, .2, .3, 1.0})), HasSubstr("row 3 is 1"));
  EXPECT_THAT(mistake(fit_beta(labels, std::vector{.1, .2, .6, .7})), HasSubstr("do not overlap"));
  EXPECT_TRUE(fit_platt(labels, std::vector{.1, .2, .6, .7}).has_value());
  const std::vector<std::uint8_t> reversed = {1, 1, 0, 1, 0, 0};
  const std::vector<double> rising = {.1, .2, .3, .5, .6, .7};
  EXPECT_THAT(mistake(fit_platt(reversed, rising)), HasSubstr("wrong way round"));
  EXPECT_THAT(mistake(fit_beta(reversed, rising)), HasSubstr("wrong way round"));
}

TEST(Calibration, SurvivesItsJson) {
  const auto [labels, probabilities] = sample(4, 1500, 0.6);
  for (const auto method : {kNone, kPlatt, kBeta, kIsotonic}) {
    const auto calibration = *Calibration::fit(method, labels, probabilities);
    const auto parsed = core::parse_json(core::to_text(calibration.to_json()));
    const auto read = Calibration::from_json(*parsed);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(read->method(), method);
    for (int i = 0; i <= 1000; ++i) {
      const float p = static_cast<float>(i) / 1000;
      EXPECT_EQ(read->apply(p), calibration.apply(p)) << p;
    }
  }
}

TEST(Calibration, RefusesDamagedJson) {
  for (const char* text : {
           R"({})",
           R"([])",
           R"({"method": "magic"})",
           R"({"method": "platt", "slope": -1, "intercept": 0})",
           R"({"method": "platt", "slope": 1})",
           R"({"method": "beta", "a": 1, "b": "x", "c": 0})",
           R"({"method": "isotonic", "x": [], "y": []})",
           R"({"method": "isotonic", "x": [0.1, 0.1], "y": [0, 1]})",
           R"({"method": "isotonic", "x": [0.1, 0.2], "y": [1, 0]})",
           R"({"method": "isotonic", "x": [0.1, 0.2], "y": [0.5]})",
           R"({"method": "isotonic", "x": [0.1, null], "y": [0, 1]})",
           R"({"method": "isotonic", "x": [0.1, 0.2], "y": [0, 2]})",
       }) {
    const auto read = Calibration::from_json(*core::parse_json(text));
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_EQ(read.error().code, core::ErrorCode::kCorruption) << text;
  }
}

TEST(CalibrationChoice, TakesTheMethodThatHelpsOnRowsHeldOut) {
  const auto [labels, probabilities] = sample(5, 4000, 0.5);
  const auto choice = choose_calibration(labels, probabilities);
  ASSERT_TRUE(choice.has_value()) << choice.error().message;
  EXPECT_NE(choice->calibration.method(), kNone);
  ASSERT_EQ(choice->trials.size(), 3U);
  for (const auto& trial : choice->trials) {
    EXPECT_TRUE(trial.is_tried) << trial.why_not;
    EXPECT_LT(trial.log_loss, choice->log_loss_before);
  }
  EXPECT_NEAR(choice->log_loss_before, log_loss(labels, probabilities), 1e-12);
  EXPECT_THAT(core::to_text(choice->to_json()), HasSubstr("\"trials\""));
}

TEST(CalibrationChoice, LeavesHonestProbabilitiesAlone) {
  int changed = 0;
  for (std::uint64_t seed = 10; seed < 20; ++seed) {
    const auto [labels, probabilities] = sample(seed, 3000, 1);
    changed += choose_calibration(labels, probabilities)->calibration.method() == kNone ? 0 : 1;
  }
  // A gain of more than its standard error comes about by chance now and then.
  EXPECT_LE(changed, 3);
}

TEST(CalibrationChoice, DoesNotTryIsotonicOnFewRows) {
  const auto [labels, probabilities] = sample(6, kIsotonicRowsMin - 1, 0.5);
  const auto choice = choose_calibration(labels, probabilities);
  EXPECT_FALSE(choice->trials[2].is_tried);
  EXPECT_EQ(choice->trials[2].why_not, "999 rows; isotonic calibration needs 1000");
}

TEST(CalibrationChoice, RefusesTooFewRows) {
  EXPECT_FALSE(
      choose_calibration(std::vector<std::uint8_t>{0, 1}, std::vector{.1, .2}).has_value());
  EXPECT_FALSE(choose_calibration(kLabels, std::vector{.1, .2}).has_value());
  std::vector<double> holed = kScores;
  holed[3] = std::nan("");
  EXPECT_FALSE(choose_calibration(kLabels, holed).has_value());
}

RC_GTEST_PROP(CalibrationProperty, NeverTurnsTwoCustomersRound, (std::uint64_t seed)) {
  core::Random random(seed);
  const double slope = 0.2 + 2 * random.uniform();
  const auto [labels, probabilities] = sample(random.bits(), 200 + random.below(300), slope);
  for (const auto method : {kPlatt, kBeta, kIsotonic}) {
    const auto calibration = Calibration::fit(method, labels, probabilities);
    if (!calibration) continue;  // a sample may well rank the wrong way
    for (int i = 0; i < 300; ++i) {
      const auto low = static_cast<float>(random.uniform());
      const float high = i % 2 == 0 ? std::nextafter(low, 2.0F)
                                    : low + (1 - low) * static_cast<float>(random.uniform());
      RC_ASSERT(calibration->apply(low) <= calibration->apply(high));
    }
  }
}

}  // namespace
}  // namespace tenure::learn
