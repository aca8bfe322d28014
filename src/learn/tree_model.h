#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "learn/category_sets.h"
#include "learn/cpu_level.h"
#include "learn/objective.h"

namespace tenure::learn {

class FastEvaluator;
class TreeView;

/// A gradient-boosted tree ensemble, ours: loaded from a file of XGBoost (JSON, UBJSON or the
/// binary form of old versions; 0.9 to 3.5) or of LightGBM (text, v2 to v4), and evaluated with
/// margins that equal that library's to the bit. Immutable; thread-safe.
///
/// XGBoost: the sum is float32, one add per tree, strictly in tree order; left iff x < threshold;
/// missing = NaN goes to the default side; categories in the set go right. A gblinear booster is a
/// model without trees whose base margin depends on the row.
///
/// LightGBM: is_float64(). Rows are float32 here too; its `x <= t` over float64 thresholds becomes
/// `x < the next float32 after t`, which is the same for every float32 x. Leaves and sums are
/// float64, and are rounded to float32 once, at the end, where a float is asked for.
class TreeModel {
 public:
  /// Loads by content, not by name. Every index, length and number is checked; hostile bytes give
  /// an error, never a crash or an endless walk (tree_model_fuzz.cpp). Errors: kCorruption naming
  /// tree and node; kUnimplemented for what cannot be evaluated exactly (vector leaves, linear
  /// leaves, an unknown objective's output), naming it.
  static core::Result<TreeModel> load(std::string_view bytes);

  std::size_t feature_count() const { return feature_count_; }
  std::size_t group_count() const { return group_count_; }  ///< 1, or classes
  std::size_t tree_count() const { return roots_.size(); }
  Objective objective() const { return objective_; }
  std::span<const std::string> feature_names() const { return feature_names_; }
  bool is_float64() const { return is_float64_; }      ///< sums and outputs are float64: LightGBM
  bool is_linear() const { return !linear_.empty(); }  ///< gblinear: no trees

  /// Margins of one row: `row` has feature_count() floats, `out` group_count(). No allocation. Into
  /// doubles: only of a float64 model.
  void margins(std::span<const float> row, std::span<float> out) const noexcept;
  void margins(std::span<const float> row, std::span<double> out) const noexcept;
  float margin(std::span<const float> row) const noexcept;  ///< group_count() == 1

  /// Margins of many rows: values row-major rows × feature_count(), out row-major rows ×
  /// group_count().
  void margins_of_rows(std::span<const float> values, std::span<float> out) const noexcept;
  void margins_of_rows(std::span<const float> values, std::span<double> out) const noexcept;

  struct Score {
    float margin = 0;
    float output = 0;
  };
  /// Margin and output of one row, of a model with one group; a float64 model rounds each once.
  Score score(std::span<const float> row) const noexcept;
  /// The same for many rows; the same bits.
  void scores_of_rows(std::span<const float> values, std::span<Score> out) const noexcept;

  /// The objective's output for a margin of a float32 model: see objective.h.
  float output(float margin) const noexcept { return output_of(objective_, margin); }

  /// The objective's outputs for the margins of one row, group_count() each.
  void outputs(std::span<const float> margins, std::span<float> out) const noexcept;
  void outputs(std::span<const double> margins, std::span<double> out) const noexcept;

  /// Leaf node id of each tree for a row, as libxgboost's pred_leaf (LightGBM: number of the leaf).
  void leaves(std::span<const float> row, std::span<std::int32_t> out) const noexcept;

  /// How margins are computed: "decision mask, ..." (decision_mask.h) or "walk over nodes". The
  /// note says why the faster form is not used; empty if it is. A note of a failed comparison
  /// (FastEvaluator::check) is a defect worth an alert.
  std::string_view evaluator_name() const noexcept;
  std::string_view evaluator_note() const noexcept { return evaluator_note_; }

  /// The same model, walking over its nodes; and at a level of cpu_levels(). For tests and
  /// measurements. Errors: as FastEvaluator::make.
  TreeModel walking() const;
  core::Result<TreeModel> at_level(CpuLevel level) const;

  /// The nodes of tree `tree` < tree_count(), for explanations and faster forms of the same trees.
  TreeView tree(std::size_t tree) const;
  float base_margin(std::size_t group) const { return base_margin_[group]; }
  /// What the sum of leaves is divided by at last: 1, or LightGBM's iterations (random forests).
  double divisor() const { return divisor_; }
  const CategorySets& category_sets() const { return sets_; }

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
    std::uint32_t flags = 0;  ///< those below, then the number of the set
  };
  static constexpr std::uint32_t kDefaultLeft = 1;
  static constexpr std::uint32_t kLeaf = 2;
  static constexpr std::uint32_t kCategorical = 4;
  static constexpr std::uint32_t kZeroMissing = 8;  ///< a value near 0 takes the default side
  static constexpr std::uint32_t kSetShift = 4;

  static constexpr std::size_t kGroupsMax64 = 256;  ///< of a float64 model

  void choose_evaluator();
  /// kIsPlain: no categories, no zeros that count as missing.
  template <bool kIsPlain>
  std::uint32_t child(const Node& node, const float* row) const noexcept;
  bool is_right_special(const Node& node, float x) const noexcept;
  template <bool kIsPlain>
  std::uint32_t leaf_of(std::size_t tree, const float* row) const noexcept;
  template <bool kIsPlain>
  void leaves_of_trees(std::size_t first, const float* row, std::uint32_t* leaves) const noexcept;
  template <bool kIsPlain, typename Sum>
  void add_trees(const float* row, Sum* out) const noexcept;
  template <bool kIsPlain, typename Sum>
  void add_trees_to_rows(const float* values, std::size_t rows, Sum* out) const noexcept;
  template <typename Sum>
  void start(const float* row, Sum* out) const noexcept;
  template <typename Sum>
  void sum_row(const float* row, Sum* out) const noexcept;
  template <typename Sum>
  void sum_rows(const float* values, std::size_t rows, Sum* out) const noexcept;
  template <typename Sum>
  Sum leaf_value(std::size_t tree, std::uint32_t leaf) const noexcept;

  Objective objective_ = Objective::kBinaryLogistic;
  bool is_float64_ = false;
  bool is_plain_ = true;
  double sigmoid_ = 1;
  double divisor_ = 1;
  std::size_t feature_count_ = 0;
  std::size_t group_count_ = 1;
  std::vector<float> base_margin_;         ///< per group
  std::vector<float> linear_;              ///< gblinear: feature × group, then a bias per group
  std::vector<std::uint32_t> roots_;       ///< per tree, index into nodes_
  std::vector<std::uint32_t> tree_depth_;  ///< per tree, longest way from the root in steps
  std::vector<std::uint32_t> tree_group_;  ///< per tree
  std::vector<float> tree_weight_;         ///< per tree; empty unless dart
  std::vector<Node> nodes_;                ///< breadth-first, tree after tree
  std::vector<double> leaves64_;           ///< per node; empty unless is_float64_
  std::vector<std::int32_t> node_ids_;     ///< per node, its number in the file
  std::vector<float> gains_;               ///< per node; empty if the file has none
  std::vector<double> covers_;             ///< per node; empty if the file has none
  CategorySets sets_;
  std::vector<std::string> feature_names_;
  std::shared_ptr<const FastEvaluator> fast_;  ///< null: walk
  std::string evaluator_note_;
};

/// A node as TreeView shows it.
struct TreeNode {
  bool is_leaf = false;
  bool is_categorical = false;   ///< which values go right: TreeView::goes_right
  bool is_default_left = false;  ///< where a missing value goes
  bool is_zero_missing = false;  ///< numeric split: a value within 1e-35 of 0 counts as missing
  std::uint32_t feature = 0;
  float threshold = 0;             ///< numeric split: left iff value < threshold
  std::uint32_t category_set = 0;  ///< categorical split: right iff in this one of category_sets()
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

/// Up to this distance from 0 a value is zero to LightGBM (its include/LightGBM/meta.h).
inline constexpr float kZeroEnd = 1e-35F;

}  // namespace tenure::learn
