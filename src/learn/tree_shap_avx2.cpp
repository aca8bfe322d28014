// Shapley values of one row with AVX2: four points for the left edge of a split and four for the
// right one are a register.

#include <algorithm>
#include <bit>

#include "learn/tree_shap_pairs.h"

#if defined(__x86_64__)

#include <immintrin.h>

// Not a compiler flag of the file: that would also compile inline functions of headers for AVX2,
// and the linker might keep those for everyone.
#define TENURE_AVX2 [[gnu::target("avx,avx2,bmi,bmi2")]]

namespace tenure::learn {
namespace {

constexpr std::size_t kPoints = ShapPairs::kPoints;
constexpr std::size_t kPairLanes = 2 * kPoints;
constexpr std::size_t kSplitsMax = ShapPairs::kSplitsMax;
constexpr std::size_t kPlaces = 2 * kSplitsMax + 2;  ///< edges, and the root at 0
/// Float sums of a feature are moved to float64 after so many trees, or more if there are many.
constexpr std::size_t kTreesPerSum = 64;

/// Bit p says that the row goes right at split p.
TENURE_AVX2 std::uint64_t decide(const ShapPairs& tables, std::size_t tree, const TreeModel& model,
                                 const float* row) {
  const ShapPairs::Splits& splits = tables.splits[tree];
  const ShapPairs::Tree& place = tables.trees[tree];
  std::uint64_t below = 0;
  std::uint64_t missing = 0;
  const __m256 all = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
  for (std::size_t first = 0; first < place.count; first += 8) {
    const __m256i feature =
        _mm256_load_si256(reinterpret_cast<const __m256i*>(splits.feature + first));
    const __m256 x = _mm256_mask_i32gather_ps(_mm256_setzero_ps(), row, feature, all, 4);
    const __m256 threshold = _mm256_load_ps(splits.threshold + first);
    const auto less =
        static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(x, threshold, _CMP_LT_OQ)));
    const auto none =
        static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
    below |= static_cast<std::uint64_t>(less) << first;
    missing |= static_cast<std::uint64_t>(none) << first;
  }
  std::uint64_t right = (~below & ~missing) | (missing & splits.default_right);
  for (std::uint64_t rest = splits.special; rest != 0; rest &= rest - 1) {
    const auto at = static_cast<std::size_t>(std::countr_zero(rest));
    const ShapPairs::Pair& pair = tables.pairs[place.first + at];
    const std::uint64_t bit = std::uint64_t{1} << at;
    const bool is_right = model.tree(place.number).goes_right(pair.node, row[pair.feature]);
    right = is_right ? right | bit : right & ~bit;
  }
  return right;
}

struct Lanes {
  float* product;  ///< per place, over the path's features
  float* sum;      ///< per place, of the leaves below
  float* term;     ///< per split, of its two edges
  float* total;    ///< per group and feature
};

/// Left and right value, four times each.
TENURE_AVX2 inline __m256 both(const float* values) {
  const __m256 left = _mm256_broadcast_ss(values);
  const __m256 right = _mm256_broadcast_ss(values + 1);
  return _mm256_blend_ps(left, right, 0xF0);
}

TENURE_AVX2 inline __m256 twice(const float* points) {
  return _mm256_broadcast_ps(reinterpret_cast<const __m128*>(points));
}

TENURE_AVX2 void add_tree(const ShapPairs& tables, std::size_t tree, std::uint64_t word,
                          const Lanes& lanes, float* total) {
  const ShapPairs::Tree& place = tables.trees[tree];
  const ShapPairs::Pair* const pairs = tables.pairs.data() + place.first;
  const __m256 one = _mm256_set1_ps(1.0F);
  const __m256 node = twice(tables.node);
  const __m256 weight = twice(tables.weight);
  const __m256 rest = _mm256_sub_ps(one, node);
  const __m256 lost = _mm256_div_ps(one, rest);  // -(0 - z) / F(0)
  const __m256i left = _mm256_setr_epi32(-1, -1, -1, -1, 0, 0, 0, 0);
  for (std::size_t p = 0; p < place.count; ++p) {
    const ShapPairs::Pair& pair = pairs[p];
    const bool is_known = (word & pair.above) == pair.directions;
    const __m256i known_bits = _mm256_set1_epi32(-static_cast<int>(is_known));
    const __m256i right_bits = _mm256_set1_epi32(-static_cast<int>((word >> p) & 1));
    const __m256 known = _mm256_castsi256_ps(known_bits);
    const __m256 taken = _mm256_castsi256_ps(_mm256_xor_si256(left, right_bits));
    const __m256 after = both(pair.after);
    const __m256 ahead = _mm256_add_ps(_mm256_mul_ps(after, rest), _mm256_and_ps(taken, node));
    const __m256 factor =
        _mm256_blendv_ps(both(pair.share), _mm256_mul_ps(ahead, twice(pair.inverse_before)), known);
    const __m256 product = _mm256_mul_ps(twice(lanes.product + pair.from * kPoints), factor);
    const std::size_t here = (2 + 2 * p) * kPoints;
    _mm256_store_ps(lanes.product + here, product);
    _mm256_store_ps(lanes.sum + here,
                    _mm256_mul_ps(product, _mm256_mul_ps(both(pair.leaf), weight)));
    const __m256 gained =
        _mm256_mul_ps(_mm256_sub_ps(one, after), _mm256_load_ps(pair.inverse_after));
    const __m256 change =
        _mm256_sub_ps(_mm256_blendv_ps(_mm256_sub_ps(_mm256_setzero_ps(), lost), gained, taken),
                      twice(pair.known_before));
    _mm256_store_ps(lanes.term + p * kPairLanes, _mm256_and_ps(known, change));
  }
  for (std::size_t p = place.count; p-- > 0;) {
    const ShapPairs::Pair& pair = pairs[p];
    const __m256 sum = _mm256_load_ps(lanes.sum + (2 + 2 * p) * kPoints);
    float* const above = lanes.sum + pair.from * kPoints;
    _mm_store_ps(above, _mm_add_ps(_mm_load_ps(above), _mm_add_ps(_mm256_castps256_ps128(sum),
                                                                  _mm256_extractf128_ps(sum, 1))));
    float* const feature = total + pair.feature * kPairLanes;
    const __m256 added = _mm256_mul_ps(sum, _mm256_load_ps(lanes.term + p * kPairLanes));
    _mm256_store_ps(feature, _mm256_add_ps(_mm256_load_ps(feature), added));
  }
}

/// Moves the float32 sums of all features to `out`.
void move_totals(float* total, std::size_t groups, std::size_t features, std::span<double> out) {
  for (std::size_t group = 0; group < groups; ++group) {
    for (std::size_t feature = 0; feature < features; ++feature) {
      float* const lanes = total + (group * features + feature) * kPairLanes;
      double sum = 0;
      for (std::size_t k = 0; k < kPairLanes; ++k) sum += static_cast<double>(lanes[k]);
      out[group * (features + 1) + feature] += sum;
      std::fill_n(lanes, kPairLanes, 0.0F);
    }
  }
}

}  // namespace

void add_pair_contributions_avx2(const ShapPairs& tables, const TreeModel& model,
                                 std::span<const float> row, std::vector<float>& memory,
                                 std::span<double> out) {
  constexpr std::size_t kAlign = 8;  // floats
  const std::size_t features = row.size();
  const std::size_t groups = model.group_count();
  const std::size_t wanted =
      2 * kPlaces * kPoints + kSplitsMax * kPairLanes + groups * features * kPairLanes + kAlign;
  if (memory.size() < wanted) memory.resize(wanted);
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data()) / sizeof(float);
  float* const start = memory.data() + (kAlign - address % kAlign) % kAlign;
  Lanes lanes{};
  lanes.product = start;
  lanes.sum = lanes.product + kPlaces * kPoints;
  lanes.term = lanes.sum + kPlaces * kPoints;
  lanes.total = lanes.term + kSplitsMax * kPairLanes;
  std::fill_n(lanes.total, groups * features * kPairLanes, 0.0F);
  std::fill_n(lanes.product, kPoints, 1.0F);
  std::fill_n(lanes.sum, kPoints, 0.0F);
  const std::size_t trees_per_sum = kTreesPerSum + groups * features / 16;
  for (std::size_t tree = 0; tree < tables.trees.size(); ++tree) {
    const std::uint64_t word = decide(tables, tree, model, row.data());
    float* const total = lanes.total + tables.trees[tree].group * features * kPairLanes;
    add_tree(tables, tree, word, lanes, total);
    if ((tree + 1) % trees_per_sum == 0) move_totals(lanes.total, groups, features, out);
  }
  move_totals(lanes.total, groups, features, out);
}

}  // namespace tenure::learn

#undef TENURE_AVX2

#else

namespace tenure::learn {

void add_pair_contributions_avx2(const ShapPairs&, const TreeModel&, std::span<const float>,
                                 std::vector<float>&, std::span<double>) {}

}  // namespace tenure::learn

#endif
