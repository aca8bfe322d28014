#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "core/result.h"
#include "learn/decision_mask.h"
#include "learn/decision_mask_kernels.h"
#include "learn/tree_model.h"

namespace tenure::learn {

/// The fast way through the trees of a model: a DecisionMask and the kernels of a processor level.
/// Leaves are added as the walk over nodes does, one a tree, in tree order, so that sums have the
/// same bits. Immutable; thread-safe.
class FastEvaluator {
 public:
  /// Compiles the model and compares the result with its walk over nodes (check). Errors:
  /// kUnimplemented when the model is too large for the tables; kInternal when a bit differs.
  static core::Result<FastEvaluator> make(const TreeModel& model, CpuLevel level);

  std::string_view name() const { return kernels_->name; }

  /// Adds the trees' leaves to the sums of one row, one per group. No allocation. `Sum` is float,
  /// or double for a float64 model.
  template <typename Sum>
  void add(const float* row, Sum* sums) const noexcept;

  /// The same for many rows of `width` floats; sums row-major rows × groups.
  template <typename Sum>
  void add_rows(const float* values, std::size_t width, std::size_t rows, Sum* sums) const noexcept;

  /// Evaluates rows made of the model's own thresholds and their neighbours, missing values,
  /// infinities, and codes in and beyond its category sets, both ways, and compares all bits.
  /// Errors: kInternal naming the row and the two sums.
  core::Result<> check(const TreeModel& model) const;

  FastEvaluator(DecisionMask mask, const MaskKernels& kernels, std::size_t groups)
      : mask_(std::move(mask)), kernels_(&kernels), groups_(groups) {}

 private:
  template <typename Sum>
  void add_leaves(const std::uint8_t* table, std::size_t first, std::size_t count,
                  Sum* sums) const noexcept;
  template <typename Sum>
  void add_block_by_rows(const float* values, std::size_t width, std::size_t rows,
                         Sum* sums) const noexcept;
  template <typename Sum>
  void add_block(const float* values, std::size_t width, Sum* sums) const noexcept;

  DecisionMask mask_;
  const MaskKernels* kernels_;
  std::size_t groups_;
};

}  // namespace tenure::learn
