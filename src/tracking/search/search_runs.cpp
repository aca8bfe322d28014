#include <algorithm>

#include <fmt/format.h>

#include "tracking/run_rows.h"
#include "tracking/search/paging.h"
#include "tracking/search/searches.h"

namespace tenure::tracking {
namespace {

std::string_view table_of(Field field) {
  switch (field) {
    case Field::kMetric:
      return "latest_metrics";
    case Field::kParam:
      return "params";
    default:
      return "tags";
  }
}

/// Opens a subquery over the run's rows of `key`, for a condition on t.value to follow.
Statement& open_rows(Statement& statement, std::string_view word, Field field,
                     const std::string& key) {
  return statement.add(word)
      .add(" (SELECT 1 FROM ")
      .add(table_of(field))
      .add(" t WHERE t.run_uuid = r.run_uuid AND t.key = ")
      .bind(key);
}

void add_data_condition(Statement& statement, Field field, const std::string& key,
                        const Condition& condition) {
  if (condition.comparator == Comparator::kIsNull) {
    open_rows(statement, "NOT EXISTS", field, key).close_exists();
    return;
  }
  open_rows(statement, "EXISTS", field, key);
  if (condition.comparator == Comparator::kIsNotNull) {
    statement.close_exists();
    return;
  }
  if (field != Field::kMetric) {
    statement.add(" AND ").compare("t.value", condition).close_exists();
  } else if (condition.comparator == Comparator::kNotEqual) {
    statement.add(" AND (t.is_nan OR ").compare("t.value", condition).add(")").close_exists();
  } else {
    // NaN is kept as 0.
    statement.add(" AND NOT t.is_nan AND ").compare("t.value", condition).close_exists();
  }
}

/// True when any data set that the run read satisfies the condition.
void add_dataset_condition(Statement& statement, const Condition& condition) {
  statement.add("EXISTS (SELECT 1 FROM inputs i JOIN ");
  const bool is_context = condition.name.key == "context";
  if (is_context) {
    statement.add("input_tags d ON d.input_uuid = i.input_uuid AND d.name = 'mlflow.data.context'");
  } else {
    statement.add("datasets d ON d.dataset_uuid = i.source_id");
  }
  statement.add(
      " WHERE i.destination_type = 'RUN' AND i.destination_id = r.run_uuid AND i.source_type = "
      "'DATASET' AND ");
  statement.compare(is_context ? "d.value" : fmt::format("d.{}", condition.name.key), condition)
      .close_exists();
}

void add_condition(Statement& statement, const Condition& condition) {
  static const std::string kNameTag = "mlflow.runName";
  statement.add(" AND ");
  switch (condition.name.field) {
    case Field::kAttribute:
      // Old rows have their name in the tag only.
      if (condition.name.attribute->column == "r.name")
        add_data_condition(statement, Field::kTag, kNameTag, condition);
      else
        statement.compare(condition.name.attribute->column, condition);
      return;
    case Field::kDataset:
      add_dataset_condition(statement, condition);
      return;
    default:
      add_data_condition(statement, condition.name.field, condition.name.key, condition);
      return;
  }
}

bool picks_by_id(const Condition& condition) {
  return condition.name.attribute != nullptr && condition.name.attribute->name == "run_id" &&
         (condition.comparator == Comparator::kEqual || condition.comparator == Comparator::kIn);
}

/// The table that holds the values of the n-th item of order_by.
std::string order_table(std::size_t n) {
  return fmt::format("o{}", n);
}

/// For the items of order_by from the n-th on, as below.
void add_order_tables(Statement& statement, const ReadQuery& query, std::size_t n = 0) {
  for (; n < query.order_by.size(); ++n) {
    const FieldName& name = query.order_by[n].name;
    if (name.field == Field::kAttribute) continue;
    const std::string table = order_table(n);
    statement
        .add(fmt::format(" LEFT JOIN {} {} ON {}.run_uuid = r.run_uuid AND {}.key = ",
                         table_of(name.field), table, table, table))
        .bind(name.key);
  }
}

/// By start time, which our runs always have: without a word on missing values the index over it
/// serves newest first on PostgreSQL too.
void add_start_order(Statement& statement, bool is_ascending) {
  if (is_ascending)
    statement.order("r.start_time", true, false);
  else
    statement.add("r.start_time DESC");
}

void add_orders(Statement& statement, const ReadQuery& query, std::size_t n = 0) {
  bool has_start = false;
  for (; n < query.order_by.size(); ++n) {
    const Order& order = query.order_by[n];
    const Attribute* attribute = order.name.attribute;
    if (attribute != nullptr && attribute->column == "r.start_time") {
      has_start = true;
      add_start_order(statement, order.is_ascending);
    } else if (attribute != nullptr) {
      statement.order(attribute->column, order.is_ascending,
                      attribute->type == Attribute::Type::kText);
    } else {
      const std::string value = order_table(n) + ".value";
      if (order.name.field == Field::kMetric) {
        statement.add(fmt::format("CASE WHEN {} IS NULL THEN 2 WHEN {}.is_nan THEN 1 ELSE 0 END, ",
                                  value, order_table(n)));
      }
      statement.order(value, order.is_ascending, order.name.field != Field::kMetric);
    }
    statement.add(", ");
  }
  if (!has_start) {
    add_start_order(statement, false);
    statement.add(", ");
  }
  statement.order_by_id("r.run_uuid");
}

/// What is searched for, understood.
struct RunQuery {
  std::vector<std::int64_t> experiments;
  ViewType view = ViewType::kActiveOnly;
  ReadQuery read;
};

/// The condition that a run r satisfies. Without an index: r is found by its id.
void add_conditions(Statement& statement, const RunQuery& query, bool by_id) {
  const auto column = [&](std::string_view name) {
    return by_id ? statement.without_index(name) : std::string(name);
  };
  add_experiments(statement, column("r.experiment_id"), query.experiments);
  if (query.view != ViewType::kAll) {
    statement.add(" AND ")
        .add(column("r.lifecycle_stage"))
        .add(query.view == ViewType::kActiveOnly ? " = 'active'" : " = 'deleted'");
  }
  for (const Condition& condition : query.read.conditions) add_condition(statement, condition);
}

/// Whether only runs that have the metric, and not as NaN, satisfy the condition: then it is a
/// range of index_tenure_latest_metrics_value.
bool is_metric_range(const Condition& condition) {
  switch (condition.comparator) {
    case Comparator::kEqual:
    case Comparator::kLess:
    case Comparator::kLessEqual:
    case Comparator::kGreater:
    case Comparator::kGreaterEqual:
      return condition.name.field == Field::kMetric;
    default:
      return false;
  }
}

void add_metric_range(Statement& statement, const Condition& condition) {
  statement.add("SELECT run_uuid FROM latest_metrics t WHERE t.key = ")
      .bind(condition.name.key)
      .add(" AND t.is_nan = 0 AND ")
      .compare("t.value", condition);
}

core::Result<std::int64_t> count(storage::Database& database, const Statement& statement) {
  auto rows = statement.run(database);
  if (!rows) return std::move(rows).error();
  return rows->front().integer(0);
}

/// A condition on a metric that few runs satisfy, so that those are looked at and no others.
/// SQLite has no statistics to find out by itself.
core::Result<const Condition*> find_rare(storage::Database& database, const RunQuery& query) {
  constexpr std::int64_t kFew = 2000;
  if (database.backend() != "sqlite") return nullptr;
  for (const Condition& condition : query.read.conditions) {
    if (!is_metric_range(condition)) continue;
    Statement statement(database);
    statement.add("SELECT COUNT(*) FROM (");
    add_metric_range(statement, condition);
    statement.add(" LIMIT ").bind(kFew + 1).add(")");
    auto found = count(database, statement);
    if (!found) return std::move(found).error();
    if (*found <= kFew) return &condition;
  }
  return nullptr;
}

Statement ids_statement(const storage::Database& database, const RunQuery& query,
                        const Condition* rare) {
  Statement statement(database);
  statement.add("SELECT r.run_uuid FROM runs r");
  add_order_tables(statement, query.read);
  statement.add(" WHERE ");
  const auto& conditions = query.read.conditions;
  const bool is_picked = std::any_of(conditions.begin(), conditions.end(), picks_by_id);
  if (rare != nullptr && !is_picked) {
    statement.add("r.run_uuid IN (");
    add_metric_range(statement, *rare);
    statement.add(") AND ");
  }
  add_conditions(statement, query, is_picked || rare != nullptr);
  statement.add(" ORDER BY ");
  add_orders(statement, query.read);
  add_page(statement, query.read);
  return statement;
}

/// Goes through all runs that have the first metric of order_by, in its order: a run's id, and
/// whether it is searched for. Those where it is NaN or missing would follow.
Statement walk_statement(const storage::Database& database, const RunQuery& query) {
  const Order& order = query.read.order_by.front();
  Statement statement(database);
  statement.add("SELECT r.run_uuid, CASE WHEN ");
  add_conditions(statement, query, true);
  statement.add(
      " THEN 1 ELSE 0 END FROM latest_metrics o0 CROSS JOIN runs r ON r.run_uuid = o0.run_uuid");
  add_order_tables(statement, query.read, 1);
  statement.add(" WHERE o0.key = ").bind(order.name.key).add(" AND o0.is_nan = 0");
  for (const Condition& condition : query.read.conditions) {
    if (is_metric_range(condition) && condition.name.key == order.name.key)
      statement.add(" AND ").compare("o0.value", condition);
  }
  statement.add(order.is_ascending ? " ORDER BY o0.value ASC, " : " ORDER BY o0.value DESC, ");
  add_orders(statement, query.read, 1);
  return statement;
}

using Ids = std::vector<std::string>;

/// The ids of a page that is ordered by a metric, and of one run more if there is one. std::nullopt
/// where that metric's order does not lead to them soon.
core::Result<std::optional<Ids>> walk_metric(storage::Database& database, const RunQuery& query) {
  // Fewer runs than this are sorted before the walk has passed the runs of other experiments.
  constexpr std::int64_t kFewRuns = 5000;
  constexpr std::int64_t kWasteMax = 10'000;
  constexpr std::int64_t kOffsetMax = 1'000'000;
  const ReadQuery& read = query.read;
  // Other databases hand over all rows of a statement before the first is seen, and have plans
  // for this.
  if (database.backend() != "sqlite" || read.order_by.empty() ||
      read.order_by.front().name.field != Field::kMetric || read.offset > kOffsetMax) {
    return std::optional<Ids>();
  }
  Statement runs(database);
  add_experiments(runs.add("SELECT COUNT(*) FROM (SELECT 1 FROM runs r WHERE "), "r.experiment_id",
                  query.experiments);
  auto number = count(database, runs.add(" LIMIT ").bind(kFewRuns + 1).add(")"));
  if (!number) return std::move(number).error();
  if (*number <= kFewRuns) return std::optional<Ids>();

  Ids ids;
  const std::int64_t wanted = read.offset + read.max_results + 1;
  std::int64_t seen = 0;
  std::int64_t found = 0;
  const std::int64_t seen_max = kWasteMax + 2 * wanted;
  auto walked = walk_statement(database, query).for_each(database, [&](const auto& row) {
    ++seen;
    if (row.integer(1) != 0 && ++found > read.offset) ids.emplace_back(row.text(0));
    return found < wanted && seen < seen_max;
  });
  if (!walked) return std::move(walked).error();
  // At the end of the metric's runs others follow, unless a condition wants it to be there.
  const bool is_all =
      seen < seen_max &&
      std::any_of(read.conditions.begin(), read.conditions.end(), [&](const Condition& condition) {
        return is_metric_range(condition) && condition.name.key == read.order_by.front().name.key;
      });
  if (found < wanted && !is_all) return std::optional<Ids>();
  return std::optional(std::move(ids));
}

/// The ids of a page, and of one run more if there is one.
core::Result<Ids> find_ids(storage::Database& database, const RunQuery& query) {
  auto rare = find_rare(database, query);
  if (!rare) return std::move(rare).error();
  if (*rare == nullptr) {
    auto walked = walk_metric(database, query);
    if (!walked) return std::move(walked).error();
    if (*walked) return **std::move(walked);
  }
  Ids ids;
  auto done = ids_statement(database, query, *rare).for_each(database, [&](const auto& row) {
    ids.emplace_back(row.text(0));
    return true;
  });
  if (!done) return std::move(done).error();
  return ids;
}

}  // namespace

core::Result<Page<Run>> search_runs(storage::Database& database,
                                    std::span<const std::string> experiment_ids, ViewType view,
                                    const SearchQuery& query) {
  auto read = read_query(query, SearchLanguage::kRuns);
  if (!read) return std::move(read).error();
  auto experiments = read_experiment_ids(experiment_ids);
  if (!experiments) return std::move(experiments).error();
  Page<Run> page;
  if (experiments->empty()) return page;

  const RunQuery asked{std::move(*experiments), view, std::move(*read)};
  auto found = find_ids(database, asked);
  if (!found) return std::move(found).error();
  page.next_page_token = end_page(*found, asked.read);
  auto runs = read_runs(database, *found);
  if (!runs) return std::move(runs).error();
  page.items = std::move(*runs);
  // As MLflow's search, which tells data sets and models made, not models read.
  for (Run& run : page.items) run.inputs.model_ids.clear();
  return page;
}

}  // namespace tenure::tracking
