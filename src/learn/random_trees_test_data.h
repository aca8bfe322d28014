#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "core/random.h"
#include "learn/tree_model_builder.h"

// Random models and rows, for tests that compare the ways of evaluating one model.

namespace tenure::learn::testing {

struct RandomTrees {
  std::size_t features = 5;
  std::size_t trees = 20;
  std::size_t groups = 1;
  int depth_max = 6;
  double early_leaf = 0.1;        ///< chance that a node above the last level is a leaf
  double categorical = 0;         ///< chance of each feature
  double zero_missing = 0;        ///< chance of each numeric split
  std::uint64_t thresholds = 40;  ///< distinct ones of a feature, about
  bool is_float64 = false;
  bool is_dart = false;
};

/// A threshold from a grid, sometimes a special one: rows made of the same grid meet it exactly.
inline float grid_value(core::Random& random, std::uint64_t count) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (random.bernoulli(0.03)) {
    const std::vector<float> special{0.0F,
                                     -0.0F,
                                     kInfinity,
                                     -kInfinity,
                                     1e-35F,
                                     -1e-35F,
                                     1e-36F,
                                     std::numeric_limits<float>::max(),
                                     std::numeric_limits<float>::denorm_min()};
    return special[random.below(special.size())];
  }
  return (static_cast<float>(random.below(count)) - static_cast<float>(count) / 2) * 0.37F;
}

inline TreeModel random_model(const RandomTrees& wish, std::uint64_t seed) {
  core::Random random(seed);
  TreeModelBuilder builder;
  builder.describe(Objective::kBinaryLogistic, wish.features,
                   std::vector<float>(wish.groups, wish.is_float64 ? 0.0F : 0.25F), {});
  if (wish.is_float64) builder.describe_float64(1.0, 3.0);
  std::vector<std::uint8_t> is_category;
  for (std::size_t i = 0; i < wish.features; ++i) {
    is_category.push_back(random.bernoulli(wish.categorical) ? 1 : 0);
  }
  std::vector<float> weights;
  for (std::size_t t = 0; t < wish.trees; ++t) {
    std::vector<SourceNode> nodes(1);
    std::vector<int> depth{0};
    std::vector<std::vector<std::int64_t>> codes(1);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      SourceNode node;
      if (depth[i] == wish.depth_max || random.bernoulli(wish.early_leaf)) {
        node.value = static_cast<float>(random.normal());
        node.leaf64 = random.normal();
      } else {
        node.left = static_cast<std::int64_t>(nodes.size());
        node.right = node.left + 1;
        node.feature = static_cast<std::int64_t>(random.below(wish.features));
        node.is_default_left = random.bernoulli(0.5);
        if (is_category[static_cast<std::size_t>(node.feature)] != 0) {
          node.is_categorical = true;
          for (std::int64_t code = 0; code < 70; ++code) {
            if (random.bernoulli(0.3)) codes[i].push_back(code);
          }
          if (random.bernoulli(0.7)) codes[i].resize(std::min<std::size_t>(codes[i].size(), 1));
        } else {
          node.value = grid_value(random, wish.thresholds);
          node.is_zero_missing = random.bernoulli(wish.zero_missing);
        }
        const int below = depth[i] + 1;
        depth.insert(depth.end(), 2, below);
        nodes.resize(nodes.size() + 2);
        codes.resize(codes.size() + 2);
      }
      nodes[i] = node;
    }
    for (std::size_t i = nodes.size(); i-- > 0;) {
      nodes[i].categories_right = codes[i];
      nodes[i].cover = nodes[i].left == -1
                           ? static_cast<double>(1 + i % 7)
                           : nodes[static_cast<std::size_t>(nodes[i].left)].cover +
                                 nodes[static_cast<std::size_t>(nodes[i].right)].cover;
    }
    const auto added =
        builder.add_tree(nodes, static_cast<std::uint32_t>(random.below(wish.groups)),
                         SourceStatistics{.has_covers = true});
    if (!added) throw std::runtime_error(added.error().message);
    weights.push_back(static_cast<float>(random.uniform()));
  }
  if (wish.is_dart) builder.weigh_trees(std::move(weights));
  return std::move(builder.model);
}

/// Rows that hit the thresholds of random_model() and lie next to them, with missing values, zeros,
/// infinities and codes of all kinds.
inline std::vector<float> random_rows(const RandomTrees& wish, std::size_t rows,
                                      std::uint64_t seed) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  core::Random random(seed);
  std::vector<float> values;
  for (std::size_t i = 0; i < rows * wish.features; ++i) {
    const float value = grid_value(random, wish.thresholds);
    switch (random.below(8)) {
      case 0:
        values.push_back(std::numeric_limits<float>::quiet_NaN());
        break;
      case 1:
        values.push_back(std::nextafter(value, kInfinity));
        break;
      case 2:
        values.push_back(std::nextafter(value, -kInfinity));
        break;
      case 3:
        values.push_back(static_cast<float>(random.below(80)) - 2.5F);
        break;
      case 4:
        values.push_back(static_cast<float>(random.below(70)));
        break;
      default:
        values.push_back(value);
    }
  }
  return values;
}

}  // namespace tenure::learn::testing
