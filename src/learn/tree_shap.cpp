#include "learn/tree_shap.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include <fmt/format.h>

#include "core/assert.h"
#include "learn/shap_weights.h"

namespace tenure::learn {
namespace {

constexpr std::size_t kTables = 4;  ///< per edge: factor and term, taken and not taken

}  // namespace

core::Result<TreeShap> TreeShap::make(const TreeModel& model, CpuLevel level) {
  if (!model.has_covers() && model.tree_count() > 0) {
    return core::Error{core::ErrorCode::kUnimplemented,
                       "predictions of this model cannot be explained: its file does not say how "
                       "many training rows reached each node (sum_hessian)"};
  }
  TreeShap shap;
  for (std::size_t group = 0; group < model.group_count(); ++group) {
    shap.bias_.push_back(static_cast<double>(model.base_margin(group)));
    if (model.is_linear())
      shap.bias_.back() += static_cast<double>(model.linear_weight(model.feature_count(), group));
  }
  const auto& rule = quadrature<ShapPairs::kPoints>();
  for (std::size_t k = 0; k < ShapPairs::kPoints; ++k) {
    shap.pairs_.node[k] = static_cast<float>(rule.node[k]);
    shap.pairs_.weight[k] = static_cast<float>(rule.weight[k]);
  }
  std::size_t features_max = 1;
  for (std::size_t tree = 0; tree < model.tree_count(); ++tree) {
    shap.add_tree(model, tree);
    const std::size_t features = shap.path_features(shap.trees_.back());
    const std::size_t splits = shap.trees_.back().size / 2;
    if (level >= CpuLevel::kAvx2 && splits <= ShapPairs::kSplitsMax &&
        features <= ShapPairs::kPathFeaturesMax) {
      shap.move_to_pairs(model);
    } else {
      features_max = std::max(features_max, features);
    }
  }
  if (features_max > kPathFeaturesMax) {
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("predictions of this model cannot be explained: a path of its "
                                   "trees asks for {} features; up to {} can be handled",
                                   features_max, kPathFeaturesMax)};
  }
  for (const Tree& tree : shap.trees_) shap.size_max_ = std::max(shap.size_max_, tree.size);
  shap.points_ = 2;
  while (2 * shap.points_ < features_max) shap.points_ *= 2;
  switch (shap.points_) {
    case 2:
      shap.add_tables<2>();
      break;
    case 4:
      shap.add_tables<4>();
      break;
    case 8:
      shap.add_tables<8>();
      break;
    case 16:
      shap.add_tables<16>();
      break;
    default:
      shap.add_tables<32>();
  }
  return shap;
}

std::int64_t TreeShap::estimated_ns() const {
  // Measured: two edges of a pair at once, and an edge of the general form at one point.
  constexpr double kPairNs = 5, kPointNs = 1.5;
  const auto pairs = static_cast<double>(pairs_.pairs.size());
  const auto points = static_cast<double>(edges_.size() * points_);
  return static_cast<std::int64_t>(kPairNs * pairs + kPointNs * points);
}

void TreeShap::add_tree(const TreeModel& model, std::size_t tree) {
  const TreeView view = model.tree(tree);
  const auto size = static_cast<std::uint32_t>(view.size());
  const std::size_t first = edges_.size();
  trees_.push_back({tree, first, size});
  edges_.resize(first + size - 1);
  path_shares_.resize(first + size - 1);
  std::vector<double> reach(size, 0);  // share of the training rows
  reach[0] = 1;
  double mean = 0;
  for (std::uint32_t at = 0; at < size; ++at) {
    const TreeNode parent = view.node(at);
    if (parent.is_leaf) {
      mean += reach[at] * parent.leaf_value;
      continue;
    }
    for (const bool is_right : {false, true}) {
      const std::uint32_t number = is_right ? parent.right : parent.left;
      const TreeNode child = view.node(number);
      const double share = share_of(child, parent);
      reach[number] = reach[at] * share;
      Edge& edge = edges_[first + number - 1];
      edge.parent = at;
      edge.feature = parent.feature;
      edge.split = child.feature;
      edge.share = static_cast<float>(share);
      edge.is_right = is_right;
      edge.is_leaf = child.is_leaf;
      edge.leaf_value = static_cast<float>(child.leaf_value);
      std::uint32_t above = at;
      while (above != 0 && edges_[first + above - 1].feature != parent.feature)
        above = edges_[first + above - 1].parent;
      edge.previous = above;
      const double before = above == 0 ? 1.0 : static_cast<double>(path_shares_[first + above - 1]);
      path_shares_[first + number - 1] = static_cast<float>(before * share);
    }
  }
  bias_[view.group()] += mean;
}

/// The most features on one path; an edge's path is its parent's.
std::size_t TreeShap::path_features(const Tree& tree) const {
  std::vector<std::size_t> features(tree.size, 0);
  std::size_t most = 1;
  for (std::uint32_t node = 1; node < tree.size; ++node) {
    const Edge& edge = edges_[tree.first_edge + node - 1];
    features[node] = features[edge.parent] + (edge.previous == 0 ? 1 : 0);
    most = std::max(most, features[node]);
  }
  return most;
}

/// Gives the last tree the form for vector instructions.
void TreeShap::move_to_pairs(const TreeModel& model) {
  constexpr std::uint32_t kNone = ~0U;
  const Tree tree = trees_.back();
  const TreeView view = model.tree(tree.number);
  const auto& rule = quadrature<ShapPairs::kPoints>();
  const auto edge_of = [&](std::uint32_t node) { return edges_[tree.first_edge + node - 1]; };
  const auto path_share = [&](std::uint32_t node) {
    return node == 0 ? 1.0 : static_cast<double>(path_shares_[tree.first_edge + node - 1]);
  };
  std::vector<std::uint32_t> split_of(tree.size, kNone);  // per node
  std::uint32_t count = 0;
  for (std::uint32_t node = 0; node < tree.size; ++node) {
    if (!view.node(node).is_leaf) split_of[node] = count++;
  }
  ShapPairs::Splits splits;
  const std::size_t first = pairs_.pairs.size();
  for (std::uint32_t node = 0; node < tree.size; ++node) {
    const TreeNode split = view.node(node);
    if (split.is_leaf) continue;
    const std::uint32_t number = split_of[node];
    const std::uint64_t bit = std::uint64_t{1} << number;
    splits.feature[number] = static_cast<std::int32_t>(split.feature);
    splits.threshold[number] = split.threshold;
    if (!split.is_default_left) splits.default_right |= bit;
    if (split.is_categorical || split.is_zero_missing) splits.special |= bit;
    ShapPairs::Pair pair;
    pair.feature = split.feature;
    pair.node = node;
    if (node != 0) {
      pair.from = 2 + 2 * split_of[edge_of(node).parent] + (edge_of(node).is_right ? 1 : 0);
    }
    const std::uint32_t previous = edge_of(split.left).previous;
    for (std::uint32_t at = previous; at != 0; at = edge_of(at).previous) {
      const std::uint64_t asked = std::uint64_t{1} << split_of[edge_of(at).parent];
      pair.above |= asked;
      if (edge_of(at).is_right) pair.directions |= asked;
    }
    const double before = path_share(previous);
    for (std::size_t side = 0; side < 2; ++side) {
      const std::uint32_t child = side == 0 ? split.left : split.right;
      const Edge edge = edge_of(child);
      pair.after[side] = static_cast<float>(path_share(child));
      pair.share[side] = edge.share;
      pair.leaf[side] = edge.is_leaf ? edge.leaf_value : 0.0F;
      for (std::size_t k = 0; k < ShapPairs::kPoints; ++k) {
        const double after = path_share(child);
        pair.inverse_after[side * ShapPairs::kPoints + k] =
            static_cast<float>(1 / (after + rule.node[k] * (1 - after)));
      }
    }
    for (std::size_t k = 0; k < ShapPairs::kPoints; ++k) {
      const double known = before + rule.node[k] * (1 - before);
      pair.inverse_before[k] = static_cast<float>(1 / known);
      pair.known_before[k] = static_cast<float>((1 - before) / known);
    }
    pairs_.pairs.push_back(pair);
  }
  pairs_.splits.push_back(splits);
  pairs_.trees.push_back({tree.number, first, count, view.group()});
  edges_.resize(tree.first_edge);
  path_shares_.resize(tree.first_edge);
  trees_.pop_back();
}

template <std::size_t kPoints>
void TreeShap::add_tables() {
  const auto& rule = quadrature<kPoints>();
  tables_.resize(edges_.size() * kTables * kPoints);
  for (const Tree& tree : trees_) {
    for (std::uint32_t node = 1; node < tree.size; ++node) {
      const std::size_t at = tree.first_edge + node - 1;
      const Edge& edge = edges_[at];
      const double after = static_cast<double>(path_shares_[at]);
      const double before =
          edge.previous == 0
              ? 1.0
              : static_cast<double>(path_shares_[tree.first_edge + edge.previous - 1]);
      float* table = &tables_[at * kTables * kPoints];
      for (std::size_t k = 0; k < kPoints; ++k) {
        const double t = rule.node[k];
        const double known_before = before + t * (1 - before);
        const double known_after = after + t * (1 - after);
        const double term_before = (1 - before) / known_before;
        table[k] = static_cast<float>(known_after / known_before);
        table[kPoints + k] = static_cast<float>(after * (1 - t) / known_before);
        table[2 * kPoints + k] = static_cast<float>((1 - after) / known_after - term_before);
        table[3 * kPoints + k] = static_cast<float>(-1 / (1 - t) - term_before);
      }
    }
  }
}

template <std::size_t kPoints>
void TreeShap::add_contributions(const TreeModel& model, std::span<const float> row,
                                 Scratch& scratch, std::span<double> out) const {
  using Lanes = std::array<float, kPoints>;
  const auto& rule = quadrature<kPoints>();
  Lanes weight{};
  for (std::size_t k = 0; k < kPoints; ++k) weight[k] = static_cast<float>(rule.weight[k]);

  const std::size_t width = row.size() + 1;
  float* const product = scratch.lanes.data();                    // down: over the path's features
  float* const sum = product + std::size_t{size_max_} * kPoints;  // up: of the leaves below
  std::uint8_t* const is_known = scratch.flags.data();            // the row takes every edge so far
  std::uint8_t* const is_right = is_known + size_max_;            // where the row goes from a node
  for (const Tree& tree : trees_) {
    const TreeView view = model.tree(tree.number);
    double* const values = out.data() + view.group() * width;
    std::fill_n(product, kPoints, 1.0F);
    std::fill_n(sum, std::size_t{tree.size} * kPoints, 0.0F);
    is_known[0] = 1;
    if (tree.size > 1) is_right[0] = view.goes_right(0, row[edges_[tree.first_edge].feature]);
    for (std::uint32_t node = 1; node < tree.size; ++node) {
      const std::size_t at = tree.first_edge + node - 1;
      const Edge& edge = edges_[at];
      const bool is_taken = (is_right[edge.parent] != 0) == edge.is_right;
      const bool was_known = is_known[edge.previous] != 0;
      is_known[node] = was_known && is_taken ? 1 : 0;
      const float* const factor = &tables_[at * kTables * kPoints] + (is_taken ? 0 : kPoints);
      const float* const above = product + std::size_t{edge.parent} * kPoints;
      float* const here = product + std::size_t{node} * kPoints;
      if (was_known) {
        for (std::size_t k = 0; k < kPoints; ++k) here[k] = above[k] * factor[k];
      } else {
        for (std::size_t k = 0; k < kPoints; ++k) here[k] = above[k] * edge.share;
      }
      if (edge.is_leaf) {
        float* const leaf = sum + std::size_t{node} * kPoints;
        for (std::size_t k = 0; k < kPoints; ++k) leaf[k] = here[k] * edge.leaf_value * weight[k];
      } else {
        is_right[node] = view.goes_right(node, row[edge.split]) ? 1 : 0;
      }
    }
    for (std::uint32_t node = tree.size; node-- > 1;) {
      const std::size_t at = tree.first_edge + node - 1;
      const Edge& edge = edges_[at];
      const float* const here = sum + std::size_t{node} * kPoints;
      float* const above = sum + std::size_t{edge.parent} * kPoints;
      for (std::size_t k = 0; k < kPoints; ++k) above[k] += here[k];
      if (is_known[edge.previous] == 0) continue;  // nothing changes below an edge not taken
      const bool is_taken = (is_right[edge.parent] != 0) == edge.is_right;
      const float* const term = &tables_[at * kTables * kPoints] + (is_taken ? 2 : 3) * kPoints;
      float added = 0;
      for (std::size_t k = 0; k < kPoints; ++k) added += here[k] * term[k];
      values[edge.feature] += static_cast<double>(added);
    }
  }
}

void TreeShap::contributions(const TreeModel& model, std::span<const float> row, Scratch& scratch,
                             std::span<double> out) const {
  const std::size_t width = row.size() + 1;
  TENURE_ASSERT(row.size() == model.feature_count() && out.size() == bias_.size() * width);
  std::ranges::fill(out, 0.0);
  for (std::size_t group = 0; group < bias_.size(); ++group)
    out[group * width + row.size()] = bias_[group];
  if (model.is_linear()) {
    for (std::size_t group = 0; group < bias_.size(); ++group) {
      for (std::size_t feature = 0; feature < row.size(); ++feature) {
        if (std::isnan(row[feature])) continue;
        out[group * width + feature] =
            static_cast<double>(row[feature] * model.linear_weight(feature, group));
      }
    }
    return;
  }
  if (!pairs_.trees.empty()) add_pair_contributions_avx2(pairs_, model, row, scratch.pairs, out);
  if (trees_.empty()) return;
  if (scratch.lanes.size() < 2 * points_ * size_max_) scratch.lanes.resize(2 * points_ * size_max_);
  if (scratch.flags.size() < 2 * std::size_t{size_max_})
    scratch.flags.resize(2 * std::size_t{size_max_});
  switch (points_) {
    case 2:
      return add_contributions<2>(model, row, scratch, out);
    case 4:
      return add_contributions<4>(model, row, scratch, out);
    case 8:
      return add_contributions<8>(model, row, scratch, out);
    case 16:
      return add_contributions<16>(model, row, scratch, out);
    default:
      return add_contributions<32>(model, row, scratch, out);
  }
}

}  // namespace tenure::learn
