#include "learn/conformal.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "core/assert.h"

namespace tenure::learn {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// How much a row speaks against its own class.
double score_of(bool is_positive, float probability) {
  const auto p = static_cast<double>(probability);
  return is_positive ? 1 - p : p;
}

core::Error invalid(std::string message) {
  return {core::ErrorCode::kInvalidArgument, std::move(message)};
}

core::Error corrupt(std::string_view member, std::string_view expected) {
  return {core::ErrorCode::kCorruption,
          fmt::format("conformal prediction: {}: expected {}", member, expected)};
}

}  // namespace

double conformal_quantile(std::span<const double> scores, double alpha) {
  TENURE_ASSERT(alpha > 0 && alpha < 1);
  // 10 * (1 - 0.7) is a hair above 3 in binary; that hair is no row.
  const double rank = std::ceil((static_cast<double>(scores.size()) + 1) * (1 - alpha) - 1e-9);
  if (rank > static_cast<double>(scores.size())) return kInfinity;
  std::vector<double> sorted(scores.begin(), scores.end());
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
  std::nth_element(sorted.begin(), at, sorted.end());
  return *at;
}

core::Result<Conformal> Conformal::fit(std::span<const std::uint8_t> labels,
                                       std::span<const float> probabilities,
                                       const ConformalOptions& options) {
  if (labels.size() != probabilities.size())
    return invalid(
        fmt::format("{} labels, but {} probabilities", labels.size(), probabilities.size()));
  if (labels.empty()) return invalid("no rows to calibrate on");
  if (!(options.alpha > 0 && options.alpha < 1))
    return invalid(fmt::format("alpha is {}; expected a number between 0 and 1", options.alpha));
  std::array<std::vector<double>, 2> scores;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!(probabilities[i] >= 0 && probabilities[i] <= 1))
      return invalid(fmt::format("the probability of row {} is {}; expected a number in 0..1", i,
                                 probabilities[i]));
    const bool is_positive = labels[i] != 0;
    scores[options.is_per_class && is_positive ? 1 : 0].push_back(
        score_of(is_positive, probabilities[i]));
  }
  Conformal conformal;
  conformal.options_ = options;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t group = options.is_per_class ? i : 0;
    if (scores[group].empty())
      return invalid(fmt::format("no row is {}, so nothing can be promised for that class",
                                 group == 1 ? "positive" : "negative"));
    conformal.quantiles_[i] = conformal_quantile(scores[group], options.alpha);
  }
  return conformal;
}

Conformal::Set Conformal::predict(float probability) const noexcept {
  // So written that NaN excludes nothing.
  return {.negative = !(score_of(false, probability) > quantiles_[0]),
          .positive = !(score_of(true, probability) > quantiles_[1])};
}

core::Json Conformal::to_json() const {
  core::JsonObject json;
  json["alpha"] = options_.alpha;
  json["per_class"] = options_.is_per_class;
  core::JsonArray quantiles;
  for (const double quantile : quantiles_)
    quantiles.push_back(std::isfinite(quantile) ? core::Json(quantile) : core::Json(nullptr));
  json["quantiles"] = std::move(quantiles);
  return json;
}

core::Result<Conformal> Conformal::from_json(const core::Json& json) {
  Conformal conformal;
  const auto alpha = core::json_number(json, "alpha");
  if (!alpha || !(*alpha > 0 && *alpha < 1)) return corrupt("alpha", "a number between 0 and 1");
  const auto is_per_class = core::json_boolean(json, "per_class");
  if (!is_per_class) return corrupt("per_class", "true or false");
  conformal.options_ = {.alpha = *alpha, .is_per_class = *is_per_class};
  const auto quantiles = core::json_array(json, "quantiles");
  if (!quantiles || (*quantiles)->size() != 2) return corrupt("quantiles", "two numbers or null");
  for (std::size_t i = 0; i < 2; ++i) {
    const core::Json& element = (**quantiles)[i];
    if (element.is_null()) {
      conformal.quantiles_[i] = kInfinity;
      continue;
    }
    if (!element.is_number()) return corrupt("quantiles", "two numbers or null");
    conformal.quantiles_[i] = element.to_number<double>();
    if (!(conformal.quantiles_[i] >= 0 && conformal.quantiles_[i] <= 1))
      return corrupt("quantiles", "numbers in 0..1");
  }
  return conformal;
}

}  // namespace tenure::learn
