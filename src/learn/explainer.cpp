#include "learn/explainer.h"

#include <algorithm>
#include <utility>

#include "core/assert.h"

namespace tenure::learn {

core::Result<Explainer> Explainer::make(const Model& model) {
  auto shap = TreeShap::make(model.trees());
  if (!shap) return std::move(shap).error();
  return Explainer(*std::move(shap));
}

double Explainer::explain(const Model& model, std::span<const float> encoded, Scratch& scratch,
                          std::span<double> out) const {
  const std::span<const std::uint32_t> origins = model.transform().output_origins();
  TENURE_ASSERT(encoded.size() == origins.size());
  TENURE_ASSERT(out.size() == model.transform().inputs().size());
  scratch.columns.resize(origins.size() + 1);
  shap_.contributions(model.trees(), encoded, scratch.shap, scratch.columns);
  std::ranges::fill(out, 0.0);
  for (std::size_t column = 0; column < origins.size(); ++column) {
    out[origins[column]] += scratch.columns[column];
  }
  return scratch.columns.back();
}

}  // namespace tenure::learn
