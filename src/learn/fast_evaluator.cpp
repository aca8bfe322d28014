#include "learn/fast_evaluator.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tenure::learn {
namespace {

constexpr std::size_t kBlockRows = 64;

/// Trees whose leaves are found before any is added: enough to find the next ones while the sum,
/// which is one long chain of additions, catches up.
constexpr std::size_t kTreesAtOnce = 32;

struct alignas(64) Table {
  std::uint8_t bytes[DecisionMask::kTableBytesMax];
};
struct alignas(64) Columns {
  std::uint8_t bytes[DecisionMask::kTableBytesMax * kBlockRows];
};

template <typename Sum>
const Sum* leaf_values(const DecisionMask& mask) {
  if constexpr (std::is_same_v<Sum, double>) {
    return mask.leaves64.data();
  } else {
    return mask.leaves.data();
  }
}

}  // namespace

core::Result<FastEvaluator> FastEvaluator::make(const TreeModel& model, CpuLevel level) {
  auto mask = compile_decision_mask(model);
  if (!mask) return std::move(mask).error();
  FastEvaluator evaluator(*std::move(mask), mask_kernels(level), model.group_count());
  if (auto checked = evaluator.check(model); !checked) return std::move(checked).error();
  return evaluator;
}

template <typename Sum>
void FastEvaluator::add_leaves(const std::uint8_t* table, std::size_t first, std::size_t count,
                               Sum* sums) const noexcept {
  std::uint32_t numbers[kTreesAtOnce];
  kernels_->find_leaves(mask_, table, first, count, numbers);
  const Sum* const leaves = leaf_values<Sum>(mask_);
  if (groups_ == 1) {
    Sum sum = *sums;
    for (std::size_t i = 0; i < count; ++i) sum += leaves[numbers[i]];
    *sums = sum;
    return;
  }
  for (std::size_t i = 0; i < count; ++i) sums[mask_.groups[first + i]] += leaves[numbers[i]];
}

template <typename Sum>
void FastEvaluator::add(const float* row, Sum* sums) const noexcept {
  Table table;
  kernels_->quantise_row(mask_, row, table.bytes);
  for (std::size_t tree = 0; tree < mask_.tree_count; tree += kTreesAtOnce) {
    add_leaves(table.bytes, tree, std::min(kTreesAtOnce, mask_.tree_count - tree), sums);
  }
}

/// At most 64 rows, row by row, but a few trees at a time, so that their tables stay in the cache.
template <typename Sum>
void FastEvaluator::add_block_by_rows(const float* values, std::size_t width, std::size_t rows,
                                      Sum* sums) const noexcept {
  const std::size_t bytes = mask_.pages * DecisionMask::kPageBytes;
  Columns tables;
  for (std::size_t row = 0; row < rows; ++row) {
    kernels_->quantise_row(mask_, values + row * width, tables.bytes + row * bytes);
  }
  for (std::size_t tree = 0; tree < mask_.tree_count; tree += kTreesAtOnce) {
    const std::size_t count = std::min(kTreesAtOnce, mask_.tree_count - tree);
    for (std::size_t row = 0; row < rows; ++row) {
      add_leaves(tables.bytes + row * bytes, tree, count, sums + row * groups_);
    }
  }
}

template <typename Sum>
void FastEvaluator::add_block(const float* values, std::size_t width, Sum* sums) const noexcept {
  Columns columns;
  kernels_->quantise_block(mask_, values, width, columns.bytes);
  if constexpr (std::is_same_v<Sum, float>) {
    if (groups_ == 1 && kernels_->add_to_block != nullptr) {
      return kernels_->add_to_block(mask_, columns.bytes, sums);
    }
  }
  const int shift = mask_.trees_per_block_shift();
  const std::size_t in_block = (std::size_t{1} << shift) - 1;
  std::uint8_t exits[kBlockRows];
  for (std::size_t tree = 0; tree < mask_.tree_count; ++tree) {
    kernels_->find_exits(mask_, columns.bytes, tree, exits);
    const Sum* const leaves = leaf_values<Sum>(mask_) + (tree >> shift) * DecisionMask::kPlaces +
                              ((tree & in_block) << mask_.levels);
    Sum* const first = sums + (groups_ == 1 ? 0 : mask_.groups[tree]);
    for (std::size_t row = 0; row < kBlockRows; ++row) first[row * groups_] += leaves[exits[row]];
  }
}

template <typename Sum>
void FastEvaluator::add_rows(const float* values, std::size_t width, std::size_t rows,
                             Sum* sums) const noexcept {
  const bool has_blocks = kernels_->quantise_block != nullptr && !mask_.is_chained;
  for (std::size_t row = 0; row < rows; row += kBlockRows) {
    const std::size_t count = std::min(kBlockRows, rows - row);
    const float* const first = values + row * width;
    if (has_blocks && count == kBlockRows) {
      add_block(first, width, sums + row * groups_);
    } else {
      add_block_by_rows(first, width, count, sums + row * groups_);
    }
  }
}

template void FastEvaluator::add(const float*, float*) const noexcept;
template void FastEvaluator::add(const float*, double*) const noexcept;
template void FastEvaluator::add_rows(const float*, std::size_t, std::size_t,
                                      float*) const noexcept;
template void FastEvaluator::add_rows(const float*, std::size_t, std::size_t,
                                      double*) const noexcept;

const MaskKernels& mask_kernels(CpuLevel level) {
  switch (level) {
    case CpuLevel::kAvx512:
      return avx512_mask_kernels();
    case CpuLevel::kAvx2:
      return avx2_mask_kernels();
    case CpuLevel::kPortable:
      break;
  }
  return portable_mask_kernels();
}

}  // namespace tenure::learn
