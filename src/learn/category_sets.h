#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tenure::learn {

/// Sets of category codes, as bits, for the categorical splits of a model.
class CategorySets {
 public:
  /// Which values between -1 and 0 mean: XGBoost calls them invalid, LightGBM cuts them off to 0.
  enum class Fractions : std::uint8_t { kInvalidBelowZero, kCutOff };

  /// `words`: bit i % 32 of word i / 32 says that code i is in the set. Returns its number.
  std::uint32_t add(std::span<const std::uint32_t> words, Fractions fractions) {
    sets_.push_back({bits_.size(), words.size(),
                     fractions == Fractions::kCutOff ? kJustAboveMinusOne : 0.0F, fractions});
    bits_.insert(bits_.end(), words.begin(), words.end());
    return static_cast<std::uint32_t>(sets_.size() - 1);
  }

  bool empty() const { return sets_.empty(); }
  std::size_t word_count() const { return bits_.size(); }
  std::span<const std::uint32_t> words(std::uint32_t set) const {
    return std::span(bits_).subspan(sets_[set].first, sets_[set].words);
  }
  Fractions fractions(std::uint32_t set) const { return sets_[set].fractions; }

  /// Whether the code that `x` stands for, its fraction cut off, is in the set. Never for NaN,
  /// negative codes and codes beyond the set.
  bool contains(std::uint32_t set, float x) const noexcept {
    const Set& s = sets_[set];
    if (!(x >= s.lowest && x < kCodeEnd)) return false;
    const auto code = static_cast<std::uint32_t>(static_cast<std::int32_t>(x));
    if (code / 32 >= s.words) return false;
    return ((bits_[s.first + code / 32] >> (code % 32)) & 1U) != 0;
  }

 private:
  static constexpr float kCodeEnd = 2147483648.0F;
  static constexpr float kJustAboveMinusOne = -0x1.fffffep-1F;
  struct Set {
    std::size_t first = 0;  ///< into bits_
    std::size_t words = 0;
    float lowest = 0;
    Fractions fractions = Fractions::kInvalidBelowZero;
  };
  std::vector<Set> sets_;
  std::vector<std::uint32_t> bits_;
};

}  // namespace tenure::learn
