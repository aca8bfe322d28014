#include "learn/decision_mask.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace tenure::learn {
namespace {

constexpr std::size_t kPlaces = DecisionMask::kPlaces;
constexpr std::size_t kBlocksMax = std::size_t{1} << 18;  // 160 MiB, beyond any cache

struct SetKey {
  std::uint32_t feature = 0;
  CategorySets::Fractions fractions{};
  std::vector<std::uint32_t> words;
  friend auto operator<=>(const SetKey&, const SetKey&) = default;
};

/// What numeric splits on one feature, of one meaning of zero, ask.
struct NumericSlots {
  std::uint32_t feature = 0;
  std::vector<float> thresholds;  ///< ascending, each once
  std::size_t first_slot = 0;
};

/// Where a split finds its byte, and what it compares it with.
struct Place {
  std::size_t slot = 0;
  std::uint8_t rank = 0;
};

class Compiler {
 public:
  explicit Compiler(const TreeModel& model) : model_(model) {}

  core::Result<DecisionMask> compile() {
    gather_splits();
    if (auto made = make_slots(); !made) return std::move(made).error();
    if (auto placed = place_trees(); !placed) return std::move(placed).error();
    mask_.leaves.resize(mask_.leaves.size() + DecisionMask::kLeavesPadding);
    return std::move(mask_);
  }

 private:
  SetKey set_key(const TreeNode& node) const {
    const auto words = model_.category_sets().words(node.category_set);
    return {node.feature, model_.category_sets().fractions(node.category_set),
            std::vector<std::uint32_t>(words.begin(), words.end())};
  }

  void gather_splits() {
    std::uint32_t depth = 1;
    for (std::size_t t = 0; t < model_.tree_count(); ++t) {
      const TreeView tree = model_.tree(t);
      depth = std::max(depth, tree.depth());
      if (model_.group_count() > 1) mask_.groups.push_back(tree.group());
      for (std::uint32_t i = 0; i < tree.size(); ++i) {
        const TreeNode node = tree.node(i);
        if (node.is_leaf) continue;
        if (node.is_categorical) {
          sets_.try_emplace(set_key(node), 0);
        } else {
          slots_for(node).thresholds.push_back(node.threshold);
        }
      }
    }
    for (auto& kind : numeric_) {
      for (NumericSlots& slots : kind) {
        std::sort(slots.thresholds.begin(), slots.thresholds.end());
        slots.thresholds.erase(std::unique(slots.thresholds.begin(), slots.thresholds.end()),
                               slots.thresholds.end());
      }
    }
    mask_.tree_count = model_.tree_count();
    mask_.is_chained = depth > DecisionMask::kLevelsMax;
    mask_.levels = static_cast<int>(std::min<std::uint32_t>(depth, DecisionMask::kLevelsMax));
  }

  NumericSlots& slots_for(const TreeNode& node) {
    const std::size_t kind = node.is_zero_missing ? 1 : 0;
    if (number_of_[kind].empty()) number_of_[kind].resize(model_.feature_count(), 0);
    std::uint32_t& number = number_of_[kind][node.feature];
    if (number == 0) {
      numeric_[kind].push_back({node.feature, {}, 0});
      number = static_cast<std::uint32_t>(numeric_[kind].size());
    }
    return numeric_[kind][number - 1];
  }

  core::Result<> make_slots() {
    for (auto& kind : numeric_) {
      for (NumericSlots& slots : kind) {
        slots.first_slot = mask_.slots.size();
        for (std::size_t from = 0; from < slots.thresholds.size();
             from += DecisionMask::kThresholdsMax) {
          const std::size_t count =
              std::min(DecisionMask::kThresholdsMax, slots.thresholds.size() - from);
          add_numeric_slot(slots.feature, std::span(slots.thresholds).subspan(from, count));
        }
      }
      if (&kind == &numeric_.front()) mask_.plain_end = mask_.slots.size();
    }
    mask_.numeric_end = mask_.slots.size();
    for (auto& [key, slot] : sets_) {
      slot = mask_.slots.size();
      mask_.slots.push_back({key.feature, mask_.sets.add(key.words, key.fractions), false});
    }
    mask_.pages = std::max<std::size_t>(1, (mask_.slots.size() + kPlaces - 1) / kPlaces);
    if (mask_.pages > DecisionMask::kPagesMax) {
      return core::Error{
          core::ErrorCode::kUnimplemented,
          fmt::format("{} distinct features, category sets and ranges of thresholds, "
                      "more than {}",
                      mask_.slots.size(), DecisionMask::kPagesMax * kPlaces)};
    }
    return {};
  }

  void add_numeric_slot(std::uint32_t feature, std::span<const float> thresholds) {
    constexpr std::size_t kStep = 16;
    constexpr float kNever = std::numeric_limits<float>::quiet_NaN();
    const bool has_pivots = thresholds.size() > kStep;
    if (has_pivots) {
      DecisionMask::Thresholds pivots;
      std::fill_n(pivots.value, kStep, kNever);
      for (std::size_t i = kStep; i < thresholds.size(); i += kStep) {
        pivots.value[i / kStep - 1] = thresholds[i];
      }
      mask_.thresholds.push_back(pivots);
    }
    const auto first = static_cast<std::uint32_t>(mask_.thresholds.size());
    for (std::size_t i = 0; i < thresholds.size(); i += kStep) {
      DecisionMask::Thresholds part;
      std::fill_n(part.value, kStep, kNever);
      std::copy_n(thresholds.data() + i, std::min(kStep, thresholds.size() - i), part.value);
      mask_.thresholds.push_back(part);
    }
    mask_.slots.push_back({feature, first, has_pivots});
  }

  Place place_of(const TreeNode& node) const {
    if (node.is_categorical) return {sets_.at(set_key(node)), 0};
    const std::size_t kind = node.is_zero_missing ? 1 : 0;
    const NumericSlots& slots = numeric_[kind][number_of_[kind][node.feature] - 1];
    const auto found =
        std::lower_bound(slots.thresholds.begin(), slots.thresholds.end(), node.threshold);
    const auto rank = static_cast<std::size_t>(found - slots.thresholds.begin());
    return {slots.first_slot + rank / DecisionMask::kThresholdsMax,
            static_cast<std::uint8_t>(rank % DecisionMask::kThresholdsMax)};
  }

  /// A new block whose places all go left. False when there are too many.
  bool add_block() {
    if (mask_.blocks.size() == kBlocksMax) return false;
    DecisionMask::Block& block = mask_.blocks.emplace_back();
    std::fill_n(block.byte, kPlaces, std::uint8_t{0});
    std::fill_n(block.rank, kPlaces, std::uint8_t{255});
    DecisionMask::Heap& heap = mask_.heaps.emplace_back();
    std::fill_n(heap.address, kPlaces, std::uint16_t{0});
    std::fill_n(heap.rank, kPlaces, std::uint8_t{255});
    if (model_.is_float64()) {
      mask_.leaves64.resize(mask_.leaves64.size() + kPlaces, 0.0);
    } else {
      mask_.leaves.resize(mask_.leaves.size() + kPlaces, 0.0F);
    }
    if (mask_.pages > 1) mask_.page_masks.resize(mask_.page_masks.size() + mask_.pages, 0);
    if (mask_.is_chained) mask_.next.resize(mask_.next.size() + kPlaces, 0);
    return true;
  }

  core::Result<> place_trees() {
    const int shift = mask_.trees_per_block_shift();
    for (std::size_t t = 0; t < mask_.tree_count; ++t) {
      if ((t >> shift) == mask_.blocks.size() && !add_block()) return too_large();
    }
    for (std::size_t t = 0; t < mask_.tree_count; ++t) {
      const std::size_t part = (t & ((std::size_t{1} << shift) - 1)) << mask_.levels;
      if (!place(model_.tree(t), 0, t >> shift, part, 1)) return too_large();
    }
    return {};
  }

  static core::Error too_large() {
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("the trees need more than {} blocks", kBlocksMax)};
  }

  /// Puts node `number` at heap place `at` of the part of `block` that starts at `part`, and what
  /// is below it where it belongs.
  bool place(const TreeView& tree, std::uint32_t number, std::size_t block, std::size_t part,
             std::size_t at) {
    const std::size_t exits = std::size_t{1} << mask_.levels;
    const TreeNode node = tree.node(number);
    if (node.is_leaf) {
      while (at < exits) at *= 2;  // the places on the way send every row left
      const std::size_t leaf = block * kPlaces + part + at - exits;
      if (model_.is_float64()) {
        mask_.leaves64[leaf] = node.leaf_value;
      } else {
        mask_.leaves[leaf] = static_cast<float>(node.leaf_value);
      }
      return true;
    }
    if (at >= exits) {  // the heap is full: go on in a block of its own
      const std::size_t below = mask_.blocks.size();
      if (!add_block()) return false;
      mask_.next[block * kPlaces + part + at - exits] = static_cast<std::uint32_t>(below);
      return place(tree, number, below, 0, 1);
    }
    const Place found = place_of(node);
    const std::size_t byte = found.slot % kPlaces + (node.is_default_left ? kPlaces : 0);
    const std::size_t bit = DecisionMask::bit_of(mask_.levels, part + at);
    mask_.blocks[block].byte[bit] = static_cast<std::uint8_t>(byte);
    mask_.blocks[block].rank[bit] = found.rank;
    mask_.heaps[block].rank[part + at] = found.rank;
    mask_.heaps[block].address[part + at] =
        static_cast<std::uint16_t>(found.slot / kPlaces * DecisionMask::kPageBytes + byte);
    if (mask_.pages > 1) {
      mask_.page_masks[block * mask_.pages + found.slot / kPlaces] |= std::uint64_t{1} << bit;
    }
    return place(tree, node.left, block, part, 2 * at) &&
           place(tree, node.right, block, part, 2 * at + 1);
  }

  const TreeModel& model_;
  DecisionMask mask_;
  /// Splits where zero is a value, then those where it counts as missing.
  std::array<std::vector<NumericSlots>, 2> numeric_;
  /// Per feature, 1 + its place in numeric_; 0 = none yet.
  std::array<std::vector<std::uint32_t>, 2> number_of_;
  std::map<SetKey, std::size_t> sets_;
};

}  // namespace

core::Result<DecisionMask> compile_decision_mask(const TreeModel& model) {
  return Compiler(model).compile();
}

}  // namespace tenure::learn
