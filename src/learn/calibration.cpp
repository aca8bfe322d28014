#include "learn/calibration.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace tenure::learn {
namespace {

/// A probability of 0 or 1 has no logarithm to work with.
constexpr double kInputMin = 1e-7;
/// Nobody is certain because a few rows of one score agree.
constexpr double kIsotonicMin = 1e-4;

double clipped(double probability) {
  return std::clamp(probability, kInputMin, 1 - kInputMin);
}

double logistic(double z) {
  return 1 / (1 + std::exp(-z));
}

double on_curve(const IsotonicCurve& curve, double x) {
  const auto after = std::upper_bound(curve.x.begin(), curve.x.end(), x);
  const auto at = static_cast<std::size_t>(after - curve.x.begin());
  double y = 0;
  if (at == 0) {
    y = curve.y.front();
  } else if (at == curve.x.size()) {
    y = curve.y.back();
  } else {
    const double part = (x - curve.x[at - 1]) / (curve.x[at] - curve.x[at - 1]);
    y = curve.y[at - 1] + part * (curve.y[at] - curve.y[at - 1]);
  }
  return std::clamp(y, kIsotonicMin, 1 - kIsotonicMin);
}

core::Error corrupt(std::string_view member, std::string_view expected) {
  return {core::ErrorCode::kCorruption,
          fmt::format("calibration: {}: expected {}", member, expected)};
}

core::JsonArray array_of(const std::vector<double>& numbers) {
  core::JsonArray array;
  array.reserve(numbers.size());
  for (const double number : numbers) array.push_back(number);
  return array;
}

core::Result<std::vector<double>> numbers_of(const core::Json& json, std::string_view key) {
  const auto array = core::json_array(json, key);
  if (!array) return corrupt(key, "a list of numbers");
  std::vector<double> numbers;
  for (const core::Json& element : **array) {
    if (!element.is_number()) return corrupt(key, "a list of numbers");
    numbers.push_back(element.to_number<double>());
  }
  return numbers;
}

core::Result<double> slope_of(const core::Json& json, std::string_view key) {
  const auto slope = core::json_number(json, key);
  if (!slope || !(*slope >= 0)) return corrupt(key, "a number of 0 or more");
  return *slope;
}

core::Result<double> finite_of(const core::Json& json, std::string_view key) {
  const auto number = core::json_number(json, key);
  if (!number || !std::isfinite(*number)) return corrupt(key, "a number");
  return *number;
}

core::Result<IsotonicCurve> knots_of(const core::Json& json) {
  auto x = numbers_of(json, "x");
  if (!x) return std::move(x).error();
  auto y = numbers_of(json, "y");
  if (!y) return std::move(y).error();
  if (x->empty() || x->size() != y->size()) return corrupt("y", "as many numbers as x, at least 1");
  for (std::size_t i = 0; i < x->size(); ++i) {
    if (!std::isfinite((*x)[i]) || (i > 0 && !((*x)[i] > (*x)[i - 1])))
      return corrupt("x", "ascending numbers");
    if (!((*y)[i] >= 0 && (*y)[i] <= 1) || (i > 0 && (*y)[i] < (*y)[i - 1]))
      return corrupt("y", "numbers in 0..1 that do not fall");
  }
  return IsotonicCurve{*std::move(x), *std::move(y)};
}

}  // namespace

std::string_view calibration_method_name(CalibrationMethod method) {
  switch (method) {
    case CalibrationMethod::kNone:
      return "none";
    case CalibrationMethod::kPlatt:
      return "platt";
    case CalibrationMethod::kIsotonic:
      return "isotonic";
    case CalibrationMethod::kBeta:
      break;
  }
  return "beta";
}

core::Result<Calibration> Calibration::fit(CalibrationMethod method,
                                           std::span<const std::uint8_t> labels,
                                           std::span<const double> probabilities) {
  Calibration calibration;
  calibration.method_ = method;
  std::vector<double> inputs(probabilities.begin(), probabilities.end());
  // NaN passes through std::clamp, and the fits refuse it.
  for (double& input : inputs) input = clipped(input);
  switch (method) {
    case CalibrationMethod::kNone:
      return calibration;
    case CalibrationMethod::kPlatt: {
      for (double& input : inputs) input = std::log(input / (1 - input));
      const auto curve = fit_platt(labels, inputs);
      if (!curve) return curve.error();
      calibration.curve_ = {.a = -curve->a, .b = -curve->a, .c = -curve->b};
      return calibration;
    }
    case CalibrationMethod::kIsotonic: {
      auto knots = fit_isotonic(labels, inputs);
      if (!knots) return std::move(knots).error();
      calibration.knots_ = *std::move(knots);
      return calibration;
    }
    case CalibrationMethod::kBeta:
      break;
  }
  const auto curve = fit_beta(labels, inputs);
  if (!curve) return curve.error();
  calibration.curve_ = *curve;
  return calibration;
}

float Calibration::apply(float probability) const noexcept {
  if (method_ == CalibrationMethod::kNone || std::isnan(probability)) return probability;
  const double p = clipped(static_cast<double>(probability));
  if (method_ == CalibrationMethod::kIsotonic) return static_cast<float>(on_curve(knots_, p));
  return static_cast<float>(
      logistic(curve_.a * std::log(p) - curve_.b * std::log1p(-p) + curve_.c));
}

core::Json Calibration::to_json() const {
  core::JsonObject json;
  json["method"] = calibration_method_name(method_);
  if (method_ == CalibrationMethod::kPlatt) {
    json["slope"] = curve_.a;
    json["intercept"] = curve_.c;
  } else if (method_ == CalibrationMethod::kBeta) {
    json["a"] = curve_.a;
    json["b"] = curve_.b;
    json["c"] = curve_.c;
  } else if (method_ == CalibrationMethod::kIsotonic) {
    json["x"] = array_of(knots_.x);
    json["y"] = array_of(knots_.y);
  }
  return json;
}

core::Result<Calibration> Calibration::from_json(const core::Json& json) {
  const auto name = core::json_text(json, "method");
  if (!name) return corrupt("method", "none, platt, isotonic or beta");
  Calibration calibration;
  if (*name == "none") return calibration;
  if (*name == "isotonic") {
    calibration.method_ = CalibrationMethod::kIsotonic;
    auto knots = knots_of(json);
    if (!knots) return std::move(knots).error();
    calibration.knots_ = *std::move(knots);
    return calibration;
  }
  if (*name != "platt" && *name != "beta")
    return corrupt("method", "none, platt, isotonic or beta");
  const bool is_platt = *name == "platt";
  calibration.method_ = is_platt ? CalibrationMethod::kPlatt : CalibrationMethod::kBeta;
  const auto a = slope_of(json, is_platt ? "slope" : "a");
  if (!a) return a.error();
  const auto b = slope_of(json, is_platt ? "slope" : "b");
  if (!b) return b.error();
  const auto c = finite_of(json, is_platt ? "intercept" : "c");
  if (!c) return c.error();
  calibration.curve_ = {.a = *a, .b = *b, .c = *c};
  return calibration;
}

}  // namespace tenure::learn
