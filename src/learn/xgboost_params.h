#pragma once

#include <map>
#include <string>

#include "core/result.h"

namespace tenure::learn {

/// Checks parameters a user wrote for XGBoost and gives them their canonical names (learning_rate
/// becomes eta), so that laying them over a preset replaces what it set. XGBoost itself only warns
/// of a name it does not know, and a typing mistake would go unnoticed.
///
/// Errors: kInvalidArgument for an unknown name (naming the nearest known one), for a name that
/// `model` has a key of its own for (nthread, seed, n_estimators, ...), for one parameter under two
/// names; kUnimplemented for what is no binary classifier of trees (objective, booster).
core::Result<std::map<std::string, std::string>> checked_xgboost_params(
    const std::map<std::string, std::string>& params);

}  // namespace tenure::learn
