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

}  // namespace

core::Result<std::optional<core::JsonObject>> profit_report(
    const core::Config& config, const learn::Model& model, const data::Table& inputs,
    std::span<const std::uint8_t> labels, std::span<const learn::Model::Score> scores) {
  const auto policy = policy_of(config, model);
  if (!policy) return policy.error();
  if (!*policy) return std::optional<core::JsonObject>();
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
  const auto band = decision::profit_band(profits, probabilities);
  if (!band) return band.error();
  core::JsonArray points;
  for (const decision::ProfitBandPoint& point : band->points)
    points.emplace_back(point_json(point));
  return std::optional(core::JsonObject{{"points", std::move(points)},
                                        {"best", point_json(band->points[band->best])}});
}

}  // namespace tenure::app
