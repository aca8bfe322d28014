#include "data/infer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "data/clean_sql.h"
#include "data/column_name.h"
#include "data/dataset.h"
#include "data/feature_rules.h"
#include "data/label.h"
#include "data/missing_words.h"
#include "data/name_hint.h"
#include "data/source.h"
#include "data/survey.h"

namespace tenure::data {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

/// Fewer teach nothing that would hold for other customers.
constexpr std::int64_t kRowsMin = 50;
constexpr std::int64_t kClassRowsMin = 10;

/// One run of infer_table: source → survey of its values → label → id and time → features.
class Inference {
 public:
  Inference(Engine& engine, const InferRequest& request, Source& source)
      : engine_(engine), request_(request), source_(source) {}

  Result<InferredTable> run();

 private:
  Error invalid(std::string_view what) const {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}", source_.path().string(), what)};
  }
  Result<std::optional<std::size_t>> find(std::string_view name, std::string_view what) const;
  Result<> find_columns();
  Result<> read_label();
  Result<> check_time();
  Result<> choose_id();
  Result<bool> is_key(std::size_t column, std::int64_t* surplus) const;
  void choose_features();
  Result<> leave_out_twins();
  void scale_to_all_rows();
  Result<> check_all_rows();
  Result<> check_types();
  Result<bool> fits_all_rows(std::size_t column, ColumnType type);
  Result<> widen(std::size_t column);
  Result<> check_constants();
  std::vector<std::string> all_markers(std::size_t column) const;
  std::string text_of(std::size_t column) const;
  ColumnType feature_type(std::size_t column) const;
  void add_notes(std::size_t column);
  void leave_out(std::size_t column, std::string why);

  Engine& engine_;
  const InferRequest& request_;
  Source& source_;
  std::optional<Survey> survey_;
  std::vector<std::string> default_markers_;
  std::vector<ColumnEvidence> evidence_;
  std::optional<std::size_t> label_at_;
  std::optional<std::size_t> id_at_;
  std::optional<std::size_t> time_at_;
  LabelFacts label_;
  std::vector<std::size_t> kept_;                ///< columns to learn from
  std::map<std::size_t, std::string> left_out_;  ///< column → why
  std::map<std::size_t, ColumnType> widened_;    ///< types that rows beyond the sample ask for
  InferredTable table_;
};

Result<std::optional<std::size_t>> Inference::find(std::string_view name,
                                                   std::string_view what) const {
  const std::string_view clean = without_blanks(name);
  if (clean.empty()) return std::optional<std::size_t>();
  const auto names = source_.names();
  const auto at = std::find(names.begin(), names.end(), clean);
  if (at == names.end())
    return Error{ErrorCode::kNotFound,
                 fmt::format("{} has no column '{}' for the {}{}", source_.path().string(), clean,
                             what, suggest_name(clean, names))};
  return std::optional<std::size_t>(at - names.begin());
}

Result<> Inference::find_columns() {
  auto label = find(request_.label, "label");
  if (!label) return std::move(label).error();
  if (!label->has_value())
    return Error{ErrorCode::kInvalidArgument,
                 "no label is named; expected the column that says who left"};
  auto id = find(request_.id, "id");
  if (!id) return std::move(id).error();
  auto time = find(request_.time, "time");
  if (!time) return std::move(time).error();
  label_at_ = *label;
  id_at_ = *id;
  time_at_ = *time;
  const bool is_used_twice =
      label_at_ == id_at_ || label_at_ == time_at_ || (id_at_ && id_at_ == time_at_);
  if (is_used_twice) return invalid("the id, the time and the label must be different columns");
  return {};
}

Result<> Inference::read_label() {
  const std::string context =
      fmt::format("{}: column '{}'", source_.path().string(), source_.columns()[*label_at_].name);
  const std::vector<LabelValue>& values = survey_->label_values();
  auto positive = choose_positive(values, request_.positive);
  if (!positive) return std::move(positive).error().within(context);
  const LabelValue& first = values.front();
  const LabelValue& second = values.back();
  const bool is_first = first.text == *positive;
  const std::int64_t positives = is_first ? first.count : second.count;
  const std::int64_t labelled = first.count + second.count;
  if (labelled < kRowsMin)
    return invalid(
        fmt::format("{} rows with a label are too little to learn from; expected at "
                    "least {}",
                    labelled, kRowsMin));
  if (std::min(first.count, second.count) < kClassRowsMin)
    return invalid(
        fmt::format("only {} rows have '{}' as their {}, which is too little to learn "
                    "from; expected at least {} of each class",
                    second.count, second.text, source_.columns()[*label_at_].name, kClassRowsMin));
  table_.rows = survey_->rows();
  table_.label = source_.columns()[*label_at_].name;
  table_.positive = *positive;
  table_.positive_share = static_cast<double>(positives) / static_cast<double>(labelled);
  if (const std::int64_t missing = table_.rows - labelled; missing > 0)
    table_.notes.push_back(fmt::format("{} {} no label and {} left out of training", missing,
                                       missing == 1 ? "row has" : "rows have",
                                       missing == 1 ? "is" : "are"));
  label_.name = table_.label;
  label_.positive = *positive;
  label_.negative = is_first ? second.text : first.text;
  label_.rows_of_file = table_.rows;
  return {};
}

Result<> Inference::check_time() {
  if (!time_at_) return {};
  const ColumnEvidence& time = evidence_[*time_at_];
  table_.time = time.name;
  if (time.facts.present < time.facts.rows)
    return invalid(fmt::format("column '{}', the time, has no value in {} rows", time.name,
                               time.facts.rows - time.facts.present));
  if (type_of(time) != ColumnType::kTimestamp)
    return invalid(fmt::format("column '{}', the time, holds {}; expected {}", time.name,
                               quoted_value(time.most_frequent),
                               type_expectation(ColumnType::kTimestamp)));
  return {};
}

/// Whether every row of the file has a value and no two rows share it (and the time). `surplus`
/// gets the number of rows that repeat one.
Result<bool> Inference::is_key(std::size_t column, std::int64_t* surplus) const {
  const ColumnType type =
      type_of(evidence_[column]) == ColumnType::kInteger ? ColumnType::kInteger : ColumnType::kText;
  const std::string inner =
      time_at_ ? fmt::format(", {} AS w", survey_->source_text(*time_at_)) : std::string();
  const std::string key = time_at_ ? fmt::format("({}, {})", value_sql("v", type),
                                                 value_sql("w", ColumnType::kTimestamp))
                                   : value_sql("v", type);
  auto answer = engine_.query(fmt::format(
      "SELECT count(*) - count({0}), count({0}) - count(DISTINCT {1}) FROM (SELECT {2} AS v{3} "
      "FROM {4})",
      value_sql("v", type), key, survey_->source_text(column), inner, source_.view()));
  if (!answer) return std::move(answer).error();
  const auto missing = static_cast<std::int64_t>(answer->columns[0].number(0));
  *surplus = static_cast<std::int64_t>(answer->columns[1].number(0));
  return missing == 0 && *surplus == 0;
}

Result<> Inference::choose_id() {
  std::int64_t surplus = 0;
  if (id_at_) {
    auto unique = is_key(*id_at_, &surplus);
    if (!unique) return std::move(unique).error();
    const ColumnEvidence& id = evidence_[*id_at_];
    if (!*unique)
      return invalid(
          surplus > 0
              ? fmt::format("column '{}', the id, repeats in {} rows{}; expected one row for each",
                            id.name, surplus, time_at_ ? " at the same time" : "")
              : fmt::format("column '{}', the id, has no value in some rows", id.name));
    table_.id = id.name;
    return {};
  }
  // The best name first; without one, the first text.
  std::vector<std::pair<int, std::size_t>> candidates;
  for (std::size_t i = 0; i < evidence_.size(); ++i) {
    const ColumnEvidence& column = evidence_[i];
    const ColumnType type = type_of(column);
    const bool is_unique = column.facts.distinct == column.facts.rows;
    const int rank = id_rank(column.name);
    const std::string low = lower_case(column.name);
    constexpr double kKeyLength = 64;
    const bool is_usable = i != *label_at_ && i != time_at_ &&
                           column.facts.present == column.facts.rows &&
                           column.facts.length_mean <= kKeyLength && low != kEventTimestamp &&
                           low != kLabel && column.dates < column.facts.present;
    if (!is_usable) continue;
    if (!is_unique && !(time_at_ && rank >= 2 && column.facts.distinct > 1)) continue;
    if (type == ColumnType::kText || (type == ColumnType::kInteger && rank > 0))
      candidates.emplace_back(-rank, i);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  constexpr std::size_t kTried = 5;
  for (std::size_t i = 0; i < candidates.size() && i < kTried; ++i) {
    auto unique = is_key(candidates[i].second, &surplus);
    if (!unique) return std::move(unique).error();
    if (!*unique) continue;
    id_at_ = candidates[i].second;
    table_.id = evidence_[*id_at_].name;
    return {};
  }
  table_.notes.push_back("no column names the rows uniquely, so they are numbered");
  return {};
}

void Inference::leave_out(std::size_t column, std::string why) {
  kept_.erase(std::remove(kept_.begin(), kept_.end(), column), kept_.end());
  left_out_.emplace(column, std::move(why));
}

void Inference::choose_features() {
  std::set<std::string> reserved = {std::string(kEventTimestamp), std::string(kLabel)};
  if (!id_at_) reserved.insert(std::string(kRowId));
  for (std::size_t i = 0; i < evidence_.size(); ++i) {
    if (i == *label_at_ || i == id_at_ || i == time_at_) continue;
    const ColumnEvidence& column = evidence_[i];
    if (reserved.count(lower_case(column.name)) > 0) {
      leave_out(i, "the cleaned table has a column of that name itself; rename it to use it");
      continue;
    }
    const ColumnType type = type_of(column);
    if (auto why = why_no_feature(column, type, label_)) {
      leave_out(i, std::move(*why));
      continue;
    }
    kept_.push_back(i);
  }
}

/// Columns that say the same as an earlier one.
Result<> Inference::leave_out_twins() {
  std::map<std::string, std::size_t> by_content;
  std::multimap<std::string, std::size_t> by_partition;
  const std::vector<std::size_t> candidates = kept_;
  for (const std::size_t i : candidates) {
    const ColumnEvidence& column = evidence_[i];
    if (const auto [twin, is_first] = by_content.emplace(column.content, i); !is_first) {
      leave_out(
          i, fmt::format("it has the same values as '{}' in every row{}",
                         evidence_[twin->second].name, survey_->is_sample() ? " looked at" : ""));
      continue;
    }
    // Where nearly every row has its own value, all columns group the rows alike.
    const auto share =
        static_cast<double>(column.facts.distinct) / static_cast<double>(column.facts.present);
    bool is_twin = false;
    const auto [begin, end] = by_partition.equal_range(column.partition);
    for (auto other = begin; other != end && share <= 0.9 && !is_twin; ++other) {
      is_twin = share <= 0.2;
      if (!is_twin && type_of(column) != ColumnType::kText &&
          type_of(evidence_[other->second]) != ColumnType::kText) {
        auto monotone = survey_->is_monotone(i, other->second);
        if (!monotone) return std::move(monotone).error();
        is_twin = *monotone;
      }
      if (is_twin)
        leave_out(i, fmt::format("it and '{}' determine each other, value by value",
                                 evidence_[other->second].name));
    }
    if (!is_twin) by_partition.emplace(column.partition, i);
  }
  return {};
}

std::vector<std::string> Inference::all_markers(std::size_t column) const {
  std::vector<std::string> markers = default_markers_;
  const auto& own = evidence_[column].markers;
  markers.insert(markers.end(), own.begin(), own.end());
  return markers;
}

std::string Inference::text_of(std::size_t column) const {
  return text_sql(survey_->source_text(column), all_markers(column));
}

ColumnType Inference::feature_type(std::size_t column) const {
  const auto found = widened_.find(column);
  return found == widened_.end() ? type_of(evidence_[column]) : found->second;
}

/// A value that repeats does so more often in all rows than in a sample of them.
void Inference::scale_to_all_rows() {
  const double scale =
      static_cast<double>(survey_->rows()) / static_cast<double>(survey_->rows_read());
  for (ColumnEvidence& column : evidence_) column.facts.count_median *= scale;
}

/// What a sample cannot promise, asked of all rows.
Result<> Inference::check_all_rows() {
  if (auto done = check_constants(); !done) return done;
  return check_types();
}

/// Columns without information in the sample, which the reason given must be true for.
Result<> Inference::check_constants() {
  std::vector<std::size_t> constant;
  std::string counts;
  for (const auto& [column, why] : left_out_) {
    const ColumnEvidence& evidence = evidence_[column];
    if (!holds_no_information(evidence)) continue;
    const bool has_value = evidence.facts.present > 0;
    counts +=
        fmt::format("{}count(*) FILTER ({} {})", constant.empty() ? "" : ", ", text_of(column),
                    has_value ? "IS DISTINCT FROM " + quote_text(evidence.most_frequent)
                              : std::string("IS NOT NULL"));
    constant.push_back(column);
  }
  if (constant.empty()) return {};
  auto answer = engine_.query(fmt::format("SELECT {} FROM {}", counts, source_.view()));
  if (!answer) return std::move(answer).error();
  for (std::size_t i = 0; i < constant.size(); ++i)
    if (const auto others = static_cast<std::int64_t>(answer->columns[i].number(0)); others > 0)
      left_out_[constant[i]] =
          fmt::format("{} of the {} rows {}", others, table_.rows,
                      evidence_[constant[i]].facts.present > 0
                          ? fmt::format("have another value than {}",
                                        quoted_value(evidence_[constant[i]].most_frequent))
                          : std::string("have a value at all"));
  return {};
}

/// A cheap condition on the raw text `c` and its cast `d`: when it holds, the text is a value of
/// the type for certain; most texts are.
std::string surely_fits_sql(std::string_view c, std::string_view d, ColumnType type) {
  if (type == ColumnType::kNumber)
    return fmt::format("isfinite({}) AND NOT contains({}, '_')", d, c);
  if (type == ColumnType::kInteger)
    return fmt::format("{0} = trunc({0}) AND abs({0}) < 1e15 AND NOT contains({1}, '_')", d, c);
  return fmt::format("{} IS NULL", c);
}

/// Columns with a type in which a row beyond the sample has a value that is none of it.
Result<> Inference::check_types() {
  std::vector<std::size_t> typed;
  std::string inner;
  std::string outer;
  for (const std::size_t i : kept_) {
    const ColumnType type = type_of(evidence_[i]);
    if (evidence_[i].native || type == ColumnType::kText) continue;
    const std::string c = fmt::format("c{}", i);
    const std::string d = fmt::format("d{}", i);
    // The branch is only worked out for the rows that come to it.
    inner += fmt::format("{0}{1} AS {2}, TRY_CAST({1} AS DOUBLE) AS {3}", typed.empty() ? "" : ", ",
                         source_.columns()[i].expression, c, d);
    outer += fmt::format("{}count(CASE WHEN ({}) IS NOT true THEN ({}) END)",
                         typed.empty() ? "" : ", ", surely_fits_sql(c, d, type),
                         bad_sql(fmt::format("({})", text_sql(c, all_markers(i))), type));
    typed.push_back(i);
  }
  if (typed.empty()) return {};
  auto answer = engine_.query(
      fmt::format("SELECT {} FROM (SELECT {} FROM {})", outer, inner, source_.view()));
  if (!answer) return std::move(answer).error();
  for (std::size_t i = 0; i < typed.size(); ++i)
    if (answer->columns[i].number(0) > 0)
      if (auto done = widen(typed[i]); !done) return done;
  return {};
}

/// Whether all rows of the file fit the type, maybe with further texts that mean missing.
Result<bool> Inference::fits_all_rows(std::size_t column, ColumnType type) {
  constexpr std::int64_t kOddValuesMax = 30;
  auto answer = engine_.query(fmt::format(
      "SELECT odd, n, sum(n) FILTER (odd IS NULL) OVER ()::BIGINT, count(odd) OVER () FROM "
      "(SELECT {} AS odd, count(v) AS n FROM (SELECT {} AS v FROM {}) GROUP BY 1) "
      "ORDER BY odd IS NULL, n DESC, odd LIMIT {}",
      bad_sql("v", type), text_of(column), source_.view(), kOddValuesMax));
  if (!answer) return std::move(answer).error();
  std::vector<OddValue> odd;
  for (std::size_t i = 0; i < answer->row_count(); ++i)
    if (!answer->columns[0].is_null(i))
      odd.push_back({std::string(answer->columns[0].text(i)),
                     static_cast<std::int64_t>(answer->columns[1].number(i))});
  if (odd.empty()) return true;
  const auto others = static_cast<std::int64_t>(answer->columns[3].number(0));
  const std::int64_t regular =
      answer->columns[2].is_null(0) ? 0 : static_cast<std::int64_t>(answer->columns[2].number(0));
  const auto markers = choose_markers(regular, evidence_[column].facts.distinct, odd, others);
  if (markers.size() < odd.size() || others > static_cast<std::int64_t>(odd.size())) return false;
  auto& own = evidence_[column].markers;
  own.insert(own.end(), markers.begin(), markers.end());
  return true;
}

/// Gives a column the narrowest type that all rows have; text is the last.
Result<> Inference::widen(std::size_t column) {
  const ColumnType type = type_of(evidence_[column]);
  std::vector<ColumnType> types = {type};
  if (type == ColumnType::kInteger) types.push_back(ColumnType::kNumber);
  for (const ColumnType wider : types) {
    auto fits = fits_all_rows(column, wider);
    if (!fits) return std::move(fits).error();
    if (!*fits) continue;
    widened_[column] = wider;
    return {};
  }
  ColumnEvidence& evidence = evidence_[column];
  widened_[column] = ColumnType::kText;
  // Words are categories in a column of texts.
  std::erase_if(evidence.markers, [](const auto& marker) { return !is_technical_missing(marker); });
  if (auto why = why_no_feature(evidence, ColumnType::kText, label_))
    leave_out(column, fmt::format("not all of its values are {}, and as a text {}",
                                  type_expectation(type), *why));
  return {};
}

/// What a person should know about a column that is used.
void Inference::add_notes(std::size_t column) {
  const ColumnEvidence& evidence = evidence_[column];
  const auto note = [&](const std::string& text) {
    table_.notes.push_back(fmt::format("column '{}': {}", evidence.name, text));
  };
  if (const std::string text = decorated_note(evidence, feature_type(column)); !text.empty())
    note(text);
  if (const std::string text = one_sided_gap_note(evidence, label_); !text.empty()) note(text);
  for (const std::string& marker : evidence.markers)
    note(is_missing_word(marker)
             ? fmt::format("'{}' is read as missing", marker)
             : fmt::format("'{}' is no number and read as missing; if it means something else, "
                           "write a number for it",
                           marker));
}

Result<InferredTable> Inference::run() {
  if (auto done = find_columns(); !done) return std::move(done).error();
  auto markers = default_null_markers();
  if (!markers) return std::move(markers).error();
  default_markers_ = std::move(*markers);
  auto survey = Survey::read(engine_, source_, default_markers_, label_at_, request_.sample);
  if (!survey) return std::move(survey).error();
  survey_ = std::move(*survey);
  if (auto done = read_label(); !done) return std::move(done).error();
  if (auto done = survey_->group(table_.positive); !done) return std::move(done).error();
  if (auto done = survey_->find_markers(); !done) return std::move(done).error();
  auto evidence = survey_->evidence(true);
  if (!evidence) return std::move(evidence).error();
  evidence_ = std::move(*evidence);
  if (survey_->is_sample()) scale_to_all_rows();
  label_.positives = evidence_[*label_at_].positives;
  label_.negatives = evidence_[*label_at_].negatives;
  if (auto done = check_time(); !done) return std::move(done).error();
  if (auto done = choose_id(); !done) return std::move(done).error();
  choose_features();
  if (auto done = leave_out_twins(); !done) return std::move(done).error();
  if (survey_->is_sample()) {
    table_.notes.push_back(fmt::format("the columns were judged by {} of the {} rows",
                                       survey_->rows_read(), survey_->rows()));
    if (auto done = check_all_rows(); !done) return std::move(done).error();
  }
  for (const auto& [column, why] : left_out_)
    table_.ignored.push_back({evidence_[column].name, why});
  if (kept_.empty()) {
    std::string reasons;
    for (const auto& ignored : table_.ignored)
      reasons += fmt::format("\n  {}: {}", ignored.column, ignored.why);
    return invalid("no column is left to learn from" + reasons);
  }
  for (const std::size_t i : kept_) {
    const ColumnEvidence& column = evidence_[i];
    table_.features.push_back({.name = column.name,
                               .type = feature_type(i),
                               .null_markers = column.markers,
                               .distinct = column.facts.distinct,
                               .null_share = 1 - static_cast<double>(column.facts.present) /
                                                     static_cast<double>(column.facts.rows)});
    add_notes(i);
  }
  return std::move(table_);
}

}  // namespace

Result<InferredTable> infer_table(Engine& engine, const InferRequest& request) {
  auto source = Source::open(engine, request.file, "auto", 0);
  if (!source) return std::move(source).error();
  return Inference(engine, request, *source).run();
}

}  // namespace tenure::data
