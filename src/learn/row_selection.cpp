#include "learn/row_selection.h"

namespace tenure::learn {
namespace {

template <typename T>
std::vector<T> take(const std::vector<T>& values, std::span<const std::uint32_t> rows) {
  std::vector<T> taken;
  taken.reserve(rows.size());
  for (const std::uint32_t row : rows) taken.push_back(values[row]);
  return taken;
}

data::TextValues take(const data::TextValues& values, std::span<const std::uint32_t> rows) {
  return {.codes = take(values.codes, rows), .dictionary = values.dictionary};
}

}  // namespace

data::Table take_rows(const data::Table& table, std::span<const std::uint32_t> rows) {
  data::Table taken;
  taken.columns.reserve(table.columns.size());
  for (const data::Column& column : table.columns) {
    data::Column part;
    part.name = column.name;
    part.type = column.type;
    std::visit([&](const auto& values) { part.values = take(values, rows); }, column.values);
    if (!column.valid.empty()) part.valid = take(column.valid, rows);
    taken.columns.push_back(std::move(part));
  }
  return taken;
}

LabelledRows take_rows(const data::Table& table, std::span<const std::uint8_t> labels,
                       std::span<const std::uint32_t> rows) {
  LabelledRows taken{.table = take_rows(table, rows), .labels = {}};
  taken.labels.reserve(rows.size());
  for (const std::uint32_t row : rows) taken.labels.push_back(labels[row]);
  return taken;
}

std::vector<std::uint32_t> rows_of_fold(std::span<const std::uint32_t> folds, std::uint32_t fold) {
  std::vector<std::uint32_t> rows;
  for (std::size_t row = 0; row < folds.size(); ++row)
    if (folds[row] == fold) rows.push_back(static_cast<std::uint32_t>(row));
  return rows;
}

std::vector<std::uint32_t> rows_outside_fold(std::span<const std::uint32_t> folds,
                                             std::uint32_t fold) {
  std::vector<std::uint32_t> rows;
  for (std::size_t row = 0; row < folds.size(); ++row)
    if (folds[row] != fold) rows.push_back(static_cast<std::uint32_t>(row));
  return rows;
}

}  // namespace tenure::learn
