#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/result.h"
#include "learn/category_sets.h"
#include "learn/tree_model.h"

namespace tenure::learn {

/// A tree ensemble as tables for vector instructions: the same decisions, hence the same leaves,
/// as the nodes of the TreeModel it was compiled from.
///
/// A row is first quantised: every slot (a feature, or a feature and a category set) becomes one
/// byte, the number of the feature's thresholds that are <= x. A split `x < threshold k` then asks
/// `byte <= k`: exact for every float, -0.0 and infinities included. A missing value becomes 255
/// where the split sends it right and 0 where it sends it left; so each slot has two bytes.
///
/// The splits of a tree lie in a heap of `levels` levels: node i has the children 2i and 2i + 1,
/// the root is 1. One comparison of 64 bytes with 64 ranks gives a word whose bit i says "node i
/// goes right", and a walk reads one bit a level. Trees of few levels share a block of 64 places;
/// a tree of more than six levels is a chain of blocks.
///
/// Source: the idea of deciding all splits at once over sorted thresholds is QuickScorer's
/// (Lucchese et al., SIGIR 2015), of vectors over it V-QuickScorer's and RapidScorer's (KDD 2018).
/// They mask leaves; the heap word, the two bytes for missing values, the sharing of blocks and the
/// chains are ours.
struct DecisionMask {
  static constexpr std::size_t kPlaces = 64;      ///< of a block, and slots of a page
  static constexpr std::size_t kPageBytes = 128;  ///< 64 slots, missing right, then missing left
  static constexpr std::size_t kPagesMax = 8;     ///< more distinct splits: the walk over nodes
  static constexpr std::size_t kThresholdsMax = 254;  ///< of a slot; more take several slots
  static constexpr std::size_t kTableBytesMax = kPagesMax * kPageBytes;
  static constexpr int kLevelsMax = 6;
  static constexpr std::size_t kLeavesPadding = 16;  ///< may be read behind the last leaf

  /// The splits for one row: entry i makes bit i of the word.
  struct alignas(64) Block {
    std::uint8_t byte[kPlaces];  ///< within the page: slot, + 64 where missing goes left
    std::uint8_t rank[kPlaces];  ///< right iff the row's byte is larger; 255: never
  };
  /// The same splits in the order of the heap.
  struct alignas(64) Heap {
    std::uint16_t address[kPlaces];  ///< page * 128 + byte
    std::uint8_t rank[kPlaces];
  };
  struct alignas(64) Thresholds {
    float value[16];  ///< ascending, then NaN, which no x reaches
  };
  struct Slot {
    std::uint32_t feature = 0;
    /// Numeric: thresholds[first ...], and if there are several of them, their first values but
    /// the very first stand before as one more (the pivots). Category: number of the set.
    std::uint32_t first = 0;
    bool has_pivots = false;
  };

  int levels = 1;           ///< of each tree's heap, 1..6
  bool is_chained = false;  ///< trees of more than six levels: see `next`
  std::size_t tree_count = 0;
  std::size_t pages = 1;

  /// Slots: [0, plain_end) numeric, [plain_end, numeric_end) numeric where zero counts as missing,
  /// [numeric_end, size) categories.
  std::vector<Slot> slots;
  std::size_t plain_end = 0;
  std::size_t numeric_end = 0;
  std::vector<Thresholds> thresholds;
  CategorySets sets;

  std::vector<Block> blocks;              ///< tree t starts in block t >> (6 - levels)
  std::vector<Heap> heaps;                ///< per block
  std::vector<std::uint64_t> page_masks;  ///< per block and page, its places; empty for one page
  std::vector<std::uint32_t>
      next;  ///< per block and exit: block to go on in, 0 = a leaf; chained only

  /// Value of leaf 64 * block + exit; only one of the two is filled, by TreeModel::is_float64().
  std::vector<float> leaves;
  std::vector<double> leaves64;

  std::vector<std::uint32_t> groups;  ///< per tree; empty when there is one

  /// Bit of the word that heap place `place` of a block has.
  static std::size_t bit_of(int levels, std::size_t place) {
    if (levels < kLevelsMax || place == 0) return levels < kLevelsMax ? place : 63;
    if (place < 8) return place - 1;
    std::size_t subtree = place;
    std::size_t local = 1;
    int below = 0;
    for (; subtree >= 16; subtree /= 2) ++below;
    for (int level = below - 1; level >= 0; --level) local = 2 * local + ((place >> level) & 1);
    return 7 + 7 * (subtree - 8) + local - 1;
  }

  int trees_per_block_shift() const { return kLevelsMax - levels; }
};

/// Compiles a model. Errors: kUnimplemented with what stands against it (too many distinct splits
/// or nodes); the model is then walked node by node.
core::Result<DecisionMask> compile_decision_mask(const TreeModel& model);

}  // namespace tenure::learn
