#include "learn/preset_selection.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace tenure::learn {
namespace {

/// Relative gain in log loss below which the simpler preset is kept.
constexpr double kGainMin = 0.0005;
/// Relative loss in log loss on 8,000 rows that the other folds do not make good: several times the
/// deviation of the difference between two presets there.
constexpr double kClearlyWorse = 0.01;

using SelectionObserver = std::function<bool(std::int64_t, std::int64_t, double)>;

/// The presets on the inner folds.
struct Selection {
  const TrainSpec& spec;
  const FitContext& context;
  const std::map<std::string, std::string>& params;
  bool is_hurried;  ///< what is clearly worse on the first fold is not tried on the others
  const InnerFolds& folds;
  std::vector<std::size_t> left = all_presets();  ///< positions in presets(), simplest first
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
    total += preset.rounds_max * static_cast<std::int64_t>(folds.training.size());
  return total;
}

core::Result<> Selection::try_folds(std::size_t first, std::size_t end,
                                    const SelectionObserver& observe) {
  const std::size_t count = end - first;
  const std::int64_t total = total_rounds();
  std::vector<double> losses(left.size() * count);
  // The deepest first: the longest fits should not be the last to start.
  const auto preset_of = [&](std::size_t task) { return left[left.size() - 1 - task / count]; };
  const auto fit = [&](std::size_t task, const FitReporter& report) -> core::Result<> {
    const std::size_t fold = first + task % count;
    auto done = fit_rows(context, plan_of(presets()[preset_of(task)]), folds.training[fold],
                         &folds.validation[fold], report);
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
    auto tried = try_folds(is_hurried ? 1 : 0, folds.training.size(), observe);
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
    const std::map<std::string, std::string>& params, const InnerFolds& folds, bool is_hurried,
    const std::function<bool(std::int64_t, std::int64_t, double)>& observe) {
  Selection selection{
      .spec = spec, .context = context, .params = params, .is_hurried = is_hurried, .folds = folds};
  return selection.choose(observe);
}

}  // namespace tenure::learn
