#include "learn/shap_interactions.h"

#include <algorithm>
#include <utility>

#include "core/assert.h"
#include "learn/shap_weights.h"

namespace tenure::learn {
namespace {

using PathFeature = ShapInteractions::PathFeature;

/// Adds what a leaf gives to the pairs of features on its path. Each factor of the polynomial is
/// share + t * (taken - share): the chance to follow the path when the feature is known with chance
/// t.
template <std::size_t kPoints>
void add_pairs(std::span<const PathFeature> path, double leaf, std::size_t width,
               std::span<double> out) {
  const Quadrature<kPoints>& rule = quadrature<kPoints>();
  std::array<double, kPoints> whole{};
  for (std::size_t k = 0; k < kPoints; ++k) {
    whole[k] = rule.weight[k];
    for (const PathFeature& each : path)
      whole[k] *= each.share + rule.node[k] * ((each.is_taken ? 1.0 : 0.0) - each.share);
  }
  for (std::size_t i = 0; i < path.size(); ++i) {
    const double slope_i = (path[i].is_taken ? 1.0 : 0.0) - path[i].share;
    for (std::size_t j = 0; j < i; ++j) {
      const double slope_j = (path[j].is_taken ? 1.0 : 0.0) - path[j].share;
      double integral = 0;
      for (std::size_t k = 0; k < kPoints; ++k)
        integral += whole[k] / ((path[i].share + rule.node[k] * slope_i) *
                                (path[j].share + rule.node[k] * slope_j));
      // Half of it stands on either side of the diagonal.
      const double value = 0.5 * leaf * slope_i * slope_j * integral;
      out[path[i].feature * width + path[j].feature] += value;
      out[path[j].feature * width + path[i].feature] += value;
    }
  }
}

/// Gauss-Legendre with n points is exact up to degree 2n - 1; a pair leaves path.size() - 2
/// factors.
void add_leaf(std::span<const PathFeature> path, double leaf, std::size_t width,
              std::span<double> out) {
  if (path.size() < 2) return;
  const std::size_t degree = path.size() - 2;
  if (degree <= 3) return add_pairs<2>(path, leaf, width, out);
  if (degree <= 7) return add_pairs<4>(path, leaf, width, out);
  if (degree <= 15) return add_pairs<8>(path, leaf, width, out);
  if (degree <= 31) return add_pairs<16>(path, leaf, width, out);
  add_pairs<32>(path, leaf, width, out);
}

/// Walks one tree, down every path.
struct TreeWalk {
  const TreeView& tree;
  std::span<const float> row;
  std::size_t width;
  std::vector<PathFeature>& path;
  std::span<double> out;

  void visit(std::uint32_t at) {
    const TreeNode node = tree.node(at);
    if (node.is_leaf) return add_leaf(path, node.leaf_value, width, out);
    const bool is_right = tree.goes_right(at, row[node.feature]);
    const auto known = std::ranges::find(path, node.feature, &PathFeature::feature);
    const auto place = static_cast<std::size_t>(known - path.begin());
    const bool is_new = known == path.end();
    const PathFeature before = is_new ? PathFeature{.feature = node.feature} : *known;
    if (is_new) path.push_back(before);
    for (const bool right : {false, true}) {
      const std::uint32_t child = right ? node.right : node.left;
      path[place] = {.feature = node.feature,
                     .share = before.share * share_of(tree.node(child), node),
                     .is_taken = before.is_taken && right == is_right};
      visit(child);
    }
    if (is_new) {
      path.pop_back();
    } else {
      path[place] = before;
    }
  }
};

}  // namespace

core::Result<ShapInteractions> ShapInteractions::make(const TreeModel& model) {
  auto shap = TreeShap::make(model);
  if (!shap) return std::move(shap).error();
  return ShapInteractions(*std::move(shap));
}

void ShapInteractions::values(const TreeModel& model, std::span<const float> row, Scratch& scratch,
                              std::span<double> out) const {
  const std::size_t width = model.feature_count() + 1;
  TENURE_ASSERT(row.size() + 1 == width);
  TENURE_ASSERT(out.size() == model.group_count() * width * width);
  std::ranges::fill(out, 0.0);
  scratch.path.clear();
  for (std::size_t i = 0; i < model.tree_count(); ++i) {
    const TreeView tree = model.tree(i);
    const std::span<double> group = out.subspan(tree.group() * width * width, width * width);
    TreeWalk{.tree = tree, .row = row, .width = width, .path = scratch.path, .out = group}.visit(0);
  }
  scratch.contributions.resize(model.group_count() * width);
  shap_.contributions(model, row, scratch.shap, scratch.contributions);
  for (std::size_t group = 0; group < model.group_count(); ++group) {
    for (std::size_t i = 0; i < width; ++i) {
      const std::span<double> line = out.subspan((group * width + i) * width, width);
      double others = 0;
      for (const double value : line) others += value;
      line[i] = scratch.contributions[group * width + i] - others;
    }
  }
}

void ShapInteractions::by_input(const Model& model, std::span<const float> encoded,
                                Scratch& scratch, std::span<double> out) const {
  const auto origins = model.transform().output_origins();
  const std::size_t inputs = model.transform().inputs().size();
  const std::size_t width = origins.size() + 1;
  TENURE_ASSERT(encoded.size() == origins.size());
  TENURE_ASSERT(out.size() == inputs * inputs);
  scratch.matrix.resize(width * width);
  values(model.trees(), encoded, scratch, scratch.matrix);
  std::ranges::fill(out, 0.0);
  for (std::size_t i = 0; i + 1 < width; ++i)
    for (std::size_t j = 0; j + 1 < width; ++j)
      out[origins[i] * inputs + origins[j]] += scratch.matrix[i * width + j];
}

}  // namespace tenure::learn
