#pragma once

#include <span>
#include <string>
#include <vector>

#include "storage/sql/database.h"

struct pg_result;

namespace tenure::storage {

/// PostgreSQL's numbers for its types, from its catalogue pg_type; they never change.
struct PostgresqlType {
  static constexpr unsigned kUnknown = 0;  ///< PostgreSQL is to find it
  static constexpr unsigned kBool = 16;
  static constexpr unsigned kInt8 = 20;
  static constexpr unsigned kInt2 = 21;
  static constexpr unsigned kInt4 = 23;
  static constexpr unsigned kText = 25;
  static constexpr unsigned kOid = 26;
  static constexpr unsigned kFloat4 = 700;
  static constexpr unsigned kFloat8 = 701;
  static constexpr unsigned kNumeric = 1700;
};

/// The type a value has by itself; a null has none.
unsigned own_postgresql_type(const SqlValue& value);

/// Whether a parameter of this type can hold the value.
bool fits_postgresql_type(unsigned type, const SqlValue& value);

/// Whether values of all these types are read in PostgreSQL's binary form here. Numbers are faster
/// to read so; others come as text.
bool has_binary_form(unsigned type);

/// One value of a result, which keeps the text.
SqlCell postgresql_cell(const pg_result* result, int row, int column, unsigned type,
                        bool is_binary);

}  // namespace tenure::storage
