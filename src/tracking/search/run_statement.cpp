#include "tracking/search/run_statement.h"

#include <fmt/format.h>

namespace tenure::tracking {
namespace {

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
    statement.add(" AND ").compare_indexed("t.value", condition).close_exists();
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
  statement.add(" AND ");
  const FieldName name = name_of_data(condition.name);
  switch (name.field) {
    case Field::kAttribute:
      statement.compare(name.attribute->column, condition);
      return;
    case Field::kDataset:
      add_dataset_condition(statement, condition);
      return;
    default:
      add_data_condition(statement, name.field, name.key, condition);
      return;
  }
}

/// The table that holds the values of the n-th item of order_by.
std::string order_table(std::size_t n) {
  return fmt::format("o{}", n);
}

/// By start time, which our runs always have: without a word on missing values the index over it
/// serves newest first on PostgreSQL too.
void add_start_order(Statement& statement, bool is_ascending) {
  if (is_ascending)
    statement.order("r.start_time", true, false);
  else
    statement.add("r.start_time DESC");
}

}  // namespace

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

FieldName name_of_data(const FieldName& name) {
  if (name.attribute == nullptr || name.attribute->column != "r.name") return name;
  return {.field = Field::kTag, .key = "mlflow.runName"};
}

bool picks_by_id(const Condition& condition) {
  return condition.name.attribute != nullptr && condition.name.attribute->name == "run_id" &&
         (condition.comparator == Comparator::kEqual || condition.comparator == Comparator::kIn);
}

void add_order_tables(Statement& statement, const ReadQuery& query, std::size_t n) {
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

void add_orders(Statement& statement, const ReadQuery& query, std::size_t n) {
  bool has_start = false;
  for (; n < query.order_by.size(); ++n) {
    const Order& order = query.order_by[n];
    const Attribute* attribute = order.name.attribute;
    if (attribute != nullptr && attribute->column == "r.start_time") {
      has_start = true;
      add_start_order(statement, order.is_ascending);
    } else if (attribute != nullptr) {
      statement.order(*attribute, order.is_ascending);
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

}  // namespace tenure::tracking
