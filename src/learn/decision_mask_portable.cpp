// Kernels for any processor: the quantiser counts with plain loops, which compilers turn into
// whatever vectors there are; several walks over the heaps go side by side, so that their loads
// overlap.

#include <array>
#include <cmath>
#include <limits>

#include "learn/decision_mask_kernels.h"

namespace tenure::learn {
namespace {

constexpr std::size_t kLanes = 8;

unsigned count_reached(const DecisionMask::Thresholds& thresholds, float x) {
  unsigned count = 0;
  for (const float threshold : thresholds.value) count += threshold <= x ? 1U : 0U;
  return count;
}

void quantise_row(const DecisionMask& mask, const float* row, std::uint8_t* table) {
  for (std::size_t i = 0; i < mask.numeric_end; ++i) {
    const DecisionMask::Slot& slot = mask.slots[i];
    float x = row[slot.feature];
    if (i >= mask.plain_end && std::abs(x) <= kZeroEnd) x = std::numeric_limits<float>::quiet_NaN();
    const DecisionMask::Thresholds* part = mask.thresholds.data() + slot.first;
    unsigned rank = 0;
    if (slot.has_pivots) {
      const unsigned passed = count_reached(part[-1], x);
      part += passed;
      rank = 16 * passed;
    }
    rank += count_reached(*part, x);
    std::uint8_t* const page = table + i / DecisionMask::kPlaces * DecisionMask::kPageBytes;
    const std::size_t place = i % DecisionMask::kPlaces;
    page[place] = x != x ? std::uint8_t{255} : static_cast<std::uint8_t>(rank);
    page[place + DecisionMask::kPlaces] = static_cast<std::uint8_t>(rank);
  }
  quantise_categories(mask, row, table);
}

/// One step down a heap, without a branch that depends on data.
std::size_t step(std::size_t at, const std::uint16_t* address, const std::uint8_t* rank,
                 const std::uint8_t* table) {
  return 2 * at + static_cast<std::size_t>(table[address[at]] > rank[at]);
}

std::uint32_t find_leaf(const DecisionMask& mask, const std::uint8_t* table, std::size_t tree) {
  const std::size_t exits = std::size_t{1} << mask.levels;
  std::size_t block = tree >> mask.trees_per_block_shift();
  const std::size_t trees = std::size_t{1} << mask.trees_per_block_shift();
  const std::size_t part = (tree & (trees - 1)) << mask.levels;
  while (true) {
    std::size_t at = 1;
    while (at < exits) {
      at = step(at, mask.heaps[block].address + part, mask.heaps[block].rank + part, table);
    }
    const std::size_t leaf = block * DecisionMask::kPlaces + part + at - exits;
    if (!mask.is_chained || mask.next[leaf] == 0) return static_cast<std::uint32_t>(leaf);
    block = mask.next[leaf];
  }
}

}  // namespace

void quantise_categories(const DecisionMask& mask, const float* row, std::uint8_t* table) {
  for (std::size_t i = mask.numeric_end; i < mask.slots.size(); ++i) {
    const DecisionMask::Slot& slot = mask.slots[i];
    const float x = row[slot.feature];
    const std::uint8_t is_in = mask.sets.contains(slot.first, x) ? 1 : 0;
    std::uint8_t* const page = table + i / DecisionMask::kPlaces * DecisionMask::kPageBytes;
    const std::size_t place = i % DecisionMask::kPlaces;
    page[place] = x != x ? std::uint8_t{255} : is_in;
    page[place + DecisionMask::kPlaces] = is_in;
  }
}

void find_leaves_portable(const DecisionMask& mask, const std::uint8_t* table, std::size_t first,
                          std::size_t count, std::uint32_t* leaves) {
  const int shift = mask.trees_per_block_shift();
  const std::size_t in_block = (std::size_t{1} << shift) - 1;
  const std::size_t exits = std::size_t{1} << mask.levels;
  std::size_t done = 0;
  for (; done + kLanes <= count; done += kLanes) {
    const std::uint16_t* address[kLanes];
    const std::uint8_t* rank[kLanes];
    std::array<std::size_t, kLanes> at{};
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t tree = first + done + lane;
      const std::size_t part = (tree & in_block) << mask.levels;
      address[lane] = mask.heaps[tree >> shift].address + part;
      rank[lane] = mask.heaps[tree >> shift].rank + part;
      at[lane] = 1;
    }
    for (int level = 0; level < mask.levels; ++level) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        at[lane] = step(at[lane], address[lane], rank[lane], table);
      }
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t tree = first + done + lane;
      const std::size_t leaf = (tree >> shift) * DecisionMask::kPlaces +
                               ((tree & in_block) << mask.levels) + at[lane] - exits;
      leaves[done + lane] = static_cast<std::uint32_t>(leaf);
      if (!mask.is_chained) continue;
      // The trees of a chained model have their first block to themselves.
      while (mask.next[leaves[done + lane]] != 0) {
        const std::size_t block = mask.next[leaves[done + lane]];
        std::size_t below = 1;
        while (below < exits) {
          below = step(below, mask.heaps[block].address, mask.heaps[block].rank, table);
        }
        leaves[done + lane] =
            static_cast<std::uint32_t>(block * DecisionMask::kPlaces + below - exits);
      }
    }
  }
  for (; done < count; ++done) leaves[done] = find_leaf(mask, table, first + done);
}

const MaskKernels& portable_mask_kernels() {
  static constexpr MaskKernels kKernels{.name = "decision mask, portable",
                                        .quantise_row = quantise_row,
                                        .find_leaves = find_leaves_portable,
                                        .quantise_block = nullptr,
                                        .find_exits = nullptr,
                                        .add_to_block = nullptr};
  return kKernels;
}

}  // namespace tenure::learn
