#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"
#include "learn/model.h"
#include "learn/tree_shap.h"

namespace tenure::learn {

/// Exact Shapley interaction values of a tree ensemble's margins (Lundberg et al., 2018): how much
/// of what two features add they add together. Symmetric; a row of the matrix sums to the feature's
/// Shapley value, the diagonal being what the feature adds by itself. For a pair on a path the
/// weights are, as in TreeShap, the integral of a polynomial over [0, 1], here of two factors less,
/// which Gauss-Legendre quadrature gives exactly. Costs a walk to every leaf and all pairs on its
/// path: for batches, not for the hot path. Immutable; thread-safe, each thread with its own
/// Scratch.
class ShapInteractions {
 public:
  /// Errors: those of TreeShap::make.
  static core::Result<ShapInteractions> make(const TreeModel& model);

  struct PathFeature {
    std::uint32_t feature = 0;
    double share = 1;      ///< of the training rows that follow the path at this feature's splits
    bool is_taken = true;  ///< the row follows the path at all of them
  };
  struct Scratch {
    TreeShap::Scratch shap;
    std::vector<double> contributions;
    std::vector<double> matrix;
    std::vector<PathFeature> path;
  };

  /// Of one row: `out` has group_count() × (feature_count() + 1)² values, row-major; the last cell
  /// of each group is the bias. `model` is the one this was made from.
  void values(const TreeModel& model, std::span<const float> row, Scratch& scratch,
              std::span<double> out) const;

  /// By the customer's own features: the encoded columns of an input added up. `out` has inputs²
  /// values; rows sum to what Explainer gives. Of a model with one group.
  void by_input(const Model& model, std::span<const float> encoded, Scratch& scratch,
                std::span<double> out) const;

 private:
  explicit ShapInteractions(TreeShap shap) : shap_(std::move(shap)) {}
  TreeShap shap_;
};

}  // namespace tenure::learn
