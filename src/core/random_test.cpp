#include "core/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace tenure::core {
namespace {

TEST(Random, GivesTheNumbersOfTheReferenceGenerator) {
  // xoshiro256** seeded by SplitMix64 from 42, computed from the published algorithms.
  Random random(42);
  constexpr std::array<std::uint64_t, 5> kExpected = {0x15780b2e0c2ec716ULL, 0x6104d9866d113a7eULL,
                                                      0xae17533239e499a1ULL, 0xecb8ad4703b360a1ULL,
                                                      0xfde6dc7fe2ec5e64ULL};
  for (const std::uint64_t expected : kExpected) EXPECT_EQ(random.bits(), expected);
}

TEST(Random, GivesTheSameNumbersForTheSameSeed) {
  Random a(7);
  Random b(7);
  Random c(8);
  bool is_different = false;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t bits = a.bits();
    EXPECT_EQ(bits, b.bits());
    is_different = is_different || bits != c.bits();
  }
  EXPECT_TRUE(is_different);
}

TEST(Random, KeepsItsDrawsFromVersionToVersion) {
  // Generated data sets and splits depend on these.
  Random random(42);
  EXPECT_EQ(random.uniform(), 0x1.5780b2e0c2ec0p-4);
  EXPECT_EQ(random.below(1000), 102u);
  std::vector<int> items(10);
  std::iota(items.begin(), items.end(), 0);
  random.shuffle(std::span(items));
  EXPECT_EQ(items, (std::vector<int>{0, 6, 3, 8, 2, 7, 1, 4, 5, 9}));
}

TEST(Random, DrawsBelowTheBoundWithoutFavour) {
  Random random(1);
  std::array<int, 7> counts{};
  constexpr int kDraws = 70'000;
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t draw = random.below(counts.size());
    ASSERT_LT(draw, counts.size());
    ++counts[draw];
  }
  double chi_square = 0;
  for (const int n : counts) chi_square += (n - 10'000.0) * (n - 10'000.0) / 10'000.0;
  EXPECT_LT(chi_square, 22.5);  // 6 degrees of freedom, p = 0.001
  EXPECT_EQ(random.below(1), 0u);
  EXPECT_LT(random.below(0x8000'0000'0000'0001ULL), 0x8000'0000'0000'0001ULL);
}

struct Moments {
  double mean = 0, variance = 0;
};

template <typename Draw>
Moments moments(Draw draw) {
  constexpr int kDraws = 200'000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = draw();
    sum += value;
    squares += value * value;
  }
  const double mean = sum / kDraws;
  return {mean, squares / kDraws - mean * mean};
}

TEST(Random, DistributionsHaveTheirMoments) {
  Random random(3);
  const Moments uniform = moments([&] { return random.uniform(); });
  EXPECT_NEAR(uniform.mean, 0.5, 0.005);
  EXPECT_NEAR(uniform.variance, 1.0 / 12, 0.005);
  const Moments normal = moments([&] { return random.normal(); });
  EXPECT_NEAR(normal.mean, 0, 0.015);
  EXPECT_NEAR(normal.variance, 1, 0.02);
  const Moments poisson = moments([&] { return static_cast<double>(random.poisson(4)); });
  EXPECT_NEAR(poisson.mean, 4, 0.03);
  EXPECT_NEAR(poisson.variance, 4, 0.1);
  const Moments gamma = moments([&] { return random.gamma(2.5, 2); });
  EXPECT_NEAR(gamma.mean, 5, 0.05);
  EXPECT_NEAR(gamma.variance, 10, 0.3);
  EXPECT_NEAR(moments([&] { return random.bernoulli(0.3) ? 1.0 : 0.0; }).mean, 0.3, 0.01);
}

TEST(Random, ShuffleKeepsAllItems) {
  Random random(5);
  std::vector<int> items(1000);
  std::iota(items.begin(), items.end(), 0);
  std::vector<int> shuffled = items;
  random.shuffle(std::span(shuffled));
  EXPECT_NE(shuffled, items);
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, items);
  std::vector<int> none;
  random.shuffle(std::span(none));
}

}  // namespace
}  // namespace tenure::core
