#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "learn/tree_model.h"

namespace tenure::learn {

/// The tables of TreeShap in a form for vector instructions: trees of at most 64 splits whose paths
/// ask for at most 8 features, so that four points of quadrature are exact. The decisions of a row
/// at all splits of a tree are one word; whether the row follows every split above on the same
/// feature is then one comparison. The two edges below a split are worked on together, four points
/// each, without a branch.
struct ShapPairs {
  static constexpr std::size_t kPoints = 4;
  static constexpr std::size_t kSplitsMax = 64;
  static constexpr std::size_t kPathFeaturesMax = 8;

  /// The split `p` of a tree, counted level by level, and the edges to its children. With z the
  /// product of the shares of the training rows over a path's splits on the feature, and F(o) =
  /// z + t (o - z) at point t of the quadrature:
  struct alignas(64) Pair {
    float inverse_after[2 * kPoints];  ///< 1 / F(1) with the edge's own split; left, right
    float inverse_before[kPoints];     ///< 1 / F(1) without it
    float known_before[kPoints];       ///< (1 - z) / F(1) without it
    /// z with the edge's own split, share of the split's rows, and what a leaf adds (0 if the child
    /// is a split): left and right each.
    float after[2];
    float share[2];
    float leaf[2];
    std::uint32_t feature = 0;
    std::uint32_t node = 0;        ///< number in its tree
    std::uint64_t above = 0;       ///< splits above on the same feature
    std::uint64_t directions = 0;  ///< those of them that the path leaves to the right
    std::uint32_t from = 0;        ///< place of the edge that leads here: 2 + 2 p + right, 0 = root
  };
  /// What asks for the decisions of a tree, eight splits at once.
  struct alignas(64) Splits {
    std::int32_t feature[kSplitsMax] = {};
    float threshold[kSplitsMax] = {};
    std::uint64_t default_right = 0;
    std::uint64_t special = 0;  ///< categories, and zeros that count as missing: asked one by one
  };
  struct Tree {
    std::size_t number = 0;  ///< in the model
    std::size_t first = 0;   ///< of pairs
    std::uint32_t count = 0;
    std::uint32_t group = 0;
  };

  std::vector<Tree> trees;
  std::vector<Pair> pairs;
  std::vector<Splits> splits;  ///< per tree
  float node[kPoints] = {};
  float weight[kPoints] = {};
};

/// Adds the contributions of all trees of `tables`: `out` as of TreeShap::contributions(). For
/// processors with AVX2; `lanes` is memory for reuse.
void add_pair_contributions_avx2(const ShapPairs& tables, const TreeModel& model,
                                 std::span<const float> row, std::vector<float>& lanes,
                                 std::span<double> out);

}  // namespace tenure::learn
