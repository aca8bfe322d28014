#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/result.h"
#include "learn/model.h"
#include "learn/tree_shap.h"

namespace tenure::learn {

/// Says what moves a model's margin (log-odds), by the customer's own features: the exact Shapley
/// values of the encoded columns, those of one input added up (one-hot columns of a category, a
/// cross under its first input). Immutable; thread-safe, each thread with its own Scratch.
class Explainer {
 public:
  /// Errors: those of TreeShap::make.
  static core::Result<Explainer> make(const Model& model);

  struct Scratch {
    TreeShap::Scratch shap;
    std::vector<double> columns;
  };

  std::int64_t estimated_ns() const { return shap_.estimated_ns(); }  ///< of explain()

  /// Explains one row as Model::score() encoded it. `model` is the one this was made from. `out`
  /// has one value per input of the model; returns the bias. Sum of `out` + bias = margin, within
  /// about 1e-5. Allocates nothing once `scratch` is warm.
  double explain(const Model& model, std::span<const float> encoded, Scratch& scratch,
                 std::span<double> out) const;

 private:
  explicit Explainer(TreeShap shap) : shap_(std::move(shap)) {}
  TreeShap shap_;
};

}  // namespace tenure::learn
