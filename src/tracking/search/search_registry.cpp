#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/ascii_case.h"
#include "tracking/page_rows.h"
#include "tracking/registry_rows.h"
#include "tracking/search/paging.h"
#include "tracking/search/searches.h"

namespace tenure::tracking {
namespace {

using core::equals_ignoring_case;
using storage::SqlRow;
using storage::SqlRowView;
using storage::SqlValue;

constexpr std::string_view kPromptTag = "mlflow.prompt.is_prompt";

/// Models or versions: what tells them apart in a statement.
struct Kind {
  std::string_view tags;       ///< table
  std::string_view its_tags;   ///< condition for a tag t of this row
  std::string_view its_model;  ///< condition for a tag t of this row's model
};
constexpr Kind kModels = {"registered_model_tags", "t.name = m.name", "t.name = m.name"};
constexpr Kind kVersions = {"model_version_tags", "t.name = v.name AND t.version = v.version",
                            "t.name = v.name"};

bool is_of_prompts(const Condition& condition) {
  return condition.name.field == Field::kTag && condition.name.key == kPromptTag;
}

/// MLflow keeps prompts as models with a tag. They are hidden unless the first condition on that
/// tag asks for them.
bool asks_for_prompts(const std::vector<Condition>& conditions) {
  const auto first = std::find_if(conditions.begin(), conditions.end(), is_of_prompts);
  if (first == conditions.end()) return false;
  const auto* value = std::get_if<std::string>(&first->value);
  if (value == nullptr) return first->comparator == Comparator::kIsNotNull;
  return (first->comparator == Comparator::kEqual && equals_ignoring_case(*value, "true")) ||
         (first->comparator == Comparator::kNotEqual && equals_ignoring_case(*value, "false"));
}

void add_tag_condition(Statement& statement, const Kind& kind, const Condition& condition) {
  statement.add(condition.comparator == Comparator::kIsNull ? "NOT EXISTS" : "EXISTS")
      .add(fmt::format(" (SELECT 1 FROM {} t WHERE {} AND t.key = ", kind.tags, kind.its_tags))
      .bind(condition.name.key);
  if (condition.comparator != Comparator::kIsNull && condition.comparator != Comparator::kIsNotNull)
    statement.add(" AND ").compare("t.value", condition);
  statement.close_exists();
}

void add_conditions(Statement& statement, const Kind& kind,
                    const std::vector<Condition>& conditions) {
  const bool with_prompts = asks_for_prompts(conditions);
  for (const Condition& condition : conditions) {
    if (condition.name.field == Field::kAttribute)
      statement.add(" AND ").compare(condition.name.attribute->column, condition);
    else if (with_prompts || !is_of_prompts(condition))
      add_tag_condition(statement.add(" AND "), kind, condition);
  }
  if (with_prompts) return;
  statement
      .add(fmt::format(" AND NOT EXISTS (SELECT 1 FROM {} t WHERE {} AND t.key = ", kind.tags,
                       kind.its_model))
      .bind(std::string(kPromptTag))
      .add(" AND t.value = 'true')");
}

/// Orders by what is asked, then by the ties that it leaves.
void add_order(Statement& statement, const ReadQuery& query, std::initializer_list<Order> ties) {
  std::vector<Order> orders = query.order_by;
  orders.insert(orders.end(), ties);
  std::set<std::string_view> known;
  statement.add(" ORDER BY ");
  for (const Order& order : orders) {
    const Attribute& attribute = *order.name.attribute;
    if (!known.insert(attribute.ordered()).second) continue;
    if (known.size() > 1) statement.add(", ");
    statement.order(attribute, order.is_ascending);
  }
}

Order order_by(std::string_view name, bool is_ascending, SearchLanguage language) {
  return {{Field::kAttribute, std::string(name), orderable_attribute(name, language)},
          is_ascending};
}

core::Result<> add_model_details(storage::Database& database, std::vector<RegisteredModel>& models,
                                 std::span<const SqlValue> keys) {
  auto read = read_page_rows(
      database,
      {.columns = "key, value", .table = "registered_model_tags", .condition = "t.name = page.k0"},
      keys, [&](std::size_t item, const SqlRowView& row) {
        models[item].tags.emplace(row.text(0), row.text_or(1, ""));
      });
  if (!read) return read;
  return read_page_rows(database,
                        {.columns = "alias, version",
                         .table = "registered_model_aliases",
                         .condition = "t.name = page.k0"},
                        keys, [&](std::size_t item, const SqlRowView& row) {
                          models[item].aliases.emplace(row.text(0), row.integer(1));
                        });
}

}  // namespace

core::Result<Page<RegisteredModel>> search_registered_models(storage::Database& database,
                                                             const SearchQuery& query) {
  constexpr auto kLanguage = SearchLanguage::kRegisteredModels;
  auto read = read_query(query, kLanguage);
  if (!read) return std::move(read).error();
  Statement statement(database);
  statement.add(
      "SELECT m.name, m.creation_time, m.last_updated_time, m.description FROM registered_models m "
      "WHERE 1 = 1");
  add_conditions(statement, kModels, read->conditions);
  add_order(statement, *read, {order_by("name", true, kLanguage)});
  add_page(statement, *read);
  auto rows = statement.run(database);
  if (!rows) return std::move(rows).error();

  Page<RegisteredModel> page;
  page.next_page_token = end_page(*rows, *read);
  std::vector<SqlValue> keys;
  for (const SqlRow& row : *rows) {
    RegisteredModel& model = page.items.emplace_back();
    model.name = row.text(0);
    model.created_ms = row.integer_if(1).value_or(0);
    model.updated_ms = row.integer_if(2).value_or(0);
    model.description = row.text_or(3, "");
    keys.emplace_back(model.name);
  }
  if (auto added = add_model_details(database, page.items, keys); !added)
    return std::move(added).error();
  return page;
}

core::Result<Page<ModelVersion>> search_model_versions(storage::Database& database,
                                                       const SearchQuery& query) {
  constexpr auto kLanguage = SearchLanguage::kModelVersions;
  auto read = read_query(query, kLanguage);
  if (!read) return std::move(read).error();
  if (read->order_by.empty())
    read->order_by.push_back(order_by("last_updated_timestamp", false, kLanguage));
  Statement statement(database);
  statement.add(
      fmt::format("SELECT {} FROM model_versions v WHERE v.current_stage <> 'Deleted_Internal'",
                  kVersionColumns));
  add_conditions(statement, kVersions, read->conditions);
  add_order(statement, *read,
            {order_by("name", true, kLanguage), order_by("version_number", false, kLanguage)});
  add_page(statement, *read);
  auto rows = statement.run(database);
  if (!rows) return std::move(rows).error();

  Page<ModelVersion> page;
  page.next_page_token = end_page(*rows, *read);
  page.items.reserve(rows->size());
  std::vector<ModelVersion*> versions;
  for (const SqlRow& row : *rows)
    versions.push_back(&page.items.emplace_back(version_from_row(row)));
  if (auto read_all = read_version_details(database, versions); !read_all)
    return std::move(read_all).error();
  return page;
}

}  // namespace tenure::tracking
