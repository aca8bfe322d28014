#include "learn/lightgbm_model_loader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "learn/lightgbm_text.h"
#include "learn/tree_model_builder.h"

namespace tenure::learn {
namespace {

constexpr std::int64_t kFeaturesMax = 4'000'000;
constexpr std::int64_t kClassesMax = 256;
constexpr double kGainMax = 1e38;

template <typename... Args>
core::Error corrupt(fmt::format_string<Args...> format, Args&&... args) {
  return core::Error{core::ErrorCode::kCorruption,
                     fmt::format(format, std::forward<Args>(args)...)};
}

template <typename... Args>
core::Error unimplemented(fmt::format_string<Args...> format, Args&&... args) {
  return core::Error{core::ErrorCode::kUnimplemented,
                     fmt::format(format, std::forward<Args>(args)...)};
}

/// The smallest float32 that is larger than `threshold`: x <= threshold iff x < it. What lies
/// within 1e-35 of 0 is 0 to LightGBM, so no float32 may be parted from it.
float strict_threshold(double threshold) {
  constexpr auto kZero = static_cast<double>(kZeroEnd);
  if (threshold >= -kZero && threshold < 0) return -kZeroEnd;
  if (threshold >= 0 && threshold < kZero) threshold = kZero;
  if (threshold >= static_cast<double>(std::numeric_limits<float>::max())) {
    return std::numeric_limits<float>::infinity();
  }
  if (threshold < static_cast<double>(std::numeric_limits<float>::lowest())) {
    return std::numeric_limits<float>::lowest();
  }
  const auto nearest = static_cast<float>(threshold);
  if (static_cast<double>(nearest) > threshold) return nearest;
  return std::nextafter(nearest, std::numeric_limits<float>::infinity());
}

/// What must not go out of scope before the nodes that point into it are used.
struct CategoryBits {
  std::vector<std::int64_t> boundaries;
  std::vector<std::uint32_t> words;
};

core::Result<CategoryBits> read_categories(const LightgbmSection& section) {
  CategoryBits bits;
  const auto count = section.integer("num_cat", 0, std::numeric_limits<std::int32_t>::max(), 0);
  if (!count) return count.error();
  if (*count == 0) return bits;
  auto boundaries =
      section.numbers<std::int64_t>("cat_boundaries", static_cast<std::size_t>(*count) + 1);
  if (!boundaries) return std::move(boundaries).error();
  bits.boundaries = *std::move(boundaries);
  const std::size_t room = section.text("cat_threshold").size();
  if (bits.boundaries.front() != 0 ||
      !std::is_sorted(bits.boundaries.begin(), bits.boundaries.end()) ||
      bits.boundaries.back() > static_cast<std::int64_t>(room)) {
    return corrupt("cat_boundaries do not divide cat_threshold");
  }
  auto words = section.numbers<std::uint32_t>("cat_threshold",
                                              static_cast<std::size_t>(bits.boundaries.back()));
  if (!words) return std::move(words).error();
  bits.words = *std::move(words);
  return bits;
}

/// Turns one split of LightGBM into one of ours; children are numbered as in the file.
core::Result<> make_split(double threshold, std::int64_t type, const CategoryBits& bits,
                          SourceNode& node) {
  constexpr std::int64_t kCategorical = 1;
  constexpr std::int64_t kDefaultLeft = 2;
  if (type < 0 || type > 15) return corrupt("decision type {}", type);
  if (std::isnan(threshold)) return corrupt("the threshold is not a number");
  if ((type & kCategorical) != 0) {
    const auto sets = static_cast<std::int64_t>(bits.boundaries.size()) - 1;
    if (!(threshold >= 0 && threshold < static_cast<double>(std::max<std::int64_t>(sets, 0)))) {
      return corrupt("category set {} of {}", threshold, std::max<std::int64_t>(sets, 0));
    }
    const auto set = static_cast<std::size_t>(threshold);
    const auto first = static_cast<std::size_t>(bits.boundaries[set]);
    const auto end = static_cast<std::size_t>(bits.boundaries[set + 1]);
    node.is_categorical = true;
    node.category_words = std::span(bits.words).subspan(first, end - first);
    node.is_default_left = true;
    std::swap(node.left, node.right);
    return {};
  }
  if (std::isinf(threshold) && threshold > 0) {
    // Every number goes left, infinity too: no `<` says that, but a category in an empty set does.
    node.is_categorical = true;
  } else {
    node.value = strict_threshold(threshold);
  }
  switch (type >> 2) {
    case 0:  // NaN counts as 0
      node.is_default_left = 0 <= threshold;
      return {};
    case 1:
      node.is_default_left = (type & kDefaultLeft) != 0;
      if (node.is_categorical && !node.is_default_left) {
        return unimplemented("threshold {} where only zeros go right", threshold);
      }
      node.is_zero_missing = !node.is_categorical;
      return {};
    case 2:
      node.is_default_left = (type & kDefaultLeft) != 0;
      return {};
    default:
      return unimplemented("missing type {}", type >> 2);
  }
}

/// A number for each split; a tree of one leaf may leave the key out.
template <typename T>
core::Result<std::vector<T>> splits_of(const LightgbmSection& section, std::string_view key,
                                       std::size_t splits) {
  if (splits == 0) return std::vector<T>{};
  return section.numbers<T>(key, splits);
}

core::Result<> add_tree(const LightgbmSection& section, std::uint32_t group,
                        SourceStatistics statistics, TreeModelBuilder& builder) {
  const auto linear = section.integer("is_linear", 0, 1, 0);
  if (!linear) return linear.error();
  if (*linear != 0) return unimplemented("its leaves are linear models (linear_tree)");
  // Every leaf takes at least two bytes of text, so a larger number is a lie.
  const auto most = static_cast<std::int64_t>(section.text("leaf_value").size()) + 1;
  const auto count = section.integer("num_leaves", 1, most);
  if (!count) return count.error();
  const auto leaves = static_cast<std::size_t>(*count);
  const std::size_t splits = leaves - 1;
  const auto values = section.numbers<double>("leaf_value", leaves);
  if (!values) return values.error();
  const auto bits = read_categories(section);
  if (!bits) return bits.error();
  const auto features = splits_of<std::int64_t>(section, "split_feature", splits);
  if (!features) return features.error();
  const auto thresholds = splits_of<double>(section, "threshold", splits);
  if (!thresholds) return thresholds.error();
  const auto types = splits_of<std::int64_t>(section, "decision_type", splits);
  if (!types) return types.error();
  const auto left = splits_of<std::int64_t>(section, "left_child", splits);
  if (!left) return left.error();
  const auto right = splits_of<std::int64_t>(section, "right_child", splits);
  if (!right) return right.error();
  const auto gains = section.numbers_or_zeros<double>("split_gain", splits);
  if (!gains) return gains.error();
  const auto leaf_counts = section.numbers_or_zeros<double>("leaf_count", leaves);
  if (!leaf_counts) return leaf_counts.error();
  const auto split_counts = section.numbers_or_zeros<double>("internal_count", splits);
  if (!split_counts) return split_counts.error();

  // Splits come first, then the leaves; a child below 0 is leaf number -child - 1.
  const auto place = [&](std::int64_t child) -> std::int64_t {
    if (child >= 0) return child < static_cast<std::int64_t>(splits) ? child : -2;
    return -child - 1 < *count ? static_cast<std::int64_t>(splits) - child - 1 : -2;
  };
  std::vector<SourceNode> nodes(splits + leaves);
  for (std::size_t i = 0; i < splits; ++i) {
    SourceNode& node = nodes[i];
    node.left = place((*left)[i]);
    node.right = place((*right)[i]);
    node.feature = (*features)[i];
    node.gain = static_cast<float>(std::clamp((*gains)[i], -kGainMax, kGainMax));
    node.cover = (*split_counts)[i];
    if (auto made = make_split((*thresholds)[i], (*types)[i], *bits, node); !made) {
      return std::move(made).error().within(fmt::format("split {}", i));
    }
  }
  for (std::size_t i = 0; i < leaves; ++i) {
    SourceNode& node = nodes[splits + i];
    node.leaf64 = (*values)[i];
    node.leaf_number = static_cast<std::int64_t>(i);
    node.cover = (*leaf_counts)[i];
  }
  return builder.add_tree(nodes, group, statistics);
}

core::Result<std::vector<std::string>> read_names(const LightgbmSection& head,
                                                  std::int64_t features) {
  std::vector<std::string> names;
  std::string_view rest = head.text("feature_names");
  for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest)) {
    names.emplace_back(word);
  }
  if (!names.empty() && static_cast<std::int64_t>(names.size()) != features) {
    return corrupt("{} feature names for {} features", names.size(), features);
  }
  return names;
}

core::Result<std::int64_t> describe(const LightgbmSection& head, std::size_t trees,
                                    TreeModelBuilder& builder) {
  const std::string_view version = head.text("version");
  if (version != "v2" && version != "v3" && version != "v4") {
    return unimplemented("version \"{}\": v2 to v4 are read", version.substr(0, 20));
  }
  const auto features = head.integer("max_feature_idx", 0, kFeaturesMax - 1);
  if (!features) return features.error();
  const auto groups = head.integer("num_tree_per_iteration", 1, kClassesMax, 1);
  if (!groups) return groups.error();
  const auto classes = head.integer("num_class", 1, kClassesMax, 1);
  if (!classes) return classes.error();
  if (*classes > 1 && *classes != *groups) {
    return corrupt("{} classes and {} trees an iteration", *classes, *groups);
  }
  if (trees % static_cast<std::size_t>(*groups) != 0) {
    return corrupt("{} trees are no whole number of iterations of {}", trees, *groups);
  }
  const auto output = read_lightgbm_objective(head.text("objective"));
  if (!output) return output.error();
  auto names = read_names(head, *features + 1);
  if (!names) return std::move(names).error();
  const auto count = static_cast<std::size_t>(*groups);
  builder.describe(output->objective, static_cast<std::size_t>(*features) + 1,
                   std::vector<float>(count, 0.0F), *std::move(names));
  const bool is_average = head.has("average_output");
  const double iterations = static_cast<double>(trees / count);
  builder.describe_float64(output->sigmoid, is_average && trees > 0 ? iterations : 1.0);
  return *groups;
}

/// A tree of one leaf needs neither gains nor covers.
bool has_statistic(const std::vector<LightgbmSection>& trees, std::string_view key) {
  return !trees.empty() &&
         std::all_of(trees.begin(), trees.end(), [&](const LightgbmSection& tree) {
           return !tree.text(key).empty() || tree.text("num_leaves") == "1";
         });
}

}  // namespace

bool is_lightgbm_text(std::string_view bytes) {
  const std::string_view first = take_line(bytes);
  return first == "tree";
}

core::Result<TreeModel> load_lightgbm_model(std::string_view text) {
  take_line(text);
  LightgbmSection head;
  std::vector<LightgbmSection> trees;
  bool is_complete = false;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line == "end of trees") {
      is_complete = true;
      break;
    }
    if (line.starts_with("Tree=")) {
      if (line.substr(5) != std::to_string(trees.size())) {
        return corrupt("model: \"{}\" where tree {} should be", line.substr(0, 40), trees.size());
      }
      trees.emplace_back();
    } else if (!line.empty()) {
      (trees.empty() ? head : trees.back()).add(line);
    }
  }
  if (!is_complete) return corrupt("model: the text ends before \"end of trees\"");
  TreeModelBuilder builder;
  const auto groups = describe(head, trees.size(), builder);
  if (!groups) return core::Error(groups.error()).within("model");
  const SourceStatistics statistics{
      .has_gains = has_statistic(trees, "split_gain"),
      .has_covers = has_statistic(trees, "leaf_count") && has_statistic(trees, "internal_count")};
  for (std::size_t i = 0; i < trees.size(); ++i) {
    const auto group = static_cast<std::uint32_t>(i % static_cast<std::size_t>(*groups));
    if (auto added = add_tree(trees[i], group, statistics, builder); !added) {
      return std::move(added).error().within(fmt::format("model: tree {}", i));
    }
  }
  return std::move(builder.model);
}

}  // namespace tenure::learn
