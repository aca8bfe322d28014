#include "data/profile.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "data/clean_sql.h"
#include "data/column_name.h"
#include "data/label.h"
#include "data/missing_words.h"
#include "data/source.h"
#include "data/survey.h"

namespace tenure::data {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

constexpr std::size_t kTopValues = 10;
/// Exact where the table fits into memory; a sample of a larger one gives three digits.
constexpr SampleRule kExact = {
    .whole_bytes = 256U << 20U, .cells = 10'000'000, .rows_min = 100'000, .rows_max = 500'000};
/// Numbers and times of at most so many values are shown as a text is, by value.
constexpr std::int64_t kFewValues = 10;

bool is_number(ColumnType type) {
  return type == ColumnType::kInteger || type == ColumnType::kNumber;
}

std::optional<double> share(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

std::string value_of(const Survey& survey, std::size_t column, const ColumnEvidence& evidence) {
  std::string markers;
  for (const std::string& marker : evidence.markers)
    markers += (markers.empty() ? "" : ", ") + quote_text(marker);
  const std::string text =
      markers.empty()
          ? fmt::format("v{}", column)
          : fmt::format("CASE WHEN NOT list_contains([{1}], v{0}) THEN v{0} END", column, markers);
  return fmt::format("(SELECT {} AS x{} FROM {})", text, column, survey.table());
}

/// Fills in the numbers of all columns of numbers, and the first and last times.
class Ranges {
 public:
  Ranges(Engine& engine, const Survey& survey, const std::vector<ColumnEvidence>& evidence)
      : engine_(engine), survey_(survey), evidence_(evidence) {}

  Result<> read(std::vector<Profile::Column>& columns) const {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].distinct == 0) continue;
      if (is_number(columns[i].type))
        if (auto done = read_numbers(i, columns[i]); !done) return done;
      if (columns[i].type == ColumnType::kTimestamp)
        if (auto done = read_times(i, columns[i]); !done) return done;
    }
    return {};
  }

  /// Rate of the event in each quarter of the values.
  Result<> read_quartiles(const std::string& is_positive, std::size_t at,
                          Profile::Column& column) const {
    const Profile::Numbers& n = *column.numbers;
    auto answer = engine_.query(fmt::format(
        "SELECT CASE WHEN d <= {} THEN 0 WHEN d <= {} THEN 1 WHEN d <= {} THEN 2 ELSE 3 END AS k, "
        "count(*), count(*) FILTER (y), count(y), min(d), max(d) FROM (SELECT {} AS d, y FROM "
        "(SELECT v{} AS v, {} AS y FROM {})) WHERE d IS NOT NULL GROUP BY k ORDER BY k",
        n.q25, n.q50, n.q75, number_sql("v"), at, is_positive, survey_.table()));
    if (!answer) return std::move(answer).error();
    for (std::size_t i = 0; i < answer->row_count(); ++i) {
      const auto integer = [&](std::size_t c) {
        return static_cast<std::int64_t>(answer->columns[c].number(i));
      };
      column.quartiles.push_back(
          {.value = fmt::format("{:.6g} to {:.6g}", answer->columns[4].number(i),
                                answer->columns[5].number(i)),
           .count = integer(1),
           .rate = share(integer(2), integer(3))});
    }
    return {};
  }

 private:
  Result<> read_numbers(std::size_t at, Profile::Column& column) const {
    const std::string x = fmt::format("x{}", at);
    auto answer = engine_.query(fmt::format(
        "SELECT min(d), avg(d), max(d), coalesce(stddev_samp(d), 0), quantile_cont(d, 0.25), "
        "quantile_cont(d, 0.5), quantile_cont(d, 0.75) FROM (SELECT {} AS d FROM {})",
        number_sql(x), value_of(survey_, at, evidence_[at])));
    if (!answer) return std::move(answer).error();
    const auto number = [&](std::size_t c) { return answer->columns[c].number(0); };
    if (answer->columns[0].is_null(0)) return {};
    column.numbers = Profile::Numbers{.min = number(0),
                                      .mean = number(1),
                                      .max = number(2),
                                      .sd = number(3),
                                      .q25 = number(4),
                                      .q50 = number(5),
                                      .q75 = number(6)};
    return {};
  }

  Result<> read_times(std::size_t at, Profile::Column& column) const {
    const std::string x = fmt::format("x{}", at);
    auto answer = engine_.query(fmt::format("SELECT min(d), max(d) FROM (SELECT {} AS d FROM {})",
                                            value_sql(x, ColumnType::kTimestamp),
                                            value_of(survey_, at, evidence_[at])));
    if (!answer) return std::move(answer).error();
    column.first = answer->columns[0].display(0);
    column.last = answer->columns[1].display(0);
    return {};
  }

  Engine& engine_;
  const Survey& survey_;
  const std::vector<ColumnEvidence>& evidence_;
};

Result<std::optional<std::size_t>> find_label(const Source& source, std::string_view label) {
  const std::string_view name = without_blanks(label);
  if (name.empty()) return std::optional<std::size_t>();
  const auto names = source.names();
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end())
    return Error{ErrorCode::kNotFound,
                 fmt::format("{} has no column '{}' for the label{}", source.path().string(), name,
                             suggest_name(name, names))};
  return std::optional<std::size_t>(at - names.begin());
}

core::Json parts_json(const std::vector<Profile::Part>& parts) {
  core::JsonArray array;
  for (const Profile::Part& part : parts) {
    core::JsonObject object;
    object["value"] = part.value;
    object["count"] = part.count;
    if (part.rate) object["rate"] = *part.rate;
    array.push_back(std::move(object));
  }
  return array;
}

/// "Month-to-month 55 %, Two year 24 %": shares of all rows.
std::string top_text(const Profile::Column& column, std::int64_t rows) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < column.top.size() && i < kShown; ++i)
    text += fmt::format("{}{} {:.0f} %", i == 0 ? "" : ", ", column.top[i].value,
                        100 * static_cast<double>(column.top[i].count) / static_cast<double>(rows));
  return text;
}

core::JsonObject column_json(const Profile::Column& column, std::int64_t rows) {
  core::JsonObject object;
  object["name"] = column.name;
  object["type"] = column_type_name(column.type);
  object["nulls"] = column.nulls;
  object["distinct"] = column.distinct;
  const auto number = [&](double Profile::Numbers::*member) -> core::Json {
    if (!column.numbers) return nullptr;
    return (*column.numbers).*member;
  };
  const auto time = [](const std::string& text) -> core::Json {
    if (text.empty()) return nullptr;
    return core::Json(text);
  };
  const bool is_time = column.type == ColumnType::kTimestamp;
  object["min"] = is_time ? time(column.first) : number(&Profile::Numbers::min);
  object["mean"] = number(&Profile::Numbers::mean);
  object["max"] = is_time ? time(column.last) : number(&Profile::Numbers::max);
  object["sd"] = number(&Profile::Numbers::sd);
  object["q25"] = number(&Profile::Numbers::q25);
  object["q50"] = number(&Profile::Numbers::q50);
  object["q75"] = number(&Profile::Numbers::q75);
  object["top"] = parts_json(column.top);
  if (!column.quartiles.empty()) object["quartiles"] = parts_json(column.quartiles);
  if (column.top.empty())
    object["top_text"] = nullptr;
  else
    object["top_text"] = top_text(column, rows);
  return object;
}

}  // namespace

core::Json Profile::to_json() const {
  core::JsonObject json;
  json["rows"] = rows;
  if (rows_read < rows) json["sampled_rows"] = rows_read;
  if (!label.empty()) {
    json["label"] = label;
    json["positive"] = positive;
    if (positive_share) json["positive_share"] = *positive_share;
  }
  core::JsonArray array;
  for (const Column& column : columns) array.push_back(column_json(column, rows_read));
  json["columns"] = std::move(array);
  return json;
}

Result<Profile> profile_file(Engine& engine, const std::filesystem::path& file,
                             const std::string& label, const std::string& positive) {
  auto source = Source::open(engine, file, "auto", 0);
  if (!source) return std::move(source).error();
  auto label_at = find_label(*source, label);
  if (!label_at) return std::move(label_at).error();
  auto markers = default_null_markers();
  if (!markers) return std::move(markers).error();
  auto survey = Survey::read(engine, *source, *markers, *label_at, kExact);
  if (!survey) return std::move(survey).error();
  Profile profile;
  profile.rows = survey->rows();
  profile.rows_read = survey->rows_read();
  std::string is_positive = "NULL::BOOLEAN";
  if (label_at->has_value()) {
    const std::string& name = source->columns()[**label_at].name;
    const std::vector<LabelValue>& values = survey->label_values();
    auto chosen = choose_positive(values, positive);
    if (!chosen)
      return std::move(chosen).error().within(fmt::format("{}: column '{}'", file.string(), name));
    profile.label = name;
    profile.positive = *chosen;
    is_positive = fmt::format("{} = {}", text_sql(fmt::format("v{}", **label_at), *markers),
                              quote_text(*chosen));
    std::int64_t positives = 0;
    std::int64_t labelled = 0;
    for (const LabelValue& value : values) {
      labelled += value.count;
      if (value.text == *chosen) positives += value.count;
    }
    profile.positive_share = share(positives, labelled);
  }
  if (auto done = survey->group(profile.positive); !done) return std::move(done).error();
  if (auto done = survey->find_markers(); !done) return std::move(done).error();
  auto evidence = survey->evidence(false);
  if (!evidence) return std::move(evidence).error();
  std::vector<std::size_t> by_value;
  for (std::size_t i = 0; i < evidence->size(); ++i) {
    const ColumnEvidence& from = (*evidence)[i];
    Profile::Column& column = profile.columns.emplace_back();
    column.name = from.name;
    column.type = type_of(from);
    column.nulls = from.facts.rows - from.facts.present;
    column.distinct = from.facts.distinct;
    const bool has_few = column.distinct <= kFewValues;
    const bool is_key = column.distinct == from.facts.present;
    if (has_few || (!is_number(column.type) && column.type != ColumnType::kTimestamp && !is_key))
      by_value.push_back(i);
  }
  auto top = survey->top_values(by_value, kTopValues);
  if (!top) return std::move(top).error();
  for (const std::size_t i : by_value)
    for (const Survey::Value& value : (*top)[i])
      profile.columns[i].top.push_back(
          {.value = value.text,
           .count = value.count,
           .rate = share(value.positives, value.positives + value.negatives)});
  const Ranges ranges(engine, *survey, *evidence);
  if (auto done = ranges.read(profile.columns); !done) return std::move(done).error();
  if (label_at->has_value())
    for (std::size_t i = 0; i < profile.columns.size(); ++i) {
      Profile::Column& column = profile.columns[i];
      if (column.numbers && column.top.empty())
        if (auto done = ranges.read_quartiles(is_positive, i, column); !done)
          return std::move(done).error();
    }
  return profile;
}

}  // namespace tenure::data
