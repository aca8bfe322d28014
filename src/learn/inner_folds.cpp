#include "learn/inner_folds.h"

#include <algorithm>

#include "core/random.h"
#include "learn/trainer.h"

namespace tenure::learn {
namespace {

/// More rows hardly change which setting is best, only the time it takes.
constexpr std::size_t kSampleRows = 24'000;
constexpr int kInnerFolds = 3;

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

core::Result<InnerFolds> InnerFolds::make(const data::Table& table,
                                          std::span<const std::uint8_t> labels, int folds,
                                          std::uint64_t seed) {
  const LabelledRows sample = take_rows(table, labels, sample_rows(labels, seed));
  const int count = std::min(kInnerFolds, folds);
  // Another seed than the outer folds': the choice should not fit their boundaries.
  auto fold_of_row = stratified_folds(sample.labels, count, seed + 1);
  if (!fold_of_row) return std::move(fold_of_row).error();
  InnerFolds inner;
  for (std::uint32_t fold = 0; fold < static_cast<std::uint32_t>(count); ++fold) {
    inner.training.push_back(
        take_rows(sample.table, sample.labels, rows_outside_fold(*fold_of_row, fold)));
    inner.validation.push_back(
        take_rows(sample.table, sample.labels, rows_of_fold(*fold_of_row, fold)));
  }
  return inner;
}

}  // namespace tenure::learn
