#include <algorithm>

#include "tracking/run_rows.h"
#include "tracking/search/paging.h"
#include "tracking/search/run_walks.h"
#include "tracking/search/searches.h"

namespace tenure::tracking {
namespace {

Statement ids_statement(const storage::Database& database, const RunQuery& query,
                        const std::optional<RunIds>& few) {
  Statement statement(database);
  statement.add("SELECT r.run_uuid FROM runs r");
  add_order_tables(statement, query.read);
  statement.add(" WHERE ");
  const auto& conditions = query.read.conditions;
  const bool is_picked = std::any_of(conditions.begin(), conditions.end(), picks_by_id);
  if (few && !is_picked) {
    statement.add("r.run_uuid IN (SELECT value FROM json_each(").bind(json_list(*few)).add("))");
    statement.add(" AND ");
  }
  add_conditions(statement, query, is_picked || few);
  statement.add(" ORDER BY ");
  add_orders(statement, query.read);
  add_page(statement, query.read);
  return statement;
}

/// The ids of a page, and of one run more if there is one.
core::Result<RunIds> find_ids(storage::Database& database, const RunQuery& query) {
  auto few = find_few(database, query);
  if (!few) return std::move(few).error();
  if (!*few) {
    auto walked = walk_order(database, query);
    if (!walked) return std::move(walked).error();
    if (*walked) return **std::move(walked);
  }
  RunIds ids;
  auto done = ids_statement(database, query, *few).for_each(database, [&](const auto& row) {
    ids.emplace_back(row.text(0));
    return true;
  });
  if (!done) return std::move(done).error();
  return ids;
}

/// The ids of the page that is searched for.
core::Result<Page<std::string>> search_ids(storage::Database& database,
                                           std::span<const std::string> experiment_ids,
                                           ViewType view, const SearchQuery& query) {
  auto read = read_query(query, SearchLanguage::kRuns);
  if (!read) return std::move(read).error();
  auto experiments = read_experiment_ids(experiment_ids);
  if (!experiments) return std::move(experiments).error();
  Page<std::string> page;
  if (experiments->empty()) return page;
  const RunQuery asked{std::move(*experiments), view, std::move(*read)};
  auto found = find_ids(database, asked);
  if (!found) return std::move(found).error();
  page.next_page_token = end_page(*found, asked.read);
  page.items = std::move(*found);
  return page;
}

}  // namespace

core::Result<Page<Run>> search_runs(storage::Database& database,
                                    std::span<const std::string> experiment_ids, ViewType view,
                                    const SearchQuery& query) {
  auto ids = search_ids(database, experiment_ids, view, query);
  if (!ids) return std::move(ids).error();
  auto runs = read_runs(database, ids->items);
  if (!runs) return std::move(runs).error();
  // As MLflow's search, which tells data sets and models made, not models read.
  for (Run& run : *runs) run.inputs.model_ids.clear();
  return Page<Run>{*std::move(runs), std::move(ids->next_page_token)};
}

core::Result<RunListing> list_runs(storage::Database& database,
                                   std::span<const std::string> experiment_ids, ViewType view,
                                   const SearchQuery& query) {
  auto ids = search_ids(database, experiment_ids, view, query);
  if (!ids) return std::move(ids).error();
  auto listing = read_run_listing(database, ids->items);
  if (!listing) return std::move(listing).error();
  for (ListedRun& listed : listing->runs) listed.run.inputs.model_ids.clear();
  listing->next_page_token = std::move(ids->next_page_token);
  return listing;
}

}  // namespace tenure::tracking
