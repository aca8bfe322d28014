#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tracking/page.h"
#include "tracking/search/paging.h"
#include "tracking/search/statement.h"

// The parts of statements that find runs: table runs is r.
namespace tenure::tracking {

/// What is searched for, understood.
struct RunQuery {
  std::vector<std::int64_t> experiments;
  ViewType view = ViewType::kActiveOnly;
  ReadQuery read;
};

/// latest_metrics, params or tags.
std::string_view table_of(Field field);

/// What a run's field is kept as: the name is a tag, which is all that old rows have of it.
FieldName name_of_data(const FieldName& name);

/// Whether the condition names the runs, so that they are found by their ids.
bool picks_by_id(const Condition& condition);

/// Whether only runs that have the metric, and not as NaN, satisfy the condition: then it is a
/// range of index_tenure_latest_metrics_value.
bool is_metric_range(const Condition& condition);

/// Adds the condition that a run satisfies. `by_id`: it is found by its id, so no index is wanted.
void add_conditions(Statement& statement, const RunQuery& query, bool by_id);

/// Joins what the items of order_by from the n-th on are ordered by: table o<n> for each that is no
/// attribute.
void add_order_tables(Statement& statement, const ReadQuery& query, std::size_t n = 0);

/// Adds the keys of ORDER BY from the n-th item on, and those that make the order total.
void add_orders(Statement& statement, const ReadQuery& query, std::size_t n = 0);

}  // namespace tenure::tracking
