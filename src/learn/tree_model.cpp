#include "learn/tree_model.h"

#include <algorithm>
#include <cmath>

#include "core/assert.h"
#include "learn/model_document.h"
#include "learn/xgboost_model_loader.h"

namespace tenure::learn {
namespace {

/// Walks side by side: enough to hide the load latency of one walk behind the others.
constexpr std::size_t kLanes = 8;

/// Rows for which one tree is walked before the next: their sums and the tree's nodes stay in the
/// first-level cache.
constexpr std::size_t kBlockRows = 64;

/// From dmlc/xgboost src/common/math.h: exp of more would overflow float32.
float sigmoid(float margin) {
  const float exponent = std::min(-margin, 88.7F);
  return 1.0F / (std::exp(exponent) + 1.0F);
}

/// Largest category code XGBoost stores exactly in a float32, plus one.
constexpr float kCategoryEnd = 16777216.0F;

}  // namespace

core::Result<TreeModel> TreeModel::load(std::string_view bytes) {
  const auto document = read_model_document(bytes);
  if (!document) return document.error();
  return load_xgboost_model(*document);
}

bool TreeModel::is_category_right(const Node& node, float x) const noexcept {
  if (std::isnan(x)) return (node.flags & kDefaultLeft) == 0;
  if (x < 0 || x >= kCategoryEnd) return false;
  const auto code = static_cast<std::uint32_t>(x);
  const CategorySet set = sets_[node.flags >> kSetShift];
  if (code / 32 >= set.words) return false;
  return ((set_bits_[set.first_word + code / 32] >> (code % 32)) & 1U) != 0;
}

/// One step of a walk, without a branch that depends on data: all outcomes cost the same, and
/// several walks overlap. A leaf leads to itself, so walks of unequal length may go on together.
template <bool kHasCategories>
std::uint32_t TreeModel::child(const Node& node, const float* row) const noexcept {
  const float x = row[node.feature];
  if constexpr (kHasCategories) {
    if ((node.flags & kCategorical) != 0) {
      return node.left + static_cast<std::uint32_t>(is_category_right(node, x));
    }
  }
  // NaN takes no "<", so a missing value goes right here unless the default is left.
  const auto right = static_cast<std::uint32_t>(!(x < node.threshold_or_leaf));
  const auto missing = static_cast<std::uint32_t>(x != x);
  const std::uint32_t stays = (missing & node.flags) | (node.flags >> 1);
  return node.left + (right & ~stays);
}

template <bool kHasCategories>
std::uint32_t TreeModel::leaf_of(std::size_t tree, const float* row) const noexcept {
  std::uint32_t at = roots_[tree];
  while ((nodes_[at].flags & kLeaf) == 0) at = child<kHasCategories>(nodes_[at], row);
  return at;
}

template <bool kHasCategories>
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
      at[lane] = child<kHasCategories>(nodes[at[lane]], row);
    }
  }
  std::copy_n(at, kLanes, leaves);
}

inline float TreeModel::leaf_value(std::size_t tree, std::uint32_t leaf) const noexcept {
  const float value = nodes_[leaf].threshold_or_leaf;
  return tree_weight_.empty() ? value : value * tree_weight_[tree];
}

/// Adds every tree to the margins in `out`, one float32 addition a tree, in tree order: the order
/// is what makes the bits equal to libxgboost's.
template <bool kHasCategories>
void TreeModel::add_trees(const float* row, float* out) const noexcept {
  std::size_t tree = 0;
  std::uint32_t leaves[kLanes];
  if (group_count_ == 1) {
    float sum = out[0];
    for (; tree + kLanes <= roots_.size(); tree += kLanes) {
      leaves_of_trees<kHasCategories>(tree, row, leaves);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        sum += leaf_value(tree + lane, leaves[lane]);
      }
    }
    for (; tree < roots_.size(); ++tree) {
      sum += leaf_value(tree, leaf_of<kHasCategories>(tree, row));
    }
    out[0] = sum;
    return;
  }
  for (; tree + kLanes <= roots_.size(); tree += kLanes) {
    leaves_of_trees<kHasCategories>(tree, row, leaves);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      out[tree_group_[tree + lane]] += leaf_value(tree + lane, leaves[lane]);
    }
  }
  for (; tree < roots_.size(); ++tree) {
    out[tree_group_[tree]] += leaf_value(tree, leaf_of<kHasCategories>(tree, row));
  }
}

template <bool kHasCategories>
void TreeModel::add_trees_to_rows(const float* values, std::size_t rows,
                                  float* out) const noexcept {
  const Node* const nodes = nodes_.data();
  const std::size_t width = feature_count_;
  const std::size_t whole = rows - rows % kLanes;
  for (std::size_t tree = 0; tree < roots_.size(); ++tree) {
    const std::uint32_t depth = tree_depth_[tree];
    float* const sums = out + tree_group_[tree];
    for (std::size_t row = 0; row < whole; row += kLanes) {
      std::uint32_t at[kLanes];
      std::fill_n(at, kLanes, roots_[tree]);
      const float* const first = values + row * width;
      for (std::uint32_t step = 0; step < depth; ++step) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          at[lane] = child<kHasCategories>(nodes[at[lane]], first + lane * width);
        }
      }
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        sums[(row + lane) * group_count_] += leaf_value(tree, at[lane]);
      }
    }
  }
  for (std::size_t row = whole; row < rows; ++row) {
    add_trees<kHasCategories>(values + row * width, out + row * group_count_);
  }
}

void TreeModel::margins(std::span<const float> row, std::span<float> out) const noexcept {
  TENURE_DCHECK(row.size() >= feature_count_ && out.size() >= group_count_);
  std::copy(base_margin_.begin(), base_margin_.end(), out.begin());
  if (sets_.empty()) {
    add_trees<false>(row.data(), out.data());
  } else {
    add_trees<true>(row.data(), out.data());
  }
}

float TreeModel::margin(std::span<const float> row) const noexcept {
  TENURE_DCHECK(group_count_ == 1);
  float sum = 0;
  margins(row, std::span(&sum, 1));
  return sum;
}

void TreeModel::margins_of_rows(std::span<const float> values,
                                std::span<float> out) const noexcept {
  const std::size_t rows = out.size() / group_count_;
  TENURE_DCHECK(values.size() >= rows * feature_count_);
  for (std::size_t row = 0; row < rows; row += kBlockRows) {
    const std::size_t count = std::min(kBlockRows, rows - row);
    float* const sums = out.data() + row * group_count_;
    for (std::size_t i = 0; i < count; ++i) {
      std::copy(base_margin_.begin(), base_margin_.end(), sums + i * group_count_);
    }
    const float* const first = values.data() + row * feature_count_;
    if (sets_.empty()) {
      add_trees_to_rows<false>(first, count, sums);
    } else {
      add_trees_to_rows<true>(first, count, sums);
    }
  }
}

float TreeModel::output(float margin) const noexcept {
  switch (objective_) {
    case Objective::kBinaryLogistic:
    case Objective::kRegLogistic:
      return sigmoid(margin);
    case Objective::kHinge:
      return margin > 0 ? 1.0F : 0.0F;
    case Objective::kExp:
      return std::exp(margin);
    case Objective::kExpDouble:
      return static_cast<float>(std::exp(static_cast<double>(margin)));
    case Objective::kLogitRaw:
    case Objective::kIdentity:
    case Objective::kSoftmax:
    case Objective::kSoftprob:
      break;
  }
  return margin;
}

void TreeModel::outputs(std::span<const float> margins, std::span<float> out) const noexcept {
  TENURE_DCHECK(margins.size() == group_count_ && out.size() >= group_count_);
  if (objective_ == Objective::kSoftmax) {
    const auto largest = std::max_element(margins.begin(), margins.end());
    out[0] = static_cast<float>(largest - margins.begin());
    return;
  }
  if (objective_ != Objective::kSoftprob) {
    std::transform(margins.begin(), margins.end(), out.begin(),
                   [this](float margin) { return output(margin); });
    return;
  }
  // As src/common/math.h of XGBoost: exponentials in float32, their sum in float64.
  const float largest = *std::max_element(margins.begin(), margins.end());
  double sum = 0;
  for (std::size_t i = 0; i < margins.size(); ++i) {
    out[i] = std::exp(margins[i] - largest);
    sum += static_cast<double>(out[i]);
  }
  for (std::size_t i = 0; i < margins.size(); ++i) out[i] /= static_cast<float>(sum);
}

void TreeModel::leaves(std::span<const float> row, std::span<std::int32_t> out) const noexcept {
  TENURE_DCHECK(row.size() >= feature_count_ && out.size() >= roots_.size());
  for (std::size_t tree = 0; tree < roots_.size(); ++tree) {
    out[tree] = node_ids_[leaf_of<true>(tree, row.data())];
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
    node.leaf_value = static_cast<double>(model_->leaf_value(tree_, at));
  } else {
    node.is_categorical = (source.flags & TreeModel::kCategorical) != 0;
    node.is_default_left = (source.flags & TreeModel::kDefaultLeft) != 0;
    node.feature = source.feature;
    node.threshold = source.threshold_or_leaf;
  }
  if (model_->has_covers()) node.cover = model_->covers_[at];
  return node;
}

std::int32_t TreeView::file_number(std::uint32_t number) const {
  return model_->node_ids_[root() + number];
}

bool TreeView::goes_right(std::uint32_t number, float x) const noexcept {
  const TreeModel::Node& node = model_->nodes_[root() + number];
  if ((node.flags & TreeModel::kCategorical) != 0) return model_->is_category_right(node, x);
  if (std::isnan(x)) return (node.flags & TreeModel::kDefaultLeft) == 0;
  return !(x < node.threshold_or_leaf);
}

std::vector<double> TreeModel::gain_importance() const {
  std::vector<double> total(feature_count_, 0.0);
  for (std::size_t i = 0; i < gains_.size(); ++i) {
    if ((nodes_[i].flags & kLeaf) == 0) total[nodes_[i].feature] += static_cast<double>(gains_[i]);
  }
  return total;
}

}  // namespace tenure::learn
