#include "learn/secondary_model.h"

#include <vector>

#include "learn/fold_fit.h"

namespace tenure::learn {
namespace {

constexpr int kRounds = 40;  // passes over all weights; full steps settle in about ten
constexpr std::uint32_t kCategories = 32;
constexpr std::size_t kRowsForThreads = 100'000;  // below, they wait for each other at each weight

}  // namespace

core::Result<SecondaryModel> train_secondary(std::span<const InputField> inputs,
                                             const data::Table& table,
                                             std::span<const std::uint8_t> labels,
                                             std::uint64_t seed, int threads) {
  TransformSpec spec;
  spec.impute = "median";
  spec.scale = "standard";
  spec.categories_max = kCategories;
  const BoostingPlan plan{.params = {{"booster", "gblinear"},
                                     {"updater", "coord_descent"},
                                     {"feature_selector", "cyclic"},
                                     {"eta", "1"},
                                     {"lambda", "0.001"}},
                          .rounds = kRounds,
                          .early_stopping_rounds = 0,
                          .seed = seed,
                          .threads = labels.size() < kRowsForThreads ? 1 : threads};
  const LabelledRows rows{.table = table, .labels = {labels.begin(), labels.end()}};
  auto fit = fit_rows({.transform = spec, .inputs = inputs}, plan, rows, nullptr, {});
  if (!fit) return std::move(fit).error().within("the secondary model");
  auto ubj = fit->booster.to_ubj(fit->transform.outputs());
  if (!ubj) return std::move(ubj).error();
  return SecondaryModel{.transform = std::move(fit->transform), .xgboost_ubj = *std::move(ubj)};
}

}  // namespace tenure::learn
