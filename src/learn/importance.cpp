#include "learn/importance.h"

#include <algorithm>
#include <numeric>

#include "core/assert.h"

namespace tenure::learn {

std::vector<FeatureImportance> importance_by_input(const Transform& transform,
                                                   const TreeModel& trees) {
  const std::vector<double> gains = trees.gain_importance();
  const auto origins = transform.output_origins();
  TENURE_ASSERT(gains.size() == origins.size());
  std::vector<FeatureImportance> importance;
  for (const InputField& input : transform.inputs()) importance.push_back({.name = input.name});
  const double total = std::accumulate(gains.begin(), gains.end(), 0.0);
  if (total > 0)
    for (std::size_t i = 0; i < gains.size(); ++i) importance[origins[i]].share += gains[i] / total;
  std::stable_sort(importance.begin(), importance.end(),
                   [](const auto& a, const auto& b) { return a.share > b.share; });
  return importance;
}

}  // namespace tenure::learn
