#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "learn/tree_model_builder.h"
#include "learn/xgboost_model_loader.h"

namespace tenure::learn {
namespace {

struct NamedObjective {
  std::string_view name;
  XgboostObjective objective;
};

using Link = XgboostObjective::Link;

// dmlc/xgboost src/objective/*.cu: ProbToMargin and PredTransform of each.
constexpr auto kObjectives = std::to_array<NamedObjective>({
    {"binary:logistic", {Objective::kBinaryLogistic, Link::kLogit}},
    {"reg:logistic", {Objective::kRegLogistic, Link::kLogit}},
    {"binary:logitraw", {Objective::kLogitRaw, Link::kIdentity}},
    {"binary:hinge", {Objective::kHinge, Link::kIdentity}},
    {"reg:squarederror", {Objective::kIdentity, Link::kIdentity}},
    {"reg:linear", {Objective::kIdentity, Link::kIdentity}},
    {"reg:squaredlogerror", {Objective::kIdentity, Link::kIdentity}},
    {"reg:absoluteerror", {Objective::kIdentity, Link::kIdentity}},
    {"reg:pseudohubererror", {Objective::kIdentity, Link::kIdentity}},
    {"reg:quantileerror", {Objective::kIdentity, Link::kIdentity}},
    {"rank:pairwise", {Objective::kIdentity, Link::kIdentity}},
    {"rank:ndcg", {Objective::kIdentity, Link::kIdentity}},
    {"rank:map", {Objective::kIdentity, Link::kIdentity}},
    {"count:poisson", {Objective::kExp, Link::kLog}},
    {"reg:gamma", {Objective::kExp, Link::kLog}},
    {"reg:tweedie", {Objective::kExp, Link::kLog}},
    {"survival:cox", {Objective::kExp, Link::kLog}},
    {"survival:aft", {Objective::kExpDouble, Link::kLog}},
    {"multi:softmax", {Objective::kSoftmax, Link::kIdentity}},
    {"multi:softprob", {Objective::kSoftprob, Link::kIdentity}},
});

}  // namespace

std::optional<XgboostObjective> find_xgboost_objective(std::string_view name) {
  for (const NamedObjective& known : kObjectives) {
    if (known.name == name) return known.objective;
  }
  return std::nullopt;
}

float base_margin_of(XgboostObjective::Link link, float base_score) {
  switch (link) {
    case Link::kLogit:
      return -std::log(1.0F / base_score - 1.0F);
    case Link::kLog:
      return std::log(base_score);
    case Link::kIdentity:
      break;
  }
  return base_score;
}

core::Result<> describe_xgboost(XgboostHead head, TreeModelBuilder& builder) {
  const auto known = find_xgboost_objective(head.objective);
  if (!known) {
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("objective \"{}\" is not known",
                                   std::string_view(head.objective).substr(0, 80))};
  }
  const auto groups =
      static_cast<std::size_t>(std::max<std::int64_t>({head.classes, head.targets, 1}));
  if (head.objective == "reg:quantileerror" && groups > 1) {
    return core::Error{core::ErrorCode::kUnimplemented,
                       "reg:quantileerror with several quantiles: versions differ in their order"};
  }
  if (head.base_scores.size() == 1) head.base_scores.resize(groups, head.base_scores.front());
  if (head.base_scores.size() != groups) {
    return core::Error{core::ErrorCode::kCorruption, fmt::format("{} base scores for {} outputs",
                                                                 head.base_scores.size(), groups)};
  }
  const Link link = head.is_margin ? Link::kIdentity : known->link;
  for (float& score : head.base_scores) {
    if (head.is_clamped && link == Link::kLogit) score = std::clamp(score, 1e-6F, 1.0F - 1e-6F);
    const float margin = base_margin_of(link, score);
    if (!std::isfinite(margin)) {
      return core::Error{core::ErrorCode::kCorruption,
                         fmt::format("base_score {} has no finite margin", score)};
    }
    score = margin;
  }
  builder.describe(known->objective, head.features, std::move(head.base_scores),
                   std::move(head.names));
  return {};
}

core::Result<> set_xgboost_weights(std::vector<float> weights, TreeModelBuilder& builder) {
  const TreeModel& model = builder.model;
  const std::size_t wanted = (model.feature_count() + 1) * model.group_count();
  if (weights.size() != wanted) {
    return core::Error{
        core::ErrorCode::kCorruption,
        fmt::format("{} weights for {} features and a bias, {} groups: expected {}", weights.size(),
                    model.feature_count(), model.group_count(), wanted)};
  }
  if (!std::all_of(weights.begin(), weights.end(), [](float w) { return std::isfinite(w); })) {
    return core::Error{core::ErrorCode::kCorruption, "a weight is not finite"};
  }
  for (std::size_t group = 1; group < model.group_count(); ++group) {
    if (model.base_margin(group) != model.base_margin(0)) {
      return core::Error{core::ErrorCode::kUnimplemented,
                         "gblinear with unequal base scores: XGBoost 3.2 writes them, but adds the "
                         "first to every class; train with base_score set"};
    }
  }
  builder.set_linear(std::move(weights));
  return {};
}

core::Result<std::vector<float>> parse_base_score(std::string_view text) {
  const core::Error bad{core::ErrorCode::kCorruption,
                        fmt::format("base_score \"{}\" is neither a number nor a list of numbers",
                                    text.substr(0, 80))};
  std::string_view rest = text;
  if (rest.size() >= 2 && ((rest.front() == '[' && rest.back() == ']') ||
                           (rest.front() == '(' && rest.back() == ')'))) {
    rest = rest.substr(1, rest.size() - 2);
  }
  std::vector<float> scores;
  while (true) {
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    float score = 0;
    const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), score);
    if (read.ec != std::errc{} || !std::isfinite(score)) return bad;
    scores.push_back(score);
    rest.remove_prefix(static_cast<std::size_t>(read.ptr - rest.data()));
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    if (rest.empty()) return scores;
    if (rest.front() != ',') return bad;
    rest.remove_prefix(1);
    if (rest.empty()) return scores;  // a trailing comma, as Python writes one-element tuples
  }
}

}  // namespace tenure::learn
