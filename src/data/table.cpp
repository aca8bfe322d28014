#include "data/table.h"

#include <array>
#include <cmath>
#include <limits>
#include <unordered_map>

#include <fmt/format.h>

#include "core/assert.h"
#include "core/time_format.h"

namespace tenure::data {
namespace {

constexpr std::array<std::string_view, 5> kTypeNames = {"boolean", "integer", "number", "text",
                                                        "timestamp"};

/// "a, b, c", cut short when there are many, so that an error stays readable.
std::string column_names(const Table& table) {
  constexpr std::size_t kShown = 30;
  std::string names;
  for (std::size_t i = 0; i < table.columns.size() && i < kShown; ++i) {
    if (i > 0) names += ", ";
    names += table.columns[i].name;
  }
  if (table.columns.size() > kShown)
    names += fmt::format(", and {} more", table.columns.size() - kShown);
  return names;
}

}  // namespace

std::string_view column_type_name(ColumnType type) {
  return kTypeNames.at(static_cast<std::size_t>(type));
}

core::Result<ColumnType> parse_column_type(std::string_view name) {
  for (std::size_t i = 0; i < kTypeNames.size(); ++i)
    if (kTypeNames[i] == name) return static_cast<ColumnType>(i);
  return core::Error{
      core::ErrorCode::kInvalidArgument,
      fmt::format("'{}' is no column type; expected boolean, integer, number, text or timestamp",
                  name)};
}

std::size_t Column::size() const {
  if (const auto* texts = std::get_if<TextValues>(&values)) return texts->codes.size();
  if (const auto* numbers = std::get_if<std::vector<double>>(&values)) return numbers->size();
  if (const auto* whole = std::get_if<std::vector<std::int64_t>>(&values)) return whole->size();
  return std::get<std::vector<std::uint8_t>>(values).size();
}

double Column::number(std::size_t row) const {
  if (is_null(row)) return std::numeric_limits<double>::quiet_NaN();
  if (const auto* numbers = std::get_if<std::vector<double>>(&values)) return (*numbers)[row];
  if (const auto* whole = std::get_if<std::vector<std::int64_t>>(&values))
    return static_cast<double>((*whole)[row]);
  const auto* flags = std::get_if<std::vector<std::uint8_t>>(&values);
  TENURE_ASSERT(flags != nullptr);
  return static_cast<double>((*flags)[row]);
}

std::string_view Column::text(std::size_t row) const {
  if (is_null(row)) return {};
  const auto& texts = std::get<TextValues>(values);
  return texts.dictionary[texts.codes[row]];
}

Cell Column::cell(std::size_t row) const {
  if (is_null(row)) return Cell::null();
  if (type == ColumnType::kText) return Cell::of(text(row));
  const double value = number(row);
  return std::isnan(value) ? Cell::null() : Cell::of(value);
}

std::string Column::display(std::size_t row) const {
  if (is_null(row)) return {};
  switch (type) {
    case ColumnType::kText:
      return std::string(text(row));
    case ColumnType::kBoolean:
      return std::get<std::vector<std::uint8_t>>(values)[row] != 0 ? "true" : "false";
    case ColumnType::kInteger:
      return fmt::format("{}", std::get<std::vector<std::int64_t>>(values)[row]);
    case ColumnType::kTimestamp:
      return core::format_utc(std::get<std::vector<std::int64_t>>(values)[row]);
    case ColumnType::kNumber:
      break;
  }
  const double value = number(row);
  return std::isnan(value) ? std::string() : fmt::format("{}", value);
}

Column Column::of_numbers(std::string name, std::vector<double> values) {
  Column column;
  column.name = std::move(name);
  column.type = ColumnType::kNumber;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (!std::isnan(values[row])) continue;
    if (column.valid.empty()) column.valid.assign(values.size(), 1);
    column.valid[row] = 0;
  }
  column.values = std::move(values);
  return column;
}

Column Column::of_integers(std::string name, std::vector<std::int64_t> values) {
  Column column;
  column.name = std::move(name);
  column.type = ColumnType::kInteger;
  column.values = std::move(values);
  return column;
}

Column Column::of_texts(std::string name, const std::vector<std::string>& values) {
  TextValues texts;
  texts.codes.reserve(values.size());
  std::unordered_map<std::string_view, std::uint32_t> codes;
  for (const std::string& value : values) {
    const auto [known, is_new] =
        codes.try_emplace(value, static_cast<std::uint32_t>(texts.dictionary.size()));
    if (is_new) texts.dictionary.push_back(value);
    texts.codes.push_back(known->second);
  }
  Column column;
  column.name = std::move(name);
  column.type = ColumnType::kText;
  column.values = std::move(texts);
  return column;
}

Column Column::of_timestamps(std::string name, std::vector<core::Micros> values) {
  Column column = of_integers(std::move(name), std::move(values));
  column.type = ColumnType::kTimestamp;
  return column;
}

const Column* Table::find(std::string_view name) const {
  for (const Column& candidate : columns)
    if (candidate.name == name) return &candidate;
  return nullptr;
}

core::Result<const Column*> Table::column(std::string_view name) const {
  if (const Column* found = find(name)) return found;
  return core::Error{
      core::ErrorCode::kNotFound,
      fmt::format("the table has no column '{}'; it has {}", name, column_names(*this))};
}

}  // namespace tenure::data
