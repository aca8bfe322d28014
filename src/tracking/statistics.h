#pragma once

#include "core/result.h"
#include "storage/sql/database.h"

namespace tenure::tracking {

/// Has PostgreSQL look at those of MLflow's tables that hold rows and have no statistics: what was
/// restored or moved there a moment ago, which its own worker finds within a minute or so, and
/// those with a new index over expressions. Until then its plans read whole tables for one run.
/// Takes a fraction of a second for each, once.
///
/// Nothing on SQLite, whose plans are made for a database without statistics: `mlflow` and sqlite3
/// gather none, and searches are written so that they need none.
core::Result<> gather_missing_statistics(storage::Database& database);

}  // namespace tenure::tracking
