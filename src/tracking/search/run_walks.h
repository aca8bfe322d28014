#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/search/run_statement.h"

// Ways to runs that databases do not find by themselves. SQLite has no statistics; PostgreSQL has,
// and is only helped to an order by a metric, as it hands over all rows of a statement before the
// first is seen.
namespace tenure::tracking {

using RunIds = std::vector<std::string>;

/// Where a condition on a metric, param or tag leaves few runs, these: others need not be looked
/// at. They may be of other experiments, and other conditions may leave out some.
core::Result<std::optional<RunIds>> find_few(storage::Database& database, const RunQuery& query);

/// The texts as a JSON list.
std::string json_list(const RunIds& ids);

/// The ids of a page that is ordered by a metric, param or tag, and of one run more if there is
/// one, by going through an index in that order. std::nullopt where that does not lead to them
/// soon.
core::Result<std::optional<RunIds>> walk_order(storage::Database& database, const RunQuery& query);

}  // namespace tenure::tracking
