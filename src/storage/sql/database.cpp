#include "storage/sql/database.h"

#include <array>

#include "core/assert.h"
#include "storage/sql/sqlite_database.h"
#include "storage/store_url.h"

namespace tenure::storage {

bool SqlRow::is_null(std::size_t column) const {
  TENURE_ASSERT(column < values_.size());
  return std::holds_alternative<std::nullptr_t>(values_[column]);
}

std::int64_t SqlRow::integer(std::size_t column) const {
  TENURE_ASSERT(column < values_.size());
  const auto* value = std::get_if<std::int64_t>(&values_[column]);
  TENURE_ASSERT(value != nullptr);
  return *value;
}

double SqlRow::number(std::size_t column) const {
  TENURE_ASSERT(column < values_.size());
  if (const auto* integer = std::get_if<std::int64_t>(&values_[column]))
    return static_cast<double>(*integer);
  const auto* value = std::get_if<double>(&values_[column]);
  TENURE_ASSERT(value != nullptr);
  return *value;
}

const std::string& SqlRow::text(std::size_t column) const {
  TENURE_ASSERT(column < values_.size());
  const auto* value = std::get_if<std::string>(&values_[column]);
  TENURE_ASSERT(value != nullptr);
  return *value;
}

std::string SqlRow::text_or(std::size_t column, std::string_view if_null) const {
  return is_null(column) ? std::string(if_null) : text(column);
}

std::optional<std::int64_t> SqlRow::integer_if(std::size_t column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

core::Result<std::unique_ptr<Database>> open_database(std::string_view url, const std::string& base,
                                                      Access access) {
  constexpr auto kSchemes = std::to_array<std::string_view>({"sqlite"});
  auto where = parse_store_url(url, base, kSchemes, "database");
  if (!where) return std::move(where).error();
  return open_sqlite_database(where->in_memory ? std::filesystem::path() : where->path, access);
}

}  // namespace tenure::storage
