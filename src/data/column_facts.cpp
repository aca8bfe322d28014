#include "data/column_facts.h"

#include <algorithm>

#include <fmt/format.h>

#include "data/clean_sql.h"

namespace tenure::data {

namespace {

/// Facts about one column as a query of one row. Grouped first: most columns repeat few values, so
/// the casts run over these alone.
std::string facts_sql(std::string_view relation, const ColumnInput& column, std::size_t position) {
  return fmt::format(
      "SELECT {position}, sum(n)::BIGINT, coalesce(sum(n) FILTER (v IS NOT NULL), 0)::BIGINT, "
      "count(v), coalesce(sum(n) FILTER (d IS NOT NULL), 0)::BIGINT, "
      "coalesce(sum(n) FILTER (is_digits AND d IS NOT NULL), 0)::BIGINT, "
      "coalesce(sum(n) FILTER (lower(v) IN ('true', 'false')), 0)::BIGINT, "
      "coalesce(sum(n) FILTER (CASE WHEN d IS NULL THEN {time} IS NOT NULL END), 0)::BIGINT, "
      "count(*) FILTER (is_digits AND (length(v) > 18 OR v SIMILAR TO '0[0-9]+')), "
      "coalesce(max(length(v)), 0), coalesce(avg(length(v)), 0)::DOUBLE, "
      "coalesce(median(n) FILTER (v IS NOT NULL), 0)::DOUBLE "
      "FROM (SELECT v, n, {number} AS d, v SIMILAR TO '[+-]?[0-9]+' AS is_digits "
      "FROM (SELECT {text} AS v, count(*) AS n FROM {relation} GROUP BY 1))",
      fmt::arg("position", position), fmt::arg("text", text_sql(column.expression, column.markers)),
      fmt::arg("relation", relation), fmt::arg("number", number_sql("v")),
      fmt::arg("time", value_sql("v", ColumnType::kTimestamp)));
}

ColumnFacts facts_of(const Table& answer, std::size_t row) {
  const auto integer = [&](std::size_t column) {
    return static_cast<std::int64_t>(answer.columns[column].number(row));
  };
  ColumnFacts facts;
  facts.rows = integer(1);
  facts.present = integer(2);
  facts.distinct = integer(3);
  facts.numbers = integer(4);
  facts.integers = integer(5);
  facts.booleans = integer(6);
  facts.times = integer(7);
  facts.codes = integer(8);
  facts.length_max = integer(9);
  facts.length_mean = answer.columns[10].number(row);
  facts.count_median = answer.columns[11].number(row);
  return facts;
}

}  // namespace

core::Result<std::vector<ColumnFacts>> read_column_facts(Engine& engine, std::string_view relation,
                                                         const std::vector<ColumnInput>& columns) {
  // Many columns in one statement halve the time; all at once would group all of them in memory.
  constexpr std::size_t kColumnsAtOnce = 16;
  std::vector<ColumnFacts> facts;
  while (facts.size() < columns.size()) {
    std::string sql;
    const std::size_t end = std::min(columns.size(), facts.size() + kColumnsAtOnce);
    for (std::size_t i = facts.size(); i < end; ++i)
      sql += (sql.empty() ? "" : " UNION ALL ") + facts_sql(relation, columns[i], i);
    auto answer = engine.query(sql + " ORDER BY 1");
    if (!answer) return std::move(answer).error();
    for (std::size_t row = 0; row < answer->row_count(); ++row)
      facts.push_back(facts_of(*answer, row));
  }
  return facts;
}

ColumnType narrowest_type(const ColumnFacts& facts) {
  if (facts.present == 0) return ColumnType::kText;
  if (facts.booleans == facts.present) return ColumnType::kBoolean;
  if (facts.numbers == facts.present) {
    if (facts.codes > 0) return ColumnType::kText;
    return facts.integers == facts.present ? ColumnType::kInteger : ColumnType::kNumber;
  }
  return facts.times == facts.present ? ColumnType::kTimestamp : ColumnType::kText;
}

}  // namespace tenure::data
