#pragma once

#include <functional>
#include <string>

#include "core/result.h"
#include "learn/fold_fit.h"
#include "learn/inner_folds.h"
#include "learn/presets.h"
#include "learn/trainer.h"

namespace tenure::learn {

/// Preset `auto`: fits every preset on the inner folds of the training data with early stopping,
/// and answers the one with the lowest out-of-fold log loss. A simpler preset wins unless a later
/// one is better by more than noise. `is_hurried` (has_many_rows) does not try on the other folds
/// what is clearly worse on the first. Errors: as train().
core::Result<const Preset*> select_preset(
    const TrainSpec& spec, const FitContext& context,
    const std::map<std::string, std::string>& params, const InnerFolds& folds, bool is_hurried,
    const std::function<bool(std::int64_t done, std::int64_t total, double log_loss)>& observe);

}  // namespace tenure::learn
