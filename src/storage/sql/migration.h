#pragma once

#include <span>
#include <string_view>

#include "core/result.h"
#include "storage/sql/database.h"

namespace tenure::storage {

/// One forward step of a schema. Statements end with ';' and contain no other ';'.
struct Migration {
  int version;  ///< 1, 2, 3, ... without gaps
  std::string_view description;
  std::string_view sql;
};

/// Brings the tables of one component up to date, each migration in a transaction of its own;
/// concurrent callers wait for each other. The version reached is kept in `tenure_schema(component,
/// version, description, applied_at)`. Errors: kConflict when the database is newer than this
/// program; those of the statements, naming the migration.
core::Result<> migrate(Database& database, std::string_view component,
                       std::span<const Migration> migrations, std::int64_t now_micros);

}  // namespace tenure::storage
