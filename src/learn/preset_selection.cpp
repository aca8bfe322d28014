#include "learn/preset_selection.h"

#include <algorithm>

#include "core/random.h"

namespace tenure::learn {
namespace {

/// More rows hardly change which preset is best, only the time it takes.
constexpr std::size_t kSampleRows = 24'000;
constexpr int kInnerFolds = 3;
/// Relative gain in log loss below which the simpler preset is kept.
constexpr double kGainMin = 0.0005;

/// A stratified sample: both classes keep their shares.
std::vector<std::uint32_t> sample_rows(std::span<const std::uint8_t> labels, std::uint64_t seed) {
  std::vector<std::uint32_t> of_class[2];
  for (std::size_t row = 0; row < labels.size(); ++row)
    of_class[labels[row] != 0 ? 1 : 0].push_back(static_cast<std::uint32_t>(row));
  std::vector<std::uint32_t> sample;
  core::Random random(seed);
  for (auto& rows : of_class) {
    random.shuffle(std::span(rows));
    if (labels.size() > kSampleRows)
      rows.resize(std::max<std::size_t>(1, rows.size() * kSampleRows / labels.size()));
    sample.insert(sample.end(), rows.begin(), rows.end());
  }
  std::sort(sample.begin(), sample.end());
  return sample;
}

}  // namespace

core::Result<const Preset*> select_preset(
    const TrainSpec& spec, const FitContext& context,
    const std::map<std::string, std::string>& params, const data::Table& table,
    std::span<const std::uint8_t> labels,
    const std::function<bool(std::int64_t, std::int64_t, double)>& observe) {
  const LabelledRows sample = take_rows(table, labels, sample_rows(labels, spec.seed));
  const int folds = std::min(kInnerFolds, spec.folds);
  // Another seed than the outer folds': the choice should not fit their boundaries.
  auto fold_of_row = stratified_folds(sample.labels, folds, spec.seed + 1);
  if (!fold_of_row) return std::move(fold_of_row).error();

  std::vector<LabelledRows> training, validation;
  for (std::uint32_t fold = 0; fold < static_cast<std::uint32_t>(folds); ++fold) {
    training.push_back(
        take_rows(sample.table, sample.labels, rows_outside_fold(*fold_of_row, fold)));
    validation.push_back(take_rows(sample.table, sample.labels, rows_of_fold(*fold_of_row, fold)));
  }

  const auto candidates = presets();
  const auto fold_count = static_cast<std::size_t>(folds);
  std::vector<double> losses(candidates.size() * fold_count);
  std::int64_t total = 0;
  for (const Preset& preset : candidates) total += std::int64_t{preset.rounds_max} * folds;
  const auto fit = [&](std::size_t task, const FitReporter& report) -> core::Result<> {
    // The deepest first: the longest fits should not be the last to start.
    const Preset& preset = candidates[candidates.size() - 1 - task / fold_count];
    const std::size_t fold = task % fold_count;
    BoostingPlan plan{.params = params,
                      .rounds = spec.rounds > 0 ? spec.rounds : preset.rounds_max,
                      .early_stopping_rounds = std::max(spec.early_stopping_rounds, 20),
                      .seed = spec.seed};
    plan.params.insert(preset.params.begin(), preset.params.end());
    auto done = fit_rows(context, plan, training[fold], &validation[fold], report);
    if (!done) return std::move(done).error();
    losses[task] = done->booster.log_loss();
    return {};
  };
  auto done = run_fits(losses.size(), thread_count(spec.threads), fit,
                       [&](std::int64_t rounds, double loss) {
                         return !observe || observe(std::min(rounds, total), total, loss);
                       });
  if (!done) return std::move(done).error();

  const Preset* best = nullptr;
  double best_loss = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    double sum = 0;
    for (std::size_t fold = 0; fold < fold_count; ++fold)
      sum += losses[(candidates.size() - 1 - i) * fold_count + fold];
    const double loss = sum / folds;
    if (best == nullptr || loss < best_loss * (1 - kGainMin)) {
      best = &candidates[i];
      best_loss = loss;
    }
  }
  return best;
}

}  // namespace tenure::learn
