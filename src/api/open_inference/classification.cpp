#include "api/open_inference/classification.h"

#include <algorithm>

#include <fmt/format.h>

namespace tenure::api {

void append_classes(float probability, const learn::ModelFacts& facts, std::size_t count,
                    std::vector<std::string>& out) {
  const float negative = 1.0F - probability;
  const bool is_positive_first = probability > negative;
  for (std::size_t place = 0; place < std::min(count, kClasses); ++place) {
    const bool is_positive = (place == 0) == is_positive_first;
    // Six decimals, whatever the value: what std::to_string makes of a float in Triton.
    out.push_back(fmt::format("{:.6f}:{}:{}",
                              static_cast<double>(is_positive ? probability : negative),
                              is_positive ? 1 : 0, is_positive ? facts.positive : facts.negative));
  }
}

}  // namespace tenure::api
