#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/json.h"
#include "core/result.h"

namespace tenure::learn {

/// Metrics of a binary classifier, scikit-learn's semantics (ties by distinct thresholds, log loss
/// clipped at machine epsilon, precision 0/0 = 0), ECE with 10 equal-width bins (lo, hi], 0 in the
/// first. `labels` 0/1 and `probabilities` have equal length n. Errors of all that rank:
/// kInvalidArgument when n = 0 or one class only is present, or a probability is NaN.

double log_loss(std::span<const std::uint8_t> labels, std::span<const double> probabilities);
double brier(std::span<const std::uint8_t> labels, std::span<const double> probabilities);
/// Expected and maximum calibration error over `bins` equal-width bins.
struct CalibrationError {
  double expected = 0;
  double maximum = 0;
};
CalibrationError calibration_error(std::span<const std::uint8_t> labels,
                                   std::span<const double> probabilities, std::size_t bins = 10);

struct Confusion {
  std::int64_t true_negative = 0, false_positive = 0, false_negative = 0, true_positive = 0;
  double accuracy() const;
  double precision() const;
  double recall() const;
  double f1() const;
  double balanced_accuracy() const;
  double mcc() const;
};
Confusion confusion_at(std::span<const std::uint8_t> labels, std::span<const double> probabilities,
                       double threshold);

struct CurvePoint {
  double x = 0, y = 0, threshold = 0;
};
/// ROC: x = FPR, y = TPR, from (0,0) with threshold infinity, one point per distinct score.
core::Result<std::vector<CurvePoint>> roc_curve(std::span<const std::uint8_t> labels,
                                                std::span<const double> probabilities);
/// Precision over recall: x = recall, y = precision.
core::Result<std::vector<CurvePoint>> precision_recall_curve(std::span<const std::uint8_t> labels,
                                                             std::span<const double> probabilities);
/// Reliability: x = mean prediction, y = positive rate of each non-empty uniform bin; threshold =
/// rows in the bin.
std::vector<CurvePoint> calibration_curve(std::span<const std::uint8_t> labels,
                                          std::span<const double> probabilities,
                                          std::size_t bins = 10);

/// The metrics as one record, for reports and runs. `ks` is the largest TPR - FPR (Kolmogorov-
/// Smirnov); `top_decile_lift` the positive rate among the round(n / 10) highest scores (ties in
/// row order) over the base rate.
struct Evaluation {
  std::int64_t rows = 0, positives = 0;
  double auc = 0, average_precision = 0, log_loss = 0, brier = 0, ece = 0, ks = 0,
         top_decile_lift = 0;
  double threshold = 0.5;
  Confusion confusion;
  core::Json to_json() const;
};
core::Result<Evaluation> evaluate(std::span<const std::uint8_t> labels,
                                  std::span<const double> probabilities, double threshold);

}  // namespace tenure::learn
