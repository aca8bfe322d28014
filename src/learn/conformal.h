#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/json.h"
#include "core/result.h"

namespace tenure::learn {

/// The k-th smallest score, k = ceil((n + 1) (1 - alpha)); infinite when k > n. `scores` in any
/// order, without NaN; alpha in (0, 1).
double conformal_quantile(std::span<const double> scores, double alpha);

struct ConformalOptions {
  double alpha = 0.1;        ///< share of customers whose set may miss the truth
  bool is_per_class = true;  ///< that promise for each class by itself (Mondrian)
};

/// Split conformal prediction for a binary classifier: instead of one answer a set of those that
/// cannot be excluded, which holds the truth for at least 1 - alpha of the customers as long as
/// they are like the calibration rows. A set of both answers, or of none, says: ask a person.
/// Immutable; thread-safe.
/// Source: Sadinle, Lei, Wasserman, "Least ambiguous set-valued classifiers", 2019; Vovk et al.,
/// 2005, for the class-conditional form.
class Conformal {
 public:
  /// From rows that neither the model nor its calibration was fitted on; the probabilities as they
  /// will be served. Errors: kInvalidArgument when lengths differ, there are no rows, a probability
  /// is outside of 0..1, alpha outside of (0, 1), or a class is missing that has a promise of its
  /// own.
  static core::Result<Conformal> fit(std::span<const std::uint8_t> labels,
                                     std::span<const float> probabilities,
                                     const ConformalOptions& options = {});

  struct Set {
    bool negative = true;
    bool positive = true;
    bool is_certain() const { return negative != positive; }  ///< else abstain
  };
  /// Allocates nothing, never fails; NaN gives both.
  Set predict(float probability) const noexcept;

  double alpha() const { return options_.alpha; }
  bool is_per_class() const { return options_.is_per_class; }
  /// Largest 1 - p(class) that keeps the class in the set: of negatives, of positives.
  std::array<double, 2> quantiles() const { return quantiles_; }

  core::Json to_json() const;
  /// Errors: kCorruption naming the member.
  static core::Result<Conformal> from_json(const core::Json& json);

 private:
  ConformalOptions options_;
  std::array<double, 2> quantiles_ = {1, 1};
};

}  // namespace tenure::learn
