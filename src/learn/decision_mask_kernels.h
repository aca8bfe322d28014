#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "learn/cpu_level.h"
#include "learn/decision_mask.h"

namespace tenure::learn {

/// The inner loops over a DecisionMask, written once for each level; all give the same leaves.
///
/// `table` has mask.pages * 128 bytes, one row's bytes: slot s of page p at 128 p + s with missing
/// as 255, at 128 p + 64 + s with missing as 0. `columns` has the same bytes for 64 rows: byte b of
/// row r at 64 b + r. Both are aligned to 64.
struct MaskKernels {
  std::string_view name;

  void (*quantise_row)(const DecisionMask& mask, const float* row, std::uint8_t* table);

  /// Numbers of the leaves that the row reaches in trees first ... first + count - 1.
  void (*find_leaves)(const DecisionMask& mask, const std::uint8_t* table, std::size_t first,
                      std::size_t count, std::uint32_t* leaves);

  // For blocks of 64 rows, of models that are not chained. Null where the level has no better way
  // than row by row.

  /// `values`: 64 rows of `width` floats.
  void (*quantise_block)(const DecisionMask& mask, const float* values, std::size_t width,
                         std::uint8_t* columns);

  /// The exit of one tree that each row takes: leaf number less the first leaf of the tree's part.
  void (*find_exits)(const DecisionMask& mask, const std::uint8_t* columns, std::size_t tree,
                     std::uint8_t* exits);

  /// Adds the leaves of all trees, in tree order, to the 64 sums; for float32 models with one
  /// group. May be null where find_exits is not.
  void (*add_to_block)(const DecisionMask& mask, const std::uint8_t* columns, float* sums);
};

/// The kernels of a level that is in cpu_levels().
const MaskKernels& mask_kernels(CpuLevel level);

const MaskKernels& portable_mask_kernels();
const MaskKernels& avx2_mask_kernels();
const MaskKernels& avx512_mask_kernels();

// What the levels share; in decision_mask_portable.cpp.

/// Fills in the bytes of category slots.
void quantise_categories(const DecisionMask& mask, const float* row, std::uint8_t* table);

void find_leaves_portable(const DecisionMask& mask, const std::uint8_t* table, std::size_t first,
                          std::size_t count, std::uint32_t* leaves);

}  // namespace tenure::learn
