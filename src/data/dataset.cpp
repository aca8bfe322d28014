#include "data/dataset.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "core/file.h"
#include "core/sha256.h"
#include "core/utf8.h"
#include "data/clean_sql.h"
#include "data/column_facts.h"
#include "data/column_name.h"
#include "data/column_plan.h"
#include "data/label.h"
#include "data/parquet_file.h"
#include "data/source.h"

namespace tenure::data {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

/// Files up to this size are kept in the engine's memory, larger ones are staged on disk.
constexpr std::uintmax_t kKeptInMemoryBytes = 256U << 20U;
/// Rows that a type is inferred from.
constexpr std::int64_t kSampleRows = 200'000;

Error invalid(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

/// The start of a value, for messages; never half a character.
std::string shortened(std::string_view value) {
  constexpr std::size_t kShown = 60;
  if (value.size() <= kShown) return std::string(value);
  return std::string(value.substr(0, core::valid_utf8_prefix(value.substr(0, kShown)))) + "...";
}

/// What the staged rows say about one column.
struct Counted {
  std::int64_t missing = 0;  ///< bad ones included
  std::int64_t bad = 0;
};

/// One run of load_dataset: source file → staged rows with typed values → checks → Parquet.
/// Staged columns are called c0, c1, ... (values) and b0, b1, ... (texts that are no value).
class Loader {
 public:
  /// The first three are borrowed.
  Loader(Engine& engine, const DataSpec& spec, Source& source, ColumnPlan plan)
      : engine_(engine),
        spec_(spec),
        source_(source),
        plan_(std::move(plan)),
        from_(source_.view()) {
    std::error_code status;
    const auto bytes = std::filesystem::file_size(source_.path(), status);
    is_small_ = !status && bytes <= kKeptInMemoryBytes;
  }
  ~Loader() {
    std::error_code ignored;
    if (!stage_file_.empty()) std::filesystem::remove(stage_file_, ignored);
    static_cast<void>(
        engine_.execute("DROP VIEW IF EXISTS " + rows_ + "; DROP VIEW IF EXISTS " + kept_));
  }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  Result<> infer();
  Result<> read_null_values() { return plan_.read_null_values(engine_); }
  Result<> stage(const std::filesystem::path& parquet);
  Result<> check_values();
  Result<> check_key();
  Result<> check_label();
  Result<Dataset> write(const std::filesystem::path& parquet, core::Micros snapshot_time);

 private:
  std::string staged_sql() const;
  Result<> refuse_bad(const PlannedColumn& column, std::int64_t count) const;
  Result<> check_column(const PlannedColumn& column, const Counted& counted) const;
  Result<std::string> first_row_without(const PlannedColumn& column) const;
  std::string output_sql(core::Micros snapshot_time) const;

  Engine& engine_;
  const DataSpec& spec_;
  Source& source_;
  ColumnPlan plan_;
  std::string from_;       ///< the view of the source, or the table it was read into
  bool is_small_ = false;  ///< the source fits into memory
  std::filesystem::path stage_file_;
  std::string rows_;  ///< view: `row` (from 0) and the staged columns
  std::string kept_;  ///< view: the same without duplicates
  std::vector<Counted> counted_;
  std::int64_t row_count_ = 0;
  std::int64_t duplicates_dropped_ = 0;
  std::string positive_;
};

Result<> Loader::infer() {
  const bool is_needed = std::ranges::any_of(
      plan_.columns(), [](const PlannedColumn& column) { return column.rule.is_inferred; });
  if (!is_needed) return {};
  // What is read now need not be read again, unless it is too much to keep. Then a sample from all
  // over the file decides: tables are often sorted, and their head does not look like the rest.
  const std::string table = source_.temporary_name("read");
  std::vector<ColumnInput> inputs;
  std::string sampled;
  for (const PlannedColumn& column : plan_.columns()) {
    if (!column.rule.is_inferred) continue;
    const std::string& expression = plan_.source_of(column).expression;
    const std::string name = fmt::format("t{}", inputs.size());
    inputs.push_back({is_small_ ? expression : name, plan_.markers_of(column)});
    sampled += fmt::format("{}{} AS {}", sampled.empty() ? "" : ", ", expression, name);
  }
  const std::string rows =
      is_small_ ? fmt::format("SELECT * FROM {}", from_)
                : fmt::format("SELECT {} FROM {} USING SAMPLE reservoir({} ROWS) REPEATABLE (1)",
                              sampled, from_, kSampleRows);
  if (auto made =
          source_.execute(fmt::format("CREATE OR REPLACE TEMP TABLE {} AS {}", table, rows));
      !made)
    return made;
  if (is_small_) from_ = table;
  auto facts = read_column_facts(engine_, table, inputs);
  if (!facts) return std::move(facts).error();
  std::size_t at = 0;
  for (PlannedColumn& column : plan_.columns()) {
    if (!column.rule.is_inferred) continue;
    column.rule.type = narrowest_type((*facts)[at++]);
    if (column.role == ColumnRole::kId && column.rule.type != ColumnType::kInteger)
      column.rule.type = ColumnType::kText;
    column.rule.is_inferred = false;
    column.was_inferred = true;
  }
  return is_small_ ? Result<>{} : engine_.execute("DROP TABLE " + table);
}

std::string Loader::staged_sql() const {
  std::string outer;
  std::string inner;
  for (const PlannedColumn& column : plan_.columns()) {
    const std::string_view comma = inner.empty() ? "" : ", ";
    const ColumnPlan::Expressions made = plan_.expressions_of(column);
    inner += fmt::format("{}{} AS {}", comma, made.source, plan_.slot('v', column));
    outer += fmt::format("{}{} AS {}", comma, made.value, plan_.slot('c', column));
    if (column.rule.type != ColumnType::kText)
      outer += fmt::format(", {} AS {}", made.bad, plan_.slot('b', column));
  }
  return fmt::format("SELECT {} FROM (SELECT {} FROM {})", outer, inner, from_);
}

Result<> Loader::stage(const std::filesystem::path& parquet) {
  rows_ = source_.view() + "_rows";
  kept_ = source_.view() + "_kept";
  if (is_small_) {
    const std::string table = source_.temporary_name("stage");
    if (auto made = source_.execute(
            fmt::format("CREATE OR REPLACE TEMP TABLE {} AS {}", table, staged_sql()));
        !made)
      return made;
    return engine_.execute(
        fmt::format("CREATE TEMP VIEW {} AS SELECT rowid AS row, * FROM {}", rows_, table));
  }
  // Beside the result, where there must be room for as much anyway.
  if (parquet.has_parent_path())
    if (auto made = core::make_directories(parquet.parent_path()); !made) return made;
  stage_file_ = core::unfinished_path(parquet);
  if (auto made =
          source_.execute(fmt::format("COPY ({}) TO {} (FORMAT parquet, USE_TMP_FILE false)",
                                      staged_sql(), quote_text(stage_file_.string())));
      !made)
    return made;
  return engine_.execute(
      fmt::format("CREATE TEMP VIEW {} AS SELECT file_row_number AS row, * EXCLUDE "
                  "(file_row_number) FROM read_parquet({}, file_row_number = true)",
                  rows_, quote_path(stage_file_)));
}

Result<std::string> Loader::first_row_without(const PlannedColumn& column) const {
  auto row = engine_.query_integer(
      fmt::format("SELECT min(row) FROM {} WHERE {} IS NULL", rows_, plan_.slot('c', column)));
  if (!row) return std::move(row).error();
  return source_.place_of(*row);
}

/// The error about values that do not fit the type of their column.
Result<> Loader::refuse_bad(const PlannedColumn& column, std::int64_t count) const {
  auto first =
      engine_.query(fmt::format("SELECT min(row), arg_min({0}, row) FROM {1} WHERE {0} IS "
                                "NOT NULL",
                                plan_.slot('b', column), rows_));
  if (!first) return std::move(first).error();
  const auto row = static_cast<std::int64_t>(first->columns[0].number(0));
  std::string message =
      fmt::format("{}: column '{}': '{}' is not {}", source_.place_of(row), column.rule.name,
                  shortened(first->columns[1].text(0)), type_expectation(column.rule.type));
  if (count > 1) message += fmt::format(" (and {} more such values)", count - 1);
  if (column.was_inferred)
    message += fmt::format("; the type was inferred from {} rows: set data.columns.{}.type",
                           std::min(row_count_, kSampleRows), column.rule.name);
  return invalid(std::move(message));
}

Result<> Loader::check_column(const PlannedColumn& column, const Counted& counted) const {
  const std::string& name = column.rule.name;
  if (counted.bad > 0 && spec_.bad_values == "error") return refuse_bad(column, counted.bad);
  const bool is_key = column.role == ColumnRole::kId || column.role == ColumnRole::kTime;
  const bool is_required = column.rule.is_required && !column.rule.null_value;
  if (counted.missing == 0 || (!is_key && !is_required)) return {};
  auto place = first_row_without(column);
  if (!place) return std::move(place).error();
  return invalid(fmt::format(
      "{}: column '{}', {}, has no value ({} such rows)", *place, name,
      is_key ? (column.role == ColumnRole::kId ? "the id" : "the time") : "which is required",
      counted.missing));
}

Result<> Loader::check_values() {
  std::string select = "count(*)";
  for (const PlannedColumn& column : plan_.columns())
    select += fmt::format(", count({}), {}", plan_.slot('c', column),
                          column.rule.type == ColumnType::kText
                              ? "0"
                              : fmt::format("count({})", plan_.slot('b', column)));
  auto answer = engine_.query(fmt::format("SELECT {} FROM {}", select, rows_));
  if (!answer) return std::move(answer).error();
  const auto integer = [&](std::size_t i) {
    return static_cast<std::int64_t>(answer->columns[i].number(0));
  };
  row_count_ = integer(0);
  if (row_count_ == 0)
    return invalid(fmt::format("{} has a header and no rows", source_.path().string()));
  for (std::size_t i = 0; i < plan_.columns().size(); ++i)
    counted_.push_back({.missing = row_count_ - integer(1 + 2 * i), .bad = integer(2 + 2 * i)});
  for (std::size_t i = 0; i < plan_.columns().size(); ++i)
    if (auto checked = check_column(plan_.columns()[i], counted_[i]); !checked) return checked;
  return {};
}

Result<> Loader::check_key() {
  const auto keep_all = [&] {
    return engine_.execute(fmt::format("CREATE TEMP VIEW {} AS SELECT * FROM {}", kept_, rows_));
  };
  const PlannedColumn* id = plan_.find(ColumnRole::kId);
  if (id == nullptr) return keep_all();
  const std::string c = plan_.slot('c', *id);
  if (id->rule.type == ColumnType::kText) {
    auto row = engine_.query_integer(
        fmt::format("SELECT coalesce(min(row), -1) FROM {} WHERE lower(ltrim({}, '+-')) IN "
                    "('nan', 'inf', 'infinity')",
                    rows_, c));
    if (!row) return std::move(row).error();
    if (*row >= 0)
      return invalid(fmt::format("{}: column '{}', the id, holds NaN or infinity",
                                 source_.place_of(*row), id->rule.name));
  }
  const PlannedColumn* time = plan_.find(ColumnRole::kTime);
  const std::string key = time == nullptr ? c : c + ", " + plan_.slot('c', *time);
  // Almost always no key repeats, which counting finds in a fraction of the memory and time.
  auto repeated =
      engine_.query_integer(fmt::format("SELECT count(*) - count(DISTINCT {}) FROM {}",
                                        time == nullptr ? key : fmt::format("({})", key), rows_));
  if (!repeated) return std::move(repeated).error();
  if (*repeated == 0) return keep_all();
  auto duplicates = engine_.query(
      fmt::format("SELECT coalesce(sum(n - 1), 0)::BIGINT, coalesce(arg_min(id, first), ''), "
                  "coalesce(min(first), 0), coalesce(arg_min(second, first), 0) FROM ("
                  "SELECT count(*) AS n, CAST(any_value({}) AS VARCHAR) AS id, min(row) AS first, "
                  "list_extract(min(row, 2), 2) AS second FROM {} GROUP BY {} HAVING count(*) > 1)",
                  c, rows_, key));
  if (!duplicates) return std::move(duplicates).error();
  const auto integer = [&](std::size_t i) {
    return std::get<std::vector<std::int64_t>>(duplicates->columns[i].values).front();
  };
  const std::int64_t surplus = integer(0);
  if (surplus == 0) return keep_all();
  if (spec_.duplicates == "error")
    return invalid(fmt::format(
        "{}: column '{}' has '{}' a second time{} (first at {}); {} rows repeat a key. Set "
        "data.duplicates to first or last to keep one of them",
        source_.place_of(integer(3)), id->rule.name, shortened(duplicates->columns[1].text(0)),
        time == nullptr ? "" : " at the same time", source_.place_of(integer(2)), surplus));
  duplicates_dropped_ = surplus;
  return engine_.execute(
      fmt::format("CREATE TEMP VIEW {} AS SELECT * FROM {} QUALIFY row_number() OVER (PARTITION BY "
                  "{} ORDER BY row {}) = 1 ORDER BY row",
                  kept_, rows_, key, spec_.duplicates == "last" ? "DESC" : "ASC"));
}

Result<> Loader::check_label() {
  const PlannedColumn* label = plan_.find(ColumnRole::kTarget);
  if (label == nullptr) return {};
  auto answer =
      engine_.query(fmt::format("SELECT {0}, count(*) FROM {1} WHERE {0} IS NOT NULL GROUP BY 1 "
                                "ORDER BY 2 DESC, 1 LIMIT 20",
                                plan_.slot('c', *label), kept_));
  if (!answer) return std::move(answer).error();
  std::vector<LabelValue> values;
  for (std::size_t i = 0; i < answer->row_count(); ++i)
    values.push_back({std::string(answer->columns[0].text(i)),
                      static_cast<std::int64_t>(answer->columns[1].number(i))});
  for (const LabelValue& value : values) {
    const std::string low = lower_case(value.text);
    if (low == "nan" || low == "inf" || low == "-inf" || low == "infinity" || low == "-infinity")
      return invalid(fmt::format("column '{}', the label, holds '{}' in {} rows", label->rule.name,
                                 value.text, value.count));
  }
  auto positive = choose_positive(values, spec_.positive);
  if (!positive)
    return std::move(positive).error().within(
        fmt::format("{}: column '{}'", source_.path().string(), label->rule.name));
  positive_ = std::move(*positive);
  return {};
}

std::string Loader::output_sql(core::Micros snapshot_time) const {
  const PlannedColumn* id = plan_.find(ColumnRole::kId);
  const PlannedColumn* time = plan_.find(ColumnRole::kTime);
  const PlannedColumn* label = plan_.find(ColumnRole::kTarget);
  std::string select = id == nullptr ? fmt::format("row + 1 AS {}", kRowId)
                                     : fmt::format("{} AS {}", plan_.slot('c', *id),
                                                   quote_identifier(id->rule.name));
  select += time == nullptr
                ? fmt::format(", CAST(make_timestamp({}) AS TIMESTAMPTZ)", snapshot_time)
                : ", " + plan_.slot('c', *time);
  select += fmt::format(" AS {}", kEventTimestamp);
  for (const PlannedColumn& column : plan_.columns()) {
    if (column.role != ColumnRole::kFeature) continue;
    const std::string c = plan_.slot('c', column);
    select += column.null_value_sql.empty()
                  ? ", " + c
                  : fmt::format(", coalesce({}, {})", c, column.null_value_sql);
    select += " AS " + quote_identifier(column.rule.name);
  }
  if (label != nullptr)
    select += fmt::format(", CASE WHEN {0} IS NOT NULL THEN CAST({0} = {1} AS INTEGER) END AS {2}",
                          plan_.slot('c', *label), quote_text(positive_), kLabel);
  return fmt::format("SELECT {} FROM {}", select, kept_);
}

Result<Dataset> Loader::write(const std::filesystem::path& parquet, core::Micros snapshot_time) {
  Dataset dataset;
  const PlannedColumn* id = plan_.find(ColumnRole::kId);
  dataset.parquet = parquet;
  dataset.id_column = id == nullptr ? std::string(kRowId) : id->rule.name;
  dataset.has_label = plan_.find(ColumnRole::kTarget) != nullptr;
  dataset.duplicates_dropped = duplicates_dropped_;
  for (std::size_t i = 0; i < plan_.columns().size(); ++i) {
    dataset.nulls[plan_.columns()[i].rule.name] = counted_[i].missing;
    if (counted_[i].bad > 0) dataset.bad_values[plan_.columns()[i].rule.name] = counted_[i].bad;
    if (plan_.columns()[i].role == ColumnRole::kFeature)
      dataset.columns.push_back(plan_.columns()[i].rule);
  }
  auto digest = core::sha256_file(source_.path());
  if (!digest) return std::move(digest).error();
  dataset.source_sha256 = std::move(*digest);
  auto counts = engine_.query(fmt::format(
      "SELECT count(*), {} FROM {}",
      dataset.has_label
          ? fmt::format("count(*) FILTER ({} = {})",
                        plan_.slot('c', *plan_.find(ColumnRole::kTarget)), quote_text(positive_))
          : "0",
      kept_));
  if (!counts) return std::move(counts).error();
  dataset.rows = static_cast<std::int64_t>(counts->columns[0].number(0));
  dataset.positives = static_cast<std::int64_t>(counts->columns[1].number(0));
  // Last, so that an error before leaves the old file.
  if (auto written = write_parquet(engine_, output_sql(snapshot_time), parquet); !written)
    return std::move(written).error();
  return dataset;
}

}  // namespace

Result<Dataset> load_dataset(Engine& engine, const DataSpec& spec,
                             const std::filesystem::path& parquet, core::Micros snapshot_time) {
  auto source = Source::open(engine, spec.source, spec.format, spec.delimiter);
  if (!source) return std::move(source).error();
  auto plan = ColumnPlan::make(*source, spec);
  if (!plan) return std::move(plan).error();
  Loader loader(engine, spec, *source, *std::move(plan));
  if (auto done = loader.infer(); !done) return std::move(done).error();
  if (auto done = loader.read_null_values(); !done) return std::move(done).error();
  if (auto done = loader.stage(parquet); !done) return std::move(done).error();
  if (auto done = loader.check_values(); !done) return std::move(done).error();
  if (auto done = loader.check_key(); !done) return std::move(done).error();
  if (auto done = loader.check_label(); !done) return std::move(done).error();
  return loader.write(parquet, snapshot_time);
}

}  // namespace tenure::data
