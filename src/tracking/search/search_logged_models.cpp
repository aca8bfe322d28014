#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/json.h"
#include "tracking/search/paging.h"
#include "tracking/search/searches.h"

namespace tenure::tracking {
namespace {

constexpr auto kLanguage = SearchLanguage::kLoggedModels;
constexpr std::string_view kMetricPrefix = "metrics.";

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

// ---- Page tokens: they hold the query, which must not change between pages.

core::JsonArray experiments_of(const LoggedModelQuery& query) {
  return core::JsonArray(query.experiment_ids.begin(), query.experiment_ids.end());
}

core::Json filter_of(const LoggedModelQuery& query) {
  if (query.filter.empty()) return nullptr;
  return core::Json(query.filter);
}

core::Json order_of(const LoggedModelQuery& query) {
  if (query.order_by.empty()) return nullptr;
  core::JsonArray orders;
  for (const LoggedModelOrder& order : query.order_by) {
    core::JsonObject item{{"field_name", order.field}, {"ascending", order.ascending}};
    if (!order.dataset_name.empty()) item["dataset_name"] = order.dataset_name;
    if (!order.dataset_digest.empty()) item["dataset_digest"] = order.dataset_digest;
    orders.push_back(std::move(item));
  }
  return core::Json(std::move(orders));
}

std::string token_for(const LoggedModelQuery& query, std::int64_t offset) {
  const core::JsonObject token{{"experiment_ids", experiments_of(query)},
                               {"filter_string", filter_of(query)},
                               {"order_by", order_of(query)},
                               {"offset", offset}};
  return encode_token(core::to_text(core::Json(token)));
}

core::Result<std::int64_t> read_token(const LoggedModelQuery& query) {
  if (query.page_token.empty()) return 0;
  auto token = decode_token(query.page_token);
  if (!token) return std::move(token).error();
  const auto offset = core::json_integer(*token, "offset");
  if (!offset || *offset < 0)
    return invalid(fmt::format("Invalid page token, parsed value={}", core::to_text(*token)));
  const auto check = [&](std::string_view key, std::string_view what, std::string_view requested,
                         const core::Json& expected) -> core::Result<> {
    const core::Json* found = token->as_object().if_contains(key);
    const core::Json value = found == nullptr ? core::Json(nullptr) : *found;
    if (value == expected) return {};
    return invalid(
        fmt::format("{} in the page token {} not match the requested {}. Expected: {}. "
                    "Found: {}",
                    what, what.ends_with('s') ? "do" : "does", requested, core::to_text(expected),
                    core::to_text(value)));
  };
  auto same = check("experiment_ids", "Experiment IDs", "experiment IDs", experiments_of(query));
  if (same) same = check("filter_string", "Filter string", "filter string", filter_of(query));
  if (same) same = check("order_by", "Order by", "order by", order_of(query));
  if (!same) return std::move(same).error();
  return *offset;
}

// ---- The statement. `m` is the model.

/// " AND (t.dataset_name = ... OR ...)" for a metric t; nothing without data sets.
void add_datasets(Statement& statement,
                  const std::vector<std::pair<std::string, std::string>>& datasets) {
  for (std::size_t i = 0; i < datasets.size(); ++i) {
    statement.add(i == 0 ? " AND (" : " OR ").add("(t.dataset_name = ").bind(datasets[i].first);
    if (!datasets[i].second.empty())
      statement.add(" AND t.dataset_digest = ").bind(datasets[i].second);
    statement.add(")");
  }
  if (!datasets.empty()) statement.add(")");
}

/// A param or tag, whose columns are named after their kind.
void add_data_condition(Statement& statement, const std::string& table, std::string_view kind,
                        const Condition& condition) {
  statement.add(condition.comparator == Comparator::kIsNull ? "NOT EXISTS" : "EXISTS")
      .add(fmt::format(" (SELECT 1 FROM {} t WHERE t.model_id = m.model_id AND t.{}_key = ", table,
                       kind))
      .bind(condition.name.key);
  if (condition.comparator != Comparator::kIsNull && condition.comparator != Comparator::kIsNotNull)
    statement.add(" AND ").compare(fmt::format("t.{}_value", kind), condition);
  statement.close_exists();
}

void add_conditions(Statement& statement, const LoggedModelTables& tables,
                    const std::vector<Condition>& conditions, const LoggedModelQuery& query) {
  bool has_metric = false;
  for (const Condition& condition : conditions) {
    statement.add(" AND ");
    switch (condition.name.field) {
      case Field::kMetric:
        has_metric = true;
        statement
            .add(fmt::format("EXISTS (SELECT 1 FROM {} t WHERE t.model_id = m.model_id AND "
                             "t.metric_name = ",
                             tables.metrics))
            .bind(condition.name.key)
            .add(" AND ")
            .compare("t.metric_value", condition);
        add_datasets(statement, query.datasets);
        statement.close_exists();
        break;
      case Field::kParam:
        add_data_condition(statement, tables.params, "param", condition);
        break;
      case Field::kTag:
        add_data_condition(statement, tables.tags, "tag", condition);
        break;
      default:
        statement.compare(condition.name.attribute->column, condition);
        break;
    }
  }
  if (has_metric || query.datasets.empty()) return;
  // Without a metric to ask for: any that was measured on the data sets.
  statement.add(
      fmt::format(" AND EXISTS (SELECT 1 FROM {} t WHERE t.model_id = m.model_id", tables.metrics));
  add_datasets(statement, query.datasets);
  statement.add(")");
}

/// By the latest value of a metric.
void add_metric_order(Statement& statement, const LoggedModelTables& tables,
                      const LoggedModelOrder& order) {
  statement
      .add(fmt::format("(SELECT t.metric_value FROM {} t WHERE t.model_id = m.model_id AND "
                       "t.metric_name = ",
                       tables.metrics))
      .bind(order.field.substr(kMetricPrefix.size()));
  if (!order.dataset_name.empty()) statement.add(" AND t.dataset_name = ").bind(order.dataset_name);
  if (!order.dataset_digest.empty())
    statement.add(" AND t.dataset_digest = ").bind(order.dataset_digest);
  statement.add(" ORDER BY t.metric_timestamp_ms DESC, t.metric_step DESC, ")
      .order_by_id("t.run_id")
      .add(" LIMIT 1)")
      .order("", order.ascending, false);
}

core::Result<> check_order(const LoggedModelOrder& order) {
  if (order.field.starts_with(kMetricPrefix) && order.field.size() > kMetricPrefix.size())
    return {};
  if (order.field.find('.') != std::string::npos) {
    return invalid(
        fmt::format("Invalid order by field name: {}. Only metrics are supported.", order.field));
  }
  if (orderable_attribute(order.field, kLanguage) != nullptr) return {};
  return invalid(fmt::format("Invalid order by field name: {}", order.field));
}

void add_order(Statement& statement, const LoggedModelTables& tables,
               const LoggedModelQuery& query) {
  std::set<std::string_view> columns;
  statement.add(" ORDER BY ");
  for (const LoggedModelOrder& order : query.order_by) {
    const Attribute* attribute = orderable_attribute(order.field, kLanguage);
    if (attribute == nullptr) {
      add_metric_order(statement, tables, order);
    } else {
      if (!columns.insert(attribute->ordered()).second) continue;
      statement.order(*attribute, order.ascending);
    }
    statement.add(", ");
  }
  if (!columns.contains("m.creation_timestamp_ms")) statement.add("m.creation_timestamp_ms DESC, ");
  statement.order_by_id("m.model_id");
}

core::Result<ReadQuery> read_query(const LoggedModelQuery& query) {
  // The filter, its limit and that of pages are as everywhere; orders and tokens are not.
  auto read = read_query(SearchQuery{query.filter, {}, query.max_results, ""}, kLanguage);
  if (!read) return std::move(read).error();
  constexpr std::size_t kOrderMax = 50;
  if (query.order_by.size() > kOrderMax) {
    return invalid(fmt::format("`order_by` can contain at most {} fields. Got {}.", kOrderMax,
                               query.order_by.size()));
  }
  for (const LoggedModelOrder& order : query.order_by) {
    if (auto checked = check_order(order); !checked) return std::move(checked).error();
  }
  if (std::any_of(query.datasets.begin(), query.datasets.end(),
                  [](const auto& dataset) { return dataset.first.empty(); }))
    return invalid("`dataset_name` in the `datasets` clause must be specified.");
  auto offset = read_token(query);
  if (!offset) return std::move(offset).error();
  read->offset = *offset;
  return read;
}

}  // namespace

core::Result<Page<LoggedModel>> search_logged_models(storage::Database& database,
                                                     const LoggedModelQuery& query) {
  auto read = read_query(query);
  if (!read) return std::move(read).error();
  auto experiments = read_experiment_ids(query.experiment_ids);
  if (!experiments) return std::move(experiments).error();
  Page<LoggedModel> page;
  if (experiments->empty()) return page;
  auto tables = logged_model_tables(database);
  if (!tables) return std::move(tables).error();

  Statement statement(database);
  statement.add(fmt::format("SELECT m.model_id FROM {} m WHERE ", tables->models));
  add_experiments(statement, "m.experiment_id", *experiments);
  statement.add(" AND m.lifecycle_stage <> 'deleted'");
  add_conditions(statement, *tables, read->conditions, query);
  add_order(statement, *tables, query);
  add_page(statement, *read);
  auto rows = statement.run(database);
  if (!rows) return std::move(rows).error();
  if (!end_page(*rows, *read).empty())
    page.next_page_token = token_for(query, read->offset + read->max_results);
  std::vector<std::string> ids;
  ids.reserve(rows->size());
  for (const storage::SqlRow& row : *rows) ids.push_back(row.text(0));
  auto models = read_logged_models(database, ids);
  if (!models) return std::move(models).error();
  page.items = std::move(*models);
  return page;
}

}  // namespace tenure::tracking
