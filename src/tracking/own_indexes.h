#pragma once

#include <string_view>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"

// The indexes that we add to MLflow's tables. MLflow's migrations copy tables on SQLite and drop
// what they do not know, so whoever opens a database looks for all of them and makes again what is
// gone.
namespace tenure::tracking {

/// Statements that make those which are missing. `has_step_index`: MLflow's own index on a metric's
/// steps is there (since MLflow 3.11), and takes the place of ours. Texts live for ever.
std::vector<std::string_view> own_index_statements(std::string_view backend, bool has_step_index);

/// Whether all of them are there.
core::Result<bool> has_own_indexes(storage::SqlExecutor& sql, std::string_view backend,
                                   bool has_step_index);

}  // namespace tenure::tracking
