#include "features/source_schema.h"

#include <array>
#include <filesystem>
#include <utility>

#include <fmt/core.h>

namespace tenure::features {
namespace {

std::optional<data::ColumnType> column_type_of(std::string_view sql_type) {
  using data::ColumnType;
  constexpr std::array kTypes = std::to_array<std::pair<std::string_view, ColumnType>>({
      {"BOOLEAN", ColumnType::kBoolean},
      {"TINYINT", ColumnType::kInteger},
      {"SMALLINT", ColumnType::kInteger},
      {"INTEGER", ColumnType::kInteger},
      {"BIGINT", ColumnType::kInteger},
      {"HUGEINT", ColumnType::kInteger},
      {"UTINYINT", ColumnType::kInteger},
      {"USMALLINT", ColumnType::kInteger},
      {"UINTEGER", ColumnType::kInteger},
      {"UBIGINT", ColumnType::kInteger},
      {"FLOAT", ColumnType::kNumber},
      {"DOUBLE", ColumnType::kNumber},
      {"VARCHAR", ColumnType::kText},
      {"UUID", ColumnType::kText},
      {"DATE", ColumnType::kTimestamp},
      {"TIMESTAMP", ColumnType::kTimestamp},
      {"TIMESTAMP_S", ColumnType::kTimestamp},
      {"TIMESTAMP_MS", ColumnType::kTimestamp},
      {"TIMESTAMP_NS", ColumnType::kTimestamp},
      {"TIMESTAMP WITH TIME ZONE", ColumnType::kTimestamp},
  });
  if (sql_type.ends_with("]")) return std::nullopt;
  for (const auto& [name, type] : kTypes) {
    if (name == sql_type) return type;
  }
  if (sql_type.starts_with("DECIMAL(")) return ColumnType::kNumber;
  if (sql_type.starts_with("ENUM(")) return ColumnType::kText;
  return std::nullopt;
}

}  // namespace

core::Result<std::vector<SourceColumn>> describe_query(data::Engine& engine, std::string_view sql) {
  auto description = engine.query(fmt::format(
      "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {})", as_relation(sql)));
  if (!description) return std::move(description).error();
  std::vector<SourceColumn> columns;
  for (std::size_t i = 0; i < description->row_count(); ++i) {
    std::string type(description->columns[1].text(i));
    const auto column_type = column_type_of(type);
    columns.push_back({std::string(description->columns[0].text(i)), std::move(type), column_type});
  }
  return columns;
}

core::Result<std::vector<SourceColumn>> describe_parquet(data::Engine& engine,
                                                         const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return core::Error{core::ErrorCode::kNotFound, fmt::format("no such file: {}", path)};
  }
  return describe_query(engine,
                        fmt::format("SELECT * FROM read_parquet({})", data::quote_text(path)));
}

const SourceColumn* find_column(const std::vector<SourceColumn>& columns, std::string_view name) {
  for (const SourceColumn& column : columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

std::string column_list(const std::vector<SourceColumn>& columns) {
  std::string list;
  for (const SourceColumn& column : columns) {
    if (!list.empty()) list += ", ";
    list += column.name;
  }
  return list;
}

std::string as_relation(std::string_view sql) {
  const auto first = sql.find_first_not_of(" \t\r\n");
  sql.remove_prefix(first == std::string_view::npos ? sql.size() : first);
  const auto last = sql.find_last_not_of(" \t\r\n;");
  sql = sql.substr(0, last == std::string_view::npos ? 0 : last + 1);
  // The line break ends a comment at the end of the query.
  return sql.starts_with('"') ? std::string(sql) : fmt::format("({}\n)", sql);
}

std::string_view sql_type_of(data::ColumnType type) {
  switch (type) {
    case data::ColumnType::kBoolean:
      return "BOOLEAN";
    case data::ColumnType::kInteger:
      return "BIGINT";
    case data::ColumnType::kNumber:
      return "DOUBLE";
    case data::ColumnType::kText:
      return "VARCHAR";
    case data::ColumnType::kTimestamp:
      return "TIMESTAMPTZ";
  }
  return "VARCHAR";
}

}  // namespace tenure::features
