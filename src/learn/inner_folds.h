#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"
#include "learn/row_selection.h"

namespace tenure::learn {

/// Stratified folds of the training data, or of a sample of 24,000 rows, on which a training
/// chooses between settings before it cross-validates.
struct InnerFolds {
  std::vector<LabelledRows> training, validation;  ///< by fold

  /// At most three folds. Errors: kInvalidArgument for too few rows of a class.
  static core::Result<InnerFolds> make(const data::Table& table,
                                       std::span<const std::uint8_t> labels, int folds,
                                       std::uint64_t seed);
};

}  // namespace tenure::learn
