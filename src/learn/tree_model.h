#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace tenure::learn {

/// How a margin becomes an output; which names of XGBoost mean which is in xgboost_objective.cpp.
enum class Objective : std::uint8_t {
  kBinaryLogistic,
  kRegLogistic,
  kLogitRaw,
  kHinge,
  kIdentity,
  kExp,
  kExpDouble,  ///< survival:aft: the exponential is taken in float64, then rounded
  kSoftmax,
  kSoftprob,
};

class TreeView;

/// A gradient-boosted tree ensemble, ours: loaded from XGBoost JSON or UBJSON (1.0 to 3.5),
/// evaluated with margins that equal libxgboost's to the bit (spec: sum in float32, one add per
/// tree, strictly in tree order; left iff x < threshold; missing = NaN goes to the default side;
/// categories in the set go right). Immutable; thread-safe.
class TreeModel {
 public:
  /// Loads by content, not by name. Every index, length and number is checked; hostile bytes give
  /// an error, never a crash or an endless walk (tree_model_fuzz.cpp). Errors: kCorruption naming
  /// tree and node; kUnimplemented for what cannot be evaluated exactly (gblinear, vector
  /// leaves, unknown objective's output), naming it.
  static core::Result<TreeModel> load(std::string_view bytes);

  std::size_t feature_count() const { return feature_count_; }
  std::size_t group_count() const { return group_count_; }  ///< 1, or classes
  std::size_t tree_count() const { return roots_.size(); }
  Objective objective() const { return objective_; }
  std::span<const std::string> feature_names() const { return feature_names_; }

  /// Margins of one row: `row` has feature_count() floats, `out` group_count(). No allocation.
  void margins(std::span<const float> row, std::span<float> out) const noexcept;
  float margin(std::span<const float> row) const noexcept;  ///< group_count() == 1

  /// Margins of many rows: values row-major rows × feature_count(), out row-major rows ×
  /// group_count().
  void margins_of_rows(std::span<const float> values, std::span<float> out) const noexcept;

  /// The objective's output for a margin: libxgboost's float32 arithmetic (sigmoid in float, libm
  /// expf). Softmax needs all margins of a row: see outputs().
  float output(float margin) const noexcept;

  /// The objective's outputs for the margins of one row, group_count() each: class probabilities
  /// for softprob; softmax puts the number of the first largest class into out[0].
  void outputs(std::span<const float> margins, std::span<float> out) const noexcept;

  /// Leaf node id of each tree for a row, as libxgboost's pred_leaf.
  void leaves(std::span<const float> row, std::span<std::int32_t> out) const noexcept;

  /// The nodes of tree `tree` < tree_count(), for explanations and faster forms of the same trees.
  TreeView tree(std::size_t tree) const;
  float base_margin(std::size_t group) const { return base_margin_[group]; }

  /// Whether the file says how many training rows, or how much weight, reached each node.
  bool has_covers() const { return !covers_.empty(); }

  /// Total gain (loss change) per feature over all splits; zeros when the file carries no
  /// statistics.
  std::vector<double> gain_importance() const;

 private:
  friend struct TreeModelBuilder;
  friend class TreeView;
  struct Node {  ///< 16 bytes
    float threshold_or_leaf = 0;
    std::uint32_t left = 0;  ///< the right child is left + 1; a leaf names itself
    std::uint32_t feature = 0;
    std::uint32_t flags = 0;  ///< kDefaultLeft, kLeaf, kCategorical, then the number of the set
  };
  static constexpr std::uint32_t kDefaultLeft = 1;
  static constexpr std::uint32_t kLeaf = 2;
  static constexpr std::uint32_t kCategorical = 4;
  static constexpr std::uint32_t kSetShift = 3;
  struct CategorySet {
    std::uint32_t first_word = 0;
    std::uint32_t words = 0;
  };
  bool is_category_right(const Node& node, float x) const noexcept;
  template <bool kHasCategories>
  std::uint32_t child(const Node& node, const float* row) const noexcept;
  template <bool kHasCategories>
  std::uint32_t leaf_of(std::size_t tree, const float* row) const noexcept;
  template <bool kHasCategories>
  void leaves_of_trees(std::size_t first, const float* row, std::uint32_t* leaves) const noexcept;
  template <bool kHasCategories>
  void add_trees(const float* row, float* out) const noexcept;
  template <bool kHasCategories>
  void add_trees_to_rows(const float* values, std::size_t rows, float* out) const noexcept;
  float leaf_value(std::size_t tree, std::uint32_t leaf) const noexcept;

  Objective objective_ = Objective::kBinaryLogistic;
  std::size_t feature_count_ = 0;
  std::size_t group_count_ = 1;
  std::vector<float> base_margin_;         ///< per group
  std::vector<std::uint32_t> roots_;       ///< per tree, index into nodes_
  std::vector<std::uint32_t> tree_depth_;  ///< per tree, longest way from the root in steps
  std::vector<std::uint32_t> tree_group_;  ///< per tree
  std::vector<float> tree_weight_;         ///< per tree; empty unless dart
  std::vector<Node> nodes_;                ///< breadth-first, tree after tree
  std::vector<std::int32_t> node_ids_;     ///< per node, its number in the file
  std::vector<float> gains_;               ///< per node; empty if the file has none
  std::vector<double> covers_;             ///< per node; empty if the file has none
  std::vector<CategorySet> sets_;
  std::vector<std::uint32_t> set_bits_;
  std::vector<std::string> feature_names_;
};

/// A node as TreeView shows it.
struct TreeNode {
  bool is_leaf = false;
  bool is_categorical = false;   ///< which values go right: TreeView::goes_right
  bool is_default_left = false;  ///< where a missing value goes
  std::uint32_t feature = 0;
  float threshold = 0;     ///< numeric split: left iff value < threshold
  double leaf_value = 0;   ///< what the leaf adds to its group's margin, dart's factor included
  std::uint32_t left = 0;  ///< number of a node of the same tree; a leaf names itself
  std::uint32_t right = 0;
  double cover = 0;  ///< sum of hessians, or rows; 0 if the file has none
};

/// The nodes of one tree, numbered from 0, the root, level by level: a child's number is larger
/// than its parent's. Reads the model it came from, which must outlive it and stay where it is.
class TreeView {
 public:
  TreeView(const TreeModel& model, std::size_t tree) : model_(&model), tree_(tree) {}

  std::size_t size() const;
  std::uint32_t depth() const { return model_->tree_depth_[tree_]; }  ///< longest way, in steps
  std::uint32_t group() const { return model_->tree_group_[tree_]; }
  TreeNode node(std::uint32_t number) const;
  std::int32_t file_number(std::uint32_t number) const;  ///< as leaves() and the file count

  /// Whether `x` (NaN = missing) takes the right child of inner node `number`.
  bool goes_right(std::uint32_t number, float x) const noexcept;

 private:
  std::uint32_t root() const { return model_->roots_[tree_]; }

  const TreeModel* model_;
  std::size_t tree_;
};

inline TreeView TreeModel::tree(std::size_t tree) const {
  return TreeView(*this, tree);
}

}  // namespace tenure::learn
