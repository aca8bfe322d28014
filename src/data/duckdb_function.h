#pragma once

#include <duckdb.h>
#include <span>
#include <string>

#include "core/result.h"
#include "data/sql_function.h"
#include "data/table.h"

/// Functions of ours inside DuckDB's SQL. Only the engine includes this header.
namespace tenure::data {

/// Makes `name` callable on all connections of the database, with parameters that are kText (as
/// VARCHAR) or anything else (as DOUBLE); it returns DOUBLE. Errors: kInternal when DuckDB does not
/// take it.
core::Result<> register_function(duckdb_connection connection, const std::string& name,
                                 std::span<const ColumnType> parameters, RowFunction function);

}  // namespace tenure::data
