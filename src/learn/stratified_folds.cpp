#include <numeric>

#include <fmt/format.h>

#include "core/random.h"
#include "learn/trainer.h"

namespace tenure::learn {

core::Result<std::vector<std::uint32_t>> stratified_folds(std::span<const std::uint8_t> labels,
                                                          int folds, std::uint64_t seed) {
  if (folds < 2)
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("cross-validation wants at least 2 folds, not {}", folds)};
  std::vector<std::uint32_t> rows_of_class[2];
  for (std::size_t row = 0; row < labels.size(); ++row)
    rows_of_class[labels[row] != 0 ? 1 : 0].push_back(static_cast<std::uint32_t>(row));
  for (const auto& rows : rows_of_class)
    if (rows.size() < static_cast<std::size_t>(folds))
      return core::Error{
          core::ErrorCode::kInvalidArgument,
          fmt::format("{} folds want at least {} rows of each class, but there are {} with label 0 "
                      "and {} with label 1",
                      folds, folds, rows_of_class[0].size(), rows_of_class[1].size())};

  core::Random random(seed);
  std::vector<std::uint32_t> fold_of_row(labels.size());
  // Dealt like cards, the second class going on where the first stopped: sizes differ by one at
  // most, overall and within a class.
  std::size_t dealt = 0;
  for (auto& rows : rows_of_class) {
    random.shuffle(std::span(rows));
    for (const std::uint32_t row : rows)
      fold_of_row[row] = static_cast<std::uint32_t>(dealt++ % static_cast<std::size_t>(folds));
  }
  return fold_of_row;
}

}  // namespace tenure::learn
