#include "learn/objective.h"

#include <algorithm>
#include <cmath>

namespace tenure::learn {
namespace {

/// From dmlc/xgboost src/common/math.h: exp of more would overflow float32.
float sigmoid_of(float margin) {
  const float exponent = std::min(-margin, 88.7F);
  return 1.0F / (std::exp(exponent) + 1.0F);
}

/// Shares of the exponentials: each in the type of the margins, their sum in float64, as both
/// libraries do (dmlc/xgboost src/common/math.h, microsoft/LightGBM utils/common.h).
template <typename Number>
void softmax_of(std::span<const Number> margins, std::span<Number> out) {
  const Number largest = *std::max_element(margins.begin(), margins.end());
  double sum = 0;
  for (std::size_t i = 0; i < margins.size(); ++i) {
    out[i] = std::exp(margins[i] - largest);
    sum += static_cast<double>(out[i]);
  }
  for (std::size_t i = 0; i < margins.size(); ++i) out[i] /= static_cast<Number>(sum);
}

}  // namespace

float output_of(Objective objective, float margin) noexcept {
  switch (objective) {
    case Objective::kBinaryLogistic:
    case Objective::kRegLogistic:
      return sigmoid_of(margin);
    case Objective::kHinge:
      return margin > 0 ? 1.0F : 0.0F;
    case Objective::kExp:
      return std::exp(margin);
    case Objective::kExpDouble:
      return static_cast<float>(std::exp(static_cast<double>(margin)));
    default:
      return margin;
  }
}

double output_of(Objective objective, double margin, double sigmoid) noexcept {
  // microsoft/LightGBM src/objective/*.hpp, ConvertOutput of each.
  switch (objective) {
    case Objective::kBinaryLogistic:
    case Objective::kOneVersusAll:
      return 1.0 / (1.0 + std::exp(-sigmoid * margin));
    case Objective::kExp:
      return std::exp(margin);
    case Objective::kLog1pExp:
      return std::log1p(std::exp(margin));
    case Objective::kSignedSquare:
      return std::copysign(margin * margin, margin);
    default:
      return margin;
  }
}

void outputs_of(Objective objective, std::span<const float> margins,
                std::span<float> out) noexcept {
  if (objective == Objective::kSoftmax) {
    const auto largest = std::max_element(margins.begin(), margins.end());
    out[0] = static_cast<float>(largest - margins.begin());
  } else if (objective == Objective::kSoftprob) {
    softmax_of(margins, out);
  } else {
    std::transform(margins.begin(), margins.end(), out.begin(),
                   [objective](float margin) { return output_of(objective, margin); });
  }
}

void outputs_of(Objective objective, std::span<const double> margins, double sigmoid,
                std::span<double> out) noexcept {
  if (objective == Objective::kSoftprob) {
    softmax_of(margins, out);
  } else {
    std::transform(margins.begin(), margins.end(), out.begin(),
                   [&](double margin) { return output_of(objective, margin, sigmoid); });
  }
}

}  // namespace tenure::learn
