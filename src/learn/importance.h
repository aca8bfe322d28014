#pragma once

#include <string>
#include <vector>

#include "learn/transform.h"
#include "learn/tree_model.h"

namespace tenure::learn {

/// How much one customer feature contributed to the splits of a model.
struct FeatureImportance {
  std::string name;
  double share = 0;  ///< of the total gain; all shares sum to 1, or are 0 without statistics
};

/// Importance by customer feature, the largest first: the gains of all columns that were encoded
/// from one input are added up ("Contract" rather than "Contract=Two year"); a cross counts for its
/// first input. `trees` read the outputs of `transform`.
std::vector<FeatureImportance> importance_by_input(const Transform& transform,
                                                   const TreeModel& trees);

}  // namespace tenure::learn
