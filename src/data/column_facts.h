#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "data/engine.h"
#include "data/table.h"

namespace tenure::data {

/// What the values of a text column look like, over its present values.
struct ColumnFacts {
  std::int64_t rows = 0;
  std::int64_t present = 0;   ///< rows with a value
  std::int64_t distinct = 0;  ///< different values
  std::int64_t numbers = 0;   ///< rows whose value is a finite number
  std::int64_t integers = 0;  ///< rows whose value is written as an integer
  std::int64_t booleans = 0;  ///< rows that are true or false, in words
  std::int64_t times = 0;     ///< rows that are an ISO 8601 date or time
  /// Different values that are digits but no number one calculates with: 00123, or more than 18
  /// digits.
  std::int64_t codes = 0;
  std::int64_t length_max = 0;  ///< characters
  double length_mean = 0;       ///< over the different values
  double count_median = 0;      ///< rows of the middle value, by how often values occur
};

/// A column of a relation, and the texts that mean missing in it (blanks around them ignored).
struct ColumnInput {
  std::string expression;
  std::vector<std::string> markers;
};

/// Looks at columns of a relation (a table: every column is read once), in their order.
core::Result<std::vector<ColumnFacts>> read_column_facts(Engine& engine, std::string_view relation,
                                                         const std::vector<ColumnInput>& columns);

/// The narrowest type that every present value has. Only the words true and false make a boolean:
/// 0/1 stay integers, and yes/no stay texts, as a caller would send them. Values such as 00123 are
/// codes, so text. A column without values is text.
ColumnType narrowest_type(const ColumnFacts& facts);

}  // namespace tenure::data
