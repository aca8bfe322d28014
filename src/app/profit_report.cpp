#include "app/profit_report.h"

#include <cmath>

#include "app/model_store.h"
#include "decision/profit_band.h"

namespace tenure::app {
namespace {

core::JsonObject point_json(const decision::ProfitBandPoint& point) {
  return {
      {"share", point.share},
      {"threshold", std::isfinite(point.threshold) ? core::Json(point.threshold) : core::Json()},
      {"profit", point.profit},
      {"low", point.low},
      {"high", point.high}};
}

/// Nothing without offers.
core::Result<std::optional<decision::ProfitBand>> band_of(
    const core::Config& config, const learn::Model& model, const data::Table& inputs,
    std::span<const std::uint8_t> labels, std::span<const learn::Model::Score> scores) {
  const auto policy = policy_of(config, model);
  if (!policy) return policy.error();
  if (!*policy) return std::optional<decision::ProfitBand>();
  std::vector<double> profits, probabilities;
  std::vector<data::Cell> cells;
  for (std::size_t row = 0; row < scores.size(); ++row) {
    cells.clear();
    for (const data::Column& column : inputs.columns) cells.push_back(column.cell(row));
    probabilities.push_back(static_cast<double>(scores[row].probability));
    profits.push_back((*policy)
                          ->profit_of_outcome({.cells = cells, .probability = probabilities.back()},
                                              labels[row] != 0)
                          .value_or(0));
  }
  auto band = decision::profit_band(profits, probabilities);
  if (!band) return std::move(band).error();
  return std::optional(*std::move(band));
}

}  // namespace

core::Result<learn::ProfitCurve> profit_curve(const core::Config& config, const learn::Model& model,
                                              const data::Table& inputs,
                                              std::span<const std::uint8_t> labels,
                                              std::span<const learn::Model::Score> scores) {
  const auto band = band_of(config, model, inputs, labels, scores);
  if (!band) return band.error();
  learn::ProfitCurve curve;
  if (!*band) return curve;
  for (const decision::ProfitBandPoint& point : (*band)->points)
    curve.points.push_back({point.share, point.profit, point.low, point.high});
  curve.best = (*band)->best;
  curve.best_threshold = (*band)->points[curve.best].threshold;
  return curve;
}

core::Result<std::optional<core::JsonObject>> profit_report(
    const core::Config& config, const learn::Model& model, const data::Table& inputs,
    std::span<const std::uint8_t> labels, std::span<const learn::Model::Score> scores) {
  const auto band = band_of(config, model, inputs, labels, scores);
  if (!band) return band.error();
  if (!*band) return std::optional<core::JsonObject>();
  core::JsonArray points;
  for (const decision::ProfitBandPoint& point : (*band)->points)
    points.emplace_back(point_json(point));
  return std::optional(core::JsonObject{{"points", std::move(points)},
                                        {"best", point_json((*band)->points[(*band)->best])}});
}

}  // namespace tenure::app
