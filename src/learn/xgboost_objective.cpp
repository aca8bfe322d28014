#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

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
