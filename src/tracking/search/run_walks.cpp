#include "tracking/search/run_walks.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/json.h"
#include "tracking/mlflow_features.h"

namespace tenure::tracking {
namespace {

using Found = std::optional<RunIds>;

// Fewer runs than this are sorted before a walk has passed the runs of other experiments.
constexpr std::int64_t kFewRuns = 5000;
// Runs that a walk may pass in vain.
constexpr std::int64_t kWasteMax = 10'000;
constexpr std::int64_t kOffsetMax = 1'000'000;

/// How many runs the experiments have, counted up to `max`.
core::Result<std::int64_t> count_runs(storage::Database& database, const RunQuery& query,
                                      std::int64_t max) {
  Statement statement(database);
  add_experiments(statement.add("SELECT COUNT(*) FROM (SELECT 1 FROM runs r WHERE "),
                  "r.experiment_id", query.experiments);
  auto rows = statement.add(" LIMIT ").bind(max).add(")").run(database);
  if (!rows) return std::move(rows).error();
  return rows->front().integer(0);
}

/// A text as the bytes that indexes over values compare.
Statement& bind_bytes(Statement& statement, std::string_view text) {
  return statement.add("CAST(").bind(std::string(text)).add(" AS BLOB)");
}

/// What a text compares by in such an index: its first bytes.
std::string_view indexed_bytes(std::string_view text) {
  return text.substr(0, kIndexedBytes);
}

/// t.value, which is whole in the index unless it is long.
std::string whole_text() {
  const std::string value = indexed_value("t");
  return fmt::format("CASE WHEN length({}) < {} THEN CAST({} AS TEXT) ELSE t.value END", value,
                     kIndexedBytes, value);
}

/// Selects the runs that may satisfy a condition on a metric, param or tag, by an index over it.
/// False where no such index is.
bool add_candidates(Statement& statement, const Condition& condition) {
  const FieldName name = name_of_data(condition.name);
  const bool is_text = name.field == Field::kParam || name.field == Field::kTag;
  if (!is_text && !is_metric_range(condition)) return false;
  if (condition.comparator == Comparator::kIsNull) return false;
  statement.add("SELECT t.run_uuid FROM ").add(table_of(name.field)).add(" t WHERE t.key = ");
  statement.bind(name.key);
  if (!is_text) {
    statement.add(" AND t.is_nan = 0 AND ").compare("t.value", condition);
  } else if (condition.comparator == Comparator::kEqual) {
    statement.add(" AND ").add(indexed_value("t")).add(" = ");
    bind_bytes(statement, indexed_bytes(std::get<std::string>(condition.value)));
  } else if (condition.comparator == Comparator::kLike ||
             condition.comparator == Comparator::kILike) {
    statement.add(" AND ").compare(whole_text(), condition);
  }
  return true;
}

/// Whether going through all values of a param or tag in the index is cheaper than looking them up
/// for the runs of the experiments, of which it may have many more.
core::Result<bool> pays_to_scan(storage::Database& database, const RunQuery& query,
                                const Condition& condition) {
  constexpr std::int64_t kRunsMax = 100'000;
  constexpr std::int64_t kValuesPerLookup = 6;
  auto runs = count_runs(database, query, kRunsMax);
  if (!runs) return std::move(runs).error();
  if (*runs <= kFewRuns) return false;
  const FieldName name = name_of_data(condition.name);
  Statement statement(database);
  statement.add("SELECT 1 FROM ").add(table_of(name.field)).add(" t WHERE t.key = ");
  statement.bind(name.key).add(" LIMIT 1 OFFSET ").bind(*runs * kValuesPerLookup);
  auto rows = statement.run(database);
  if (!rows) return std::move(rows).error();
  return rows->empty();
}

/// What a walk has found: the ids of a page, and of one run more, after those of earlier pages.
class Harvest {
 public:
  explicit Harvest(const ReadQuery& query)
      : offset_(query.offset), wanted_(query.offset + query.max_results + 1) {}

  std::int64_t wanted() const { return wanted_; }
  bool is_full() const { return found_ >= wanted_; }
  bool goes_on() const { return !is_full() && seen_ < seen_max(); }
  void give_up() { seen_ = seen_max(); }
  RunIds take() { return std::move(ids_); }

  /// Runs the statement, whose rows are a run's id and whether it is searched for, as long as this
  /// goes on. True when it came to the end.
  core::Result<bool> collect(storage::Database& database, const Statement& statement) {
    bool is_end = true;
    auto done = statement.for_each(database, [&](const auto& row) {
      ++seen_;
      if (row.integer(1) != 0 && ++found_ > offset_) ids_.emplace_back(row.text(0));
      return is_end = goes_on();
    });
    if (!done) return std::move(done).error();
    return is_end;
  }

 private:
  std::int64_t seen_max() const { return kWasteMax + 2 * wanted_; }

  std::int64_t offset_;
  std::int64_t wanted_;
  std::int64_t found_ = 0;
  std::int64_t seen_ = 0;
  RunIds ids_;
};

/// Whether the condition lets no run pass that lacks what the query is ordered by. A tag may be
/// there without a value.
bool needs_first(const Condition& condition, const Order& order) {
  if (condition.name.field != order.name.field || condition.name.key != order.name.key)
    return false;
  if (condition.name.field == Field::kMetric) return is_metric_range(condition);
  return condition.comparator != Comparator::kIsNull &&
         condition.comparator != Comparator::kIsNotNull;
}

/// Whether no run passes that lacks what the query is ordered by.
bool needs_first(const ReadQuery& query) {
  return std::any_of(
      query.conditions.begin(), query.conditions.end(),
      [&](const Condition& condition) { return needs_first(condition, query.order_by.front()); });
}

/// Goes through all runs that have the first metric of order_by, in its order. Those where it is
/// NaN or missing would follow.
Statement metric_statement(const storage::Database& database, const RunQuery& query) {
  const Order& order = query.read.order_by.front();
  Statement statement(database);
  statement.add("SELECT r.run_uuid, CASE WHEN ");
  add_conditions(statement, query, true);
  statement.add(
      " THEN 1 ELSE 0 END FROM latest_metrics o0 CROSS JOIN runs r ON r.run_uuid = o0.run_uuid");
  add_order_tables(statement, query.read, 1);
  statement.add(" WHERE o0.key = ").bind(order.name.key).add(" AND o0.is_nan = 0");
  for (const Condition& condition : query.read.conditions) {
    if (needs_first(condition, order)) statement.add(" AND ").compare("o0.value", condition);
  }
  statement.add(order.is_ascending ? " ORDER BY o0.value ASC, " : " ORDER BY o0.value DESC, ");
  add_orders(statement, query.read, 1);
  return statement;
}

core::Result<Found> walk_metric(storage::Database& database, const RunQuery& query) {
  Harvest harvest(query.read);
  auto is_end = harvest.collect(database, metric_statement(database, query));
  if (!is_end) return std::move(is_end).error();
  if (harvest.is_full() || (*is_end && needs_first(query.read))) return Found(harvest.take());
  return Found();
}

/// The same for PostgreSQL, which stops at the limit, and goes another way where runs of other
/// experiments would be in this one.
Statement metric_page_statement(const storage::Database& database, const RunQuery& query) {
  const Order& order = query.read.order_by.front();
  Statement statement(database);
  statement.add("SELECT r.run_uuid FROM latest_metrics o0 JOIN runs r ON r.run_uuid = o0.run_uuid");
  add_order_tables(statement, query.read, 1);
  statement.add(" WHERE o0.key = ").bind(order.name.key).add(" AND NOT o0.is_nan");
  RunQuery rest = query;
  std::erase_if(rest.read.conditions, [&](const Condition& condition) {
    if (!needs_first(condition, order)) return false;
    statement.add(" AND ").compare("o0.value", condition);
    return true;
  });
  add_conditions(statement.add(" AND "), rest, false);
  statement.add(order.is_ascending ? " ORDER BY o0.value ASC, " : " ORDER BY o0.value DESC, ");
  add_orders(statement, query.read, 1);
  add_page(statement, query.read);
  return statement;
}

core::Result<Found> metric_page(storage::Database& database, const RunQuery& query) {
  RunIds ids;
  auto done = metric_page_statement(database, query).for_each(database, [&](const auto& row) {
    ids.emplace_back(row.text(0));
    return true;
  });
  if (!done) return std::move(done).error();
  const bool is_full = static_cast<std::int64_t>(ids.size()) > query.read.max_results;
  if (is_full || needs_first(query.read)) return Found(std::move(ids));
  return Found();
}

/// Goes through the runs in the order of a param or tag, some values at a time: the index has the
/// values in order, and sorting those that are equal by start time takes few rows at once. Of a
/// value that very many runs have, the newest are looked for among all runs.
class ValueWalk {
 public:
  ValueWalk(storage::Database& database, const RunQuery& query)
      : database_(&database),
        query_(&query),
        order_(&query.read.order_by.front()),
        table_(table_of(order_->name.field)),
        harvest_(query.read) {}

  core::Result<Found> run() {
    const std::int64_t step = std::clamp<std::int64_t>(harvest_.wanted(), 1000, 5000);
    while (harvest_.goes_on()) {
      auto first = value_after_last(0);
      if (!first) return std::move(first).error();
      if (!*first) return add_missing();
      auto next = value_after_last(step);
      if (!next) return std::move(next).error();
      const bool is_common = *next == *first;
      auto added = is_common ? add_newest_with(**first) : add_range(**first, *next);
      if (!added) return std::move(added).error();
      if (!is_common && !*next) return harvest_.goes_on() ? add_missing() : result();
      is_passed_ = is_common;
      place_ = is_common ? std::move(*first) : std::move(*next);
    }
    return result();
  }

 private:
  core::Result<Found> result() {
    if (!harvest_.is_full()) return Found();
    return Found(harvest_.take());
  }

  Statement& add_key(Statement& statement, std::string_view table) const {
    return statement.add(fmt::format("{}.key = ", table)).bind(order_->name.key);
  }
  /// The values that were not gone through yet, and those alone that are not NULL.
  Statement& add_rest(Statement& statement, std::string_view table) const {
    const std::string value = indexed_value(table);
    if (place_) {
      statement.add(" AND ").add(value).add(order_->is_ascending ? " >" : " <");
      return bind_bytes(statement.add(is_passed_ ? " " : "= "), *place_);
    }
    return statement.add(" AND ").add(value).add(" >= x''");
  }

  core::Result<std::optional<std::string>> value_after_last(std::int64_t offset) {
    Statement statement(*database_);
    const std::string value = indexed_value("t");
    statement.add(fmt::format("SELECT {} FROM {} t WHERE ", value, table_));
    add_rest(add_key(statement, "t"), "t");
    statement.add(fmt::format(" ORDER BY {}{}", value, order_->is_ascending ? "" : " DESC"));
    auto rows = statement.add(" LIMIT 1 OFFSET ").bind(offset).run(*database_);
    if (!rows) return std::move(rows).error();
    if (rows->empty()) return std::optional<std::string>();
    return std::optional(rows->front().text(0));
  }

  /// All runs with values from `first` on and before `end`.
  core::Result<> add_range(const std::string& first, const std::optional<std::string>& end) {
    Statement statement(*database_);
    statement.add("SELECT r.run_uuid, CASE WHEN ");
    add_conditions(statement, *query_, true);
    statement.add(fmt::format(
        " THEN 1 ELSE 0 END FROM {} o0 CROSS JOIN runs r ON r.run_uuid = o0.run_uuid", table_));
    add_order_tables(statement, query_->read, 1);
    const std::string value = indexed_value("o0");
    add_key(statement.add(" WHERE "), "o0").add(" AND ").add(value);
    bind_bytes(statement.add(order_->is_ascending ? " >= " : " <= "), first);
    if (end) {
      statement.add(" AND ").add(value).add(order_->is_ascending ? " < " : " > ");
      bind_bytes(statement, *end);
    } else {
      statement.add(" AND ").add(value).add(" >= x''");
    }
    statement.add(" ORDER BY ");
    add_orders(statement, query_->read);
    auto is_end = harvest_.collect(*database_, statement);
    if (!is_end) return std::move(is_end).error();
    return {};
  }

  /// Goes through runs newest first, and takes those for which `add_choice` adds a condition that
  /// holds.
  template <class AddChoice>
  core::Result<> add_newest(const AddChoice& add_choice) {
    // What else orders them, and several experiments, would have them all sorted first.
    if (query_->read.order_by.size() > 1 || query_->experiments.size() > 1) {
      harvest_.give_up();
      return {};
    }
    Statement statement(*database_);
    statement.add("SELECT r.run_uuid, CASE WHEN ");
    add_choice(statement);
    add_conditions(statement.add(" AND "), *query_, true);
    add_experiments(statement.add(" THEN 1 ELSE 0 END FROM runs r WHERE "), "r.experiment_id",
                    query_->experiments);
    statement.add(" ORDER BY r.start_time DESC, r.run_uuid");
    auto is_end = harvest_.collect(*database_, statement);
    if (!is_end) return std::move(is_end).error();
    return {};
  }

  core::Result<> add_newest_with(const std::string& value) {
    // Of longer values the order is not known.
    if (value.size() >= kIndexedBytes) {
      harvest_.give_up();
      return {};
    }
    return add_newest([&](Statement& statement) {
      statement.add(
          fmt::format("EXISTS (SELECT 1 FROM {} t WHERE t.run_uuid = r.run_uuid AND ", table_));
      add_key(statement, "t").add(" AND t.value = ").bind(value).add(")");
    });
  }

  /// The runs without a value, which are the last.
  core::Result<Found> add_missing() {
    if (needs_first(query_->read)) return Found(harvest_.take());
    auto added = add_newest([&](Statement& statement) {
      statement.add(
          fmt::format("NOT EXISTS (SELECT 1 FROM {} t WHERE t.run_uuid = r.run_uuid AND ", table_));
      add_key(statement, "t").add(" AND t.value IS NOT NULL)");
    });
    if (!added) return std::move(added).error();
    return harvest_.goes_on() ? Found(harvest_.take()) : result();
  }

  storage::Database* database_;
  const RunQuery* query_;
  const Order* order_;
  std::string_view table_;
  Harvest harvest_;
  std::optional<std::string> place_;  ///< a value; those before it were gone through
  bool is_passed_ = false;            ///< and that value, too
};

}  // namespace

core::Result<std::optional<RunIds>> find_few(storage::Database& database, const RunQuery& query) {
  constexpr std::size_t kFew = 2000;
  const auto& conditions = query.read.conditions;
  if (database.backend() != "sqlite" ||
      std::any_of(conditions.begin(), conditions.end(), picks_by_id)) {
    return Found();
  }
  for (const Condition& condition : conditions) {
    Statement statement(database);
    if (!add_candidates(statement, condition)) continue;
    if (condition.comparator == Comparator::kLike || condition.comparator == Comparator::kILike) {
      auto is_cheap = pays_to_scan(database, query, condition);
      if (!is_cheap) return std::move(is_cheap).error();
      if (!*is_cheap) continue;
    }
    statement.add(" LIMIT ").bind(std::int64_t{kFew + 1});
    RunIds ids;
    auto done = statement.for_each(database, [&](const auto& row) {
      ids.emplace_back(row.text(0));
      return true;
    });
    if (!done) return std::move(done).error();
    if (ids.size() <= kFew) return Found(std::move(ids));
  }
  return Found();
}

std::string json_list(const RunIds& ids) {
  core::JsonArray list;
  for (const std::string& id : ids) list.emplace_back(id);
  return core::to_text(list);
}

core::Result<std::optional<RunIds>> walk_order(storage::Database& database, const RunQuery& query) {
  const ReadQuery& read = query.read;
  if (read.order_by.empty() || read.order_by.front().name.field == Field::kAttribute ||
      read.offset > kOffsetMax) {
    return Found();
  }
  const bool is_by_metric = read.order_by.front().name.field == Field::kMetric;
  if (database.backend() != "sqlite")
    return is_by_metric ? metric_page(database, query) : core::Result<Found>(Found());
  auto number = count_runs(database, query, kFewRuns + 1);
  if (!number) return std::move(number).error();
  if (*number <= kFewRuns) return Found();
  if (is_by_metric) return walk_metric(database, query);
  return ValueWalk(database, query).run();
}

}  // namespace tenure::tracking
