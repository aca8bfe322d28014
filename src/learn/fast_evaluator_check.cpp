// The comparison that makes the fast form trustworthy: before a model is served, its own walk over
// nodes is the judge.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "learn/fast_evaluator.h"

namespace tenure::learn {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

constexpr std::size_t kRowsMax = 1024;
constexpr std::size_t kRowsMin = 128;
/// Walks that a load may cost: about 2 ms. Above 195 trees this takes rows away.
constexpr std::size_t kWalksMax = 200'000;
constexpr std::size_t kValuesMax = std::size_t{1} << 22;  // of very wide models: 16 MiB

/// What is worth trying for each feature: its thresholds and what is next to them.
std::vector<std::vector<float>> interesting_values(const TreeModel& model) {
  std::vector<std::vector<float>> values(model.feature_count());
  for (std::size_t t = 0; t < model.tree_count(); ++t) {
    const TreeView tree = model.tree(t);
    for (std::uint32_t i = 0; i < tree.size(); ++i) {
      const TreeNode node = tree.node(i);
      if (node.is_leaf) continue;
      std::vector<float>& of_feature = values[node.feature];
      if (!node.is_categorical) {
        of_feature.push_back(node.threshold);
        continue;
      }
      const auto words = model.category_sets().words(node.category_set);
      for (std::size_t word = 0; word < std::min<std::size_t>(words.size(), 8); ++word) {
        for (const unsigned bit : {0U, 1U, 2U, 3U, 7U, 13U, 31U}) {
          of_feature.push_back(static_cast<float>(word * 32 + bit));
        }
      }
      of_feature.push_back(static_cast<float>(words.size() * 32));
      of_feature.push_back(-0.5F);
      of_feature.push_back(1.9F);
    }
  }
  return values;
}

/// A generator of its own, so that the same model is always checked with the same rows.
class Sequence {
 public:
  std::uint32_t below(std::uint32_t end) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>(((state_ >> 32) * end) >> 32);
  }

 private:
  std::uint64_t state_ = 20150809;
};

float pick(const std::vector<float>& values, Sequence& sequence) {
  const std::uint32_t kind = sequence.below(16);
  if (kind == 0) return std::numeric_limits<float>::quiet_NaN();
  if (kind == 1) return sequence.below(2) == 0 ? kInfinity : -kInfinity;
  if (kind == 2) return sequence.below(2) == 0 ? 0.0F : -0.0F;
  if (values.empty()) return 1.0F;
  const float value = values[sequence.below(static_cast<std::uint32_t>(values.size()))];
  switch (sequence.below(3)) {
    case 0:
      return std::nextafter(value, -kInfinity);
    case 1:
      return std::nextafter(value, kInfinity);
    default:
      return value;
  }
}

template <typename Sum>
core::Result<> compare(const TreeModel& model, const FastEvaluator& fast,
                       const std::vector<float>& values, std::size_t rows) {
  const std::size_t width = model.feature_count();
  const std::size_t groups = model.group_count();
  std::vector<Sum> walked(rows * groups);
  model.margins_of_rows(values, std::span<Sum>(walked));
  std::vector<Sum> together(rows * groups);
  std::vector<Sum> alone(rows * groups);
  // The walk's margins begin with the base margins, and float64 ones are divided at the end.
  for (std::size_t i = 0; i < together.size(); ++i) {
    together[i] = alone[i] = static_cast<Sum>(model.base_margin(i % groups));
  }
  fast.add_rows(values.data(), width, rows, together.data());
  for (std::size_t row = 0; row < rows; ++row) {
    fast.add(values.data() + row * width, alone.data() + row * groups);
  }
  for (std::size_t i = 0; i < walked.size(); ++i) {
    for (Sum sum : {alone[i], together[i]}) {
      if constexpr (std::is_same_v<Sum, double>) sum /= model.divisor();
      if (std::memcmp(&sum, &walked[i], sizeof(Sum)) != 0) {
        return core::Error{core::ErrorCode::kInternal,
                           fmt::format("{} gives {} where the walk over nodes gives {} (row {} of "
                                       "the check)",
                                       fast.name(), sum, walked[i], i / groups)};
      }
    }
  }
  return {};
}

}  // namespace

core::Result<> FastEvaluator::check(const TreeModel& model) const {
  const auto choices = interesting_values(model);
  const std::size_t trees = std::max<std::size_t>(1, model.tree_count());
  const std::size_t width = std::max<std::size_t>(1, model.feature_count());
  const std::size_t wanted = std::clamp(kWalksMax / trees, kRowsMin, kRowsMax);
  const std::size_t rows = std::clamp<std::size_t>(kValuesMax / width, 1, wanted);
  Sequence sequence;
  std::vector<float> values;
  values.reserve(rows * width);
  for (std::size_t row = 0; row < rows; ++row) {
    for (const std::vector<float>& of_feature : choices)
      values.push_back(pick(of_feature, sequence));
  }
  return model.is_float64() ? compare<double>(model, *this, values, rows)
                            : compare<float>(model, *this, values, rows);
}

}  // namespace tenure::learn
