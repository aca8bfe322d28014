#pragma once

#include <duckdb.h>
#include <memory>
#include <vector>

#include "core/result.h"
#include "data/table.h"

/// Between DuckDB's vectors and our columns. Only the engine includes this header.
namespace tenure::data {

/// True for the types that ColumnReader understands; a query casts all others to text first.
bool is_readable_type(duckdb_type type);

/// Collects one column of a result, chunk by chunk.
class ColumnReader {
 public:
  virtual ~ColumnReader() = default;

  /// Appends `rows` values of the vector.
  /// Errors: kInvalidArgument for a value that does not fit (a HUGEINT beyond 64 bits, an infinite
  /// date), naming the column.
  virtual core::Result<> append(duckdb_vector vector, idx_t rows) = 0;

  /// The column; the reader is empty afterwards.
  virtual Column take() = 0;

  static std::unique_ptr<ColumnReader> make(std::string name, duckdb_logical_type type);
};

/// The type of a column of ours inside the engine.
duckdb_type engine_type(ColumnType type);
const char* engine_type_name(ColumnType type);

/// Writes rows [first, first + count) into a vector of engine_type().
void write_vector(const Column& column, std::size_t first, std::size_t count, duckdb_vector vector);

}  // namespace tenure::data
