#include "tracking/experiment_rows.h"
#include "tracking/page_rows.h"
#include "tracking/search/paging.h"
#include "tracking/search/searches.h"

namespace tenure::tracking {
namespace {

using storage::SqlRow;

void add_condition(Statement& statement, const Condition& condition) {
  if (condition.name.field == Field::kAttribute) {
    statement.compare(condition.name.attribute->column, condition);
    return;
  }
  statement.add(condition.comparator == Comparator::kIsNull ? "NOT EXISTS" : "EXISTS")
      .add(" (SELECT 1 FROM experiment_tags t WHERE t.experiment_id = e.experiment_id AND t.key = ")
      .bind(condition.name.key);
  if (condition.comparator != Comparator::kIsNull && condition.comparator != Comparator::kIsNotNull)
    statement.add(" AND ").compare("t.value", condition);
  statement.close_exists();
}

void add_order(Statement& statement, const ReadQuery& query) {
  statement.add(" ORDER BY ");
  if (query.order_by.empty()) {
    statement.add("e.creation_time DESC NULLS LAST, e.experiment_id ASC");
    return;
  }
  for (const Order& order : query.order_by) {
    statement.order(*order.name.attribute, order.is_ascending).add(", ");
  }
  statement.add("e.experiment_id DESC");
}

}  // namespace

core::Result<Page<Experiment>> search_experiments(storage::Database& database, ViewType view,
                                                  const SearchQuery& query) {
  auto read = read_query(query, SearchLanguage::kExperiments);
  if (!read) return std::move(read).error();
  Statement statement(database);
  statement.add(
      "SELECT e.experiment_id, e.name, e.artifact_location, e.lifecycle_stage, e.creation_time, "
      "e.last_update_time FROM experiments e WHERE ");
  switch (view) {
    case ViewType::kActiveOnly:
      statement.add("e.lifecycle_stage = 'active'");
      break;
    case ViewType::kDeletedOnly:
      statement.add("e.lifecycle_stage = 'deleted'");
      break;
    case ViewType::kAll:
      statement.add("1 = 1");
      break;
  }
  for (const Condition& condition : read->conditions)
    add_condition(statement.add(" AND "), condition);
  add_order(statement, *read);
  add_page(statement, *read);
  auto rows = statement.run(database);
  if (!rows) return std::move(rows).error();

  Page<Experiment> page;
  page.next_page_token = end_page(*rows, *read);
  std::vector<storage::SqlValue> keys;
  for (const SqlRow& row : *rows) {
    page.items.push_back(experiment_from_row(row));
    keys.emplace_back(row.integer(0));
  }
  auto tags = read_page_rows(database,
                             {.columns = "key, value",
                              .table = "experiment_tags",
                              .condition = "t.experiment_id = page.k0",
                              .key_types = "i"},
                             keys, [&](std::size_t item, const storage::SqlRowView& row) {
                               page.items[item].tags.emplace(row.text(0), row.text_or(1, ""));
                             });
  if (!tags) return std::move(tags).error();
  return page;
}

}  // namespace tenure::tracking
