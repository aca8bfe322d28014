#include "storage/sql/database.h"

#include <array>

#include "core/assert.h"
#include "storage/sql/postgresql_database.h"
#include "storage/sql/sqlite_database.h"
#include "storage/store_url.h"

namespace tenure::storage {

namespace {

/// The value a column has as `T`; aborts when it has another type.
template <typename T, typename Values>
const T& typed(const Values& values, std::size_t column) {
  TENURE_ASSERT(column < values.size());
  const T* const value = std::get_if<T>(&values[column]);
  TENURE_ASSERT(value != nullptr);
  return *value;
}

template <typename Values>
bool holds_null(const Values& values, std::size_t column) {
  TENURE_ASSERT(column < values.size());
  return std::holds_alternative<std::nullptr_t>(values[column]);
}

template <typename Values>
double as_number(const Values& values, std::size_t column) {
  TENURE_ASSERT(column < values.size());
  if (const auto* integer = std::get_if<std::int64_t>(&values[column]))
    return static_cast<double>(*integer);
  return typed<double>(values, column);
}

SqlValue copy_of(const SqlCell& cell) {
  if (const auto* text = std::get_if<std::string_view>(&cell)) return std::string(*text);
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return *integer;
  if (const auto* number = std::get_if<double>(&cell)) return *number;
  return nullptr;
}

}  // namespace

bool SqlRow::is_null(std::size_t column) const {
  return holds_null(values_, column);
}

std::int64_t SqlRow::integer(std::size_t column) const {
  return typed<std::int64_t>(values_, column);
}

double SqlRow::number(std::size_t column) const {
  return as_number(values_, column);
}

const std::string& SqlRow::text(std::size_t column) const {
  return typed<std::string>(values_, column);
}

std::string SqlRow::text_or(std::size_t column, std::string_view if_null) const {
  return is_null(column) ? std::string(if_null) : text(column);
}

std::optional<std::int64_t> SqlRow::integer_if(std::size_t column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

bool SqlRowView::is_null(std::size_t column) const {
  return holds_null(cells_, column);
}

std::int64_t SqlRowView::integer(std::size_t column) const {
  return typed<std::int64_t>(cells_, column);
}

double SqlRowView::number(std::size_t column) const {
  return as_number(cells_, column);
}

std::string_view SqlRowView::text(std::size_t column) const {
  return typed<std::string_view>(cells_, column);
}

std::string_view SqlRowView::text_or(std::size_t column, std::string_view if_null) const {
  return is_null(column) ? if_null : text(column);
}

std::optional<std::int64_t> SqlRowView::integer_if(std::size_t column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

core::Result<std::vector<SqlRow>> SqlExecutor::query(std::string_view sql,
                                                     std::span<const SqlValue> parameters) {
  std::vector<SqlRow> rows;
  auto done = for_each(sql, parameters, [&](const SqlRowView& row) {
    std::vector<SqlValue> values;
    values.reserve(row.size());
    for (const SqlCell& cell : row.cells()) values.push_back(copy_of(cell));
    rows.emplace_back(std::move(values));
    return true;
  });
  if (!done) return std::move(done).error();
  return rows;
}

core::Result<> SqlExecutor::run_all(std::span<SqlStatement> statements) {
  for (SqlStatement& statement : statements) {
    if (statement.on_row) {
      auto done = for_each(statement.sql, statement.parameters, statement.on_row);
      if (!done) return done;
      continue;
    }
    auto changed = execute(statement.sql, statement.parameters);
    if (!changed) return std::move(changed).error();
    statement.changed = *changed;
  }
  return {};
}

core::Result<std::unique_ptr<Database>> open_database(std::string_view url, const std::string& base,
                                                      Access access) {
  if (const std::string_view scheme = url.substr(0, url.find("://"));
      scheme == "postgresql" || scheme == "postgres" || scheme.starts_with("postgresql+")) {
    return open_postgresql_database(url, access);
  }
  constexpr auto kSchemes = std::to_array<std::string_view>({"sqlite", "postgresql"});
  auto where = parse_store_url(url, base, kSchemes, "database");
  if (!where) return std::move(where).error();
  return open_sqlite_database(where->in_memory ? std::filesystem::path() : where->path, access);
}

}  // namespace tenure::storage
