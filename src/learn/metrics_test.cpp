#include "learn/metrics.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tenure::learn {
namespace {

// Twenty rows, eight positive, ties at .55, .50, .40 and .20; values by scikit-learn 1.2.1.
const std::vector<std::uint8_t> kLabels = {0, 0, 1, 1, 0, 1, 0, 1, 1, 0,
                                           0, 1, 0, 0, 1, 0, 0, 0, 1, 0};
const std::vector<double> kScores = {.10, .40, .35, .80, .20, .70, .40, .60, .90, .30,
                                     .55, .55, .15, .05, .25, .45, .50, .20, .50, .00};

TEST(Metrics, EqualScikitLearnOnTwentyRowsWithTies) {
  const Evaluation evaluation = evaluate(kLabels, kScores, 0.5).value();
  EXPECT_NEAR(evaluation.auc, 0.864583333333, 1e-12);
  EXPECT_NEAR(evaluation.average_precision, 0.842261904762, 1e-12);
  EXPECT_NEAR(evaluation.log_loss, 0.457819160639, 1e-12);
  EXPECT_NEAR(evaluation.brier, 0.150875, 1e-12);
  EXPECT_NEAR(evaluation.ks, 0.583333333333, 1e-12);
}

TEST(Metrics, CountTheConfusionMatrixAtAThresholdThatIsReached) {
  const Confusion confusion = confusion_at(kLabels, kScores, 0.5);
  EXPECT_EQ(confusion.true_negative, 10);
  EXPECT_EQ(confusion.false_positive, 2);
  EXPECT_EQ(confusion.false_negative, 2);
  EXPECT_EQ(confusion.true_positive, 6);
  EXPECT_DOUBLE_EQ(confusion.accuracy(), 0.8);
  EXPECT_DOUBLE_EQ(confusion.precision(), 0.75);
  EXPECT_DOUBLE_EQ(confusion.recall(), 0.75);
  EXPECT_DOUBLE_EQ(confusion.f1(), 0.75);
  EXPECT_NEAR(confusion.balanced_accuracy(), 0.791666666667, 1e-12);
  EXPECT_NEAR(confusion.mcc(), 0.583333333333, 1e-12);
}

TEST(Metrics, GiveZeroWhereAShareOfNothingIsAsked) {
  const Confusion none = confusion_at(kLabels, kScores, 2);
  EXPECT_EQ(none.true_positive + none.false_positive, 0);
  EXPECT_EQ(none.precision(), 0);
  EXPECT_EQ(none.f1(), 0);
  EXPECT_EQ(none.mcc(), 0);
  EXPECT_EQ(Confusion{}.accuracy(), 0);
}

TEST(Metrics, BinCalibrationByIntervalsOpenOnTheLeft) {
  EXPECT_NEAR(calibration_error(kLabels, kScores).expected, 0.1325, 1e-12);
  EXPECT_NEAR(calibration_error(kLabels, kScores).maximum, 0.3, 1e-12);
  EXPECT_NEAR(calibration_error(kLabels, kScores, 5).expected, 0.0875, 1e-12);

  const std::vector<CurvePoint> curve = calibration_curve(kLabels, kScores, 5);
  const std::vector<double> rate = {0, .4, .5, 1, 1};
  const std::vector<double> mean = {.11666667, .34, .525, .75, .9};
  ASSERT_EQ(curve.size(), 5U);
  double rows = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(curve[i].y, rate[i], 1e-8);
    EXPECT_NEAR(curve[i].x, mean[i], 1e-8);
    rows += curve[i].threshold;
  }
  EXPECT_EQ(rows, 20);
}

TEST(Metrics, PutDecimalEdgesIntoTheBinTheyClose) {
  // 0.3, 0.6 and 0.7 are the decimals that a product with the number of bins rounds wrongly.
  for (int i = 1; i <= 10; ++i) {
    const std::vector<double> scores = {i / 10.0, (i - 1) / 10.0 + 0.05};
    const std::vector<std::uint8_t> labels = {0, 1};
    EXPECT_EQ(calibration_curve(labels, scores).size(), 1U) << i;
  }
}

TEST(Metrics, LiftTakesTheHighestTenthOfTheScores) {
  EXPECT_NEAR(evaluate(kLabels, kScores, 0.5)->top_decile_lift, 2.5, 1e-12);
  // Of 24 rows, two; of 26, three: 2.4 and 2.6 are rounded. Tied scores count in row order.
  std::vector<std::uint8_t> labels = {1, 1, 0, 1};
  std::vector<double> scores = {0.9, 0.9, 0.9, 0.9};
  labels.resize(24, 0);
  scores.resize(24, 0.1);
  EXPECT_NEAR(evaluate(labels, scores, 0.5)->top_decile_lift, 8, 1e-12);
  labels.resize(26, 0);
  scores.resize(26, 0.1);
  EXPECT_NEAR(evaluate(labels, scores, 0.5)->top_decile_lift, (2.0 / 3) / (3.0 / 26), 1e-12);
}

TEST(Metrics, ClipLogLossAtMachineEpsilon) {
  const std::vector<std::uint8_t> labels = {1, 0, 1};
  const std::vector<double> scores = {1.0, 0.0, 0.0};
  EXPECT_NEAR(log_loss(labels, scores), 12.0145511297, 1e-10);
}

TEST(Metrics, DrawCurvesOverDistinctScores) {
  const auto roc = roc_curve(kLabels, kScores).value();
  ASSERT_EQ(roc.size(), 17U);
  EXPECT_EQ(roc.front().x, 0);
  EXPECT_EQ(roc.front().y, 0);
  EXPECT_TRUE(std::isinf(roc.front().threshold));
  EXPECT_EQ(roc.back().x, 1);
  EXPECT_EQ(roc.back().y, 1);
  EXPECT_EQ(roc.back().threshold, 0);

  const auto pr = precision_recall_curve(kLabels, kScores).value();
  double area = 0;
  for (std::size_t i = 1; i < pr.size(); ++i)
    area += (pr[i].x - pr[i - 1].x) * (pr[i].y + pr[i - 1].y) / 2;
  EXPECT_NEAR(area, 0.853459040959, 1e-12);
}

TEST(Metrics, EvaluateGathersThemAll) {
  const Evaluation evaluation = evaluate(kLabels, kScores, 0.5).value();
  EXPECT_EQ(evaluation.rows, 20);
  EXPECT_EQ(evaluation.positives, 8);
  EXPECT_NEAR(evaluation.auc, 0.864583333333, 1e-12);
  EXPECT_NEAR(evaluation.ece, 0.1325, 1e-12);
  EXPECT_NEAR(evaluation.top_decile_lift, 2.5, 1e-12);
  const core::Json json = evaluation.to_json();
  EXPECT_NEAR(json.at("f1").as_double(), 0.75, 1e-12);
  EXPECT_NEAR(json.at("base_rate").as_double(), 0.4, 1e-12);
  EXPECT_EQ(json.at("confusion").at("true_positive").as_int64(), 6);
}

TEST(Metrics, RefuseWhatCannotBeRanked) {
  const std::vector<std::uint8_t> ones = {1, 1};
  const std::vector<double> two = {0.1, 0.2};
  EXPECT_EQ(evaluate(ones, two, 0.5).error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_FALSE(roc_curve({}, {}).has_value());
  EXPECT_FALSE(evaluate(kLabels, two, 0.5).has_value());
  const std::vector<std::uint8_t> both = {0, 1};
  const std::vector<double> bad = {0.1, std::numeric_limits<double>::quiet_NaN()};
  const auto result = evaluate(both, bad, 0.5);
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().message.find("row 1"), std::string::npos);
}

// The area under the ROC curve is the share of concordant pairs, ties counting half.
RC_GTEST_PROP(MetricsProperty, AucEqualsTheShareOfConcordantPairs, ()) {
  const auto rows = *rc::gen::container<std::vector<std::pair<bool, int>>>(
      rc::gen::pair(rc::gen::arbitrary<bool>(), rc::gen::inRange(0, 8)));
  std::vector<std::uint8_t> labels = {0, 1};
  std::vector<double> scores = {0.5, 0.5};
  for (const auto& row : rows) {
    labels.push_back(row.first ? 1 : 0);
    scores.push_back(row.second / 8.0);
  }
  double concordant = 0, pairs = 0;
  for (std::size_t i = 0; i < labels.size(); ++i)
    for (std::size_t j = 0; j < labels.size(); ++j)
      if (labels[i] == 1 && labels[j] == 0) {
        pairs += 1;
        concordant += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
      }
  RC_ASSERT(std::abs(evaluate(labels, scores, 0.5)->auc - concordant / pairs) < 1e-12);
}

}  // namespace
}  // namespace tenure::learn
