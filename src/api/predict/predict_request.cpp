#include "api/predict/predict_request.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "core/nearest.h"
#include "core/time_format.h"
#include "net/http_message.h"

namespace tenure::api {
namespace {

using Kind = JsonReader::Kind;

constexpr std::size_t kIdLengthMax = 256;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

constexpr std::string_view kNotANumber = "Input should be a valid number";
constexpr std::string_view kUnparsable =
    "Input should be a valid number, unable to parse string as a number";
constexpr std::string_view kNotFinite = "Input should be a finite number";
constexpr std::string_view kNotAText = "Input should be a valid string";
constexpr std::string_view kNotAnObject =
    "Input should be a valid dictionary or object to extract fields from";
constexpr std::string_view kNotAList = "Input should be a valid list";

/// The nearest double to a decimal number; infinite when there is none. Nothing for other text.
std::optional<double> parse_double(std::string_view text) {
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (status == std::errc()) return value;
  // Out of range: from_chars does not say on which side. strtod gives zero or infinity.
  return std::strtod(std::string(text).c_str(), nullptr);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool is_integer(std::string_view digits) {
  return digits.find_first_of(".eE") == std::string_view::npos;
}

}  // namespace

PredictRequest::Outcome PredictRequest::decode(std::string_view body,
                                               const serving::ModelSnapshot& snapshot,
                                               std::int64_t rows_max) {
  snapshot_ = &snapshot;
  rows_max_ = static_cast<std::size_t>(rows_max);
  width_ = snapshot.model.transform().inputs().size();
  is_list_ = is_too_many_ = false;
  has_id_ = has_ids_ = has_features_ = has_feature_list_ = false;
  ids_.clear();
  cells_.clear();
  feature_rows_.clear();
  rows_.clear();
  errors_.clear();
  JsonReader reader(body, unescaped_);
  if (body.empty()) {
    errors_.add("missing", {}, "Field required", "null");
    return Outcome::kInvalid;
  }
  read_body(reader);
  if (is_too_many_) return Outcome::kTooManyRows;
  if (!reader.finish()) {
    errors_.set_invalid_json(reader.offset(), reader.reason());
    return Outcome::kInvalid;
  }
  if (!has_id_ && !has_ids_) require_all_features();
  if (errors_.empty()) combine(body);
  if (is_too_many_) return Outcome::kTooManyRows;
  return errors_.empty() ? Outcome::kRows : Outcome::kInvalid;
}

void PredictRequest::read_body(JsonReader& reader) {
  if (reader.peek() != Kind::kObject) {
    errors_.add("model_attributes_type", {}, kNotAnObject, reader.skip());
    return;
  }
  reader.open_object();
  std::string_view key;
  while (!is_too_many_ && reader.next_key(key)) {
    const bool is_id = key == "customer_id" || key == "entity_id";
    const bool is_ids = key == "customer_ids" || key == "entity_ids";
    const bool is_features = key == "features";
    if ((is_id && has_id_) || (is_ids && has_ids_) || (is_features && has_features_)) {
      errors_.add("value_error", {key}, "Value error, this was given twice", reader.skip());
    } else if (is_id) {
      read_id(reader, key);
    } else if (is_ids) {
      read_ids(reader, key);
    } else if (is_features) {
      read_features(reader);
    } else {
      reader.skip();
    }
  }
}

// --- ids ---------------------------------------------------------------------------------------

bool PredictRequest::read_id_value(JsonReader& reader, std::string_view& id,
                                   std::string_view& input, std::string_view& mistake) {
  const Kind kind = reader.peek();
  if (kind == Kind::kText) {
    id = reader.read_text();
    if (id.empty()) mistake = "string_too_short";
    if (id.size() > kIdLengthMax) mistake = "string_too_long";
    input = id.empty() ? "\"\"" : "null";
    return mistake.empty();
  }
  input = reader.skip();
  if (kind == Kind::kNumber && is_integer(input) && input.size() <= kIdLengthMax) {
    id = input;
    return true;
  }
  mistake = "string_type";
  return false;
}

void PredictRequest::read_id(JsonReader& reader, std::string_view key) {
  if (reader.peek() == Kind::kNull) {
    reader.skip();
    return;
  }
  has_id_ = true;
  std::string_view id, input, mistake;
  if (read_id_value(reader, id, input, mistake)) {
    ids_.push_back(id);  // one id and a list of ids at once are refused in combine()
    return;
  }
  add_id_error({key}, mistake, input);
}

void PredictRequest::read_ids(JsonReader& reader, std::string_view key) {
  const Kind kind = reader.peek();
  if (kind != Kind::kArray) {
    const std::string_view input = reader.skip();
    if (kind == Kind::kNull) return;
    has_ids_ = true;
    errors_.add("list_type", {key}, kNotAList, input);
    return;
  }
  has_ids_ = is_list_ = true;
  ids_key_ = key;
  std::size_t n = 0;
  reader.open_array();
  while (reader.next_item()) {
    if (is_over_limit(n + 1)) return;
    std::string_view id, input, mistake;
    if (read_id_value(reader, id, input, mistake)) {
      ids_.push_back(id);
    } else {
      add_id_error({key, n}, mistake, input);
    }
    ++n;
  }
  if (n == 0) {
    errors_.add("too_short", {key}, "List should have at least 1 item after validation, not 0",
                "[]", "{\"field_type\":\"List\",\"min_length\":1,\"actual_length\":0}");
  }
}

void PredictRequest::add_id_error(std::initializer_list<ValidationErrors::Step> location,
                                  std::string_view mistake, std::string_view input) {
  if (mistake == "string_too_short") {
    errors_.add(mistake, location, "String should have at least 1 character", input,
                "{\"min_length\":1}");
  } else if (mistake == "string_too_long") {
    errors_.add(mistake, location,
                fmt::format("String should have at most {} characters", kIdLengthMax), input,
                fmt::format("{{\"max_length\":{}}}", kIdLengthMax));
  } else {
    errors_.add(mistake, location, kNotAText, input);
  }
}

// --- features ----------------------------------------------------------------------------------

void PredictRequest::read_features(JsonReader& reader) {
  const Kind kind = reader.peek();
  if (kind == Kind::kNull) {
    reader.skip();
    return;
  }
  has_features_ = true;
  if (kind == Kind::kObject) {
    read_named_row(reader, {});
  } else if (kind == Kind::kArray) {
    has_feature_list_ = is_list_ = true;
    read_feature_list(reader);
  } else {
    errors_.add("model_attributes_type", {"features"}, kNotAnObject, reader.skip());
  }
}

void PredictRequest::read_feature_list(JsonReader& reader) {
  std::size_t n = 0;
  reader.open_array();
  while (reader.next_item()) {
    if (is_over_limit(n + 1)) return;
    const Kind kind = reader.peek();
    if (kind == Kind::kObject) {
      read_named_row(reader, {true, n});
    } else if (kind == Kind::kArray) {
      read_ordered_row(reader, n);
    } else {
      cells_.resize(cells_.size() + width_, data::Cell::null());
      feature_rows_.push_back(reader.skip());
      errors_.add("model_attributes_type", {"features", n}, kNotAnObject, feature_rows_.back());
    }
    ++n;
  }
  if (n == 0) {
    errors_.add("too_short", {"features"},
                "List should have at least 1 item after validation, not 0", "[]",
                "{\"field_type\":\"List\",\"min_length\":1,\"actual_length\":0}");
  }
}

std::size_t PredictRequest::find_input(std::string_view name, std::size_t expected) {
  // Clients mostly send features in one order, so the next one is tried before the index.
  if (expected < width_ && snapshot_->input_names[expected] == name) return expected;
  name_.assign(name);
  const auto found = snapshot_->input_index.find(name_);
  return found == snapshot_->input_index.end() ? kNone : found->second;
}

void PredictRequest::read_named_row(JsonReader& reader, Place place) {
  const std::size_t first = cells_.size();
  cells_.resize(first + width_);
  const char* const from = reader.position();
  reader.open_object();
  std::string_view name;
  std::size_t expected = 0;
  while (reader.next_key(name)) {
    const std::size_t input = find_input(name, expected);
    if (input == kNone) {
      add_unknown_feature(name, place, reader.skip());
      continue;
    }
    expected = input + 1;
    data::Cell& cell = cells_[first + input];
    if (cell.kind != data::Cell::Kind::kAbsent) {
      add_cell_error("value_error", place, name, "Value error, this feature was given twice",
                     reader.skip());
    } else {
      cell = read_cell(reader, input, place);
    }
  }
  feature_rows_.emplace_back(from, static_cast<std::size_t>(reader.position() - from));
}

void PredictRequest::read_ordered_row(JsonReader& reader, std::size_t row) {
  const std::size_t first = cells_.size();
  cells_.resize(first + width_);
  const char* const from = reader.position();
  std::size_t n = 0;
  reader.open_array();
  while (reader.next_item()) {
    if (n < width_) {
      cells_[first + n] = read_cell(reader, n, {true, row});
    } else {
      reader.skip();
    }
    ++n;
  }
  feature_rows_.emplace_back(from, static_cast<std::size_t>(reader.position() - from));
  if (n == width_ || reader.has_failed()) return;
  for (std::size_t i = n; i < width_; ++i) cells_[first + i] = data::Cell::null();  // one mistake
  const bool is_short = n < width_;
  errors_.add(is_short ? "too_short" : "too_long", {"features", row},
              fmt::format("List should have at {} {} items after validation, not {}",
                          is_short ? "least" : "most", width_, n),
              feature_rows_.back(),
              fmt::format("{{\"field_type\":\"List\",\"{}_length\":{},\"actual_length\":{}}}",
                          is_short ? "min" : "max", width_, n));
}

data::Cell PredictRequest::read_cell(JsonReader& reader, std::size_t input, Place place) {
  const learn::InputField& field = snapshot_->model.transform().inputs()[input];
  const Kind kind = reader.peek();
  switch (kind) {
    case Kind::kNull:
      reader.skip();
      return data::Cell::null();
    case Kind::kNumber: {
      const std::string_view raw = reader.read_number();
      if (raw.empty()) return data::Cell::null();  // malformed: the reader has failed
      const double value = *parse_double(raw);
      if (std::isfinite(value)) return data::Cell::of(value);
      // Not echoed: a number no double holds is refused by JSON readers, ours among them.
      add_cell_error("finite_number", place, field.name, kNotFinite, {});
      return data::Cell::null();
    }
    case Kind::kText: {
      const char* const from = reader.position();
      const std::string_view text = reader.read_text();
      const std::string_view raw(from, static_cast<std::size_t>(reader.position() - from));
      if (field.is_category()) return data::Cell::of(text);
      return parse_number_text(text, raw, input, place);
    }
    case Kind::kTrue:
    case Kind::kFalse:
      if (!field.is_category()) {
        reader.skip();
        return data::Cell::of(kind == Kind::kTrue ? 1.0 : 0.0);
      }
      break;
    default:
      break;
  }
  const std::string_view raw = reader.skip();
  if (field.is_category()) {
    add_cell_error("string_type", place, field.name, kNotAText, raw);
  } else {
    add_cell_error("float_type", place, field.name, kNotANumber, raw);
  }
  return data::Cell::null();
}

data::Cell PredictRequest::parse_number_text(std::string_view text, std::string_view raw,
                                             std::size_t input, Place place) {
  const learn::InputField& field = snapshot_->model.transform().inputs()[input];
  if (const auto value = parse_double(trim(text))) {
    if (std::isfinite(*value)) return data::Cell::of(*value);
    add_cell_error("finite_number", place, field.name, kNotFinite, raw);
    return data::Cell::null();
  }
  if (field.type == data::ColumnType::kTimestamp) {
    if (const auto time = core::parse_time(text)) {
      return data::Cell::of(static_cast<double>(*time));
    }
    add_cell_error("datetime_parsing", place, field.name,
                   "Input should be a valid datetime (ISO 8601) or microseconds since 1970", raw);
    return data::Cell::null();
  }
  add_cell_error("float_parsing", place, field.name, kUnparsable, raw);
  return data::Cell::null();
}

void PredictRequest::add_cell_error(std::string_view type, Place place, std::string_view name,
                                    std::string_view message, std::string_view raw) {
  if (place.is_in_list) {
    errors_.add(type, {"features", place.index, name}, message, raw);
  } else {
    errors_.add(type, {"features", name}, message, raw);
  }
}

void PredictRequest::add_unknown_feature(std::string_view name, Place place, std::string_view raw) {
  std::string message = "Extra inputs are not permitted";
  if (errors_.count() < ValidationErrors::kErrorsMax) {
    std::vector<std::string> known(snapshot_->input_names.begin(), snapshot_->input_names.end());
    message += core::did_you_mean(name, known);
  }
  add_cell_error("extra_forbidden", place, name, message, raw);
}

// --- putting ids and features together ---------------------------------------------------------

void PredictRequest::combine(std::string_view body) {
  if (has_id_ && has_ids_) {
    errors_.add("value_error", {ids_key_},
                "Value error, give either one id or a list of ids, not both", "null");
    return;
  }
  if (!has_id_ && !has_ids_ && !has_features_) {
    errors_.add("missing", {"customer_id"}, "Field required", body,
                "{\"expected\":\"customer_id, customer_ids or features\"}");
    return;
  }
  if (has_id_ && has_feature_list_) {
    errors_.add("model_attributes_type", {"features"}, kNotAnObject, "null");
    return;
  }
  if (has_ids_ && has_features_ && !has_feature_list_) {
    errors_.add("list_type", {"features"}, kNotAList, feature_rows_.front());
    return;
  }
  if (has_ids_ && has_feature_list_ && ids_.size() != feature_rows_.size()) {
    errors_.add("value_error", {"features"},
                fmt::format("Value error, {} rows of features for {} ids", feature_rows_.size(),
                            ids_.size()),
                "null");
    return;
  }
  const std::size_t n = std::max(ids_.size(), feature_rows_.size());
  rows_.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    rows_[i].entity_id = ids_.empty() ? std::string_view() : ids_[i];
    rows_[i].given = has_features_ ? std::span<const data::Cell>(cells_).subspan(i * width_, width_)
                                   : std::span<const data::Cell>();
  }
}

void PredictRequest::require_all_features() {
  for (std::size_t row = 0; row < feature_rows_.size(); ++row) {
    for (std::size_t input = 0; input < width_; ++input) {
      if (cells_[row * width_ + input].kind != data::Cell::Kind::kAbsent) continue;
      add_cell_error("missing", {has_feature_list_, row}, snapshot_->input_names[input],
                     "Field required", feature_rows_[row]);
    }
  }
}

}  // namespace tenure::api
