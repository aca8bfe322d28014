#pragma once

#include <cstdint>
#include <span>

#include "learn/tree_model.h"

// What Shapley values and interactions are defined by, for their tests.

namespace tenure::learn {

/// Expected leaf value below a node when only the features in `known` are: the definition.
inline double expected_leaf(const TreeView& tree, std::uint32_t at, std::span<const float> row,
                            std::uint32_t known) {
  const TreeNode node = tree.node(at);
  if (node.is_leaf) return node.leaf_value;
  if ((known >> node.feature & 1U) != 0) {
    const bool is_right = tree.goes_right(at, row[node.feature]);
    return expected_leaf(tree, is_right ? node.right : node.left, row, known);
  }
  double sum = 0;
  for (const std::uint32_t child : {node.left, node.right})
    sum += tree.node(child).cover / node.cover * expected_leaf(tree, child, row, known);
  return sum;
}

}  // namespace tenure::learn
