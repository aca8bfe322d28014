// Kernels for AVX-512 with VBMI: one instruction fetches the bytes of 64 splits from the row's
// table, another compares them with their ranks. Only the functions marked so are compiled for it;
// they are called after cpu_levels() has asked the processor.

#include "learn/decision_mask_kernels.h"

#if defined(__x86_64__)

#include <algorithm>
#include <array>
#include <cmath>
#if defined(__GNUC__) && !defined(__clang__)
// A false alarm about vectors that GCC's own header leaves undefined on purpose (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <immintrin.h>
#include <limits>

// Not a compiler flag of the file: that would also compile inline functions of headers for AVX-512,
// and the linker might keep those for everyone.
#define TENURE_AVX512 \
  [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,bmi,bmi2,popcnt")]]

namespace tenure::learn {
namespace {

constexpr std::size_t kPlaces = DecisionMask::kPlaces;
constexpr std::size_t kPageBytes = DecisionMask::kPageBytes;

TENURE_AVX512 inline unsigned rank_of(const DecisionMask::Thresholds* part, bool has_pivots,
                                      float x) {
  const __m512 wanted = _mm512_set1_ps(x);
  unsigned rank = 0;
  if (has_pivots) {
    const auto passed = static_cast<unsigned>(
        _mm_popcnt_u32(_mm512_cmp_ps_mask(_mm512_load_ps(part[-1].value), wanted, _CMP_LE_OQ)));
    part += passed;
    rank = 16 * passed;
  }
  return rank + static_cast<unsigned>(_mm_popcnt_u32(
                    _mm512_cmp_ps_mask(_mm512_load_ps(part->value), wanted, _CMP_LE_OQ)));
}

TENURE_AVX512 void quantise_row(const DecisionMask& mask, const float* row, std::uint8_t* table) {
  const DecisionMask::Slot* const slots = mask.slots.data();
  const DecisionMask::Thresholds* const thresholds = mask.thresholds.data();
  const std::size_t plain_end = mask.plain_end;
  const std::size_t numeric_end = mask.numeric_end;
  for (std::size_t i = 0; i < numeric_end; ++i) {
    const DecisionMask::Slot slot = slots[i];
    float x = row[slot.feature];
    if (i >= plain_end && std::abs(x) <= kZeroEnd) x = std::numeric_limits<float>::quiet_NaN();
    const unsigned rank = rank_of(thresholds + slot.first, slot.has_pivots, x);
    std::uint8_t* const page = table + i / kPlaces * kPageBytes + i % kPlaces;
    const unsigned missing = x != x ? 255U : 0U;
    page[0] = static_cast<std::uint8_t>(rank | missing);
    page[kPlaces] = static_cast<std::uint8_t>(rank);
  }
  if (numeric_end != mask.slots.size()) quantise_categories(mask, row, table);
}

/// The splits of one block that send the row right.
template <bool kOnePage>
TENURE_AVX512 inline std::uint64_t decide(const DecisionMask& mask, std::size_t block,
                                          const std::uint8_t* table, __m512i right, __m512i left) {
  const DecisionMask::Block& splits = mask.blocks[block];
  const __m512i place = _mm512_load_si512(splits.byte);
  const __m512i rank = _mm512_load_si512(splits.rank);
  __m512i bytes = _mm512_permutex2var_epi8(right, place, left);
  if constexpr (!kOnePage) {
    for (std::size_t page = 1; page < mask.pages; ++page) {
      const std::uint64_t here = mask.page_masks[block * mask.pages + page];
      const std::uint8_t* const at = table + page * kPageBytes;
      bytes = _mm512_mask_mov_epi8(
          bytes, here,
          _mm512_permutex2var_epi8(_mm512_load_si512(at), place, _mm512_load_si512(at + kPlaces)));
    }
  }
  return _mm512_cmpgt_epu8_mask(bytes, rank);
}

/// Where seven decisions lead, of a root, its children and theirs: 0 to 7.
constexpr std::array<std::uint8_t, 128> kThreeLevels = [] {
  std::array<std::uint8_t, 128> exits{};
  for (std::size_t word = 0; word < exits.size(); ++word) {
    std::size_t at = 1;
    for (int level = 0; level < 3; ++level) at = 2 * at + ((word >> (at - 1)) & 1);
    exits[word] = static_cast<std::uint8_t>(at - 8);
  }
  return exits;
}();

/// The exit of a tree, from the word of its decisions.
template <int kLevels>
inline std::size_t walk(std::uint64_t word) {
  if constexpr (kLevels == 6) {
    const std::size_t upper = kThreeLevels[word & 127];
    const std::size_t lower = kThreeLevels[(word >> (7 + 7 * upper)) & 127];
    return 8 * upper + lower;
  } else {
    std::size_t at = 1;
    for (int level = 0; level < kLevels; ++level) at = 2 * at + ((word >> at) & 1);
    return at - (std::size_t{1} << kLevels);
  }
}

template <int kLevels, bool kOnePage>
TENURE_AVX512 void find_flat_leaves(const DecisionMask& mask, const std::uint8_t* table,
                                    std::size_t first, std::size_t count, std::uint32_t* leaves) {
  constexpr std::size_t kTrees = kPlaces >> kLevels;
  const __m512i right = _mm512_load_si512(table);
  const __m512i left = _mm512_load_si512(table + kPlaces);
  const std::size_t end = first + count;
  for (std::size_t tree = first; tree < end;) {
    const std::size_t block = tree / kTrees;
    const std::uint64_t word = decide<kOnePage>(mask, block, table, right, left);
    const std::size_t stop = kTrees == 1 ? tree + 1 : std::min(end, (block + 1) * kTrees);
    for (; tree < stop; ++tree) {
      const std::size_t part = (tree % kTrees) << kLevels;
      *leaves++ = static_cast<std::uint32_t>(block * kPlaces + part + walk<kLevels>(word >> part));
    }
  }
}

template <bool kOnePage>
TENURE_AVX512 void find_chained_leaves(const DecisionMask& mask, const std::uint8_t* table,
                                       std::size_t first, std::size_t count,
                                       std::uint32_t* leaves) {
  const __m512i right = _mm512_load_si512(table);
  const __m512i left = _mm512_load_si512(table + kPlaces);
  // First blocks of all trees, which overlap, then the rest of their chains, which need a branch.
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t word = decide<kOnePage>(mask, first + i, table, right, left);
    leaves[i] = static_cast<std::uint32_t>((first + i) * kPlaces + walk<6>(word));
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t block = mask.next[leaves[i]]; block != 0; block = mask.next[leaves[i]]) {
      const std::uint64_t word = decide<kOnePage>(mask, block, table, right, left);
      leaves[i] = static_cast<std::uint32_t>(block * kPlaces + walk<6>(word));
    }
  }
}

template <bool kOnePage>
void find_leaves_of(const DecisionMask& mask, const std::uint8_t* table, std::size_t first,
                    std::size_t count, std::uint32_t* leaves) {
  if (mask.is_chained) return find_chained_leaves<kOnePage>(mask, table, first, count, leaves);
  switch (mask.levels) {
    case 1:
      return find_flat_leaves<1, kOnePage>(mask, table, first, count, leaves);
    case 2:
      return find_flat_leaves<2, kOnePage>(mask, table, first, count, leaves);
    case 3:
      return find_flat_leaves<3, kOnePage>(mask, table, first, count, leaves);
    case 4:
      return find_flat_leaves<4, kOnePage>(mask, table, first, count, leaves);
    case 5:
      return find_flat_leaves<5, kOnePage>(mask, table, first, count, leaves);
    default:
      return find_flat_leaves<6, kOnePage>(mask, table, first, count, leaves);
  }
}

void find_leaves(const DecisionMask& mask, const std::uint8_t* table, std::size_t first,
                 std::size_t count, std::uint32_t* leaves) {
  if (mask.pages == 1) return find_leaves_of<true>(mask, table, first, count, leaves);
  return find_leaves_of<false>(mask, table, first, count, leaves);
}

/// Ranks of one feature for 64 rows: for few thresholds all rows against each, else row by row.
TENURE_AVX512 inline __m512i ranks_of(const DecisionMask& mask, const DecisionMask::Slot& slot,
                                      const float* column) {
  const DecisionMask::Thresholds* const part = mask.thresholds.data() + slot.first;
  alignas(64) std::uint8_t ranks[kPlaces];
  if (slot.has_pivots) {
    for (std::size_t row = 0; row < kPlaces; ++row) {
      ranks[row] = static_cast<std::uint8_t>(rank_of(part, true, column[row]));
    }
    return _mm512_load_si512(ranks);
  }
  __m512i counts = _mm512_setzero_si512();
  const __m512 rows0 = _mm512_load_ps(column);
  const __m512 rows1 = _mm512_load_ps(column + 16);
  const __m512 rows2 = _mm512_load_ps(column + 32);
  const __m512 rows3 = _mm512_load_ps(column + 48);
  for (const float threshold : part->value) {
    if (std::isnan(threshold)) break;
    const __m512 t = _mm512_set1_ps(threshold);
    const std::uint64_t low = static_cast<std::uint64_t>(_mm512_cmp_ps_mask(t, rows1, _CMP_LE_OQ))
                                  << 16 |
                              _mm512_cmp_ps_mask(t, rows0, _CMP_LE_OQ);
    const std::uint64_t high = static_cast<std::uint64_t>(_mm512_cmp_ps_mask(t, rows3, _CMP_LE_OQ))
                                   << 16 |
                               _mm512_cmp_ps_mask(t, rows2, _CMP_LE_OQ);
    counts = _mm512_mask_add_epi8(counts, high << 32 | low, counts, _mm512_set1_epi8(1));
  }
  return counts;
}

TENURE_AVX512 void quantise_block(const DecisionMask& mask, const float* values, std::size_t width,
                                  std::uint8_t* columns) {
  alignas(64) float column[kPlaces];
  for (std::size_t i = 0; i < mask.slots.size(); ++i) {
    const DecisionMask::Slot& slot = mask.slots[i];
    std::uint64_t missing = 0;
    for (std::size_t row = 0; row < kPlaces; ++row) {
      column[row] = values[row * width + slot.feature];
    }
    for (std::size_t row = 0; row < kPlaces; row += 16) {
      const __m512 x = _mm512_load_ps(column + row);
      __mmask16 is_missing = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
      if (i >= mask.plain_end && i < mask.numeric_end) {
        is_missing = static_cast<__mmask16>(
            is_missing |
            _mm512_cmp_ps_mask(_mm512_abs_ps(x), _mm512_set1_ps(kZeroEnd), _CMP_LE_OQ));
        _mm512_mask_store_ps(column + row, is_missing,
                             _mm512_set1_ps(std::numeric_limits<float>::quiet_NaN()));
      }
      missing |= static_cast<std::uint64_t>(is_missing) << row;
    }
    __m512i bytes;
    if (i < mask.numeric_end) {
      bytes = ranks_of(mask, slot, column);
    } else {
      std::uint64_t is_in = 0;
      for (std::size_t row = 0; row < kPlaces; ++row) {
        is_in |= std::uint64_t{mask.sets.contains(slot.first, column[row])} << row;
      }
      bytes = _mm512_maskz_set1_epi8(is_in, 1);
    }
    std::uint8_t* const page = columns + (i / kPlaces * kPageBytes + i % kPlaces) * kPlaces;
    _mm512_store_si512(page, _mm512_mask_set1_epi8(bytes, missing, -1));
    _mm512_store_si512(page + kPlaces * kPlaces, bytes);
  }
}

/// Which rows go right at each level of the way they take through one tree: bit r of bits[l].
template <int kLevels>
TENURE_AVX512 inline void decide_rows(const std::uint8_t* columns, const std::uint16_t* address,
                                      const std::uint8_t* rank, std::uint64_t* bits) {
  constexpr std::size_t kNodes = std::size_t{1} << kLevels;
  alignas(64) std::uint64_t rows[kNodes];
  // From the last level up: its words lie ready in memory when they are read below.
  for (std::size_t node = kNodes - 1; node > 0; --node) {
    const __m512i column = _mm512_load_si512(columns + std::size_t{address[node]} * kPlaces);
    rows[node] = _mm512_cmpgt_epu8_mask(column, _mm512_set1_epi8(static_cast<char>(rank[node])));
  }
  bits[0] = rows[1];
  for (int level = 1; level < kLevels; ++level) {
    std::uint64_t* const nodes = rows + (std::size_t{1} << level);
    // Choose by the decision at the root between the halves, then between quarters, ...
    for (int above = 0; above < level; ++above) {
      const std::size_t half = std::size_t{1} << (level - above - 1);
      for (std::size_t i = 0; i < half; ++i) {
        nodes[i] ^= (nodes[i] ^ nodes[i + half]) & bits[above];
      }
    }
    bits[level] = nodes[0];
  }
}

template <int kLevels>
TENURE_AVX512 inline __m512i exits_of_rows(const std::uint64_t* bits) {
  __m512i exits = _mm512_setzero_si512();
  for (int level = 0; level < kLevels; ++level) {
    exits = _mm512_or_si512(
        exits, _mm512_maskz_set1_epi8(bits[level], static_cast<char>(1 << (kLevels - 1 - level))));
  }
  return exits;
}

/// The part of a tree in its block: where its splits stand.
struct Part {
  const std::uint16_t* address;
  const std::uint8_t* rank;
  std::size_t first_leaf;
};

template <int kLevels>
inline Part part_of(const DecisionMask& mask, std::size_t tree) {
  constexpr std::size_t kTrees = kPlaces >> kLevels;
  const std::size_t part = (tree % kTrees) << kLevels;
  return {mask.heaps[tree / kTrees].address + part, mask.heaps[tree / kTrees].rank + part,
          tree / kTrees * kPlaces + part};
}

template <int kLevels>
TENURE_AVX512 void find_exits_in(const DecisionMask& mask, const std::uint8_t* columns,
                                 std::size_t tree, std::uint8_t* exits) {
  const Part part = part_of<kLevels>(mask, tree);
  std::uint64_t bits[kLevels];
  decide_rows<kLevels>(columns, part.address, part.rank, bits);
  _mm512_storeu_si512(exits, exits_of_rows<kLevels>(bits));
}

template <int kLevels>
TENURE_AVX512 inline __m512 leaves_of(const float* leaves, __m512i exit) {
  if constexpr (kLevels <= 4) {
    return _mm512_permutexvar_ps(exit, _mm512_loadu_ps(leaves));
  } else {
    const __m512 low =
        _mm512_permutex2var_ps(_mm512_loadu_ps(leaves), exit, _mm512_loadu_ps(leaves + 16));
    if constexpr (kLevels == 5) return low;
    const __m512 high =
        _mm512_permutex2var_ps(_mm512_loadu_ps(leaves + 32), exit, _mm512_loadu_ps(leaves + 48));
    return _mm512_mask_mov_ps(low, _mm512_test_epi32_mask(exit, _mm512_set1_epi32(32)), high);
  }
}

template <int kLevels>
TENURE_AVX512 void add_trees_to_block(const DecisionMask& mask, const std::uint8_t* columns,
                                      float* sums) {
  __m512 sum[4];
  for (std::size_t i = 0; i < 4; ++i) sum[i] = _mm512_loadu_ps(sums + 16 * i);
  for (std::size_t tree = 0; tree < mask.tree_count; ++tree) {
    const Part part = part_of<kLevels>(mask, tree);
    std::uint64_t bits[kLevels];
    decide_rows<kLevels>(columns, part.address, part.rank, bits);
    const __m512i exits = exits_of_rows<kLevels>(bits);
    const float* const leaves = mask.leaves.data() + part.first_leaf;
    const __m128i quarters[4] = {
        _mm512_extracti32x4_epi32(exits, 0), _mm512_extracti32x4_epi32(exits, 1),
        _mm512_extracti32x4_epi32(exits, 2), _mm512_extracti32x4_epi32(exits, 3)};
    for (std::size_t i = 0; i < 4; ++i) {
      sum[i] = _mm512_add_ps(sum[i], leaves_of<kLevels>(leaves, _mm512_cvtepu8_epi32(quarters[i])));
    }
  }
  for (std::size_t i = 0; i < 4; ++i) _mm512_storeu_ps(sums + 16 * i, sum[i]);
}

void find_exits(const DecisionMask& mask, const std::uint8_t* columns, std::size_t tree,
                std::uint8_t* exits) {
  switch (mask.levels) {
    case 1:
      return find_exits_in<1>(mask, columns, tree, exits);
    case 2:
      return find_exits_in<2>(mask, columns, tree, exits);
    case 3:
      return find_exits_in<3>(mask, columns, tree, exits);
    case 4:
      return find_exits_in<4>(mask, columns, tree, exits);
    case 5:
      return find_exits_in<5>(mask, columns, tree, exits);
    default:
      return find_exits_in<6>(mask, columns, tree, exits);
  }
}

void add_to_block(const DecisionMask& mask, const std::uint8_t* columns, float* sums) {
  switch (mask.levels) {
    case 1:
      return add_trees_to_block<1>(mask, columns, sums);
    case 2:
      return add_trees_to_block<2>(mask, columns, sums);
    case 3:
      return add_trees_to_block<3>(mask, columns, sums);
    case 4:
      return add_trees_to_block<4>(mask, columns, sums);
    case 5:
      return add_trees_to_block<5>(mask, columns, sums);
    default:
      return add_trees_to_block<6>(mask, columns, sums);
  }
}

}  // namespace

const MaskKernels& avx512_mask_kernels() {
  static constexpr MaskKernels kKernels{.name = "decision mask, AVX-512 VBMI",
                                        .quantise_row = quantise_row,
                                        .find_leaves = find_leaves,
                                        .quantise_block = quantise_block,
                                        .find_exits = find_exits,
                                        .add_to_block = add_to_block};
  return kKernels;
}

}  // namespace tenure::learn

#undef TENURE_AVX512

#else

namespace tenure::learn {

const MaskKernels& avx512_mask_kernels() {
  return portable_mask_kernels();
}

}  // namespace tenure::learn

#endif
