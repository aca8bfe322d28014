// Which calibration helps: a trial by cross-fitting.
#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "learn/calibration.h"
#include "learn/trainer.h"

namespace tenure::learn {
namespace {

/// The rows to judge by, and which fold each is held out in.
struct Rows {
  std::span<const std::uint8_t> labels;
  std::span<const double> probabilities;
  std::vector<std::uint32_t> folds;
};

double row_loss(std::uint8_t label, double probability) {
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  const double p = std::clamp(probability, kEpsilon, 1 - kEpsilon);
  return label != 0 ? -std::log(p) : -std::log1p(-p);
}

/// Held-out losses, row by row.
core::Result<std::vector<double>> held_out_losses(const Rows& rows, CalibrationMethod method,
                                                  std::uint32_t fold_count) {
  std::vector<double> losses(rows.labels.size());
  std::vector<std::uint8_t> labels;
  std::vector<double> probabilities;
  for (std::uint32_t fold = 0; fold < fold_count; ++fold) {
    labels.clear();
    probabilities.clear();
    for (std::size_t i = 0; i < losses.size(); ++i) {
      if (rows.folds[i] == fold) continue;
      labels.push_back(rows.labels[i]);
      probabilities.push_back(rows.probabilities[i]);
    }
    const auto calibration = Calibration::fit(method, labels, probabilities);
    if (!calibration) return calibration.error();
    for (std::size_t i = 0; i < losses.size(); ++i)
      if (rows.folds[i] == fold)
        losses[i] = row_loss(
            rows.labels[i],
            static_cast<double>(calibration->apply(static_cast<float>(rows.probabilities[i]))));
  }
  return losses;
}

CalibrationChoice::Trial trial_of(const Rows& rows, CalibrationMethod method,
                                  std::uint32_t fold_count, const std::vector<double>& before) {
  CalibrationChoice::Trial trial;
  trial.method = method;
  if (method == CalibrationMethod::kIsotonic && before.size() < kIsotonicRowsMin) {
    trial.why_not =
        fmt::format("{} rows; isotonic calibration needs {}", before.size(), kIsotonicRowsMin);
    return trial;
  }
  const auto losses = held_out_losses(rows, method, fold_count);
  if (!losses) {
    trial.why_not = losses.error().message;
    return trial;
  }
  const auto n = static_cast<double>(before.size());
  double gain = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    trial.log_loss += (*losses)[i] / n;
    gain += (before[i] - (*losses)[i]) / n;
  }
  double squares = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double deviation = before[i] - (*losses)[i] - gain;
    squares += deviation * deviation;
  }
  trial.is_tried = true;
  trial.gain_deviation = std::sqrt(squares / (n - 1) / n);
  return trial;
}

}  // namespace

core::Result<CalibrationChoice> choose_calibration(std::span<const std::uint8_t> labels,
                                                   std::span<const double> probabilities,
                                                   const CalibrationOptions& options) {
  if (labels.size() != probabilities.size())
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        fmt::format("{} labels, but {} probabilities", labels.size(), probabilities.size())};
  Rows rows{labels, probabilities, {}};
  auto folds = stratified_folds(labels, options.folds, options.seed);
  if (!folds) return std::move(folds).error();
  rows.folds = *std::move(folds);

  CalibrationChoice choice;
  std::vector<double> before(labels.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (std::isnan(probabilities[i]))
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("the probability of row {} is not a number", i)};
    before[i] = row_loss(labels[i], probabilities[i]);
    choice.log_loss_before += before[i] / static_cast<double>(before.size());
  }
  auto method = CalibrationMethod::kNone;
  double lowest = choice.log_loss_before;
  for (const auto candidate :
       {CalibrationMethod::kPlatt, CalibrationMethod::kBeta, CalibrationMethod::kIsotonic}) {
    auto trial = trial_of(rows, candidate, static_cast<std::uint32_t>(options.folds), before);
    const double gain = choice.log_loss_before - trial.log_loss;
    if (trial.is_tried && trial.log_loss < lowest && gain > trial.gain_deviation) {
      method = candidate;
      lowest = trial.log_loss;
    }
    choice.trials.push_back(std::move(trial));
  }
  auto calibration = Calibration::fit(method, labels, probabilities);
  if (!calibration) return std::move(calibration).error();
  choice.calibration = *std::move(calibration);
  return choice;
}

core::Json CalibrationChoice::to_json() const {
  core::JsonObject json;
  json["method"] = calibration_method_name(calibration.method());
  json["log_loss_before"] = log_loss_before;
  core::JsonArray list;
  for (const Trial& trial : trials) {
    core::JsonObject one;
    one["method"] = calibration_method_name(trial.method);
    if (trial.is_tried) {
      one["log_loss"] = trial.log_loss;
      one["gain_deviation"] = trial.gain_deviation;
    } else {
      one["why_not"] = trial.why_not;
    }
    list.push_back(std::move(one));
  }
  json["trials"] = std::move(list);
  return json;
}

}  // namespace tenure::learn
