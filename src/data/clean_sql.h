#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/table.h"

/// The rules by which texts become values, as SQL expressions. `v` is always the name of a column.
namespace tenure::data {

/// The text of `expression` without blanks around it; missing when it is one of the markers.
std::string text_sql(std::string_view expression, const std::vector<std::string>& markers);

/// The text `v` as a value of the type; missing when it is none.
///   boolean    true/false, yes/no, t/f, y/n, 1/0, in any case
///   integer    whole numbers, also written 7.0 or 1e3
///   number     finite; a point for the decimals, no separators of thousands
///   timestamp  ISO 8601, UTC without a zone
std::string value_sql(std::string_view v, ColumnType type);

/// The text `v` when it is present and no value of the type (not for text), else missing. NaN is a
/// missing number, not a bad one.
std::string bad_sql(std::string_view v, ColumnType type);

/// The finite number that the text `v` is, or NULL: what DuckDB's cast accepts beyond the usual
/// (digits grouped by underscores) is left out.
std::string number_sql(std::string_view v);

/// The same where the column `cast` already holds TRY_CAST(v AS DOUBLE); casting is what takes
/// time.
std::string number_sql(std::string_view v, std::string_view cast);

/// The same two for a column `x` that holds values of `from` already (source.h, is_native), not
/// texts; "" where only the text can tell.
std::string native_value_sql(std::string_view x, ColumnType from, ColumnType to);
std::string native_bad_sql(std::string_view x, ColumnType from);

/// `value` of the column `v`; the query ends where `bad` is there. Both as made above.
std::string checked_sql(std::string_view v, std::string_view value, std::string_view bad);

/// "an integer", "true or false", ...: what a value should have been.
std::string_view type_expectation(ColumnType type);

}  // namespace tenure::data
