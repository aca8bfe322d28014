#include "learn/xgboost_params.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/nearest.h"

namespace tenure::learn {
namespace {

struct Name {
  std::string_view name;
  std::string_view canonical;
};

/// Tree parameters of XGBoost 1.7 to 3.x (dmlc/xgboost: doc/parameter.rst).
constexpr Name kKnown[] = {
    {"alpha", "alpha"},
    {"base_score", "base_score"},
    {"booster", "booster"},
    {"colsample_bylevel", "colsample_bylevel"},
    {"colsample_bynode", "colsample_bynode"},
    {"colsample_bytree", "colsample_bytree"},
    {"device", "device"},
    {"eta", "eta"},
    {"gamma", "gamma"},
    {"grow_policy", "grow_policy"},
    {"interaction_constraints", "interaction_constraints"},
    {"lambda", "lambda"},
    {"learning_rate", "eta"},
    {"max_bin", "max_bin"},
    {"max_cached_hist_node", "max_cached_hist_node"},
    {"max_delta_step", "max_delta_step"},
    {"max_depth", "max_depth"},
    {"max_leaves", "max_leaves"},
    {"min_child_weight", "min_child_weight"},
    {"min_split_loss", "gamma"},
    {"monotone_constraints", "monotone_constraints"},
    {"normalize_type", "normalize_type"},
    {"num_parallel_tree", "num_parallel_tree"},
    {"objective", "objective"},
    {"one_drop", "one_drop"},
    {"rate_drop", "rate_drop"},
    {"refresh_leaf", "refresh_leaf"},
    {"reg_alpha", "alpha"},
    {"reg_lambda", "lambda"},
    {"sample_type", "sample_type"},
    {"sampling_method", "sampling_method"},
    {"scale_pos_weight", "scale_pos_weight"},
    {"skip_drop", "skip_drop"},
    {"subsample", "subsample"},
    {"tree_method", "tree_method"},
};

struct Elsewhere {
  std::string_view name;
  std::string_view instead;
};

constexpr Elsewhere kElsewhere[] = {
    {"early_stopping_rounds", "model.early_stopping_rounds"},
    {"eval_metric", "nothing: training watches the log loss"},
    {"n_estimators", "model.rounds"},
    {"n_jobs", "model.threads"},
    {"nthread", "model.threads"},
    {"num_boost_round", "model.rounds"},
    {"num_round", "model.rounds"},
    {"random_state", "model.seed"},
    {"seed", "model.seed"},
    {"seed_per_iteration", "model.seed"},
    {"validate_parameters", "nothing: parameters are always validated"},
    {"verbosity", "--log-level"},
};

std::string_view nearest(std::string_view name) {
  return std::min_element(std::begin(kKnown), std::end(kKnown),
                          [&](const Name& a, const Name& b) {
                            return core::edit_distance(name, a.name) <
                                   core::edit_distance(name, b.name);
                          })
      ->name;
}

core::Result<> check_value(std::string_view name, std::string_view value) {
  if (name == "objective" && value != "binary:logistic")
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("model.params.objective is '{}'; this trains binary "
                                   "classifiers, binary:logistic only",
                                   value)};
  if (name == "booster" && value != "gbtree" && value != "dart")
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("model.params.booster is '{}'; accepted: gbtree, dart", value)};
  return {};
}

}  // namespace

core::Result<std::map<std::string, std::string>> checked_xgboost_params(
    const std::map<std::string, std::string>& params) {
  std::map<std::string, std::string> checked;
  for (const auto& [name, value] : params) {
    const auto invalid = [&, &key = name](std::string reason) {
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("model.params.{}: {}", key, reason)};
    };
    const auto has_name = [&key = name](const auto& entry) { return entry.name == key; };
    const auto* elsewhere = std::find_if(std::begin(kElsewhere), std::end(kElsewhere), has_name);
    if (elsewhere != std::end(kElsewhere))
      return invalid(fmt::format("is not set here; use {}", elsewhere->instead));
    const auto* known = std::find_if(std::begin(kKnown), std::end(kKnown), has_name);
    if (known == std::end(kKnown))
      return invalid(fmt::format("XGBoost has no such parameter; did you mean {}?", nearest(name)));
    auto fits = check_value(name, value);
    if (!fits) return std::move(fits).error();
    if (!checked.emplace(known->canonical, value).second)
      return invalid(fmt::format("{} is set twice, under two of its names", known->canonical));
  }
  return checked;
}

}  // namespace tenure::learn
