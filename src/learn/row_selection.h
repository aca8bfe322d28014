#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/table.h"

namespace tenure::learn {

/// Some rows of a table and of its labels, copied: what one fold may see.
struct LabelledRows {
  data::Table table;
  std::vector<std::uint8_t> labels;
};

/// The rows at `rows`, in that order.
data::Table take_rows(const data::Table& table, std::span<const std::uint32_t> rows);
LabelledRows take_rows(const data::Table& table, std::span<const std::uint8_t> labels,
                       std::span<const std::uint32_t> rows);

/// Rows whose fold is (or is not) `fold`, ascending.
std::vector<std::uint32_t> rows_of_fold(std::span<const std::uint32_t> folds, std::uint32_t fold);
std::vector<std::uint32_t> rows_outside_fold(std::span<const std::uint32_t> folds,
                                             std::uint32_t fold);

}  // namespace tenure::learn
