#include "learn/report.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tenure::learn {
namespace {

/// Every k-th point, and the last: curves of many rows have more points than a screen.
std::vector<CurvePoint> thin(const std::vector<CurvePoint>& points) {
  constexpr std::size_t kMax = EvaluationReport::kCurvePointsMax;
  if (points.size() <= kMax) return points;
  std::vector<CurvePoint> kept;
  for (std::size_t i = 0; i + 1 < kMax; ++i)
    kept.push_back(points[i * (points.size() - 1) / (kMax - 1)]);
  kept.push_back(points.back());
  return kept;
}

std::vector<Decile> deciles_of(std::span<const std::uint8_t> labels,
                               std::span<const double> probabilities) {
  std::vector<std::uint32_t> order(labels.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return probabilities[a] > probabilities[b];
  });
  const auto positives = static_cast<double>(std::accumulate(
      labels.begin(), labels.end(), std::int64_t{0},
      [](std::int64_t sum, std::uint8_t label) { return sum + (label != 0 ? 1 : 0); }));
  const double rate = positives / static_cast<double>(labels.size());
  std::vector<Decile> deciles;
  std::size_t first = 0;
  double found = 0;
  for (std::size_t tenth = 1; tenth <= 10; ++tenth) {
    const std::size_t last = tenth * labels.size() / 10;
    Decile decile;
    for (std::size_t i = first; i < last; ++i) {
      ++decile.rows;
      decile.positives += labels[order[i]] != 0 ? 1 : 0;
      decile.mean_score += probabilities[order[i]];
    }
    first = last;
    if (decile.rows == 0) continue;
    const auto rows = static_cast<double>(decile.rows);
    found += static_cast<double>(decile.positives);
    decile.mean_score /= rows;
    decile.cumulative_gain = found / positives;
    decile.lift = static_cast<double>(decile.positives) / rows / rate;
    deciles.push_back(decile);
  }
  return deciles;
}

core::JsonArray curve_json(const std::vector<CurvePoint>& points) {
  core::JsonArray array;
  for (const CurvePoint& point : points)
    array.emplace_back(core::JsonArray{point.x, point.y, point.threshold});
  return array;
}

}  // namespace

core::Json EvaluationReport::to_json() const {
  core::JsonArray decile_array, importance_array;
  for (const Decile& decile : deciles)
    decile_array.emplace_back(core::JsonObject{{"rows", decile.rows},
                                               {"positives", decile.positives},
                                               {"mean_score", decile.mean_score},
                                               {"cumulative_gain", decile.cumulative_gain},
                                               {"lift", decile.lift}});
  for (const FeatureImportance& feature : importance)
    importance_array.emplace_back(
        core::JsonObject{{"name", feature.name}, {"share", feature.share}});
  return core::JsonObject{{"metrics", evaluation.to_json()},
                          {"roc", curve_json(roc)},
                          {"precision_recall", curve_json(precision_recall)},
                          {"calibration", curve_json(calibration)},
                          {"deciles", std::move(decile_array)},
                          {"importance", std::move(importance_array)}};
}

core::Result<EvaluationReport> make_report(std::span<const std::uint8_t> labels,
                                           std::span<const double> probabilities, double threshold,
                                           std::vector<FeatureImportance> importance) {
  auto evaluation = evaluate(labels, probabilities, threshold);
  if (!evaluation) return std::move(evaluation).error();
  auto roc = roc_curve(labels, probabilities);
  if (!roc) return std::move(roc).error();
  auto precision_recall = precision_recall_curve(labels, probabilities);
  if (!precision_recall) return std::move(precision_recall).error();
  return EvaluationReport{.evaluation = *evaluation,
                          .roc = thin(*roc),
                          .precision_recall = thin(*precision_recall),
                          .calibration = calibration_curve(labels, probabilities),
                          .deciles = deciles_of(labels, probabilities),
                          .importance = std::move(importance)};
}

}  // namespace tenure::learn
