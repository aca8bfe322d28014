// Kernels for AVX2. One row: the quantiser compares eight thresholds at a time; AVX2 has no shuffle
// over 128 bytes, so the walks are the portable ones. Blocks of rows: as with AVX-512, in halves.

#include "learn/decision_mask_kernels.h"

#if defined(__x86_64__)

#include <cmath>
#include <immintrin.h>
#include <limits>

// Not a compiler flag of the file: that would also compile inline functions of headers for AVX2,
// and the linker might keep those for everyone.
#define TENURE_AVX2 [[gnu::target("avx,avx2,bmi,bmi2,popcnt")]]

namespace tenure::learn {
namespace {

constexpr std::size_t kPlaces = DecisionMask::kPlaces;
constexpr std::size_t kPageBytes = DecisionMask::kPageBytes;

TENURE_AVX2 inline unsigned count_reached(const DecisionMask::Thresholds& part, __m256 x) {
  const auto low = static_cast<unsigned>(
      _mm256_movemask_ps(_mm256_cmp_ps(_mm256_load_ps(part.value), x, _CMP_LE_OQ)));
  const auto high = static_cast<unsigned>(
      _mm256_movemask_ps(_mm256_cmp_ps(_mm256_load_ps(part.value + 8), x, _CMP_LE_OQ)));
  return static_cast<unsigned>(_mm_popcnt_u32(low | high << 8));
}

TENURE_AVX2 inline unsigned rank_of(const DecisionMask& mask, const DecisionMask::Slot& slot,
                                    float x) {
  const __m256 wanted = _mm256_set1_ps(x);
  const DecisionMask::Thresholds* part = mask.thresholds.data() + slot.first;
  unsigned rank = 0;
  if (slot.has_pivots) {
    const unsigned passed = count_reached(part[-1], wanted);
    part += passed;
    rank = 16 * passed;
  }
  return rank + count_reached(*part, wanted);
}

TENURE_AVX2 void quantise_row(const DecisionMask& mask, const float* row, std::uint8_t* table) {
  for (std::size_t i = 0; i < mask.numeric_end; ++i) {
    const DecisionMask::Slot& slot = mask.slots[i];
    float x = row[slot.feature];
    if (i >= mask.plain_end && std::abs(x) <= kZeroEnd) x = std::numeric_limits<float>::quiet_NaN();
    const unsigned rank = rank_of(mask, slot, x);
    std::uint8_t* const page = table + i / kPlaces * kPageBytes + i % kPlaces;
    const unsigned missing = x != x ? 255U : 0U;
    page[0] = static_cast<std::uint8_t>(rank | missing);
    page[kPlaces] = static_cast<std::uint8_t>(rank);
  }
  quantise_categories(mask, row, table);
}

TENURE_AVX2 void quantise_block(const DecisionMask& mask, const float* values, std::size_t width,
                                std::uint8_t* columns) {
  for (std::size_t i = 0; i < mask.slots.size(); ++i) {
    const DecisionMask::Slot& slot = mask.slots[i];
    std::uint8_t* const right = columns + (i / kPlaces * kPageBytes + i % kPlaces) * kPlaces;
    std::uint8_t* const left = right + kPlaces * kPlaces;
    for (std::size_t row = 0; row < kPlaces; ++row) {
      float x = values[row * width + slot.feature];
      if (i >= mask.plain_end && i < mask.numeric_end && std::abs(x) <= kZeroEnd) {
        x = std::numeric_limits<float>::quiet_NaN();
      }
      const unsigned rank = i < mask.numeric_end
                                ? rank_of(mask, slot, x)
                                : static_cast<unsigned>(mask.sets.contains(slot.first, x));
      const unsigned missing = x != x ? 255U : 0U;
      right[row] = static_cast<std::uint8_t>(rank | missing);
      left[row] = static_cast<std::uint8_t>(rank);
    }
  }
}

/// Bit r says that byte r is larger than `rank`.
TENURE_AVX2 inline std::uint64_t rows_above(const std::uint8_t* column, std::uint8_t rank) {
  // AVX2 compares signed bytes only: with the top bit turned, the order is that of unsigned ones.
  const __m256i turn = _mm256_set1_epi8(-128);
  const __m256i bound = _mm256_xor_si256(_mm256_set1_epi8(static_cast<char>(rank)), turn);
  std::uint64_t above = 0;
  for (int half = 0; half < 2; ++half) {
    const __m256i bytes = _mm256_load_si256(reinterpret_cast<const __m256i*>(column + 32 * half));
    const auto word = static_cast<std::uint32_t>(
        _mm256_movemask_epi8(_mm256_cmpgt_epi8(_mm256_xor_si256(bytes, turn), bound)));
    above |= static_cast<std::uint64_t>(word) << (32 * half);
  }
  return above;
}

/// Bytes that are `value` where the word has a bit, for 32 rows.
TENURE_AVX2 inline __m256i spread(std::uint32_t word, char value) {
  const __m256i place = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2,
                                         2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i bit = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ULL));
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(word)), place);
  const __m256i is_set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
  return _mm256_and_si256(is_set, _mm256_set1_epi8(value));
}

TENURE_AVX2 void find_exits(const DecisionMask& mask, const std::uint8_t* columns, std::size_t tree,
                            std::uint8_t* exits) {
  const int shift = mask.trees_per_block_shift();
  const int levels = mask.levels;
  const std::size_t part = (tree & ((std::size_t{1} << shift) - 1)) << levels;
  const std::uint16_t* const address = mask.heaps[tree >> shift].address + part;
  const std::uint8_t* const rank = mask.heaps[tree >> shift].rank + part;
  alignas(64) std::uint64_t rows[kPlaces];
  for (std::size_t node = (std::size_t{1} << levels) - 1; node > 0; --node) {
    rows[node] = rows_above(columns + std::size_t{address[node]} * kPlaces, rank[node]);
  }
  std::uint64_t bits[DecisionMask::kLevelsMax];
  for (int level = 0; level < levels; ++level) {
    std::uint64_t* const nodes = rows + (std::size_t{1} << level);
    // Choose by the decision at the root between the halves, then between quarters, ...
    for (int above = 0; above < level; ++above) {
      const std::size_t half = std::size_t{1} << (level - above - 1);
      for (std::size_t i = 0; i < half; ++i) {
        nodes[i] ^= (nodes[i] ^ nodes[i + half]) & bits[above];
      }
    }
    bits[level] = nodes[0];  // NOLINT(clang-analyzer-core.uninitialized.Assign): set above
  }
  for (int half = 0; half < 2; ++half) {
    __m256i taken = _mm256_setzero_si256();
    for (int level = 0; level < levels; ++level) {
      const auto word = static_cast<std::uint32_t>(bits[level] >> (32 * half));
      taken = _mm256_or_si256(taken, spread(word, static_cast<char>(1 << (levels - 1 - level))));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(exits + 32 * half), taken);
  }
}

}  // namespace

const MaskKernels& avx2_mask_kernels() {
  static constexpr MaskKernels kKernels{.name = "decision mask, AVX2",
                                        .quantise_row = quantise_row,
                                        .find_leaves = find_leaves_portable,
                                        .quantise_block = quantise_block,
                                        .find_exits = find_exits,
                                        .add_to_block = nullptr};
  return kKernels;
}

}  // namespace tenure::learn

#undef TENURE_AVX2

#else

namespace tenure::learn {

const MaskKernels& avx2_mask_kernels() {
  return portable_mask_kernels();
}

}  // namespace tenure::learn

#endif
