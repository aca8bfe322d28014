#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace tenure::learn {

/// Row-major float32, missing = NaN: what XGBoost trains on and the evaluator reads.
struct Matrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<float> values;  ///< rows × columns

  std::span<const float> row(std::size_t i) const {
    return std::span(values).subspan(i * columns, columns);
  }
  std::span<float> row(std::size_t i) { return std::span(values).subspan(i * columns, columns); }
};

}  // namespace tenure::learn
