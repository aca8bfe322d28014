#include "data/dataset.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/file.h"
#include "core/sha256.h"
#include "core/utf8.h"
#include "data/clean_sql.h"
#include "data/column_facts.h"
#include "data/column_name.h"
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

enum class Role { kId, kTime, kLabel, kFeature };

/// A column of the source that is kept, and how.
struct Planned {
  Role role = Role::kFeature;
  std::size_t source = 0;  ///< index into the source's columns
  ColumnRule rule;
  bool was_inferred = false;
  std::string null_value_sql;  ///< the rule's null_value as a value of the type; empty = none
};

/// What the staged rows say about one column.
struct Counted {
  std::int64_t missing = 0;  ///< bad ones included
  std::int64_t bad = 0;
};

/// One run of load_dataset: source file → staged rows with typed values → checks → Parquet.
/// Staged columns are called c0, c1, ... (values) and b0, b1, ... (texts that are no value), so no
/// name of the user can clash with ours.
class Loader {
 public:
  Loader(Engine& engine, const DataSpec& spec, Source source)
      : engine_(engine), spec_(spec), source_(std::move(source)), from_(source_.view()) {
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

  Result<> plan();
  Result<> infer();
  Result<> stage(const std::filesystem::path& parquet);
  Result<> check_values();
  Result<> check_key();
  Result<> check_label();
  Result<> read_null_values();
  Result<Dataset> write(const std::filesystem::path& parquet, core::Micros snapshot_time);
  std::optional<DirectQuery> direct_query(const std::vector<std::string>& as_written) const;

 private:
  Result<> add(Role role, std::string_view name, std::string_view what);
  Result<> add_features();
  ColumnRule rule_of(const SourceColumn& column) const;
  /// SQL of one column: from the source's columns, then from that as v0, v1, ...
  struct Expressions {
    std::string source;
    std::string value;
    std::string bad;
  };
  Expressions expressions_of(const Planned& column) const;
  std::string staged_sql() const;
  std::vector<std::string> markers_of(const Planned& column) const;
  std::string source_text(const Planned& column) const;
  Result<> refuse_bad(const Planned& column, std::int64_t count) const;
  Result<> check_column(const Planned& column, const Counted& counted) const;
  Result<std::string> first_row_without(const Planned& column) const;
  std::string output_sql(core::Micros snapshot_time) const;
  const Planned* find(Role role) const;
  std::string slot(char kind, const Planned& column) const;

  Engine& engine_;
  const DataSpec& spec_;
  Source source_;
  std::string from_;       ///< the view of the source, or the table it was read into
  bool is_small_ = false;  ///< the source fits into memory
  std::vector<Planned> plan_;
  std::filesystem::path stage_file_;
  std::string rows_;  ///< view: `row` (from 0) and the staged columns
  std::string kept_;  ///< view: the same without duplicates
  std::vector<Counted> counted_;
  std::int64_t row_count_ = 0;
  std::int64_t duplicates_dropped_ = 0;
  std::string positive_;
};

const Planned* Loader::find(Role role) const {
  for (const Planned& column : plan_)
    if (column.role == role) return &column;
  return nullptr;
}

std::string Loader::slot(char kind, const Planned& column) const {
  return fmt::format("{}{}", kind, &column - plan_.data());
}

/// The user's rule for a column, or one that leaves the type to be found.
ColumnRule Loader::rule_of(const SourceColumn& column) const {
  ColumnRule rule;
  rule.is_inferred = true;
  for (const ColumnRule& given : spec_.columns)
    if (given.name == column.name) rule = given;
  rule.name = column.name;
  if (rule.is_inferred && column.type) {
    rule.type = *column.type;
    rule.is_inferred = false;
  }
  return rule;
}

Result<> Loader::add(Role role, std::string_view name, std::string_view what) {
  const auto& columns = source_.columns();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name != name) continue;
    for (const Planned& other : plan_)
      if (other.source == i)
        return invalid(fmt::format("column '{}' cannot be the {} and something else", name, what));
    Planned planned{.role = role,
                    .source = i,
                    .rule = rule_of(columns[i]),
                    .was_inferred = false,
                    .null_value_sql = {}};
    if (role == Role::kLabel) planned.rule.type = ColumnType::kText;
    if (role == Role::kTime) planned.rule.type = ColumnType::kTimestamp;
    if (role != Role::kId) planned.rule.is_inferred = false;
    if (role == Role::kId && planned.rule.type != ColumnType::kText && !planned.rule.is_inferred)
      planned.rule.type = ColumnType::kInteger;
    plan_.push_back(std::move(planned));
    return {};
  }
  return invalid(fmt::format("{} has no column '{}' for the {}{}", source_.path().string(), name,
                             what, suggest_name(name, source_.names())));
}

Result<> Loader::add_features() {
  std::set<std::size_t> used;
  for (const Planned& column : plan_) used.insert(column.source);
  std::set<std::string> reserved = {std::string(kEventTimestamp)};
  if (!spec_.label.empty()) reserved.insert(std::string(kLabel));
  if (spec_.id.empty()) reserved.insert(std::string(kRowId));
  const auto& columns = source_.columns();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string& name = columns[i].name;
    if (used.count(i) > 0 || spec_.ignored.count(name) > 0) continue;
    if (spec_.is_exact &&
        std::ranges::find(spec_.columns, name, &ColumnRule::name) == spec_.columns.end())
      continue;
    if (reserved.count(lower_case(name)) > 0)
      return invalid(
          fmt::format("column '{}' has a name that the cleaned table uses itself; rename "
                      "it, or list it in data.ignore",
                      name));
    plan_.push_back({.role = Role::kFeature,
                     .source = i,
                     .rule = rule_of(columns[i]),
                     .was_inferred = false,
                     .null_value_sql = {}});
  }
  return {};
}

Result<> Loader::plan() {
  const auto names = source_.names();
  const std::set<std::string> known(names.begin(), names.end());
  for (const ColumnRule& rule : spec_.columns)
    if (known.count(rule.name) == 0)
      return invalid(fmt::format(
          "{} has no column '{}', which {}{}", source_.path().string(), rule.name,
          rule.needed_by.empty() ? "data.columns describes" : rule.needed_by + " is read from",
          suggest_name(rule.name, names)));
  if (!spec_.id.empty())
    if (auto added = add(Role::kId, spec_.id, "id"); !added) return added;
  if (!spec_.time.empty())
    if (auto added = add(Role::kTime, spec_.time, "time"); !added) return added;
  if (!spec_.label.empty())
    if (auto added = add(Role::kLabel, spec_.label, "label"); !added) return added;
  if (auto added = add_features(); !added) return added;
  const Planned* id = find(Role::kId);
  const std::string id_name = lower_case(id == nullptr ? kRowId : std::string_view(id->rule.name));
  if (id_name == kEventTimestamp || (id_name == kLabel && !spec_.label.empty()))
    return invalid(
        fmt::format("the id cannot be named '{}': the cleaned table has a column of that "
                    "name; rename it",
                    id_name));
  return {};
}

/// The column as text, with what means missing taken out.
std::string Loader::source_text(const Planned& column) const {
  const SourceColumn& from = source_.columns()[column.source];
  const auto markers = markers_of(column);
  if (!from.type) return text_sql(from.expression, markers);
  return text_sql(fmt::format("CAST({} AS VARCHAR)", from.expression),
                  column.role == Role::kLabel ? markers : std::vector<std::string>{});
}

std::vector<std::string> Loader::markers_of(const Planned& column) const {
  std::vector<std::string> markers = spec_.null_markers;
  markers.insert(markers.end(), column.rule.null_markers.begin(), column.rule.null_markers.end());
  return markers;
}

Result<> Loader::infer() {
  const bool is_needed =
      std::any_of(plan_.begin(), plan_.end(), [](const Planned& p) { return p.rule.is_inferred; });
  if (!is_needed) return {};
  // What is read now need not be read again, unless it is too much to keep. Then a sample from all
  // over the file decides: tables are often sorted, and their head does not look like the rest.
  const std::string table = source_.temporary_name("read");
  std::vector<ColumnInput> inputs;
  std::string sampled;
  for (const Planned& column : plan_) {
    if (!column.rule.is_inferred) continue;
    const std::string& expression = source_.columns()[column.source].expression;
    const std::string name = fmt::format("t{}", inputs.size());
    inputs.push_back({is_small_ ? expression : name, markers_of(column)});
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
  for (Planned& column : plan_) {
    if (!column.rule.is_inferred) continue;
    column.rule.type = narrowest_type((*facts)[at++]);
    if (column.role == Role::kId && column.rule.type != ColumnType::kInteger)
      column.rule.type = ColumnType::kText;
    column.rule.is_inferred = false;
    column.was_inferred = true;
  }
  return is_small_ ? Result<>{} : engine_.execute("DROP TABLE " + table);
}

/// How a staged column is made of the source's.
Loader::Expressions Loader::expressions_of(const Planned& column) const {
  const SourceColumn& from = source_.columns()[column.source];
  const std::string v = slot('v', column);
  if (from.is_native) {
    std::string value = native_value_sql(v, *from.type, column.rule.type);
    if (!value.empty()) return {from.expression, std::move(value), native_bad_sql(v, *from.type)};
  }
  return {source_text(column), value_sql(v, column.rule.type), bad_sql(v, column.rule.type)};
}

std::string Loader::staged_sql() const {
  std::string outer;
  std::string inner;
  for (const Planned& column : plan_) {
    const std::string_view comma = inner.empty() ? "" : ", ";
    const Expressions made = expressions_of(column);
    inner += fmt::format("{}{} AS {}", comma, made.source, slot('v', column));
    outer += fmt::format("{}{} AS {}", comma, made.value, slot('c', column));
    if (column.rule.type != ColumnType::kText)
      outer += fmt::format(", {} AS {}", made.bad, slot('b', column));
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

Result<std::string> Loader::first_row_without(const Planned& column) const {
  auto row = engine_.query_integer(
      fmt::format("SELECT min(row) FROM {} WHERE {} IS NULL", rows_, slot('c', column)));
  if (!row) return std::move(row).error();
  return source_.place_of(*row);
}

/// The error about values that do not fit the type of their column.
Result<> Loader::refuse_bad(const Planned& column, std::int64_t count) const {
  auto first =
      engine_.query(fmt::format("SELECT min(row), arg_min({0}, row) FROM {1} WHERE {0} IS "
                                "NOT NULL",
                                slot('b', column), rows_));
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

Result<> Loader::check_column(const Planned& column, const Counted& counted) const {
  const std::string& name = column.rule.name;
  if (counted.bad > 0 && spec_.bad_values == "error") return refuse_bad(column, counted.bad);
  const bool is_key = column.role == Role::kId || column.role == Role::kTime;
  const bool is_required = column.rule.is_required && !column.rule.null_value;
  if (counted.missing == 0 || (!is_key && !is_required)) return {};
  auto place = first_row_without(column);
  if (!place) return std::move(place).error();
  return invalid(
      fmt::format("{}: column '{}', {}, has no value ({} such rows)", *place, name,
                  is_key ? (column.role == Role::kId ? "the id" : "the time") : "which is required",
                  counted.missing));
}

Result<> Loader::check_values() {
  std::string select = "count(*)";
  for (const Planned& column : plan_)
    select += fmt::format(
        ", count({}), {}", slot('c', column),
        column.rule.type == ColumnType::kText ? "0" : fmt::format("count({})", slot('b', column)));
  auto answer = engine_.query(fmt::format("SELECT {} FROM {}", select, rows_));
  if (!answer) return std::move(answer).error();
  const auto integer = [&](std::size_t i) {
    return static_cast<std::int64_t>(answer->columns[i].number(0));
  };
  row_count_ = integer(0);
  if (row_count_ == 0)
    return invalid(fmt::format("{} has a header and no rows", source_.path().string()));
  for (std::size_t i = 0; i < plan_.size(); ++i)
    counted_.push_back({.missing = row_count_ - integer(1 + 2 * i), .bad = integer(2 + 2 * i)});
  for (std::size_t i = 0; i < plan_.size(); ++i)
    if (auto checked = check_column(plan_[i], counted_[i]); !checked) return checked;
  return {};
}

Result<> Loader::check_key() {
  const auto keep_all = [&] {
    return engine_.execute(fmt::format("CREATE TEMP VIEW {} AS SELECT * FROM {}", kept_, rows_));
  };
  const Planned* id = find(Role::kId);
  if (id == nullptr) return keep_all();
  const std::string c = slot('c', *id);
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
  const Planned* time = find(Role::kTime);
  const std::string key = time == nullptr ? c : c + ", " + slot('c', *time);
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
  const Planned* label = find(Role::kLabel);
  if (label == nullptr) return {};
  auto answer =
      engine_.query(fmt::format("SELECT {0}, count(*) FROM {1} WHERE {0} IS NOT NULL GROUP BY 1 "
                                "ORDER BY 2 DESC, 1 LIMIT 20",
                                slot('c', *label), kept_));
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

Result<> Loader::read_null_values() {
  for (Planned& column : plan_) {
    if (!column.rule.null_value || column.role != Role::kFeature) continue;
    column.null_value_sql = value_sql(quote_text(*column.rule.null_value), column.rule.type);
    auto is_missing =
        engine_.query_integer(fmt::format("SELECT ({}) IS NULL", column.null_value_sql));
    if (!is_missing) return std::move(is_missing).error();
    if (*is_missing != 0)
      return invalid(fmt::format("data.columns.{}.null_value: '{}' is not {}", column.rule.name,
                                 *column.rule.null_value, type_expectation(column.rule.type)));
  }
  return {};
}

std::string Loader::output_sql(core::Micros snapshot_time) const {
  const Planned* id = find(Role::kId);
  const Planned* time = find(Role::kTime);
  const Planned* label = find(Role::kLabel);
  std::string select =
      id == nullptr ? fmt::format("row + 1 AS {}", kRowId)
                    : fmt::format("{} AS {}", slot('c', *id), quote_identifier(id->rule.name));
  select += time == nullptr
                ? fmt::format(", CAST(make_timestamp({}) AS TIMESTAMPTZ)", snapshot_time)
                : ", " + slot('c', *time);
  select += fmt::format(" AS {}", kEventTimestamp);
  for (const Planned& column : plan_) {
    if (column.role != Role::kFeature) continue;
    const std::string c = slot('c', column);
    select += column.null_value_sql.empty()
                  ? ", " + c
                  : fmt::format(", coalesce({}, {})", c, column.null_value_sql);
    select += " AS " + quote_identifier(column.rule.name);
  }
  if (label != nullptr)
    select += fmt::format(", CASE WHEN {0} IS NOT NULL THEN CAST({0} = {1} AS INTEGER) END AS {2}",
                          slot('c', *label), quote_text(positive_), kLabel);
  return fmt::format("SELECT {} FROM {}", select, kept_);
}

std::optional<DirectQuery> Loader::direct_query(const std::vector<std::string>& as_written) const {
  if (source_.is_csv()) return std::nullopt;  // a row of it cannot be gone to
  for (const std::string& name : source_.names())
    if (lower_case(name) == kRowNumber) return std::nullopt;
  std::string inner(kRowNumber);
  std::string outer(kRowNumber);
  std::map<std::string, TextRule> written;
  for (const Planned& column : plan_) {
    if (column.role != Role::kFeature || column.rule.is_inferred) return std::nullopt;
    const SourceColumn& from = source_.columns()[column.source];
    const bool is_checked = column.rule.is_required && column.null_value_sql.empty();
    if (column.rule.type == ColumnType::kText && !from.type && !is_checked &&
        std::ranges::find(as_written, column.rule.name) != as_written.end()) {
      inner += fmt::format(", {} AS {}", from.expression, slot('v', column));
      outer += fmt::format(", {} AS {}", slot('v', column), quote_identifier(column.rule.name));
      written[column.rule.name] = {.null_markers = markers_of(column),
                                   .null_value = column.rule.null_value};
      continue;
    }
    const Expressions made = expressions_of(column);
    inner += fmt::format(", {} AS {}", made.source, slot('v', column));
    std::string value = made.value;
    if (column.rule.type != ColumnType::kText && spec_.bad_values == "error")
      value = checked_sql(slot('v', column), made.value, made.bad);
    if (!column.null_value_sql.empty())
      value = fmt::format("coalesce({}, {})", value, column.null_value_sql);
    else if (column.rule.is_required)
      value = fmt::format("coalesce({}, error('no value'))", value);
    outer += fmt::format(", {} AS {}", value, quote_identifier(column.rule.name));
  }
  return DirectQuery{
      .sql = fmt::format("SELECT {} FROM (SELECT {} FROM read_parquet({}, file_row_number = true))",
                         outer, inner, quote_path(source_.path())),
      .written = std::move(written)};
}

Result<Dataset> Loader::write(const std::filesystem::path& parquet, core::Micros snapshot_time) {
  Dataset dataset;
  const Planned* id = find(Role::kId);
  dataset.parquet = parquet;
  dataset.id_column = id == nullptr ? std::string(kRowId) : id->rule.name;
  dataset.has_label = find(Role::kLabel) != nullptr;
  dataset.duplicates_dropped = duplicates_dropped_;
  for (std::size_t i = 0; i < plan_.size(); ++i) {
    dataset.nulls[plan_[i].rule.name] = counted_[i].missing;
    if (counted_[i].bad > 0) dataset.bad_values[plan_[i].rule.name] = counted_[i].bad;
    if (plan_[i].role == Role::kFeature) dataset.columns.push_back(plan_[i].rule);
  }
  auto digest = core::sha256_file(source_.path());
  if (!digest) return std::move(digest).error();
  dataset.source_sha256 = std::move(*digest);
  auto counts = engine_.query(fmt::format(
      "SELECT count(*), {} FROM {}",
      dataset.has_label ? fmt::format("count(*) FILTER ({} = {})", slot('c', *find(Role::kLabel)),
                                      quote_text(positive_))
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
  Loader loader(engine, spec, std::move(*source));
  if (auto done = loader.plan(); !done) return std::move(done).error();
  if (auto done = loader.infer(); !done) return std::move(done).error();
  if (auto done = loader.read_null_values(); !done) return std::move(done).error();
  if (auto done = loader.stage(parquet); !done) return std::move(done).error();
  if (auto done = loader.check_values(); !done) return std::move(done).error();
  if (auto done = loader.check_key(); !done) return std::move(done).error();
  if (auto done = loader.check_label(); !done) return std::move(done).error();
  return loader.write(parquet, snapshot_time);
}

Result<std::optional<DirectQuery>> direct_query(Engine& engine, const DataSpec& spec,
                                                const std::vector<std::string>& as_written) {
  auto source = Source::open(engine, spec.source, spec.format, spec.delimiter);
  if (!source) return std::move(source).error();
  Loader loader(engine, spec, std::move(*source));
  if (auto done = loader.plan(); !done) return std::move(done).error();
  if (auto done = loader.read_null_values(); !done) return std::move(done).error();
  return loader.direct_query(as_written);
}

}  // namespace tenure::data
