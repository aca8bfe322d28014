#include "learn/fold_fit.h"

#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "learn/trainer.h"

namespace tenure::learn {
namespace {

/// One part in so many watches early stopping.
constexpr int kValidationParts = 6;
constexpr std::size_t kRefitRowsMax = 20'000;

core::Result<XgboostMatrix> make_matrix(core::Result<Matrix> encoded, const LabelledRows& rows,
                                        int threads) {
  if (!encoded) return std::move(encoded).error();
  return XgboostMatrix::make(*encoded, rows.labels, threads);
}

}  // namespace

core::Result<Fit> fit_rows(const FitContext& context, const BoostingPlan& plan,
                           const LabelledRows& training, const LabelledRows* validation,
                           const FitReporter& report) {
  std::vector<std::uint32_t> all(training.labels.size());
  std::iota(all.begin(), all.end(), 0U);
  auto transform =
      Transform::fit(context.transform, context.inputs, training.table, all, training.labels);
  if (!transform) return std::move(transform).error();
  auto matrix =
      make_matrix(transform->apply_out_of_fold(training.table, training.labels, plan.seed),
                  training, plan.threads);
  if (!matrix) return std::move(matrix).error();
  std::optional<XgboostMatrix> watched;
  if (validation != nullptr) {
    auto encoded = make_matrix(transform->apply(validation->table), *validation, plan.threads);
    if (!encoded) return std::move(encoded).error();
    watched = *std::move(encoded);
  }
  BoostingPlan own = plan;
  // Starting at the base rate spares the trees the way from one half, which is long when churn is
  // rare. Written out, because XGBoost 1.7 starts at one half and 2.x at an estimate of its own.
  const auto positives = static_cast<double>(
      std::accumulate(training.labels.begin(), training.labels.end(), std::int64_t{0}));
  own.params.emplace("base_score",
                     fmt::format("{:.9g}", positives / static_cast<double>(all.size())));
  auto booster = XgboostBooster::train(own, *matrix, watched ? &*watched : nullptr,
                                       [&](int, double loss) { return !report || report(loss); });
  if (!booster) return std::move(booster).error();
  return Fit{.transform = *std::move(transform), .booster = *std::move(booster)};
}

core::Result<Fit> fit_with_early_stopping(const FitContext& context, const BoostingPlan& plan,
                                          const LabelledRows& training, const FitReporter& report) {
  auto parts = stratified_folds(training.labels, kValidationParts, plan.seed);
  // Too few rows of a class to spare any: all rounds then.
  if (plan.early_stopping_rounds == 0 || !parts) {
    BoostingPlan all_rounds = plan;
    all_rounds.early_stopping_rounds = 0;
    return fit_rows(context, all_rounds, training, nullptr, report);
  }
  const LabelledRows inner =
      take_rows(training.table, training.labels, rows_outside_fold(*parts, 0));
  const LabelledRows watched = take_rows(training.table, training.labels, rows_of_fold(*parts, 0));
  auto first = fit_rows(context, plan, inner, &watched, report);
  if (!first || training.labels.size() > kRefitRowsMax) return first;
  BoostingPlan again = plan;
  again.rounds = first->booster.rounds();
  again.early_stopping_rounds = 0;
  return fit_rows(context, again, training, nullptr, report);
}

core::Result<std::vector<float>> predict_rows(const Fit& fit, const data::Table& table) {
  auto matrix = fit.transform.apply(table);
  if (!matrix) return std::move(matrix).error();
  auto rows = XgboostMatrix::make(*matrix, {}, 1);
  if (!rows) return std::move(rows).error();
  return fit.booster.predict(*rows);
}

}  // namespace tenure::learn
