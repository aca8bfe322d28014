// The walk over nodes: what every other form of a model is compared with.

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "core/assert.h"
#include "learn/tree_model.h"

namespace tenure::learn {
namespace {

/// Walks side by side: enough to hide the load latency of one walk behind the others.
constexpr std::size_t kLanes = 8;

/// Rows for which one tree is walked before the next: their sums and the tree's nodes stay in the
/// first-level cache.
constexpr std::size_t kBlockRows = 64;

}  // namespace

/// A categorical split, or a numeric one where zero counts as missing.
bool TreeModel::is_right_special(const Node& node, float x) const noexcept {
  const bool is_zero = (node.flags & kZeroMissing) != 0 && std::abs(x) <= kZeroEnd;
  if (std::isnan(x) || is_zero) return (node.flags & kDefaultLeft) == 0;
  if ((node.flags & kCategorical) != 0) return sets_.contains(node.flags >> kSetShift, x);
  return !(x < node.threshold_or_leaf);
}

/// One step of a walk, without a branch that depends on data: all outcomes cost the same, and
/// several walks overlap. A leaf leads to itself, so walks of unequal length may go on together.
template <bool kIsPlain>
std::uint32_t TreeModel::child(const Node& node, const float* row) const noexcept {
  const float x = row[node.feature];
  if constexpr (!kIsPlain) {
    if ((node.flags & (kCategorical | kZeroMissing)) != 0) {
      return node.left + static_cast<std::uint32_t>(is_right_special(node, x));
    }
  }
  // NaN takes no "<", so a missing value goes right here unless the default is left.
  const auto right = static_cast<std::uint32_t>(!(x < node.threshold_or_leaf));
  const auto missing = static_cast<std::uint32_t>(x != x);
  const std::uint32_t stays = (missing & node.flags) | (node.flags >> 1);
  return node.left + (right & ~stays);
}

template <bool kIsPlain>
std::uint32_t TreeModel::leaf_of(std::size_t tree, const float* row) const noexcept {
  std::uint32_t at = roots_[tree];
  while ((nodes_[at].flags & kLeaf) == 0) at = child<kIsPlain>(nodes_[at], row);
  return at;
}

template <bool kIsPlain>
void TreeModel::leaves_of_trees(std::size_t first, const float* row,
                                std::uint32_t* leaves) const noexcept {
  std::uint32_t at[kLanes];
  std::uint32_t depth = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    at[lane] = roots_[first + lane];
    depth = std::max(depth, tree_depth_[first + lane]);
  }
  const Node* const nodes = nodes_.data();
  for (std::uint32_t step = 0; step < depth; ++step) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      at[lane] = child<kIsPlain>(nodes[at[lane]], row);
    }
  }
  std::copy_n(at, kLanes, leaves);
}

template <typename Sum>
inline Sum TreeModel::leaf_value(std::size_t tree, std::uint32_t leaf) const noexcept {
  if constexpr (std::is_same_v<Sum, double>) {
    return leaves64_[leaf];
  } else {
    const float value = nodes_[leaf].threshold_or_leaf;
    return tree_weight_.empty() ? value : value * tree_weight_[tree];
  }
}

/// Adds every tree to the margins in `out`, one addition a tree, in tree order: the order is what
/// makes the bits equal to the library's that trained the model.
template <bool kIsPlain, typename Sum>
void TreeModel::add_trees(const float* row, Sum* out) const noexcept {
  std::size_t tree = 0;
  std::uint32_t leaves[kLanes];
  if (group_count_ == 1) {
    Sum sum = out[0];
    for (; tree + kLanes <= roots_.size(); tree += kLanes) {
      leaves_of_trees<kIsPlain>(tree, row, leaves);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        sum += leaf_value<Sum>(tree + lane, leaves[lane]);
      }
    }
    for (; tree < roots_.size(); ++tree) {
      sum += leaf_value<Sum>(tree, leaf_of<kIsPlain>(tree, row));
    }
    out[0] = sum;
    return;
  }
  for (; tree + kLanes <= roots_.size(); tree += kLanes) {
    leaves_of_trees<kIsPlain>(tree, row, leaves);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      out[tree_group_[tree + lane]] += leaf_value<Sum>(tree + lane, leaves[lane]);
    }
  }
  for (; tree < roots_.size(); ++tree) {
    out[tree_group_[tree]] += leaf_value<Sum>(tree, leaf_of<kIsPlain>(tree, row));
  }
}

template <bool kIsPlain, typename Sum>
void TreeModel::add_trees_to_rows(const float* all_values, std::size_t all_rows,
                                  Sum* all_sums) const noexcept {
  const Node* const nodes = nodes_.data();
  const std::size_t width = feature_count_;
  for (std::size_t block = 0; block < all_rows; block += kBlockRows) {
    const float* const values = all_values + block * width;
    Sum* const out = all_sums + block * group_count_;
    const std::size_t rows = std::min(kBlockRows, all_rows - block);
    const std::size_t whole = rows - rows % kLanes;
    for (std::size_t tree = 0; tree < roots_.size(); ++tree) {
      Sum* const sums = out + tree_group_[tree];
      for (std::size_t row = 0; row < whole; row += kLanes) {
        std::uint32_t at[kLanes];
        std::fill_n(at, kLanes, roots_[tree]);
        const float* const first = values + row * width;
        for (std::uint32_t step = 0; step < tree_depth_[tree]; ++step) {
          for (std::size_t lane = 0; lane < kLanes; ++lane) {
            at[lane] = child<kIsPlain>(nodes[at[lane]], first + lane * width);
          }
        }
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          sums[(row + lane) * group_count_] += leaf_value<Sum>(tree, at[lane]);
        }
      }
    }
    for (std::size_t row = whole; row < rows; ++row) {
      add_trees<kIsPlain>(values + row * width, out + row * group_count_);
    }
  }
}

template void TreeModel::add_trees<true>(const float*, float*) const noexcept;
template void TreeModel::add_trees<true>(const float*, double*) const noexcept;
template void TreeModel::add_trees<false>(const float*, float*) const noexcept;
template void TreeModel::add_trees<false>(const float*, double*) const noexcept;
template void TreeModel::add_trees_to_rows<true>(const float*, std::size_t, float*) const noexcept;
template void TreeModel::add_trees_to_rows<true>(const float*, std::size_t, double*) const noexcept;
template void TreeModel::add_trees_to_rows<false>(const float*, std::size_t, float*) const noexcept;
template void TreeModel::add_trees_to_rows<false>(const float*, std::size_t,
                                                  double*) const noexcept;

void TreeModel::leaves(std::span<const float> row, std::span<std::int32_t> out) const noexcept {
  TENURE_DCHECK(row.size() >= feature_count_ && out.size() >= roots_.size());
  for (std::size_t tree = 0; tree < roots_.size(); ++tree) {
    out[tree] = node_ids_[leaf_of<false>(tree, row.data())];
  }
}

std::size_t TreeView::size() const {
  const std::size_t end =
      tree_ + 1 < model_->roots_.size() ? model_->roots_[tree_ + 1] : model_->nodes_.size();
  return end - root();
}

TreeNode TreeView::node(std::uint32_t number) const {
  const std::uint32_t at = root() + number;
  const TreeModel::Node& source = model_->nodes_[at];
  TreeNode node;
  node.is_leaf = (source.flags & TreeModel::kLeaf) != 0;
  node.left = source.left - root();
  node.right = node.is_leaf ? node.left : node.left + 1;
  if (node.is_leaf) {
    node.leaf_value = model_->is_float64_
                          ? model_->leaf_value<double>(tree_, at)
                          : static_cast<double>(model_->leaf_value<float>(tree_, at));
  } else {
    node.is_categorical = (source.flags & TreeModel::kCategorical) != 0;
    node.is_default_left = (source.flags & TreeModel::kDefaultLeft) != 0;
    node.is_zero_missing = (source.flags & TreeModel::kZeroMissing) != 0;
    node.feature = source.feature;
    node.threshold = source.threshold_or_leaf;
    node.category_set = source.flags >> TreeModel::kSetShift;
  }
  if (model_->has_covers()) node.cover = model_->covers_[at];
  return node;
}

std::int32_t TreeView::file_number(std::uint32_t number) const {
  return model_->node_ids_[root() + number];
}

bool TreeView::goes_right(std::uint32_t number, float x) const noexcept {
  return model_->is_right_special(model_->nodes_[root() + number], x);
}

}  // namespace tenure::learn
