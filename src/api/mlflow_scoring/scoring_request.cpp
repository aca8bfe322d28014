#include "api/mlflow_scoring/scoring_request.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "api/mlflow_scoring/csv_rows.h"

namespace tenure::api {
namespace {

using Kind = JsonReader::Kind;

constexpr std::array<std::string_view, 4> kFormats = {"dataframe_split", "dataframe_records",
                                                      "instances", "inputs"};
constexpr std::string_view kOneFormat =
    "The input must be a JSON dictionary with exactly one of the fields dataframe_split, "
    "dataframe_records, instances or inputs";

/// What pandas.read_csv takes for missing, as far as it is usual.
bool is_missing(std::string_view cell) {
  constexpr std::array<std::string_view, 9> kMarkers = {"",     "NaN",  "nan",  "NA",  "N/A",
                                                        "null", "NULL", "None", "<NA>"};
  return std::ranges::find(kMarkers, cell) != kMarkers.end();
}

}  // namespace

void ScoringRequest::begin(const serving::ModelSnapshot& snapshot, std::size_t rows_max) {
  errors_.clear();
  rows_.clear();
  method_ = Method::kPredict;
  data_ = {};
  features_.begin(snapshot, rows_max, FeatureRows::UnknownNames::kIgnored, errors_);
}

ScoringRequest::Outcome ScoringRequest::decode_json(std::string_view body,
                                                    const serving::ModelSnapshot& snapshot,
                                                    std::size_t rows_max) {
  begin(snapshot, rows_max);
  JsonReader reader(body, unescaped_, JsonReader::Grammar::kPython);
  read_body(reader);
  if (features_.is_too_many()) return Outcome::kTooManyRows;
  if (!reader.finish()) {
    errors_.set_invalid_json(reader.offset(), reader.reason());
    return Outcome::kInvalid;
  }
  if (errors_.empty() && data_.empty()) errors_.add("value_error", {}, kOneFormat, {});
  return finish(data_);
}

void ScoringRequest::read_body(JsonReader& reader) {
  if (reader.peek() != Kind::kObject) {
    errors_.add("model_attributes_type", {}, kOneFormat, {});
    reader.skip();
    return;
  }
  reader.open_object();
  std::string_view key;
  while (!features_.is_too_many() && reader.next_key(key)) {
    const auto format = std::ranges::find(kFormats, key);
    if (key == "params") {
      read_params(reader);
    } else if (format == kFormats.end()) {
      reader.skip();
    } else if (!data_.empty()) {
      errors_.add("value_error", {}, kOneFormat, {});
      reader.skip();
    } else {
      data_ = *format;
      if (read_data(reader, data_)) continue;
      errors_.add("value_error", {data_}, "Input should be a table in the form MLflow documents",
                  reader.skip());
    }
  }
}

/// False, with the value unread, when it has no form that this member may have.
bool ScoringRequest::read_data(JsonReader& reader, std::string_view member) {
  const Kind kind = reader.peek();
  const bool is_object = kind == Kind::kObject;
  if (member == "dataframe_split") {
    if (!is_object) return false;
    read_split(reader);
  } else if (kind == Kind::kArray) {
    features_.read_rows(reader, member);
  } else if (is_object && member == "inputs") {
    features_.read_columns(reader, member);
  } else {
    return false;
  }
  return true;
}

void ScoringRequest::read_split(JsonReader& reader) {
  constexpr std::string_view kMember = "data";
  std::string_view data;  // rows that stand before the columns that say what they mean
  bool has_columns = false, has_data = false;
  std::string_view key;
  reader.open_object();
  while (!features_.is_too_many() && reader.next_key(key)) {
    const bool is_array = reader.peek() == Kind::kArray;
    if (key == "columns" && is_array && !has_columns) {
      read_split_columns(reader);
      has_columns = true;
    } else if (key == "data" && is_array && !has_data) {
      has_data = true;
      if (has_columns) {
        features_.read_rows(reader, kMember);
      } else {
        data = reader.skip();
      }
    } else if (key == "columns" || key == "data") {
      errors_.add("value_error", {"dataframe_split", key}, "Input should be one list",
                  reader.skip());
    } else {
      reader.skip();
    }
  }
  if (reader.has_failed() || features_.is_too_many()) return;
  if (!has_data) errors_.add("missing", {"dataframe_split", "data"}, "Field required", {});
  if (data.empty()) return;
  JsonReader late(data, data_unescaped_, JsonReader::Grammar::kPython);
  if (late.peek() == Kind::kArray) features_.read_rows(late, kMember);
}

void ScoringRequest::read_split_columns(JsonReader& reader) {
  columns_.clear();
  reader.open_array();
  while (reader.next_item()) {
    // Columns without a name have numbers in pandas; no input is called so.
    columns_.push_back(reader.peek() == Kind::kText ? reader.read_text() : reader.skip());
  }
  features_.set_columns(columns_, "columns");
}

void ScoringRequest::read_params(JsonReader& reader) {
  if (reader.peek() != Kind::kObject) {
    const bool is_null = reader.peek() == Kind::kNull;
    const std::string_view value = reader.skip();
    if (!is_null) errors_.add("dict_type", {"params"}, "Input should be a dictionary", value);
    return;
  }
  reader.open_object();
  std::string_view key;
  while (reader.next_key(key)) {
    if (key != "predict_method" || reader.peek() != Kind::kText) {
      reader.skip();
      continue;
    }
    const std::string_view method = reader.read_text();
    if (method == "predict_proba") {
      method_ = Method::kPredictProba;
    } else if (method != "predict") {
      errors_.add("literal_error", {"params", "predict_method"},
                  "Input should be 'predict' or 'predict_proba'", {});
    }
  }
}

ScoringRequest::Outcome ScoringRequest::decode_csv(std::string_view body,
                                                   const serving::ModelSnapshot& snapshot,
                                                   std::size_t rows_max) {
  begin(snapshot, rows_max);
  CsvRows lines(body, csv_unquoted_);
  if (!lines.next(columns_)) {
    errors_.add("value_error", {}, "The table has no header line", {});
    return Outcome::kInvalid;
  }
  features_.set_columns(columns_, "columns");
  for (std::size_t line = 2; lines.next(columns_); ++line) {
    if (features_.size() == rows_max) return Outcome::kTooManyRows;
    features_.add_text_row(columns_, is_missing, {"line", true, line});
  }
  if (!lines.error().empty()) errors_.add("value_error", {}, lines.error(), {});
  return finish("line");
}

ScoringRequest::Outcome ScoringRequest::finish(std::string_view member) {
  if (errors_.empty() && features_.size() == 0)
    errors_.add("value_error", {member}, "The table has no rows", {});
  if (errors_.empty()) features_.require_all(member, true);
  if (!errors_.empty()) return Outcome::kInvalid;
  rows_.resize(features_.size());
  for (std::size_t i = 0; i < rows_.size(); ++i)
    rows_[i] = {.entity_id = {}, .given = features_.row(i)};
  return Outcome::kRows;
}

}  // namespace tenure::api
