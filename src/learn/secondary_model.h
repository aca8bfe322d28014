#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/result.h"
#include "data/table.h"
#include "learn/transform.h"

namespace tenure::learn {

/// A simple model over the same inputs as the model it stands in for.
struct SecondaryModel {
  Transform transform;
  std::string xgboost_ubj;  ///< gblinear; feature names are the transform's outputs
};

/// Trains a logistic regression: missing numbers become medians, categories columns, numbers are
/// standardised; weights by XGBoost's coordinate descent with a little L2. It has few ways to be
/// wrong where the trees have many: every missing or unknown value leaves one term out.
/// Deterministic in the seed. Errors: as train().
core::Result<SecondaryModel> train_secondary(std::span<const InputField> inputs,
                                             const data::Table& table,
                                             std::span<const std::uint8_t> labels,
                                             std::uint64_t seed, int threads);

}  // namespace tenure::learn
