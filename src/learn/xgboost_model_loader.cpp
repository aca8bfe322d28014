#include "learn/xgboost_model_loader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "learn/tree_model_builder.h"

namespace tenure::learn {
namespace {

template <typename... Args>
core::Error corrupt(fmt::format_string<Args...> format, Args&&... args) {
  return core::Error{core::ErrorCode::kCorruption,
                     fmt::format(format, std::forward<Args>(args)...)};
}

core::Result<const DocumentValue*> member(const DocumentValue& object, std::string_view key) {
  const DocumentValue* found = object.find(key);
  if (found == nullptr) return corrupt("\"{}\" is missing", key);
  return found;
}

/// XGBoost writes parameters as texts; other writers as numbers.
core::Result<std::int64_t> parameter(const DocumentValue& parameters, std::string_view key,
                                     std::int64_t absent) {
  const DocumentValue* found = parameters.find(key);
  if (found == nullptr) return absent;
  if (const auto* integer = std::get_if<std::int64_t>(&found->value)) return *integer;
  std::int64_t integer = 0;
  if (const std::string* text = found->text()) {
    const char* const end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, integer);
    if (read.ec == std::errc{} && read.ptr == end) return integer;
  }
  return corrupt("\"{}\" is not a whole number", key);
}

core::Result<std::int64_t> parameter_in(const DocumentValue& parameters, std::string_view key,
                                        std::int64_t absent, std::int64_t most) {
  auto value = parameter(parameters, key, absent);
  if (value && (*value < 0 || *value > most)) {
    return corrupt("\"{}\" is {}, expected 0..{}", key, *value, most);
  }
  return value;
}

/// An array of whole numbers; empty when the key is absent and may be.
core::Result<std::span<const std::int64_t>> integers(const DocumentValue& object,
                                                     std::string_view key,
                                                     bool is_required = true) {
  const DocumentValue* found = object.find(key);
  if (found == nullptr && is_required) return corrupt("\"{}\" is missing", key);
  if (found == nullptr || found->is_empty_array()) return std::span<const std::int64_t>{};
  if (const auto* packed = std::get_if<DocumentValue::Integers>(&found->value)) {
    return std::span<const std::int64_t>(*packed);
  }
  return corrupt("\"{}\" is not a list of whole numbers", key);
}

core::Result<std::vector<float>> numbers(const DocumentValue& object, std::string_view key,
                                         bool is_required = true) {
  const DocumentValue* found = object.find(key);
  if (found == nullptr && is_required) return corrupt("\"{}\" is missing", key);
  if (found == nullptr || found->is_empty_array()) return std::vector<float>{};
  if (const auto* packed = std::get_if<DocumentValue::Numbers>(&found->value)) return *packed;
  if (const auto* packed = std::get_if<DocumentValue::Integers>(&found->value)) {
    std::vector<float> converted(packed->size());
    std::transform(packed->begin(), packed->end(), converted.begin(),
                   [](std::int64_t integer) { return static_cast<float>(integer); });
    return converted;
  }
  return corrupt("\"{}\" is not a list of numbers", key);
}

/// Hands each categorical node the codes that go right.
core::Result<> read_categories(const DocumentValue& tree, std::vector<SourceNode>& nodes) {
  const auto owners = integers(tree, "categories_nodes", false);
  if (!owners) return owners.error();
  const auto segments = integers(tree, "categories_segments", false);
  if (!segments) return segments.error();
  const auto sizes = integers(tree, "categories_sizes", false);
  if (!sizes) return sizes.error();
  const auto codes = integers(tree, "categories", false);
  if (!codes) return codes.error();
  if (segments->size() != owners->size() || sizes->size() != owners->size()) {
    return corrupt("{} categorical nodes, {} segments, {} sizes", owners->size(), segments->size(),
                   sizes->size());
  }
  std::vector<std::uint8_t> has_set(nodes.size(), 0);
  const auto count = static_cast<std::int64_t>(codes->size());
  for (std::size_t i = 0; i < owners->size(); ++i) {
    const std::int64_t owner = (*owners)[i];
    const std::int64_t first = (*segments)[i];
    const std::int64_t size = (*sizes)[i];
    if (owner < 0 || owner >= static_cast<std::int64_t>(nodes.size()) ||
        has_set[static_cast<std::size_t>(owner)] != 0) {
      return corrupt("categories_nodes[{}] is {}", i, owner);
    }
    if (first < 0 || size < 0 || first > count || size > count - first) {
      return corrupt("node {}: categories {}..+{} of {}", owner, first, size, count);
    }
    has_set[static_cast<std::size_t>(owner)] = 1;
    nodes[static_cast<std::size_t>(owner)].categories_right =
        codes->subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(size));
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].is_categorical && nodes[i].left != -1 && has_set[i] == 0) {
      return corrupt("node {}: a categorical split without its categories", i);
    }
  }
  return {};
}

core::Result<std::vector<SourceNode>> read_nodes(const DocumentValue& tree) {
  const auto left = integers(tree, "left_children");
  if (!left) return left.error();
  const auto right = integers(tree, "right_children");
  if (!right) return right.error();
  const auto features = integers(tree, "split_indices");
  if (!features) return features.error();
  const auto values = numbers(tree, "split_conditions");
  if (!values) return values.error();
  const auto defaults = integers(tree, "default_left");
  if (!defaults) return defaults.error();
  const auto types = integers(tree, "split_type", false);
  if (!types) return types.error();
  const auto gains = numbers(tree, "loss_changes", false);
  if (!gains) return gains.error();
  const auto covers = numbers(tree, "sum_hessian", false);
  if (!covers) return covers.error();
  const std::size_t count = left->size();
  for (const std::size_t size :
       {right->size(), features->size(), values->size(), defaults->size(),
        types->empty() ? count : types->size(), gains->empty() ? count : gains->size(),
        covers->empty() ? count : covers->size()}) {
    if (size != count) return corrupt("lists of {} and of {} nodes", count, size);
  }
  std::vector<SourceNode> nodes(count);
  for (std::size_t i = 0; i < count; ++i) {
    SourceNode& node = nodes[i];
    node.left = (*left)[i];
    node.right = (*right)[i];
    node.feature = (*features)[i];
    node.value = (*values)[i];
    node.is_default_left = (*defaults)[i] != 0;
    node.is_categorical = !types->empty() && (*types)[i] == 1;
    if (!gains->empty()) node.gain = (*gains)[i];
    if (!covers->empty()) node.cover = static_cast<double>((*covers)[i]);
    if (!types->empty() && (*types)[i] != 0 && (*types)[i] != 1) {
      return corrupt("node {}: split type {}", i, (*types)[i]);
    }
    // libxgboost steps to left + 1 without looking at the right child of a numeric split.
    if (!node.is_categorical && node.left != -1 && node.right != node.left + 1) {
      return corrupt("node {}: children {} and {} are not side by side", i, node.left, node.right);
    }
  }
  if (auto read = read_categories(tree, nodes); !read) return std::move(read).error();
  return nodes;
}

core::Result<> add_tree(const DocumentValue& tree, std::size_t position, std::uint32_t group,
                        SourceStatistics statistics, TreeModelBuilder& builder) {
  if (tree.object() == nullptr) return corrupt("not an object");
  const auto id = parameter(tree, "id", static_cast<std::int64_t>(position));
  if (!id) return id.error();
  if (*id != static_cast<std::int64_t>(position)) return corrupt("its id is {}", *id);
  if (const DocumentValue* parameters = tree.find("tree_param")) {
    const auto width = parameter(*parameters, "size_leaf_vector", 0);
    if (!width) return width.error();
    if (*width > 1) {
      return core::Error{core::ErrorCode::kUnimplemented,
                         fmt::format("its leaves are vectors of {} values; train with "
                                     "multi_strategy=one_output_per_tree",
                                     *width)};
    }
  }
  const auto nodes = read_nodes(tree);
  if (!nodes) return nodes.error();
  if (const DocumentValue* parameters = tree.find("tree_param")) {
    const auto size = static_cast<std::int64_t>(nodes->size());
    const auto count = parameter(*parameters, "num_nodes", size);
    if (!count) return count.error();
    if (*count != size) return corrupt("num_nodes is {}, the lists have {}", *count, size);
  }
  return builder.add_tree(*nodes, group, statistics);
}

bool has_statistic(const DocumentValue::Array& trees, std::string_view key) {
  return !trees.empty() && std::all_of(trees.begin(), trees.end(), [&](const DocumentValue& tree) {
    const DocumentValue* values = tree.find(key);
    return values != nullptr && !values->is_empty_array();
  });
}

core::Result<> check_rounds(const DocumentValue& model, std::size_t trees) {
  const auto starts = integers(model, "iteration_indptr", false);
  if (!starts) return starts.error();
  if (starts->empty()) return {};
  if (starts->front() != 0 || starts->back() != static_cast<std::int64_t>(trees) ||
      !std::is_sorted(starts->begin(), starts->end())) {
    return corrupt("iteration_indptr does not divide the {} trees into rounds", trees);
  }
  return {};
}

core::Result<> add_trees(const DocumentValue& model, TreeModelBuilder& builder) {
  const auto listed = member(model, "trees");
  if (!listed) return listed.error();
  const auto* trees = std::get_if<DocumentValue::Array>(&(*listed)->value);
  const DocumentValue::Array none;
  if (trees == nullptr && !(*listed)->is_empty_array()) return corrupt("\"trees\" is not a list");
  if (trees == nullptr) trees = &none;
  if (const DocumentValue* parameters = model.find("gbtree_model_param")) {
    const auto size = static_cast<std::int64_t>(trees->size());
    const auto count = parameter(*parameters, "num_trees", size);
    if (!count) return count.error();
    if (*count != size) return corrupt("num_trees is {}, the list has {}", *count, size);
  }
  const auto groups = integers(model, "tree_info");
  if (!groups) return groups.error();
  if (groups->size() != trees->size()) {
    return corrupt("tree_info has {} entries for {} trees", groups->size(), trees->size());
  }
  if (auto checked = check_rounds(model, trees->size()); !checked) return checked;
  const SourceStatistics statistics{.has_gains = has_statistic(*trees, "loss_changes"),
                                    .has_covers = has_statistic(*trees, "sum_hessian")};
  for (std::size_t i = 0; i < trees->size(); ++i) {
    const std::int64_t group = (*groups)[i];
    if (group < 0 || group >= static_cast<std::int64_t>(builder.model.group_count())) {
      return corrupt("tree {}: tree_info is {} of {} groups", i, group,
                     builder.model.group_count());
    }
    if (auto added =
            add_tree((*trees)[i], i, static_cast<std::uint32_t>(group), statistics, builder);
        !added) {
      return std::move(added).error().within(fmt::format("tree {}", i));
    }
  }
  return {};
}

/// Dart's factors: beside `gbtree` (to 3.2), beside `model` (3.3) or in `model` (3.4 on).
core::Result<> weigh_trees(const DocumentValue& booster, const DocumentValue& model,
                           TreeModelBuilder& builder) {
  const DocumentValue* holder = booster.find("weight_drop") != nullptr ? &booster : &model;
  auto weights = numbers(*holder, "weight_drop", false);
  if (!weights) return std::move(weights).error();
  if (weights->empty()) return {};
  if (weights->size() != builder.model.tree_count()) {
    return corrupt("weight_drop has {} entries for {} trees", weights->size(),
                   builder.model.tree_count());
  }
  if (!std::all_of(weights->begin(), weights->end(), [](float w) { return std::isfinite(w); })) {
    return corrupt("weight_drop has a value that is not finite");
  }
  builder.weigh_trees(*std::move(weights));
  return {};
}

core::Result<std::vector<std::string>> read_names(const DocumentValue& learner,
                                                  std::int64_t features) {
  std::vector<std::string> names;
  const DocumentValue* listed = learner.find("feature_names");
  if (listed == nullptr || listed->is_empty_array()) return names;
  const auto* values = std::get_if<DocumentValue::Array>(&listed->value);
  if (values == nullptr) return corrupt("\"feature_names\" is not a list of texts");
  for (const DocumentValue& value : *values) {
    const std::string* name = value.text();
    if (name == nullptr) return corrupt("\"feature_names\" is not a list of texts");
    names.push_back(*name);
  }
  if (static_cast<std::int64_t>(names.size()) != features) {
    return corrupt("{} feature names for {} features", names.size(), features);
  }
  return names;
}

/// From 3.2 on a probability is kept away from 0 and 1 before its logarithm is taken.
bool clamps_base_score(const DocumentValue& document) {
  const auto version = integers(document, "version", false);
  if (!version || version->size() < 2) return false;
  return (*version)[0] > 3 || ((*version)[0] == 3 && (*version)[1] >= 2);
}

core::Result<> describe(const DocumentValue& document, const DocumentValue& learner,
                        TreeModelBuilder& builder) {
  const auto objective = member(learner, "objective");
  if (!objective) return objective.error();
  const auto name = member(**objective, "name");
  if (!name) return core::Error(name.error()).within("objective");
  const std::string* text = (*name)->text();
  if (text == nullptr) return corrupt("the objective's name is not a text");
  const auto parameters = member(learner, "learner_model_param");
  if (!parameters) return parameters.error();
  const auto features = parameter_in(**parameters, "num_feature", 0, kXgboostFeaturesMax);
  if (!features) return features.error();
  const auto classes = parameter_in(**parameters, "num_class", 0, kXgboostGroupsMax);
  if (!classes) return classes.error();
  const auto targets = parameter_in(**parameters, "num_target", 1, kXgboostGroupsMax);
  if (!targets) return targets.error();
  const auto written = member(**parameters, "base_score");
  if (!written) return written.error();
  const std::string* score = (*written)->text();
  if (score == nullptr) return corrupt("\"base_score\" is not a text");
  auto scores = parse_base_score(*score);
  if (!scores) return std::move(scores).error();
  auto names = read_names(learner, *features);
  if (!names) return std::move(names).error();
  return describe_xgboost({.objective = *text,
                           .features = static_cast<std::size_t>(*features),
                           .classes = *classes,
                           .targets = *targets,
                           .base_scores = *std::move(scores),
                           .is_clamped = clamps_base_score(document),
                           .names = *std::move(names)},
                          builder);
}

}  // namespace

core::Result<TreeModel> load_xgboost_model(const DocumentValue& document) {
  const auto learner = member(document, "learner");
  if (!learner) return core::Error(learner.error()).within("model");
  TreeModelBuilder builder;
  if (auto described = describe(document, **learner, builder); !described) {
    return std::move(described).error().within("model");
  }
  const auto booster = member(**learner, "gradient_booster");
  if (!booster) return core::Error(booster.error()).within("model");
  const DocumentValue* name = (*booster)->find("name");
  const std::string kind = name != nullptr && name->text() != nullptr ? *name->text() : "";
  if (kind == "gblinear") {
    const auto model = member(**booster, "model");
    if (!model) return core::Error(model.error()).within("gradient_booster");
    auto weights = numbers(**model, "weights");
    if (!weights) return core::Error(weights.error()).within("model");
    auto set = set_xgboost_weights(*std::move(weights), builder);
    if (!set) return std::move(set).error().within("model");
    return std::move(builder.model);
  }
  if (kind != "gbtree" && kind != "dart") {
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("booster \"{}\" is not known: gbtree, dart and gblinear are",
                                   kind.substr(0, 80))};
  }
  const DocumentValue* inner = (*booster)->find("gbtree");
  const auto model = member(inner != nullptr ? *inner : **booster, "model");
  if (!model) return core::Error(model.error()).within("gradient_booster");
  if (auto added = add_trees(**model, builder); !added) {
    return std::move(added).error().within("model");
  }
  if (auto weighed = weigh_trees(**booster, **model, builder); !weighed) {
    return std::move(weighed).error().within("model");
  }
  return std::move(builder.model);
}

}  // namespace tenure::learn
