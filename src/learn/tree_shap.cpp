#include "learn/tree_shap.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include <fmt/format.h>

#include "core/assert.h"

namespace tenure::learn {
namespace {

constexpr std::size_t kTables = 4;  ///< per edge: factor and term, taken and not taken
/// XGBoost's guards: a child that no training row reached, and a parent that none did.
constexpr double kShareMin = 1e-12;
constexpr double kShareUnknown = 0.5;

template <std::size_t kPoints>
struct Quadrature {
  std::array<double, kPoints> node{};
  std::array<double, kPoints> weight{};
};

/// Gauss-Legendre on [0, 1]: roots of the Legendre polynomial by Newton's method from the usual
/// cosine estimate (Abramowitz and Stegun 25.4.30).
template <std::size_t kPoints>
Quadrature<kPoints> gauss_legendre() {
  Quadrature<kPoints> rule;
  constexpr double n = kPoints;
  for (std::size_t i = 0; i < kPoints; ++i) {
    double x = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (n + 0.5));
    double slope = 0;
    for (int step = 0; step < 100; ++step) {
      double before = 1, value = x;
      for (std::size_t k = 2; k <= kPoints; ++k) {
        const double order = static_cast<double>(k);
        const double next = ((2 * order - 1) * x * value - (order - 1) * before) / order;
        before = value;
        value = next;
      }
      slope = n * (x * value - before) / (x * x - 1);
      const double change = value / slope;
      x -= change;
      if (std::abs(change) < 1e-15) break;
    }
    rule.node[i] = (1 - x) / 2;
    rule.weight[i] = 1 / ((1 - x * x) * slope * slope);
  }
  return rule;
}

template <std::size_t kPoints>
const Quadrature<kPoints>& quadrature() {
  static const Quadrature<kPoints> rule = gauss_legendre<kPoints>();
  return rule;
}

double share_of(const TreeNode& child, const TreeNode& parent) {
  if (parent.cover <= 0) return kShareUnknown;
  return std::max(child.cover / parent.cover, kShareMin);
}

}  // namespace

core::Result<TreeShap> TreeShap::make(const TreeModel& model) {
  if (!model.has_covers() && model.tree_count() > 0) {
    return core::Error{core::ErrorCode::kUnimplemented,
                       "predictions of this model cannot be explained: its file does not say how "
                       "many training rows reached each node (sum_hessian)"};
  }
  TreeShap shap;
  for (std::size_t group = 0; group < model.group_count(); ++group)
    shap.bias_.push_back(static_cast<double>(model.base_margin(group)));
  for (std::size_t tree = 0; tree < model.tree_count(); ++tree) shap.add_tree(model, tree);

  // The most features on one path; an edge's path is its parent's.
  std::size_t features_max = 1;
  std::vector<std::size_t> features;
  for (const Tree& tree : shap.trees_) {
    features.assign(tree.size, 0);
    for (std::uint32_t node = 1; node < tree.size; ++node) {
      const Edge& edge = shap.edges_[tree.first_edge + node - 1];
      features[node] = features[edge.parent] + (edge.previous == 0 ? 1 : 0);
      features_max = std::max(features_max, features[node]);
    }
  }
  if (features_max > kPathFeaturesMax) {
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("predictions of this model cannot be explained: a path of its "
                                   "trees asks for {} features; up to {} can be handled",
                                   features_max, kPathFeaturesMax)};
  }
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

void TreeShap::add_tree(const TreeModel& model, std::size_t tree) {
  const TreeView view = model.tree(tree);
  const auto size = static_cast<std::uint32_t>(view.size());
  const std::size_t first = edges_.size();
  trees_.push_back({first, size});
  size_max_ = std::max(size_max_, size);
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
  for (std::size_t number = 0; number < trees_.size(); ++number) {
    const Tree& tree = trees_[number];
    const TreeView view = model.tree(number);
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
