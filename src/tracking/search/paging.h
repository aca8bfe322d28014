#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "tracking/page.h"
#include "tracking/search/page_token.h"
#include "tracking/search/statement.h"
#include "tracking/search/vocabulary.h"

// What every search does around its own statement.
namespace tenure::tracking {

/// A query whose three texts were understood.
struct ReadQuery {
  std::vector<Condition> conditions;
  std::vector<Order> order_by;
  std::int64_t max_results = 0;
  std::int64_t offset = 0;
};

/// Errors: those of filters, orders and page tokens; max_results below 1 or above the language's
/// greatest page.
core::Result<ReadQuery> read_query(const SearchQuery& query, SearchLanguage language);

/// Ends the statement: one row more than the page shows whether another follows.
void add_page(Statement& statement, const ReadQuery& query);

/// Takes that row off again; the token of the next page, empty on the last.
template <class Row>
std::string end_page(std::vector<Row>& rows, const ReadQuery& query) {
  const auto greatest = static_cast<std::size_t>(query.max_results);
  if (rows.size() <= greatest) return "";
  rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(greatest), rows.end());
  return page_token(query.offset + query.max_results);
}

/// Errors: kInvalidArgument `Invalid experiment ID 'abc'. Experiment ID must be a valid integer.`
core::Result<std::vector<std::int64_t>> read_experiment_ids(std::span<const std::string> ids);

/// Adds `column = id` or `column IN (...)`.
void add_experiments(Statement& statement, std::string_view column,
                     const std::vector<std::int64_t>& ids);

}  // namespace tenure::tracking
