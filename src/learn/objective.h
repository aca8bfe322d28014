#pragma once

#include <cstdint>
#include <span>

namespace tenure::learn {

/// How a margin becomes an output; which names mean which is in xgboost_objective.cpp and
/// lightgbm_model_loader.cpp.
enum class Objective : std::uint8_t {
  kBinaryLogistic,
  kRegLogistic,
  kLogitRaw,
  kHinge,
  kIdentity,
  kExp,
  kExpDouble,  ///< survival:aft: the exponential is taken in float64, then rounded
  kSoftmax,
  kSoftprob,
  kOneVersusAll,  ///< LightGBM: a sigmoid for each class
  kLog1pExp,      ///< LightGBM cross_entropy_lambda
  kSignedSquare,  ///< LightGBM regression of square roots
};

/// The output for one margin as libxgboost computes it: float32 arithmetic, libm's expf. Softmax
/// needs all margins of a row: see outputs_of().
float output_of(Objective objective, float margin) noexcept;

/// The output for one margin as LightGBM computes it, in float64; `sigmoid` is its factor in
/// sigmoids.
double output_of(Objective objective, double margin, double sigmoid) noexcept;

/// The outputs for the margins of one row: class probabilities for softprob; softmax puts the
/// number of the first largest class into out[0]. `out` has as many places as `margins`.
void outputs_of(Objective objective, std::span<const float> margins, std::span<float> out) noexcept;
void outputs_of(Objective objective, std::span<const double> margins, double sigmoid,
                std::span<double> out) noexcept;

}  // namespace tenure::learn
