#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.h"
#include "storage/sql/database.h"

// What an MLflow schema has, told by its tables and columns: revisions are too many, and the next
// ones are not known yet.
namespace tenure::tracking {

core::Result<bool> has_table(storage::SqlExecutor& sql, std::string_view backend,
                             const std::string& table);
core::Result<bool> has_column(storage::SqlExecutor& sql, std::string_view backend,
                              const std::string& table, const std::string& column);

/// What params and tags are indexed by on SQLite: the first bytes of their values.
inline constexpr std::size_t kIndexedBytes = 64;

/// The expression of those bytes, for the table or its alias. It is the index's to the letter, else
/// the index is not used.
std::string indexed_value(std::string_view table);

/// Whether table tenure_mlflow_features tells what the schema has now. It does not after
/// `mlflow db upgrade`. The table must exist.
core::Result<bool> features_are_current(storage::Database& database);

/// Brings what is ours in line with MLflow's tables: notes their features, moves rows that our
/// tables kept for want of MLflow's to those, and makes the indexes that MLflow lacks. Changes
/// nothing the second time.
core::Result<> adopt_features(storage::Database& database);

}  // namespace tenure::tracking
