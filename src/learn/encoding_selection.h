#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>

#include "core/result.h"
#include "learn/inner_folds.h"
#include "learn/presets.h"
#include "learn/trainer.h"

namespace tenure::learn {

/// Whether a category has more values than TransformSpec::kShortDictionary: then the encodings
/// differ.
bool has_long_category(std::span<const InputField> inputs, const data::Table& table);

/// `encode: auto` for a table with a long category: fits `preset` on the inner folds with either
/// encoding and early stopping, and answers the one with the lower out-of-fold log loss, "onehot"
/// or "target". Target means, the faster, win a draw. Errors: as train().
core::Result<std::string> select_encoding(
    const TrainSpec& spec, std::span<const InputField> inputs,
    const std::map<std::string, std::string>& params, const Preset& preset, const InnerFolds& folds,
    const std::function<bool(std::int64_t done, std::int64_t total, double log_loss)>& observe);

}  // namespace tenure::learn
