#include "learn/preset_selection.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/random.h"

namespace tenure::learn {
namespace {

/// More rows hardly change which preset is best, only the time it takes.
constexpr std::size_t kSampleRows = 24'000;
constexpr int kInnerFolds = 3;
/// Relative gain in log loss below which the simpler preset is kept.
constexpr double kGainMin = 0.0005;
/// Relative loss in log loss on 8,000 rows that the other folds do not make good: several times the
/// deviation of the difference between two presets there.
constexpr double kClearlyWorse = 0.01;

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

using SelectionObserver = std::function<bool(std::int64_t, std::int64_t, double)>;

/// The presets on the inner folds.
struct Selection {
  const TrainSpec& spec;
  const FitContext& context;
  const std::map<std::string, std::string>& params;
  bool is_hurried;  ///< what is clearly worse on the first fold is not tried on the others
  std::vector<LabelledRows> training, validation;  ///< by fold
  std::vector<std::size_t> left = all_presets();   ///< positions in presets(), simplest first
  std::vector<double> sums = std::vector<double>(presets().size());  ///< of log losses
  std::int64_t rounds_done = 0;

  static std::vector<std::size_t> all_presets() {
    std::vector<std::size_t> all(presets().size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
  }
  core::Result<const Preset*> choose(const SelectionObserver& observe);

 private:
  BoostingPlan plan_of(const Preset& preset) const;
  std::int64_t total_rounds() const;
  core::Result<> try_folds(std::size_t first, std::size_t end, const SelectionObserver& observe);
  void drop_the_worse();
};

BoostingPlan Selection::plan_of(const Preset& preset) const {
  BoostingPlan plan{.params = params,
                    .rounds = spec.rounds > 0 ? spec.rounds : preset.rounds_max,
                    .early_stopping_rounds = std::max(spec.early_stopping_rounds, 20),
                    .evaluation_interval = is_hurried ? kEvaluationInterval : 1,
                    .seed = spec.seed};
  // As the training itself will do it; a sample is no reason for smaller steps.
  const bool is_as_auto = is_hurried && spec.early_stopping_rounds > 0;
  std::map<std::string, std::string> of_preset = preset.params;
  if (is_as_auto) of_preset["eta"] = preset.eta_many_rows;
  plan.params.merge(std::move(of_preset));
  return plan;
}

std::int64_t Selection::total_rounds() const {
  std::int64_t total = 0;
  for (const Preset& preset : presets())
    total += preset.rounds_max * static_cast<std::int64_t>(training.size());
  return total;
}

core::Result<> Selection::try_folds(std::size_t first, std::size_t end,
                                    const SelectionObserver& observe) {
  const std::size_t folds = end - first;
  const std::int64_t total = total_rounds();
  std::vector<double> losses(left.size() * folds);
  // The deepest first: the longest fits should not be the last to start.
  const auto preset_of = [&](std::size_t task) { return left[left.size() - 1 - task / folds]; };
  const auto fit = [&](std::size_t task, const FitReporter& report) -> core::Result<> {
    const std::size_t fold = first + task % folds;
    auto done = fit_rows(context, plan_of(presets()[preset_of(task)]), training[fold],
                         &validation[fold], report);
    if (!done) return std::move(done).error();
    losses[task] = done->booster.log_loss();
    return {};
  };
  std::int64_t seen = 0;
  auto done = run_fits(
      losses.size(), thread_count(spec.threads), fit, [&](std::int64_t rounds, double loss) {
        seen = rounds;
        return !observe || observe(std::min(rounds_done + rounds, total), total, loss);
      });
  if (!done) return done;
  rounds_done += seen;
  for (std::size_t task = 0; task < losses.size(); ++task) sums[preset_of(task)] += losses[task];
  return {};
}

void Selection::drop_the_worse() {
  double best = sums[left.front()];
  for (const std::size_t i : left) best = std::min(best, sums[i]);
  std::erase_if(left, [&](std::size_t i) { return sums[i] > best * (1 + kClearlyWorse); });
}

core::Result<const Preset*> Selection::choose(const SelectionObserver& observe) {
  if (is_hurried) {
    auto tried = try_folds(0, 1, observe);
    if (!tried) return std::move(tried).error();
    drop_the_worse();
  }
  if (left.size() > 1) {
    auto tried = try_folds(is_hurried ? 1 : 0, training.size(), observe);
    if (!tried) return std::move(tried).error();
  }
  std::size_t best = left.front();
  for (const std::size_t i : left)
    if (sums[i] < sums[best] * (1 - kGainMin)) best = i;
  return &presets()[best];
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

  Selection selection{.spec = spec,
                      .context = context,
                      .params = params,
                      .is_hurried = has_many_rows(labels),
                      .training = std::move(training),
                      .validation = std::move(validation)};
  return selection.choose(observe);
}

}  // namespace tenure::learn
