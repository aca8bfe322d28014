#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/result.h"

namespace tenure::learn {

enum class CalibrationMethod : std::uint8_t {
  kNone,      ///< probabilities stay as they are
  kPlatt,     ///< logistic in logit(p)
  kIsotonic,  ///< monotone steps (pool adjacent violators), joined by lines
  kBeta,      ///< logistic in ln(p) and -ln(1 - p)
};

std::string_view calibration_method_name(CalibrationMethod method);  ///< "none", "platt", ...

/// p = 1 / (1 + exp(a s + b)), fitted to the smoothed targets (N+ + 1) / (N+ + 2), 1 / (N- + 2).
struct PlattCurve {
  double a = -1;
  double b = 0;
};
/// logit(p') = a ln(p) - b ln(1 - p) + c, with a and b not below 0.
struct BetaCurve {
  double a = 1;
  double b = 1;
  double c = 0;
};
/// Knots of a non-decreasing curve: x ascending, as many of y.
struct IsotonicCurve {
  std::vector<double> x;
  std::vector<double> y;
};

// The fits below take rows that the model was not trained on: `labels` 0 or 1 and as many finite
// numbers. Errors: kInvalidArgument when lengths differ, a number is not finite, one class only is
// present, or the numbers rank the classes the wrong way round (a curve that falls).

/// On scores of any scale. Source: J. Platt, "Probabilistic outputs for support vector machines",
/// 1999, with the stable form of Lin, Lin and Weng, 2007.
core::Result<PlattCurve> fit_platt(std::span<const std::uint8_t> labels,
                                   std::span<const double> scores);
/// On probabilities. Also an error when the classes do not overlap: the curve would be a step.
/// Source: M. Kull, T. Silva Filho, P. Flach, "Beta calibration", 2017.
core::Result<BetaCurve> fit_beta(std::span<const std::uint8_t> labels,
                                 std::span<const double> probabilities);
/// On numbers of any scale. Equal ones count as one, with the mean of their labels. Where they rank
/// the classes the wrong way round this is no error, but a level line.
core::Result<IsotonicCurve> fit_isotonic(std::span<const std::uint8_t> labels,
                                         std::span<const double> scores);

/// Makes probabilities of a model honest: of those told 0.3, three in ten leave. Monotone, so the
/// ranking stays (isotonic makes ties). Immutable; thread-safe.
class Calibration {
 public:
  Calibration() = default;  ///< kNone

  /// Platt on logit(p), beta, or isotonic kept within [1e-4, 1 - 1e-4]; p itself is taken within
  /// [1e-7, 1 - 1e-7]. Errors: as the fits above.
  static core::Result<Calibration> fit(CalibrationMethod method,
                                       std::span<const std::uint8_t> labels,
                                       std::span<const double> probabilities);

  /// Allocates nothing, never fails; NaN stays NaN.
  float apply(float probability) const noexcept;

  CalibrationMethod method() const { return method_; }

  core::Json to_json() const;
  /// Errors: kCorruption naming the member.
  static core::Result<Calibration> from_json(const core::Json& json);

 private:
  CalibrationMethod method_ = CalibrationMethod::kNone;
  BetaCurve curve_;  ///< Platt too: slope in a and b, intercept in c
  IsotonicCurve knots_;
};

struct CalibrationOptions {
  int folds = 5;
  std::uint64_t seed = 42;
};

/// Which calibration helps, if any.
struct CalibrationChoice {
  Calibration calibration;     ///< fitted to all rows; kNone when no method helps
  double log_loss_before = 0;  ///< of the probabilities as they are
  struct Trial {
    CalibrationMethod method = CalibrationMethod::kNone;
    bool is_tried = false;
    double log_loss = 0;        ///< held out, when tried
    double gain_deviation = 0;  ///< standard error of the gain in log loss, over rows
    std::string why_not;        ///< when not tried
  };
  std::vector<Trial> trials;  ///< Platt, beta, isotonic
  core::Json to_json() const;
};

/// Fewest rows for isotonic calibration: on fewer it learns their noise.
inline constexpr std::size_t kIsotonicRowsMin = 1000;

/// Tries each method by cross-fitting on the given rows, which must not be training rows of the
/// model. The method with the lowest held-out log loss is taken if its gain over no calibration is
/// more than one standard error of that gain; isotonic takes part from kIsotonicRowsMin rows on.
/// Errors: kInvalidArgument when lengths differ, a probability is NaN, or a class has fewer rows
/// than there are folds.
core::Result<CalibrationChoice> choose_calibration(std::span<const std::uint8_t> labels,
                                                   std::span<const double> probabilities,
                                                   const CalibrationOptions& options = {});

}  // namespace tenure::learn
