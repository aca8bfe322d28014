#pragma once

#include <functional>
#include <string>

#include "core/result.h"
#include "learn/fold_fit.h"
#include "learn/presets.h"
#include "learn/trainer.h"

namespace tenure::learn {

/// Preset `auto`: fits every preset on a few inner folds of the training data (of a sample when
/// there are many rows) with early stopping, and answers the one with the lowest out-of-fold log
/// loss. A simpler preset wins unless a later one is better by more than noise. Errors: as train().
core::Result<const Preset*> select_preset(
    const TrainSpec& spec, const FitContext& context,
    const std::map<std::string, std::string>& params, const data::Table& table,
    std::span<const std::uint8_t> labels,
    const std::function<bool(std::int64_t done, std::int64_t total, double log_loss)>& observe);

}  // namespace tenure::learn
