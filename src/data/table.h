#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "data/cell.h"

namespace tenure::data {

enum class ColumnType : std::uint8_t { kBoolean, kInteger, kNumber, kText, kTimestamp };

std::string_view column_type_name(ColumnType type);  ///< "boolean", "integer", ...
core::Result<ColumnType> parse_column_type(std::string_view name);

/// Texts as codes into a dictionary: code i means dictionary[codes[i]]. Categories repeat, so this
/// is small and makes encoding a table look-up.
struct TextValues {
  std::vector<std::uint32_t> codes;
  std::vector<std::string> dictionary;
};

/// One named column of n values. A missing value has valid[i] == 0; its slot holds 0, NaN or code
/// 0.
struct Column {
  std::string name;
  ColumnType type = ColumnType::kNumber;
  /// kBoolean: uint8 0/1; kInteger and kTimestamp (microseconds UTC): int64; kNumber: double;
  /// kText: TextValues.
  std::variant<std::vector<std::uint8_t>, std::vector<std::int64_t>, std::vector<double>,
               TextValues>
      values;
  std::vector<std::uint8_t> valid;  ///< one byte a row; empty = no value is missing

  std::size_t size() const;
  bool is_null(std::size_t row) const { return !valid.empty() && valid[row] == 0; }
  double number(std::size_t row) const;  ///< any type but text, as double; missing gives NaN
  std::string_view text(std::size_t row) const;  ///< kText only
  Cell cell(std::size_t row) const;              ///< borrowed from the column
  /// The value as a person would write it; missing gives "".
  std::string display(std::size_t row) const;

  static Column of_numbers(std::string name, std::vector<double> values);  ///< NaN = missing
  static Column of_integers(std::string name, std::vector<std::int64_t> values);
  static Column of_texts(std::string name, const std::vector<std::string>& values);
  static Column of_timestamps(std::string name, std::vector<core::Micros> values);
};

/// Columns of equal length: the exchange between the SQL engine, the learner and files. A value
/// type.
struct Table {
  std::vector<Column> columns;

  std::size_t row_count() const { return columns.empty() ? 0 : columns.front().size(); }
  const Column* find(std::string_view name) const;  ///< nullptr if there is none
  /// Errors: kNotFound naming the column and the ones there are.
  core::Result<const Column*> column(std::string_view name) const;
};

}  // namespace tenure::data
