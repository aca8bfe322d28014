#include "features/point_in_time.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include <fmt/core.h>

#include "core/id.h"
#include "core/log.h"
#include "features/point_in_time_sql.h"
#include "features/source_schema.h"
#include "features/source_sql.h"

namespace tenure::features {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

/// The entity rows as a temporary table, dropped at the end.
class EntityTable {
 public:
  EntityTable(data::Engine& engine, std::string name) : engine_(&engine), name_(std::move(name)) {}
  ~EntityTable() {
    if (auto dropped = engine_->execute("DROP TABLE IF EXISTS " + quoted()); !dropped) {
      core::log_warn("features", dropped.error().message);
    }
  }
  EntityTable(const EntityTable&) = delete;
  EntityTable& operator=(const EntityTable&) = delete;
  std::string quoted() const { return data::quote_identifier(name_); }

 private:
  data::Engine* engine_;
  std::string name_;
};

/// One feature of the answer: where it comes from and where it goes.
struct Output {
  const Feature* feature = nullptr;
  std::string name;
  std::size_t join = 0;      ///< which JoinPlan
  std::size_t position = 0;  ///< __f<position> of its query
};

/// Requests for the same view and key column share one join.
struct JoinPlan {
  const FeatureView* view = nullptr;
  std::string entity_column;
  std::vector<const Feature*> features;
};

struct Plan {
  std::vector<JoinPlan> joins;
  std::vector<Output> outputs;
};

const Feature* find_feature(const FeatureView& view, std::string_view name) {
  for (const Feature& feature : view.features) {
    if (feature.name == name) return &feature;
  }
  return nullptr;
}

std::size_t join_of(Plan& plan, const FeatureView& view, const std::string& entity_column) {
  for (std::size_t i = 0; i < plan.joins.size(); ++i) {
    if (plan.joins[i].view == &view && plan.joins[i].entity_column == entity_column) return i;
  }
  plan.joins.push_back({&view, entity_column, {}});
  return plan.joins.size() - 1;
}

Result<Plan> make_plan(const Definitions& definitions, std::span<const ViewRequest> requests,
                       const PointInTimeOptions& options,
                       const std::vector<SourceColumn>& entity_columns) {
  Plan plan;
  std::set<std::string, std::less<>> names;
  for (const SourceColumn& column : entity_columns) names.insert(column.name);
  for (const ViewRequest& request : requests) {
    const FeatureView& view = *request.view;
    const std::string& key =
        request.entity_column.empty() ? definitions.entity_of(view).key : request.entity_column;
    if (find_column(entity_columns, key) == nullptr) {
      return Error{
          ErrorCode::kInvalidArgument,
          fmt::format("feature view {}: the entity rows have no key column '{}'; they have "
                      "{}",
                      view.name, key, column_list(entity_columns))};
    }
    if (options.is_filtered_by_created && view.created_column.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("feature view {} has no created column to filter by", view.name)};
    }
    std::vector<std::string> wanted = request.features;
    if (wanted.empty()) {
      for (const Feature& feature : view.features) wanted.push_back(feature.name);
    }
    const std::size_t join = join_of(plan, view, key);
    for (const std::string& name : wanted) {
      const Feature* feature = find_feature(view, name);
      if (feature == nullptr) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("feature view {} has no feature '{}'", view.name, name)};
      }
      Output output;
      output.feature = feature;
      const std::string& shown = request.alias.empty() ? view.name : request.alias;
      output.name = options.is_full_names ? fmt::format("{}__{}", shown, name) : name;
      output.join = join;
      output.position = plan.joins[join].features.size();
      if (!names.insert(output.name).second) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("two columns of the answer would be named '{}'{}", output.name,
                                 options.is_full_names ? ": give one view an alias"
                                                       : "; ask for full feature names")};
      }
      plan.joins[join].features.push_back(feature);
      plan.outputs.push_back(std::move(output));
    }
  }
  return plan;
}

Result<> check_timestamp(const std::vector<SourceColumn>& columns, const std::string& name) {
  const SourceColumn* column = find_column(columns, name);
  if (column == nullptr) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the entity rows have no timestamp column '{}'; they have {}", name,
                             column_list(columns))};
  }
  if (column->type != data::ColumnType::kTimestamp && column->type != data::ColumnType::kText) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("column '{}' of the entity rows must hold times, but is {}", name,
                             column->sql_type)};
  }
  return {};
}

// Times given as text are converted once; all others are used as they are.
std::string time_conversion(const std::vector<SourceColumn>& columns, const std::string& name) {
  if (find_column(columns, name)->type == data::ColumnType::kTimestamp) return "";
  const std::string quoted = data::quote_identifier(name);
  return fmt::format(" REPLACE (CAST({} AS TIMESTAMPTZ) AS {})", quoted, quoted);
}

data::Column empty_column(const Output& output, std::size_t rows) {
  data::Column column;
  column.name = output.name;
  column.type = output.feature->type;
  column.valid.assign(rows, 0);
  switch (column.type) {
    case data::ColumnType::kBoolean:
      column.values = std::vector<std::uint8_t>(rows, 0);
      break;
    case data::ColumnType::kInteger:
    case data::ColumnType::kTimestamp:
      column.values = std::vector<std::int64_t>(rows, 0);
      break;
    case data::ColumnType::kNumber:
      column.values = std::vector<double>(rows, std::numeric_limits<double>::quiet_NaN());
      break;
    case data::ColumnType::kText:
      column.values = data::TextValues{std::vector<std::uint32_t>(rows, 0), {}};
      break;
  }
  return column;
}

/// Where the rows of a join's answer belong.
struct Places {
  std::vector<std::uint32_t> rows;     // entity row of each answer row
  std::vector<std::uint8_t> is_found;  // by entity row
};

template <typename T>
void scatter_values(const std::vector<T>& from, const Places& places, std::vector<T>& to) {
  for (std::size_t i = 0; i < places.rows.size(); ++i) to[places.rows[i]] = from[i];
}

// Moves the values of matched rows to their places; all others stay missing. A missing value in a
// slot is what a column keeps there anyway, so values need no test.
void scatter(data::Column& source, const Places& places, data::Column& target) {
  if (target.type == data::ColumnType::kText) {
    auto& texts = std::get<data::TextValues>(source.values);
    auto& placed = std::get<data::TextValues>(target.values);
    scatter_values(texts.codes, places, placed.codes);
    placed.dictionary = std::move(texts.dictionary);
  } else if (target.type == data::ColumnType::kBoolean) {
    scatter_values(std::get<std::vector<std::uint8_t>>(source.values), places,
                   std::get<std::vector<std::uint8_t>>(target.values));
  } else if (target.type == data::ColumnType::kNumber) {
    scatter_values(std::get<std::vector<double>>(source.values), places,
                   std::get<std::vector<double>>(target.values));
  } else {
    scatter_values(std::get<std::vector<std::int64_t>>(source.values), places,
                   std::get<std::vector<std::int64_t>>(target.values));
  }
  target.valid = places.is_found;
  for (std::size_t i = 0; i < source.valid.size(); ++i) {
    if (source.valid[i] == 0) target.valid[places.rows[i]] = 0;
  }
}

Result<data::Table> run_join(data::Engine& engine, const JoinParts& parts, bool is_by_created) {
  if (is_by_created) return engine.query(join_created_query(parts));
  auto duplicates = engine.query_integer(duplicate_count_query(parts));
  if (!duplicates) return std::move(duplicates).error();
  return engine.query(*duplicates == 0 ? join_unique_query(parts) : join_ranked_query(parts));
}

Result<data::Table> join_view(data::Engine& engine, const Definitions& definitions,
                              const JoinPlan& plan, const std::string& entities,
                              const PointInTimeOptions& options) {
  JoinParts parts;
  parts.entities = entities;
  parts.entity_key = fmt::format("CAST({} AS {})", data::quote_identifier(plan.entity_column),
                                 sql_type_of(definitions.entity_of(*plan.view).key_type));
  parts.entity_time = fmt::format("epoch_us({})", data::quote_identifier(options.timestamp_column));
  parts.source = source_query(definitions, *plan.view, plan.features);
  parts.feature_count = plan.features.size();
  parts.has_created = !plan.view->created_column.empty();
  parts.ttl = plan.view->ttl;
  auto table = run_join(engine, parts, options.is_filtered_by_created);
  if (!table) return std::move(table).error().within("feature view " + plan.view->name);
  return table;
}

// A row beyond the table would be our own mistake; it must not become a write out of bounds.
Result<Places> places_of(const data::Column& row_column, std::size_t row_count) {
  Places places;
  places.is_found.assign(row_count, 0);
  const auto& rows = std::get<std::vector<std::int64_t>>(row_column.values);
  places.rows.reserve(rows.size());
  for (const std::int64_t row : rows) {
    if (row < 0 || static_cast<std::size_t>(row) >= row_count) {
      return Error{ErrorCode::kInternal, fmt::format("joined row {} of {}", row, row_count)};
    }
    places.rows.push_back(static_cast<std::uint32_t>(row));
    places.is_found[static_cast<std::size_t>(row)] = 1;
  }
  return places;
}

}  // namespace

Result<PointInTimeResult> join_point_in_time(data::Engine& engine, std::string_view entities_sql,
                                             const Definitions& definitions,
                                             std::span<const ViewRequest> views,
                                             const PointInTimeOptions& options) {
  auto columns = describe_query(engine, entities_sql);
  if (!columns) return std::move(columns).error().within("entity rows");
  if (auto checked = check_timestamp(*columns, options.timestamp_column); !checked) {
    return std::move(checked).error();
  }
  auto plan = make_plan(definitions, views, options, *columns);
  if (!plan) return std::move(plan).error();
  for (const JoinPlan& join : plan->joins) {
    if (auto found = check_source(*join.view); !found) return std::move(found).error();
  }

  const EntityTable entities(engine, "tenure_entities_" + core::random_hex_id());
  auto made = engine.execute(
      fmt::format("CREATE TEMP TABLE {} AS SELECT *{} FROM {}", entities.quoted(),
                  time_conversion(*columns, options.timestamp_column), as_relation(entities_sql)));
  if (!made) return std::move(made).error().within("entity rows");
  auto rows = engine.query(fmt::format("SELECT * FROM {}", entities.quoted()));
  if (!rows) return std::move(rows).error().within("entity rows");

  PointInTimeResult result;
  result.table = std::move(*rows);
  const std::size_t row_count = result.table.row_count();
  if (row_count > std::numeric_limits<std::uint32_t>::max()) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("{} entity rows are too many for one join", row_count)};
  }
  for (const Output& output : plan->outputs) {
    result.table.columns.push_back(empty_column(output, row_count));
  }
  const std::size_t first_output = result.table.columns.size() - plan->outputs.size();
  for (std::size_t j = 0; j < plan->joins.size(); ++j) {
    auto joined = join_view(engine, definitions, plan->joins[j], entities.quoted(), options);
    if (!joined) return std::move(joined).error();
    auto places = places_of(joined->columns[0], row_count);
    if (!places) return std::move(places).error();
    const auto& tied = std::get<std::vector<std::uint8_t>>(joined->columns[1].values);
    result.ties += std::count(tied.begin(), tied.end(), std::uint8_t{1});
    for (std::size_t o = 0; o < plan->outputs.size(); ++o) {
      const Output& output = plan->outputs[o];
      if (output.join != j) continue;
      scatter(joined->columns[2 + output.position], *places,
              result.table.columns[first_output + o]);
    }
  }
  for (std::size_t o = first_output; o < result.table.columns.size(); ++o) {
    auto& valid = result.table.columns[o].valid;
    if (std::find(valid.begin(), valid.end(), 0) == valid.end()) valid.clear();
  }
  return result;
}

std::vector<ViewRequest> requests_for(const Definitions& definitions,
                                      const FeatureService& service) {
  std::vector<ViewRequest> requests;
  for (const FeatureRef& ref : service.features) {
    const FeatureView* view = definitions.view(ref.view);
    if (requests.empty() || requests.back().view != view) {
      requests.push_back({view, {}, {}, {}});
    }
    requests.back().features.push_back(ref.feature);
  }
  return requests;
}

}  // namespace tenure::features
