#pragma once

#include <cstdint>
#include <span>
#include <utility>

namespace tenure::core {

/// A seeded source of random numbers. The same seed gives the same numbers on every machine and
/// with every compiler, which std::normal_distribution and its siblings do not promise.
///
/// Generator: xoshiro256**, seeded by SplitMix64 (Blackman and Vigna, 2018, public domain
/// reference). Not for secrets. One Random per thread.
class Random {
 public:
  explicit Random(std::uint64_t seed);

  std::uint64_t bits();                      ///< uniform over all 64-bit values
  double uniform();                          ///< in [0, 1), 53 random bits
  std::uint64_t below(std::uint64_t bound);  ///< in [0, bound), unbiased; bound > 0
  double normal();                           ///< mean 0, standard deviation 1 (Box-Muller)
  bool bernoulli(double probability) { return uniform() < probability; }
  std::uint64_t poisson(double mean);        ///< mean up to about 700 (Knuth's product)
  double gamma(double shape, double scale);  ///< shape >= 1 (Marsaglia and Tsang, 2000)

  /// Fisher-Yates.
  template <typename T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::uint64_t state_[4];
  double spare_normal_ = 0;
  bool has_spare_ = false;
};

}  // namespace tenure::core
