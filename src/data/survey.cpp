#include "data/survey.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "data/clean_sql.h"
#include "data/missing_words.h"

namespace tenure::data {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

/// Many columns in one statement halve the time; all at once would group all of them in memory.
constexpr std::size_t kColumnsAtOnce = 16;
/// Odd values looked at in one column.
constexpr std::int64_t kOddValuesMax = 30;

std::string sql_list(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + quote_text(text);
  return list;
}

std::int64_t integer_of(const Table& table, std::size_t column, std::size_t row) {
  return static_cast<std::int64_t>(table.columns[column].number(row));
}

}  // namespace

Survey::Survey(Engine& engine, Source& source, const std::vector<std::string>& markers)
    : engine_(&engine),
      source_(&source),
      default_markers_(markers),
      markers_(source.columns().size()) {}

std::string Survey::raw_text(std::size_t column) const {
  const SourceColumn& from = source_->columns()[column];
  return from.type ? fmt::format("CAST({} AS VARCHAR)", from.expression) : from.expression;
}

std::string Survey::source_text(std::size_t column) const {
  return text_sql(raw_text(column), default_markers_);
}

Result<Survey> Survey::read(Engine& engine, Source& source, const std::vector<std::string>& markers,
                            std::optional<std::size_t> label, const SampleRule& rule) {
  Survey survey(engine, source, markers);
  survey.label_ = label;
  const bool was_strict = source.is_strict();
  if (auto done = survey.count_rows(); !done) return std::move(done).error();
  if (auto done = survey.take_rows(rule); !done) return std::move(done).error();
  // Reading all columns may show that the file has to be read less strictly; then rows count anew.
  if (source.is_strict() != was_strict) {
    if (auto done = survey.count_rows(); !done) return std::move(done).error();
    if (auto done = survey.take_rows(rule); !done) return std::move(done).error();
  }
  return survey;
}

/// Reads one column alone, which takes a fraction of the time of reading all.
Result<> Survey::count_rows() {
  const std::string counts = source_->temporary_name("counts");
  auto made = source_->execute(
      fmt::format("CREATE OR REPLACE TEMP TABLE {} AS SELECT {} AS v, count(*) AS n FROM {} {}",
                  counts, label_ ? source_text(*label_) : "NULL::VARCHAR", source_->view(),
                  label_ ? "GROUP BY 1" : ""));
  if (!made) return made;
  auto rows =
      engine_->query_integer(fmt::format("SELECT coalesce(sum(n), 0)::BIGINT FROM {}", counts));
  if (!rows) return std::move(rows).error();
  rows_ = *rows;
  if (rows_ == 0)
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} has a header and no rows", source_->path().string())};
  auto answer = engine_->query(
      fmt::format("SELECT v, n FROM {} WHERE v IS NOT NULL ORDER BY n DESC, v LIMIT 20", counts));
  if (!answer) return std::move(answer).error();
  label_values_.clear();
  for (std::size_t i = 0; i < answer->row_count(); ++i)
    label_values_.push_back({std::string(answer->columns[0].text(i)), integer_of(*answer, 1, i)});
  return engine_->execute("DROP TABLE " + counts);
}

std::int64_t Survey::sample_size(const SampleRule& rule) const {
  const auto width = static_cast<std::int64_t>(source_->columns().size());
  std::int64_t size = std::clamp(rule.cells / width, rule.rows_min, rule.rows_max);
  if (label_values_.size() == 2) {
    const std::int64_t rare = std::max<std::int64_t>(1, label_values_.back().count);
    size = std::max(size, std::min(rule.rows_max, rule.class_rows * (rows_ / rare + 1)));
  }
  return size;
}

Result<> Survey::take_rows(const SampleRule& rule) {
  std::string select;
  std::string cells;
  // What means missing is taken out after grouping, where there are fewer texts.
  for (std::size_t i = 0; i < source_->columns().size(); ++i) {
    select += fmt::format("{}trim({}) AS v{}", i == 0 ? "" : ", ", raw_text(i), i);
    cells += (i == 0 ? "" : ", ") + source_->columns()[i].expression;
  }
  table_ = source_->temporary_name("texts");
  const auto take = [&](const std::string& from, const std::string& which) -> Result<> {
    auto taken = source_->execute(fmt::format(
        "CREATE OR REPLACE TEMP TABLE {} AS SELECT {} FROM {}{}", table_, select, from, which));
    if (!taken) return taken;
    auto read = engine_->query_integer("SELECT count(*) FROM " + table_);
    if (!read) return std::move(read).error();
    rows_read_ = *read;
    return {};
  };
  std::error_code status;
  const auto bytes = std::filesystem::file_size(source_->path(), status);
  const std::int64_t size = sample_size(rule);
  if (rows_ <= size || (!status && bytes <= rule.whole_bytes)) return take(source_->view(), "");
  // A hash of the row itself needs no order, so the file is read by all threads. Where rows repeat
  // it draws too unevenly; then their numbers are hashed.
  const auto drawn = [&](const std::string& key) {
    return fmt::format(" WHERE hash({}) % {} < {}", key, rows_, size);
  };
  if (auto taken = take(source_->view(), drawn(cells)); !taken) return taken;
  if (2 * rows_read_ >= size && rows_read_ <= 2 * size) return {};
  const std::string number = source_->view() + "_number";
  return take(
      fmt::format("(SELECT *, row_number() OVER () AS {} FROM {})", number, source_->view()),
      drawn(number));
}

/// Casts run over the different values alone; most columns repeat few.
std::string Survey::group_sql(std::size_t column) const {
  return fmt::format(
      "SELECT {column}::SMALLINT AS c, v, n, p, q, s, d, "
      "CASE WHEN d IS NULL AND v IS NOT NULL THEN {time} IS NOT NULL END AS t "
      "FROM (SELECT * EXCLUDE (x), {number} AS d FROM (SELECT *, TRY_CAST(v AS DOUBLE) AS x "
      "FROM (SELECT {known} AS v, n, p, q, s FROM (SELECT v{column} AS v, count(*) AS n, "
      "count(*) FILTER (y) AS p, count(*) FILTER (NOT y) AS q, bit_xor(hash(r)) AS s "
      "FROM (SELECT v{column}, rowid AS r, {positive} AS y FROM {table}) GROUP BY 1))))",
      fmt::arg("column", column), fmt::arg("time", value_sql("v", ColumnType::kTimestamp)),
      fmt::arg("number", number_sql("v", "x")), fmt::arg("positive", is_positive_),
      fmt::arg("known", text_sql("v", default_markers_)), fmt::arg("table", table_));
}

Result<> Survey::group(std::string_view positive) {
  if (label_)
    is_positive_ = fmt::format("{} = {}", text_sql(fmt::format("v{}", *label_), default_markers_),
                               quote_text(positive));
  groups_ = source_->temporary_name("groups");
  const std::size_t width = source_->columns().size();
  for (std::size_t begin = 0; begin < width; begin += kColumnsAtOnce) {
    std::string sql;
    for (std::size_t i = begin; i < std::min(width, begin + kColumnsAtOnce); ++i)
      sql += (sql.empty() ? "" : " UNION ALL ") + group_sql(i);
    auto made = engine_->execute(
        begin == 0 ? fmt::format("CREATE OR REPLACE TEMP TABLE {} AS {}", groups_, sql)
                   : fmt::format("INSERT INTO {} {}", groups_, sql));
    if (!made) return made;
  }
  return {};
}

Result<> Survey::find_markers() {
  // Odd in a column of numbers is what is no number, in a column of times what is no time.
  auto answer = engine_->query(fmt::format(
      "WITH kinds AS (SELECT c, coalesce(sum(n) FILTER (d IS NOT NULL), 0)::BIGINT AS numbers, "
      "coalesce(sum(n) FILTER (t), 0)::BIGINT AS times, count(*) FILTER (d IS NOT NULL) AS "
      "different_numbers, count(*) FILTER (t) AS different_times FROM {0} GROUP BY c), "
      "odd AS (SELECT g.c, v, n, greatest(numbers, times) AS regular, "
      "greatest(different_numbers, different_times) AS regular_distinct, "
      "count(*) OVER (PARTITION BY g.c) AS others, "
      "row_number() OVER (PARTITION BY g.c ORDER BY n DESC, v) AS place "
      "FROM {0} g JOIN kinds USING (c) WHERE v IS NOT NULL AND "
      "CASE WHEN numbers + times = 0 THEN lower(v) IN ({1}) "
      "WHEN numbers >= times THEN d IS NULL ELSE t IS NOT true END) "
      "SELECT c, v, n, regular, regular_distinct, others FROM odd WHERE place <= {2} OR lower(v) "
      "IN ({1}) "
      "ORDER BY c, n DESC, v",
      groups_, sql_list(technical_missing()), kOddValuesMax));
  if (!answer) return std::move(answer).error();

  std::string marked;
  for (std::size_t begin = 0; begin < answer->row_count();) {
    const std::int64_t column = integer_of(*answer, 0, begin);
    std::size_t end = begin;
    std::vector<OddValue> odd;
    for (; end < answer->row_count() && integer_of(*answer, 0, end) == column; ++end)
      odd.push_back({std::string(answer->columns[1].text(end)), integer_of(*answer, 2, end)});
    const auto at = static_cast<std::size_t>(column);
    // The texts of a typed column are values of that type.
    if (!source_->columns()[at].type)
      markers_[at] = choose_markers(integer_of(*answer, 3, begin), integer_of(*answer, 4, begin),
                                    odd, integer_of(*answer, 5, begin));
    if (!markers_[at].empty())
      marked += fmt::format("{}c = {} AND v IN ({})", marked.empty() ? "" : " OR ", column,
                            sql_list(markers_[at]));
    begin = end;
  }
  if (marked.empty()) return {};
  return engine_->execute(
      fmt::format("UPDATE {} SET v = NULL, d = NULL, t = NULL WHERE {}", groups_, marked));
}

Result<std::vector<ColumnEvidence>> Survey::evidence(bool has_ranks) const {
  // The hash of a value and of its rows are hashed once more together: hash(a, b) alone is linear
  // in both, so that over all values it would not see which value has which rows. Written
  // dates: 31.12.2024, 12/31/24, 5 Jan 2024, Jan 5, 2024; and 20241231 as an integer.
  constexpr std::string_view kDate =
      "^([0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}|([0-9]{1,2}[ -])?[A-Za-z]{3,9}\\.?[ "
      "-]([0-9]{1,2},?[ -])?[0-9]{2,4})([ T][0-9].*)?$";
  constexpr std::string_view kDecorated =
      "^[(+-]?\\s*[$€£¥]\\s*[0-9]|[0-9]\\s*[%€$£¥]$|^[+-]?[0-9]{1,3}([,. '][0-9]{3})+([.,][0-9]+)?$"
      "|^[+-]?[0-9]+,[0-9]+$";
  auto answer = engine_->query(fmt::format(
      "SELECT sum(n)::BIGINT, coalesce(sum(n) FILTER (v IS NOT NULL), 0)::BIGINT, count(v), "
      "coalesce(sum(n) FILTER (d IS NOT NULL), 0)::BIGINT, "
      "coalesce(sum(n) FILTER (is_digits), 0)::BIGINT, "
      "coalesce(sum(n) FILTER (d IS NULL AND lower(v) IN ('true', 'false')), 0)::BIGINT, "
      "coalesce(sum(n) FILTER (t), 0)::BIGINT, "
      "count(*) FILTER (is_digits AND (length(v) > 18 OR v SIMILAR TO '0[0-9]+')), "
      "coalesce(max(length(v)), 0), coalesce(avg(length(v)), 0)::DOUBLE, "
      "coalesce(median(n) FILTER (v IS NOT NULL), 0)::DOUBLE, "
      "coalesce(min(length(v)), 0), coalesce(min(d), 0), coalesce(max(d), 0), "
      "coalesce(sum(n) FILTER (is_date), 0)::BIGINT, "
      "coalesce(sum(n) FILTER (is_decorated), 0)::BIGINT, "
      "coalesce(min(v) FILTER (is_decorated), ''), coalesce(arg_max(v, n), ''), "
      "coalesce(sum(p) FILTER (v IS NOT NULL), 0)::BIGINT, "
      "coalesce(sum(q) FILTER (v IS NOT NULL), 0)::BIGINT, "
      "concat(bit_xor(hash(xor(hash(coalesce(d, 0), CASE WHEN d IS NULL THEN v END), s))) "
      "FILTER (v IS NOT NULL), '/', bit_xor(s) FILTER (v IS NULL)), "
      "concat(bit_xor(hash(s)) FILTER (v IS NOT NULL), '/', bit_xor(s) FILTER (v IS NULL)) "
      "FROM (SELECT *, is_digits IS NOT true AND d IS NULL AND NOT is_date AND "
      "regexp_matches(v, {decorated}) AS is_decorated FROM (SELECT *, "
      "CASE WHEN d = trunc(d) THEN v SIMILAR TO '[+-]?[0-9]+' END AS is_digits, "
      "CASE WHEN d BETWEEN 19000101 AND 21001231 AND length(v) = 8 "
      "THEN try_strptime(v, '%Y%m%d') IS NOT NULL "
      "WHEN d IS NULL AND v IS NOT NULL AND t IS NOT true THEN regexp_matches(v, {date}) "
      "END AS is_date FROM {groups})) GROUP BY c ORDER BY c",
      fmt::arg("groups", groups_), fmt::arg("date", quote_text(kDate)),
      fmt::arg("decorated", quote_text(kDecorated))));
  if (!answer) return std::move(answer).error();
  std::vector<ColumnEvidence> columns;
  for (std::size_t i = 0; i < answer->row_count(); ++i) {
    const auto integer = [&](std::size_t column) { return integer_of(*answer, column, i); };
    const auto number = [&](std::size_t column) { return answer->columns[column].number(i); };
    const auto text = [&](std::size_t column) {
      return std::string(answer->columns[column].text(i));
    };
    ColumnEvidence& column = columns.emplace_back();
    column.name = source_->columns()[i].name;
    column.native = source_->columns()[i].type;
    column.markers = markers_[i];
    column.facts = {.rows = integer(0),
                    .present = integer(1),
                    .distinct = integer(2),
                    .numbers = integer(3),
                    .integers = integer(4),
                    .booleans = integer(5),
                    .times = integer(6),
                    .codes = integer(7),
                    .length_max = integer(8),
                    .length_mean = number(9),
                    .count_median = number(10)};
    column.length_min = integer(11);
    column.minimum = number(12);
    column.maximum = number(13);
    column.dates = integer(14);
    column.decorated = integer(15);
    column.decorated_example = text(16);
    column.most_frequent = text(17);
    column.positives = integer(18);
    column.negatives = integer(19);
    column.content = text(20);
    column.partition = text(21);
  }
  if (has_ranks)
    if (auto read = read_ranks(columns); !read) return std::move(read).error();
  return columns;
}

Result<> Survey::read_ranks(std::vector<ColumnEvidence>& columns) const {
  // The area under the curve from counts per class in rising order of a score.
  const auto area_sql = [](std::string_view counts) {
    return fmt::format(
        "SELECT c, sum(p * (below + q / 2)) / nullif(sum(p) * sum(q), 0) FROM (SELECT c, p, q, "
        "sum(q) OVER (PARTITION BY c ORDER BY score ROWS UNBOUNDED PRECEDING) - q AS below "
        "FROM ({})) GROUP BY c",
        counts);
  };
  const auto read = [&](const std::string& sql,
                        std::optional<double> ColumnEvidence::*area) -> Result<> {
    auto answer = engine_->query(sql);
    if (!answer) return std::move(answer).error();
    for (std::size_t i = 0; i < answer->row_count(); ++i)
      if (!answer->columns[1].is_null(i))
        columns[static_cast<std::size_t>(integer_of(*answer, 0, i))].*area =
            answer->columns[1].number(i);
    return {};
  };
  // Ordering every measurement of a large table takes longer than all the rest. Values that occur
  // often are all taken; of the others one of `step` stands for `step` of them.
  constexpr std::int64_t kRankedRows = 20'000;
  constexpr std::int64_t kOften = 8;
  const std::int64_t step = std::max<std::int64_t>(1, rows_read_ / kRankedRows);
  if (auto done =
          read(area_sql(fmt::format(
                   "SELECT c, d AS score, sum(p * w)::DOUBLE AS p, sum(q * w)::DOUBLE AS q FROM "
                   "(SELECT *, CASE WHEN n >= {0} THEN 1 ELSE {1} END AS w FROM {2} "
                   "WHERE d IS NOT NULL AND (n >= {0} OR hash(d) % {1} = 0)) GROUP BY c, d",
                   kOften, step, groups_)),
               &ColumnEvidence::number_auc);
      !done)
    return done;

  // A rate needs rows behind it: with few, many categories look telling by chance.
  const std::int64_t support = std::clamp<std::int64_t>(rows_read_ / 20, 5, 20);
  return read(
      area_sql(fmt::format(
          "SELECT c, sum(p)::DOUBLE AS p, sum(q)::DOUBLE AS q, "
          "coalesce(sum(p) / nullif(sum(p) + sum(q), 0), 0) AS score FROM (SELECT *, CASE "
          "WHEN v IS NULL THEN 'missing' WHEN p + q >= {} THEN '=' || v ELSE 'rare' END AS k "
          "FROM {}) GROUP BY c, k",
          support, groups_)),
      &ColumnEvidence::category_auc);
}

Result<bool> Survey::is_monotone(std::size_t a, std::size_t b) const {
  const auto number = [](std::size_t column) { return number_sql(fmt::format("v{}", column)); };
  auto answer = engine_->query_integer(fmt::format(
      "SELECT CAST(coalesce(bool_and(up) OR bool_and(NOT up), true) AS INTEGER) FROM ("
      "SELECT b > lag(b) OVER (ORDER BY a) AS up FROM (SELECT DISTINCT {} AS a, {} AS b FROM {}) "
      "WHERE a IS NOT NULL AND b IS NOT NULL)",
      number(a), number(b), table_));
  if (!answer) return std::move(answer).error();
  return *answer != 0;
}

Result<std::vector<std::vector<Survey::Value>>> Survey::top_values(
    const std::vector<std::size_t>& wanted, std::size_t limit) const {
  std::string list = "-1";
  for (const std::size_t column : wanted) list += fmt::format(", {}", column);
  auto answer = engine_->query(
      fmt::format("SELECT c, v, n, p, q FROM {} WHERE v IS NOT NULL AND c IN ({}) QUALIFY "
                  "row_number() OVER (PARTITION BY c ORDER BY n DESC, v) <= {} ORDER BY c, n DESC, "
                  "v",
                  groups_, list, limit));
  if (!answer) return std::move(answer).error();
  std::vector<std::vector<Value>> values(source_->columns().size());
  for (std::size_t i = 0; i < answer->row_count(); ++i)
    values[static_cast<std::size_t>(integer_of(*answer, 0, i))].push_back(
        {.text = std::string(answer->columns[1].text(i)),
         .count = integer_of(*answer, 2, i),
         .positives = integer_of(*answer, 3, i),
         .negatives = integer_of(*answer, 4, i)});
  return values;
}

ColumnType type_of(const ColumnEvidence& column) {
  return column.native ? *column.native : narrowest_type(column.facts);
}

}  // namespace tenure::data
