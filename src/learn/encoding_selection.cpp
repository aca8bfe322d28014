#include "learn/encoding_selection.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <unordered_set>
#include <utility>

#include "learn/fold_fit.h"

namespace tenure::learn {
namespace {

/// Relative gain in log loss from which the wider matrix of one column a category is worth its
/// time.
constexpr double kGainMin = 0.0005;

/// Counts no further than needed.
bool is_long(const data::Column& column) {
  if (const auto* texts = std::get_if<data::TextValues>(&column.values)) {
    std::unordered_set<std::uint32_t> codes;
    for (std::size_t row = 0; row < texts->codes.size(); ++row) {
      if (!column.is_null(row)) codes.insert(texts->codes[row]);
      if (codes.size() > TransformSpec::kShortDictionary) return true;
    }
    return false;
  }
  std::unordered_set<double> numbers;
  for (std::size_t row = 0; row < column.size(); ++row) {
    if (const double value = column.number(row); std::isfinite(value)) numbers.insert(value);
    if (numbers.size() > TransformSpec::kShortDictionary) return true;
  }
  return false;
}

}  // namespace

bool has_long_category(std::span<const InputField> inputs, const data::Table& table) {
  return std::ranges::any_of(inputs, [&](const InputField& input) {
    const data::Column* column = input.is_category() ? table.find(input.name) : nullptr;
    return column != nullptr && is_long(*column);
  });
}

core::Result<std::string> select_encoding(
    const TrainSpec& spec, std::span<const InputField> inputs,
    const std::map<std::string, std::string>& params, const Preset& preset, const InnerFolds& folds,
    const std::function<bool(std::int64_t, std::int64_t, double)>& observe) {
  // The slower first: the longest fits should not be the last to start.
  constexpr std::array<const char*, 2> kEncodings = {"onehot", "target"};
  std::array<TransformSpec, 2> transforms = {spec.transform, spec.transform};
  for (std::size_t i = 0; i < kEncodings.size(); ++i) transforms[i].encode = kEncodings[i];

  BoostingPlan plan{.params = params,
                    .rounds = spec.rounds > 0 ? spec.rounds : preset.rounds_max,
                    .early_stopping_rounds = std::max(spec.early_stopping_rounds, 20),
                    .evaluation_interval = kEvaluationInterval,
                    .seed = spec.seed};
  auto of_preset = preset.params;
  of_preset["eta"] = preset.eta_many_rows;  // a comparison has no need of the smallest steps
  plan.params.merge(of_preset);

  const std::size_t count = folds.training.size();
  std::vector<double> losses(kEncodings.size() * count);
  const auto fit = [&](std::size_t task, const FitReporter& report) -> core::Result<> {
    const FitContext context{.transform = transforms[task / count], .inputs = inputs};
    auto done = fit_rows(context, plan, folds.training[task % count],
                         &folds.validation[task % count], report);
    if (!done) return std::move(done).error();
    losses[task] = done->booster.log_loss();
    return {};
  };
  const auto total = std::int64_t{plan.rounds} * static_cast<std::int64_t>(losses.size());
  auto done = run_fits(losses.size(), thread_count(spec.threads), fit,
                       [&](std::int64_t rounds, double loss) {
                         return !observe || observe(std::min(rounds, total), total, loss);
                       });
  if (!done) return std::move(done).error();
  double one_hot = 0, target = 0;
  for (std::size_t fold = 0; fold < count; ++fold) {
    one_hot += losses[fold];
    target += losses[count + fold];
  }
  return std::string(one_hot < target * (1 - kGainMin) ? "onehot" : "target");
}

}  // namespace tenure::learn
