#include "learn/tree_model_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace tenure::learn {
namespace {

constexpr std::uint32_t kDepthMax = 64;
constexpr std::int64_t kCategoryEnd = 16'777'216;
constexpr std::size_t kSetWordsMax = 16U * 1024 * 1024;
constexpr std::size_t kNodesMax = std::numeric_limits<std::uint32_t>::max() / 8;

core::Error corrupt(std::int64_t node, std::string_view what) {
  return core::Error{core::ErrorCode::kCorruption, fmt::format("node {}: {}", node, what)};
}

}  // namespace

void TreeModelBuilder::describe(Objective objective, std::size_t features,
                                std::vector<float> base_margin, std::vector<std::string> names) {
  model.objective_ = objective;
  model.feature_count_ = features;
  model.group_count_ = base_margin.size();
  model.base_margin_ = std::move(base_margin);
  model.feature_names_ = std::move(names);
}

void TreeModelBuilder::describe_float64(double sigmoid, double divisor) {
  model.is_float64_ = true;
  model.sigmoid_ = sigmoid;
  model.divisor_ = divisor;
}

void TreeModelBuilder::set_linear(std::vector<float> weights) {
  model.linear_ = std::move(weights);
}

void TreeModelBuilder::weigh_trees(std::vector<float> weights) {
  model.tree_weight_ = std::move(weights);
}

core::Result<std::uint32_t> TreeModelBuilder::add_set(std::span<const std::int64_t> categories) {
  std::int64_t largest = -1;
  for (const std::int64_t code : categories) {
    if (code < 0 || code >= kCategoryEnd) {
      return core::Error{core::ErrorCode::kCorruption,
                         fmt::format("category {} is outside 0..{}", code, kCategoryEnd - 1)};
    }
    largest = std::max(largest, code);
  }
  std::vector<std::uint32_t> words(static_cast<std::size_t>((largest + 32) / 32), 0);
  for (const std::int64_t code : categories) {
    words[static_cast<std::size_t>(code / 32)] |= 1U << (code % 32);
  }
  return add_set_words(words, CategorySets::Fractions::kInvalidBelowZero);
}

core::Result<std::uint32_t> TreeModelBuilder::add_set_words(std::span<const std::uint32_t> words,
                                                            CategorySets::Fractions fractions) {
  if (model.sets_.word_count() + words.size() > kSetWordsMax) {
    return core::Error{core::ErrorCode::kUnimplemented,
                       "the category sets of the model need more than 64 MiB"};
  }
  return model.sets_.add(words, fractions);
}

core::Result<> TreeModelBuilder::add_node(const SourceNode& source, std::int64_t id,
                                          std::uint32_t left, SourceStatistics statistics) {
  TreeModel::Node node;
  node.threshold_or_leaf = source.value;
  node.left = left;
  if (source.left == -1) {
    if (!std::isfinite(source.value)) return corrupt(id, "the value of a leaf is not finite");
    if (!std::isfinite(source.leaf64)) return corrupt(id, "the value of a leaf is not finite");
    node.flags = TreeModel::kLeaf;
    if (model.is_float64_) node.threshold_or_leaf = 0;
  } else {
    if (source.feature < 0 || source.feature >= static_cast<std::int64_t>(model.feature_count_)) {
      return corrupt(id, fmt::format("feature {} of {}", source.feature, model.feature_count_));
    }
    node.feature = static_cast<std::uint32_t>(source.feature);
    node.flags = source.is_default_left ? TreeModel::kDefaultLeft : 0;
    if (source.is_categorical) {
      const auto set = source.category_words.empty()
                           ? add_set(source.categories_right)
                           : add_set_words(source.category_words, CategorySets::Fractions::kCutOff);
      if (!set) return core::Error(set.error()).within(fmt::format("node {}", id));
      node.flags |= TreeModel::kCategorical | (*set << TreeModel::kSetShift);
      model.is_plain_ = false;
    } else if (std::isnan(source.value)) {
      return corrupt(id, "the threshold is not a number");
    } else if (source.is_zero_missing) {
      node.flags |= TreeModel::kZeroMissing;
      model.is_plain_ = false;
    }
  }
  model.nodes_.push_back(node);
  if (model.is_float64_) model.leaves64_.push_back(source.leaf64);
  model.node_ids_.push_back(
      static_cast<std::int32_t>(source.leaf_number >= 0 ? source.leaf_number : id));
  if (statistics.has_gains) model.gains_.push_back(source.gain);
  if (statistics.has_covers) {
    if (!std::isfinite(source.cover)) return corrupt(id, "the cover is not finite");
    model.covers_.push_back(source.cover);
  }
  return {};
}

core::Result<> TreeModelBuilder::add_tree(std::span<const SourceNode> nodes, std::uint32_t group,
                                          SourceStatistics statistics) {
  const std::size_t root = model.nodes_.size();
  if (nodes.empty()) return core::Error{core::ErrorCode::kCorruption, "the tree has no node"};
  if (root + nodes.size() > kNodesMax) {
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("more than {} nodes in one model", kNodesMax)};
  }
  const auto count = static_cast<std::int64_t>(nodes.size());
  std::vector<std::uint8_t> is_reached(nodes.size(), 0);
  is_reached[0] = 1;
  std::vector<std::int64_t> level{0};
  std::vector<std::int64_t> next;
  std::size_t placed = 1;  // nodes of this tree that have a place: those written and their children
  std::uint32_t depth = 0;
  for (;; ++depth) {
    next.clear();
    for (const std::int64_t id : level) {
      const SourceNode& source = nodes[static_cast<std::size_t>(id)];
      const bool is_leaf = source.left == -1;
      const std::size_t left = is_leaf ? model.nodes_.size() : root + placed;
      for (const std::int64_t child : {source.left, source.right}) {
        if (is_leaf) break;
        if (child <= 0 || child >= count) return corrupt(id, fmt::format("child {}", child));
        if (std::exchange(is_reached[static_cast<std::size_t>(child)], std::uint8_t{1}) != 0) {
          return corrupt(child, "reached twice");
        }
        next.push_back(child);
        ++placed;
      }
      if (auto added = add_node(source, id, static_cast<std::uint32_t>(left), statistics); !added) {
        return added;
      }
    }
    if (next.empty()) break;
    if (depth == kDepthMax) {
      return core::Error{core::ErrorCode::kUnimplemented,
                         fmt::format("the tree has more than {} levels", kDepthMax)};
    }
    level.swap(next);
  }
  model.roots_.push_back(static_cast<std::uint32_t>(root));
  model.tree_depth_.push_back(depth);
  model.tree_group_.push_back(group);
  return {};
}

}  // namespace tenure::learn
