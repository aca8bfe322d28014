#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/result.h"
#include "data/table.h"
#include "learn/metrics.h"
#include "learn/model.h"
#include "learn/transform.h"

namespace tenure::learn {

/// Section `model` as far as training goes.
struct TrainSpec {
  std::string preset = "auto";                ///< auto, light, balanced, deep, stumps
  std::map<std::string, std::string> params;  ///< XGBoost's, over the preset
  int rounds = 0;                             ///< 0 = the preset's
  int early_stopping_rounds = 50;
  std::uint64_t seed = 42;
  int threads = 0;
  int folds = 5;
  TransformSpec transform;
  static core::Result<TrainSpec> from_config(const core::Config& config);
};

/// Told what goes on, from the training thread: "fold 2/5", rounds done of how many, log loss so
/// far. Returning false cancels (kCancelled).
struct TrainProgress {
  std::string phase;
  std::int64_t done = 0, total = 0;
  double log_loss = 0;
};
using TrainObserver = std::function<bool(const TrainProgress&)>;

struct CrossValidation {
  std::vector<Evaluation> folds;
  std::vector<double>
      out_of_fold;  ///< probability of every training row, by the model that did not see it
  double auc_mean = 0,
         auc_sd = 0;  ///< sample mean and population sd over folds, as scikit-learn users report
  Evaluation mean;    ///< means of the fold metrics
};

struct Training {
  std::string xgboost_ubj;  ///< the final booster; feature names are the transform's outputs
  Transform transform;
  std::map<std::string, std::string> params;  ///< effective parameters
  std::string preset;                         ///< the one used
  std::string encoding;                       ///< the one used: onehot, target
  int rounds = 0;                             ///< of the final booster
  CrossValidation cross_validation;
  double base_rate = 0;
  std::map<std::string, double> seconds;  ///< select, cross_validation, fit
};

/// Trains a binary classifier: chooses preset and encoding (auto), cross-validates with stratified
/// folds where transform, early stopping and model see only the fold's training part, then fits
/// transform and booster on all rows with the mean best number of rounds. Errors: kInvalidArgument
/// (one class; fewer than `folds` rows of a class; unknown XGBoost parameter; label length),
/// kCancelled.
core::Result<Training> train(const TrainSpec& spec, std::span<const InputField> inputs,
                             const data::Table& table, std::span<const std::uint8_t> labels,
                             const TrainObserver& observer = {});

/// Stratified k-fold with shuffling: fold number of each row. Deterministic in the seed.
core::Result<std::vector<std::uint32_t>> stratified_folds(std::span<const std::uint8_t> labels,
                                                          int folds, std::uint64_t seed);

}  // namespace tenure::learn
