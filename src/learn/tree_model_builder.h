#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "learn/tree_model.h"

namespace tenure::learn {

/// A node as a model file has it; children by their number in the file.
struct SourceNode {
  std::int64_t left = -1;  ///< -1 marks a leaf
  std::int64_t right = -1;
  std::int64_t feature = 0;
  float value = 0;    ///< threshold, or value of the leaf
  double leaf64 = 0;  ///< value of the leaf of a float64 model
  bool is_default_left = false;
  bool is_categorical = false;
  bool is_zero_missing = false;                    ///< a value near 0 takes the default side
  std::span<const std::int64_t> categories_right;  ///< codes that go right; or, if not empty:
  std::span<const std::uint32_t> category_words;   ///< their bits, of LightGBM
  std::int64_t leaf_number = -1;                   ///< if leaves are counted apart from nodes
  float gain = 0;
  double cover = 0;
};

/// Which statistics the file has; the same for all trees of a model.
struct SourceStatistics {
  bool has_gains = false;
  bool has_covers = false;
};

/// Puts a TreeModel together and checks what evaluation relies on, so that no walk can leave the
/// model or run forever.
struct TreeModelBuilder {
  TreeModel model;

  void describe(Objective objective, std::size_t features, std::vector<float> base_margin,
                std::vector<std::string> names);

  /// Makes it a float64 model; before its trees. See TreeModel::divisor().
  void describe_float64(double sigmoid, double divisor);

  /// gblinear: feature × group, then a bias per group.
  void set_linear(std::vector<float> weights);

  /// Factors of the leaves of each tree (dart).
  void weigh_trees(std::vector<float> weights);

  /// Appends a tree in breadth-first order; nodes that the root does not reach are left out.
  /// Errors: kCorruption naming the node (a child out
  /// of range or reached twice, a feature out of range, a value that is not finite, a category
  /// below 0 or too large); kUnimplemented beyond 64 levels or 64 MiB of category sets.
  core::Result<> add_tree(std::span<const SourceNode> nodes, std::uint32_t group,
                          SourceStatistics statistics);

  core::Result<std::uint32_t> add_set(std::span<const std::int64_t> categories);
  core::Result<std::uint32_t> add_set_words(std::span<const std::uint32_t> words,
                                            CategorySets::Fractions fractions);
  core::Result<> add_node(const SourceNode& source, std::int64_t id, std::uint32_t left,
                          SourceStatistics statistics);
};

}  // namespace tenure::learn
