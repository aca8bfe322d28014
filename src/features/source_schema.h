#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "data/engine.h"
#include "data/table.h"

namespace tenure::features {

/// A column as the SQL engine sees it.
struct SourceColumn {
  std::string name;
  std::string sql_type;                  ///< "BIGINT", "TIMESTAMP WITH TIME ZONE", "INTEGER[]"
  std::optional<data::ColumnType> type;  ///< empty for lists, structs and bytes
};

/// Columns of a query or quoted table. Errors: those of the engine.
core::Result<std::vector<SourceColumn>> describe_query(data::Engine& engine, std::string_view sql);

/// Columns of a Parquet file. Errors: kNotFound; kCorruption when it is no Parquet file.
core::Result<std::vector<SourceColumn>> describe_parquet(data::Engine& engine,
                                                         const std::string& path);

const SourceColumn* find_column(const std::vector<SourceColumn>& columns, std::string_view name);

/// "a, b, c": for messages.
std::string column_list(const std::vector<SourceColumn>& columns);

/// A query or quoted table as it may stand after FROM.
std::string as_relation(std::string_view sql);

/// The SQL type values of a column type are cast to.
std::string_view sql_type_of(data::ColumnType type);

}  // namespace tenure::features
