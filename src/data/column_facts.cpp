#include "data/column_facts.h"

#include <fmt/format.h>

#include "data/clean_sql.h"

namespace tenure::data {

core::Result<ColumnFacts> read_column_facts(Engine& engine, std::string_view relation,
                                            std::string_view expression,
                                            const std::vector<std::string>& markers) {
  // Grouped first: most columns repeat few values, so the casts run over these alone.
  const auto sql = fmt::format(
      "WITH counted AS (SELECT {text} AS v, count(*) AS n FROM {relation} GROUP BY 1), "
      "looked AS (SELECT v, n, {number} AS d, "
      "v SIMILAR TO '[+-]?[0-9]+' AS is_digits FROM counted WHERE v IS NOT NULL) "
      "SELECT (SELECT coalesce(sum(n), 0) FROM counted)::BIGINT, coalesce(sum(n), 0)::BIGINT, "
      "count(*), coalesce(sum(n) FILTER (d IS NOT NULL), 0)::BIGINT, "
      "coalesce(sum(n) FILTER (is_digits AND d IS NOT NULL), 0)::BIGINT, "
      "coalesce(sum(n) FILTER (lower(v) IN ('true', 'false')), 0)::BIGINT, "
      "coalesce(sum(n) FILTER (CASE WHEN d IS NULL THEN {time} IS NOT NULL END), 0)::BIGINT, "
      "count(*) FILTER (is_digits AND (length(v) > 18 OR v SIMILAR TO '0[0-9]+')), "
      "coalesce(max(length(v)), 0), coalesce(avg(length(v)), 0), coalesce(median(n), 0)::DOUBLE "
      "FROM looked",
      fmt::arg("text", text_sql(expression, markers)), fmt::arg("relation", relation),
      fmt::arg("number", number_sql("v")),
      fmt::arg("time", value_sql("v", ColumnType::kTimestamp)));
  auto answer = engine.query(sql);
  if (!answer) return std::move(answer).error();
  const auto integer = [&](std::size_t column) {
    return std::get<std::vector<std::int64_t>>(answer->columns[column].values).front();
  };
  ColumnFacts facts;
  facts.rows = integer(0);
  facts.present = integer(1);
  facts.distinct = integer(2);
  facts.numbers = integer(3);
  facts.integers = integer(4);
  facts.booleans = integer(5);
  facts.times = integer(6);
  facts.codes = integer(7);
  facts.length_max = integer(8);
  facts.length_mean = answer->columns[9].number(0);
  facts.count_median = answer->columns[10].number(0);
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
