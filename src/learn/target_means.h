#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tenure::learn {

/// What a long category is to a model: the share of positives among the rows with its value, drawn
/// towards the share among all rows, the more the fewer rows there are.
///
/// A category with n rows, y of them positive, has the mean (y + m p) / (n + m), where p is the
/// share of all rows. The strength m is estimated for the column by the method of moments: the
/// variance within the categories over the variance between them. A column whose categories differ
/// by no more than chance has means that are all p.
struct TargetMeans {
  static constexpr std::uint32_t kMissing = 0xFFFFFFFF;  ///< code of a missing value

  std::vector<double> means;  ///< by code
  double prior = 0;           ///< for a category that is not among the codes
  double missing = 0;         ///< for a missing value; the prior when the fit saw none

  double of(std::uint32_t code) const noexcept {
    if (code == kMissing) return missing;
    return code < means.size() ? means[code] : prior;
  }
};

/// Learns the means of codes 0 .. categories - 1. `codes` and `labels` (0 or 1): one for each row;
/// a code that is too high counts for the prior alone. `pull` is m; estimated when not given.
TargetMeans fit_target_means(std::span<const std::uint32_t> codes, std::size_t categories,
                             std::span<const std::uint8_t> labels,
                             std::optional<double> pull = std::nullopt);

/// Which of five parts each row belongs to: stratified, deterministic in the seed.
std::vector<std::uint32_t> target_mean_parts(std::span<const std::uint8_t> labels,
                                             std::uint64_t seed);

/// The mean of each row's code as the rows outside its part have it.
std::vector<double> means_out_of_fold(std::span<const std::uint32_t> codes, std::size_t categories,
                                      std::span<const std::uint8_t> labels,
                                      std::span<const std::uint32_t> parts,
                                      std::optional<double> pull = std::nullopt);

}  // namespace tenure::learn
