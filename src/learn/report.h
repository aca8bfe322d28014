#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "learn/importance.h"
#include "learn/metrics.h"

namespace tenure::learn {

/// Customers by descending score, in tenths: who would be reached by contacting the first k tenths.
struct Decile {
  std::int64_t rows = 0;
  std::int64_t positives = 0;
  double mean_score = 0;
  double cumulative_gain = 0;  ///< share of all positives in this tenth and those before
  double lift = 0;             ///< positive rate of this tenth over the base rate
};

/// What a campaign would have brought by the share of customers it goes to, likeliest first, and
/// how sure that is; ready to draw. Empty where the project has no offers.
struct ProfitCurve {
  struct Point {
    double share = 0;
    double profit = 0;  ///< per customer
    double low = 0, high = 0;
  };
  std::vector<Point> points;  ///< from nobody to everybody
  std::size_t best = 0;
  double best_threshold = 0;  ///< lowest probability contacted there; infinite for nobody
};

/// What there is to say about a classifier on labelled rows, ready to draw.
struct EvaluationReport {
  Evaluation evaluation;
  std::vector<CurvePoint> roc;               ///< at most kCurvePointsMax points
  std::vector<CurvePoint> precision_recall;  ///< at most kCurvePointsMax points
  std::vector<CurvePoint> calibration;       ///< threshold = rows in the bin
  std::vector<Decile> deciles;
  std::vector<FeatureImportance> importance;
  ProfitCurve profit = {};  ///< not part of to_json()

  static constexpr std::size_t kCurvePointsMax = 400;
  core::Json to_json() const;
};

/// Errors: as evaluate().
core::Result<EvaluationReport> make_report(std::span<const std::uint8_t> labels,
                                           std::span<const double> probabilities, double threshold,
                                           std::vector<FeatureImportance> importance);

}  // namespace tenure::learn
