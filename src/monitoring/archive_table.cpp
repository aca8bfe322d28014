#include "monitoring/archive_table.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace tenure::monitoring {
namespace {

using data::Column;
using data::ColumnType;
using Kind = data::Cell::Kind;

// One letter a feature in the column "kinds": what the Parquet types alone do not tell.
constexpr char kNumberLetter = 'n';
constexpr char kTextLetter = 't';
constexpr char kNullLetter = '0';
constexpr char kAbsentLetter = '-';
constexpr std::string_view kKindsColumn = "kinds";
constexpr std::string_view kTraceColumn = "traceparent";  // of this server's part, as W3C writes it

// A field of LoggedPrediction is a row in one of the tables below. Files from before it was added
// have no such column, so fields of version 1 apart, a missing column means the field's empty
// value.

/// Names every field, so that a new one does not compile before it has its row.
[[maybe_unused]] void name_every_field(const LoggedPrediction& event) {
  [[maybe_unused]] const auto& [prediction_id, time, entity_id, model, version, features,
                                features_time, margin, probability, is_positive, level, reason,
                                latency_us, trace, variant, is_shadow, group] = event;
}

/// Texts whose empty value is stored as missing.
struct TextField {
  std::string_view column;
  std::string LoggedPrediction::*field;
};
constexpr TextField kTextFields[] = {{"entity_id", &LoggedPrediction::entity_id},
                                     {"model", &LoggedPrediction::model},
                                     {"reason", &LoggedPrediction::reason},
                                     {"variant", &LoggedPrediction::variant},
                                     {"campaign_group", &LoggedPrediction::group}};

struct FloatField {
  std::string_view column;
  float LoggedPrediction::*field;
};
constexpr FloatField kFloatFields[] = {{"margin", &LoggedPrediction::margin},
                                       {"probability", &LoggedPrediction::probability}};

/// Times whose 0 is stored as missing.
struct TimeField {
  std::string_view column;
  core::Micros LoggedPrediction::*field;
};
constexpr TimeField kTimeFields[] = {{"time", &LoggedPrediction::time},
                                     {"features_time", &LoggedPrediction::features_time}};

struct FlagField {
  std::string_view column;
  bool LoggedPrediction::*field;
};
constexpr FlagField kFlagFields[] = {{"is_positive", &LoggedPrediction::is_positive},
                                     {"is_shadow", &LoggedPrediction::is_shadow}};

char letter_of(Kind kind) {
  switch (kind) {
    case Kind::kNumber:
      return kNumberLetter;
    case Kind::kText:
      return kTextLetter;
    case Kind::kNull:
      return kNullLetter;
    case Kind::kAbsent:
      break;
  }
  return kAbsentLetter;
}

core::Error corrupt(std::string what) {
  return core::Error{core::ErrorCode::kCorruption, std::move(what)};
}

/// A column of texts; those whose byte in `valid` is 0 are missing.
Column texts_with_gaps(std::string name, const std::vector<std::string>& values,
                       std::vector<std::uint8_t> valid) {
  Column column = Column::of_texts(std::move(name), values);
  if (std::ranges::find(valid, std::uint8_t{0}) != valid.end()) column.valid = std::move(valid);
  return column;
}

Column feature_column(const std::vector<LoggedPrediction>& events, std::size_t feature,
                      const std::string& name) {
  const std::string title = std::string(kFeaturePrefix) + name;
  const auto cell_of =
      [feature](const LoggedPrediction& event) -> const LoggedPrediction::Feature* {
    return feature < event.features.size() ? &event.features[feature] : nullptr;
  };
  const bool has_text = std::ranges::any_of(events, [&](const LoggedPrediction& event) {
    const auto* cell = cell_of(event);
    return cell != nullptr && cell->kind == Kind::kText;
  });
  if (!has_text) {
    std::vector<double> numbers;
    numbers.reserve(events.size());
    for (const LoggedPrediction& event : events) {
      const auto* cell = cell_of(event);
      const bool is_number = cell != nullptr && cell->kind == Kind::kNumber;
      numbers.push_back(is_number ? cell->number : std::numeric_limits<double>::quiet_NaN());
    }
    return Column::of_numbers(title, std::move(numbers));
  }
  std::vector<std::string> texts(events.size());
  std::vector<std::uint8_t> valid(events.size(), 1);
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto* cell = cell_of(events[i]);
    if (cell != nullptr && cell->kind == Kind::kText) {
      texts[i] = cell->text;
    } else if (cell != nullptr && cell->kind == Kind::kNumber) {
      texts[i] = fmt::format("{}", cell->number);
    } else {
      valid[i] = 0;
    }
  }
  return texts_with_gaps(title, texts, std::move(valid));
}

core::Result<const Column*> typed_column(const data::Table& table, std::string_view name,
                                         ColumnType type) {
  const Column* column = table.find(name);
  if (column == nullptr || column->type != type)
    return corrupt(fmt::format("no column '{}' of type {}", name, data::column_type_name(type)));
  return column;
}

/// A value of a feature from its column, where `letter` says what it was.
bool read_feature(const Column& column, std::size_t row, char letter,
                  LoggedPrediction::Feature& out) {
  out.number = 0;
  out.text.clear();
  switch (letter) {
    case kNullLetter:
      out.kind = Kind::kNull;
      return true;
    case kAbsentLetter:
      out.kind = Kind::kAbsent;
      return true;
    case kTextLetter:
      if (column.type != ColumnType::kText || column.is_null(row)) return false;
      out.kind = Kind::kText;
      out.text = column.text(row);
      return true;
    case kNumberLetter:
      break;
    default:
      return false;
  }
  out.kind = Kind::kNumber;
  if (column.type != ColumnType::kText) {
    out.number = column.number(row);  // a missing one was no number (NaN)
    return true;
  }
  const std::string_view text = column.text(row);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out.number);
  return !column.is_null(row) && read.ec == std::errc() && read.ptr == text.data() + text.size();
}

core::Result<> read_features(const data::Table& table, std::size_t row, std::string_view kinds,
                             LoggedPrediction& out) {
  out.features.resize(kinds.size());
  std::size_t feature = 0;
  for (const Column& column : table.columns) {
    if (feature == kinds.size()) break;
    if (!column.name.starts_with(kFeaturePrefix)) continue;
    LoggedPrediction::Feature& into = out.features[feature];
    into.name = column.name.substr(kFeaturePrefix.size());
    if (!read_feature(column, row, kinds[feature], into))
      return corrupt(fmt::format("row {}: '{}' cannot be read", row, column.name));
    ++feature;
  }
  if (feature != kinds.size()) return corrupt(fmt::format("row {}: features are missing", row));
  return {};
}

}  // namespace

void ArchiveTableBuilder::add(const LoggedPrediction& event) {
  events_.push_back(event);
  bytes_ += sizeof event + event.entity_id.size();
  for (const LoggedPrediction::Feature& feature : event.features)
    bytes_ += sizeof feature + feature.name.size() + feature.text.size();
  if (event.features.size() <= names_.size()) return;
  names_.clear();
  for (const LoggedPrediction::Feature& feature : event.features) names_.push_back(feature.name);
}

data::Table ArchiveTableBuilder::take() {
  const std::size_t rows = events_.size();
  data::Table table;
  std::vector<std::string> texts(rows);
  const auto add_texts = [&](std::string_view name, const auto& text_of, bool has_gaps) {
    std::vector<std::uint8_t> valid(rows, 1);
    for (std::size_t i = 0; i < rows; ++i) {
      texts[i] = text_of(events_[i]);
      if (has_gaps && texts[i].empty()) valid[i] = 0;
    }
    table.columns.push_back(texts_with_gaps(std::string(name), texts, std::move(valid)));
  };
  add_texts(
      "prediction_id", [](const auto& event) { return event.prediction_id; }, false);
  for (const TimeField& field : kTimeFields) {
    std::vector<core::Micros> times;
    std::vector<std::uint8_t> valid;
    for (const LoggedPrediction& event : events_) {
      times.push_back(event.*field.field);
      valid.push_back(times.back() != 0 ? 1 : 0);
    }
    Column column = Column::of_timestamps(std::string(field.column), std::move(times));
    if (std::ranges::find(valid, std::uint8_t{0}) != valid.end()) column.valid = std::move(valid);
    table.columns.push_back(std::move(column));
  }
  for (const TextField& field : kTextFields)
    add_texts(
        field.column, [&](const auto& event) { return event.*field.field; }, true);
  for (const FloatField& field : kFloatFields) {
    std::vector<double> numbers;
    for (const LoggedPrediction& event : events_)
      numbers.push_back(static_cast<double>(event.*field.field));
    table.columns.push_back(Column::of_numbers(std::string(field.column), std::move(numbers)));
  }
  std::vector<std::int64_t> versions, latencies;
  for (const LoggedPrediction& event : events_) {
    versions.push_back(event.version);
    latencies.push_back(event.latency_us);
  }
  table.columns.push_back(Column::of_integers("version", std::move(versions)));
  table.columns.push_back(Column::of_integers("latency_us", std::move(latencies)));
  for (const FlagField& field : kFlagFields) {
    std::vector<std::uint8_t> flags;
    for (const LoggedPrediction& event : events_) flags.push_back(event.*field.field ? 1 : 0);
    table.columns.push_back({.name = std::string(field.column),
                             .type = ColumnType::kBoolean,
                             .values = std::move(flags),
                             .valid = {}});
  }
  add_texts(
      "level", [](const auto& event) { return std::string(serving::level_name(event.level)); },
      false);
  add_texts(
      kTraceColumn,
      [](const auto& event) {
        std::string text(event.trace.is_set() ? core::kTraceparentSize : 0, ' ');
        if (!text.empty()) core::write_traceparent(event.trace, text.data());
        return text;
      },
      true);
  add_texts(
      kKindsColumn,
      [](const auto& event) {
        std::string kinds;
        for (const auto& feature : event.features) kinds += letter_of(feature.kind);
        return kinds;
      },
      false);
  for (std::size_t i = 0; i < names_.size(); ++i)
    table.columns.push_back(feature_column(events_, i, names_[i]));
  events_.clear();
  names_.clear();
  bytes_ = 0;
  return table;
}

core::Result<> read_archived(const data::Table& table, std::size_t row, LoggedPrediction& out) {
  const auto id = typed_column(table, "prediction_id", ColumnType::kText);
  if (!id) return id.error();
  out.prediction_id = (*id)->text(row);
  for (const TimeField& field : kTimeFields) {
    const auto column = typed_column(table, field.column, ColumnType::kTimestamp);
    if (!column) return column.error();
    const auto& times = std::get<std::vector<std::int64_t>>((*column)->values);
    out.*field.field = (*column)->is_null(row) ? 0 : times[row];
  }
  for (const TextField& field : kTextFields) {
    // A file from before the field was kept has no such column.
    const Column* column = table.find(field.column);
    (out.*field.field).clear();
    if (column != nullptr && column->type == ColumnType::kText && !column->is_null(row))
      out.*field.field = column->text(row);
  }
  for (const FloatField& field : kFloatFields) {
    const auto column = typed_column(table, field.column, ColumnType::kNumber);
    if (!column) return column.error();
    out.*field.field = static_cast<float>((*column)->number(row));
  }
  const auto version = typed_column(table, "version", ColumnType::kInteger);
  if (!version) return version.error();
  out.version = std::get<std::vector<std::int64_t>>((*version)->values)[row];
  const auto latency = typed_column(table, "latency_us", ColumnType::kInteger);
  if (!latency) return latency.error();
  out.latency_us = static_cast<std::uint32_t>((*latency)->number(row));
  for (const FlagField& field : kFlagFields) {
    const Column* column = table.find(field.column);
    out.*field.field = column != nullptr && column->type == ColumnType::kBoolean &&
                       !column->is_null(row) && column->number(row) != 0;
  }
  const auto level = typed_column(table, "level", ColumnType::kText);
  if (!level) return level.error();
  const auto known =
      std::ranges::find(serving::kAllLevels, (*level)->text(row),
                        [](serving::Level each) { return serving::level_name(each); });
  if (known == serving::kAllLevels.end())
    return corrupt(fmt::format("row {}: the unknown level '{}'", row, (*level)->text(row)));
  out.level = *known;
  out.trace = {};
  if (const Column* trace = table.find(kTraceColumn);
      trace != nullptr && trace->type == ColumnType::kText && !trace->is_null(row))
    out.trace = core::parse_traceparent(trace->text(row)).value_or(core::TraceContext{});
  const auto kinds = typed_column(table, kKindsColumn, ColumnType::kText);
  if (!kinds) return kinds.error();
  return read_features(table, row, (*kinds)->text(row), out);
}

}  // namespace tenure::monitoring
