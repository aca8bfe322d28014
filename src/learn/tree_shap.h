#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"
#include "learn/cpu_level.h"
#include "learn/tree_model.h"
#include "learn/tree_shap_pairs.h"

namespace tenure::learn {

/// Exact Shapley values of a tree ensemble's margins, path dependent (Lundberg et al., "Consistent
/// individualized feature attribution for tree ensembles", 2018): what each feature of a row adds
/// to the margin, where a feature that is not known follows both branches in the proportion of the
/// training rows. contributions + bias = margin, up to rounding.
///
/// The Shapley weights of a path of d features are the integral over [0, 1] of a polynomial of
/// degree d - 1, which Gauss-Legendre quadrature with at least d / 2 points gives exactly. So one
/// walk down each tree and one back up suffice, a few multiplications for each node. All that does
/// not depend on the row is worked out once, here. Trees of usual size take a form for vector
/// instructions (ShapPairs), others a general one. Immutable; thread-safe.
///
/// A linear model (gblinear) has the contributions weight × value, as XGBoost gives them.
class TreeShap {
 public:
  /// Features on one path at most: the quadrature has up to 32 points.
  static constexpr std::size_t kPathFeaturesMax = 64;

  /// Errors: kUnimplemented when the model's file has no covers, or a path has more than
  /// kPathFeaturesMax features. `level` is one of cpu_levels().
  static core::Result<TreeShap> make(const TreeModel& model, CpuLevel level = cpu_levels().back());

  /// Buffers of a call, reused; one per thread.
  struct Scratch {
    std::vector<float> lanes;
    std::vector<float> pairs;
    std::vector<std::uint8_t> flags;
  };

  /// How long contributions() takes on a usual core: within a factor of two, for who must not wait.
  std::int64_t estimated_ns() const;

  /// Contributions of one row: `row` has feature_count() floats, NaN = missing; `out` has
  /// group_count() × (feature_count() + 1) values, the last of each group is the bias. `model` is
  /// the one this was made from. Allocates nothing once `scratch` is warm.
  void contributions(const TreeModel& model, std::span<const float> row, Scratch& scratch,
                     std::span<double> out) const;

 private:
  /// A node but the root, with the edge that leads to it.
  struct Edge {
    std::uint32_t parent = 0;    ///< node of the same tree
    std::uint32_t previous = 0;  ///< nearest edge above on the same feature, by its node; 0 = none
    std::uint32_t feature = 0;   ///< what the parent asks for
    std::uint32_t split = 0;     ///< what the node itself asks for, unless it is a leaf
    float share = 0;             ///< of the parent's cover
    float leaf_value = 0;
    bool is_leaf = false;
    bool is_right = false;
  };
  struct Tree {
    std::size_t number = 0;      ///< in the model
    std::size_t first_edge = 0;  ///< of node 1
    std::uint32_t size = 0;      ///< nodes
  };

  void add_tree(const TreeModel& model, std::size_t tree);
  std::size_t path_features(const Tree& tree) const;
  void move_to_pairs(const TreeModel& model);
  template <std::size_t kPoints>
  void add_tables();
  template <std::size_t kPoints>
  void add_contributions(const TreeModel& model, std::span<const float> row, Scratch& scratch,
                         std::span<double> out) const;

  std::size_t points_ = 0;  ///< 2, 4, 8, 16 or 32
  std::vector<Tree> trees_;
  std::vector<Edge> edges_;
  std::vector<float> path_shares_;  ///< per edge: product of shares on its feature, itself included
  /// Per edge 4 × points_: what the product over the path is multiplied by and what the edge adds
  /// to its feature's value, when the row takes the edge and when it does not.
  std::vector<float> tables_;
  ShapPairs pairs_;
  std::vector<double> bias_;  ///< per group
  std::uint32_t size_max_ = 0;
};

}  // namespace tenure::learn
