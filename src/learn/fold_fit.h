#pragma once

#include <span>
#include <vector>

#include "core/result.h"
#include "learn/parallel_fits.h"
#include "learn/row_selection.h"
#include "learn/transform.h"
#include "learn/xgboost_trainer.h"

namespace tenure::learn {

/// What every fit of a training has in common.
struct FitContext {
  const TransformSpec& transform;
  std::span<const InputField> inputs;
};

/// A fitted model that saw `LabelledRows` and nothing else.
struct Fit {
  Transform transform;
  XgboostBooster booster;
};

/// Fits transformation and booster on `training`. With `validation`, early stopping watches it; the
/// transformation never sees it.
core::Result<Fit> fit_rows(const FitContext& context, const BoostingPlan& plan,
                           const LabelledRows& training, const LabelledRows* validation,
                           const FitReporter& report);

/// Fits on a fold's training part as a user of the model would: the best number of rounds is found
/// on a validation part taken out of `training`, then the fit is repeated on all of it. In large
/// tables the first fit is kept: a sixth of the rows more would not show, and costs as much again.
core::Result<Fit> fit_with_early_stopping(const FitContext& context, const BoostingPlan& plan,
                                          const LabelledRows& training, const FitReporter& report);

/// Probability of each row.
core::Result<std::vector<float>> predict_rows(const Fit& fit, const data::Table& table);

}  // namespace tenure::learn
