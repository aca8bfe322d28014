#include "learn/trainer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "core/clock.h"
#include "learn/encoding_selection.h"
#include "learn/fold_fit.h"
#include "learn/preset_selection.h"
#include "learn/presets.h"
#include "learn/xgboost_params.h"

namespace tenure::learn {
namespace {

/// Below so many rows the threads of one fit wait for each other longer than they work; on a busy
/// machine by a factor of ten on 7,000 rows and of two on 50,000. Folds run side by side in any
/// case.
constexpr std::size_t kParallelFitRows = 200'000;

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

core::Result<> check(const TrainSpec& spec, std::span<const InputField> inputs,
                     const data::Table& table, std::span<const std::uint8_t> labels) {
  if (labels.size() != table.row_count())
    return invalid(fmt::format("{} labels, but {} rows", labels.size(), table.row_count()));
  if (labels.empty()) return invalid("there are no rows to train on");
  for (std::size_t row = 0; row < labels.size(); ++row)
    if (labels[row] > 1)
      return invalid(fmt::format("the label of row {} is {}; expected 0 or 1", row, labels[row]));
  const auto positives = std::accumulate(labels.begin(), labels.end(), std::size_t{0});
  if (positives == 0 || positives == labels.size())
    return invalid(fmt::format("all {} labels are {}; training needs both classes", labels.size(),
                               positives == 0 ? 0 : 1));
  if (spec.rounds < 0 || spec.early_stopping_rounds < 0)
    return invalid("model.rounds and model.early_stopping_rounds cannot be negative");
  for (const InputField& input : inputs)
    if (table.find(input.name) == nullptr)
      return invalid(fmt::format("the training table has no column '{}'", input.name));
  return {};
}

/// Forwards progress under the name of a phase.
std::function<bool(std::int64_t, double)> observe_phase(const TrainObserver& observer,
                                                        std::string phase, std::int64_t total) {
  return [&observer, phase = std::move(phase), total](std::int64_t done, double loss) {
    return !observer ||
           observer(
               {.phase = phase, .done = std::min(done, total), .total = total, .log_loss = loss});
  };
}

Evaluation mean_of(const std::vector<Evaluation>& folds) {
  Evaluation mean;
  const auto count = static_cast<double>(folds.size());
  for (const Evaluation& fold : folds) {
    mean.rows += fold.rows;
    mean.positives += fold.positives;
    mean.auc += fold.auc / count;
    mean.average_precision += fold.average_precision / count;
    mean.log_loss += fold.log_loss / count;
    mean.brier += fold.brier / count;
    mean.ece += fold.ece / count;
    mean.ks += fold.ks / count;
    mean.top_decile_lift += fold.top_decile_lift / count;
    mean.threshold = fold.threshold;
    mean.confusion.true_negative += fold.confusion.true_negative;
    mean.confusion.false_positive += fold.confusion.false_positive;
    mean.confusion.false_negative += fold.confusion.false_negative;
    mean.confusion.true_positive += fold.confusion.true_positive;
  }
  return mean;
}

struct Validated {
  CrossValidation result;
  int rounds = 0;  ///< mean over the folds
};

core::Result<Validated> cross_validate(const TrainSpec& spec, const FitContext& context,
                                       const BoostingPlan& plan, const data::Table& table,
                                       std::span<const std::uint8_t> labels,
                                       const TrainObserver& observer) {
  auto fold_of_row = stratified_folds(labels, spec.folds, spec.seed);
  if (!fold_of_row) return std::move(fold_of_row).error();
  const auto folds = static_cast<std::size_t>(spec.folds);
  Validated validated;
  validated.result.out_of_fold.resize(labels.size());
  validated.result.folds.resize(folds);
  std::vector<int> rounds(folds);

  // Each fit writes its own fold's entries only.
  const auto fit = [&](std::size_t fold, const FitReporter& report) -> core::Result<> {
    const auto number = static_cast<std::uint32_t>(fold);
    const LabelledRows training = take_rows(table, labels, rows_outside_fold(*fold_of_row, number));
    const std::vector<std::uint32_t> test_rows = rows_of_fold(*fold_of_row, number);
    const LabelledRows test = take_rows(table, labels, test_rows);
    auto fitted = fit_with_early_stopping(context, plan, training, report);
    if (!fitted) return std::move(fitted).error();
    auto predicted = predict_rows(*fitted, test.table);
    if (!predicted) return std::move(predicted).error();
    const std::vector<double> probabilities(predicted->begin(), predicted->end());
    for (std::size_t i = 0; i < test_rows.size(); ++i)
      validated.result.out_of_fold[test_rows[i]] = probabilities[i];
    auto evaluation = evaluate(test.labels, probabilities, 0.5);
    if (!evaluation) return std::move(evaluation).error();
    validated.result.folds[fold] = *evaluation;
    rounds[fold] = fitted->booster.rounds();
    return {};
  };
  auto done = run_fits(folds, thread_count(spec.threads), fit,
                       observe_phase(observer, fmt::format("cross-validation, {} folds", folds),
                                     std::int64_t{plan.rounds} * spec.folds));
  if (!done) return std::move(done).error();

  CrossValidation& result = validated.result;
  result.mean = mean_of(result.folds);
  result.auc_mean = result.mean.auc;
  double squares = 0;
  for (const Evaluation& fold : result.folds)
    squares += (fold.auc - result.auc_mean) * (fold.auc - result.auc_mean);
  result.auc_sd = std::sqrt(squares / static_cast<double>(folds));
  validated.rounds =
      std::max(1, static_cast<int>(std::lround(std::accumulate(rounds.begin(), rounds.end(), 0.0) /
                                               static_cast<double>(folds))));
  return validated;
}

/// What `auto` stands for in this training.
struct Chosen {
  const Preset* preset;
  TransformSpec transform;
};

core::Result<Chosen> choose(const TrainSpec& spec, std::span<const InputField> inputs,
                            const std::map<std::string, std::string>& params,
                            const data::Table& table, std::span<const std::uint8_t> labels,
                            const TrainObserver& observer) {
  const auto observe = [&](const char* phase) {
    return [&observer, phase](std::int64_t done, std::int64_t total, double loss) {
      return !observer ||
             observer({.phase = phase, .done = done, .total = total, .log_loss = loss});
    };
  };
  const bool is_preset_open = spec.preset == "auto";
  // The encodings are compared under one preset that sees interactions: four would cost four times
  // as much, and the difference between the encodings is larger than that between presets.
  auto preset = find_preset(is_preset_open ? "light" : spec.preset);
  if (!preset) return std::move(preset).error();
  Chosen chosen{.preset = *preset, .transform = spec.transform};
  const bool is_encoding_open = spec.transform.encode == "auto";
  const bool is_encoding_compared = is_encoding_open && has_long_category(inputs, table);
  if (is_encoding_open) chosen.transform.encode = "onehot";
  if (!is_preset_open && !is_encoding_compared) return chosen;

  auto folds = InnerFolds::make(table, labels, spec.folds, spec.seed);
  if (!folds) return std::move(folds).error();
  if (is_encoding_compared) {
    auto encoding = select_encoding(spec, inputs, params, *chosen.preset, *folds,
                                    observe("choosing an encoding"));
    if (!encoding) return std::move(encoding).error();
    chosen.transform.encode = *std::move(encoding);
  }
  if (is_preset_open) {
    auto best = select_preset(spec, {.transform = chosen.transform, .inputs = inputs}, params,
                              *folds, has_many_rows(labels), observe("choosing a preset"));
    if (!best) return std::move(best).error();
    chosen.preset = *best;
  }
  return chosen;
}

}  // namespace

core::Result<Training> train(const TrainSpec& spec, std::span<const InputField> inputs,
                             const data::Table& table, std::span<const std::uint8_t> labels,
                             const TrainObserver& observer) {
  auto checked = check(spec, inputs, table, labels);
  if (!checked) return std::move(checked).error();
  auto params = checked_xgboost_params(spec.params);
  if (!params) return std::move(params).error();
  const core::SystemClock clock;
  Training training;
  std::int64_t phase_start = clock.monotonic_ns();
  const auto end_phase = [&](const char* phase) {
    const std::int64_t now = clock.monotonic_ns();
    training.seconds[phase] = static_cast<double>(now - phase_start) / 1e9;
    phase_start = now;
  };

  auto chosen = choose(spec, inputs, *params, table, labels, observer);
  if (!chosen) return std::move(chosen).error();
  const Preset& preset = *chosen->preset;
  const FitContext context{.transform = chosen->transform, .inputs = inputs};
  end_phase("select");

  // Without early stopping the longest run is no bound but an overfit.
  const bool may_run_long = spec.preset == "auto" && spec.early_stopping_rounds > 0;
  const int rounds = may_run_long ? preset.rounds_max : preset.rounds;
  BoostingPlan plan{
      .params = *params,
      .rounds = spec.rounds > 0 ? spec.rounds : rounds,
      .early_stopping_rounds = spec.early_stopping_rounds,
      .evaluation_interval = may_run_long && has_many_rows(labels) ? kEvaluationInterval : 1,
      .seed = spec.seed};
  auto of_preset = may_run_long ? auto_params(preset, labels) : preset.params;
  plan.params.merge(of_preset);
  auto validated = cross_validate(spec, context, plan, table, labels, observer);
  if (!validated) return std::move(validated).error();
  end_phase("cross_validation");

  plan.rounds = validated->rounds;
  plan.early_stopping_rounds = 0;
  if (labels.size() >= kParallelFitRows)
    plan.threads = static_cast<int>(thread_count(spec.threads));
  const LabelledRows all{.table = table,
                         .labels = std::vector<std::uint8_t>(labels.begin(), labels.end())};
  const auto fit_all = [&](std::size_t, const FitReporter& report) -> core::Result<> {
    auto fitted = fit_rows(context, plan, all, nullptr, report);
    if (!fitted) return std::move(fitted).error();
    auto ubj = fitted->booster.to_ubj(fitted->transform.outputs());
    if (!ubj) return std::move(ubj).error();
    training.xgboost_ubj = *std::move(ubj);
    training.transform = std::move(fitted->transform);
    return {};
  };
  auto done = run_fits(1, 1, fit_all, observe_phase(observer, "fitting on all rows", plan.rounds));
  if (!done) return std::move(done).error();
  end_phase("fit");

  training.params = plan.params;
  training.preset = preset.name;
  training.encoding = chosen->transform.encode;
  training.rounds = plan.rounds;
  training.cross_validation = std::move(validated->result);
  training.base_rate = static_cast<double>(training.cross_validation.mean.positives) /
                       static_cast<double>(labels.size());
  return training;
}

}  // namespace tenure::learn
