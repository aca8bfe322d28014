#include "api/predict/predict_request.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "net/http_message.h"

namespace tenure::api {
namespace {

using Kind = JsonReader::Kind;

constexpr std::size_t kIdLengthMax = 256;
constexpr std::string_view kNotAText = "Input should be a valid string";
constexpr std::string_view kNotAnObject =
    "Input should be a valid dictionary or object to extract fields from";
constexpr std::string_view kNotAList = "Input should be a valid list";

bool is_integer(std::string_view digits) {
  return digits.find_first_of(".eE") == std::string_view::npos;
}

}  // namespace

PredictRequest::Outcome PredictRequest::decode(std::string_view body,
                                               const serving::ModelSnapshot& snapshot,
                                               std::int64_t rows_max) {
  rows_max_ = static_cast<std::size_t>(rows_max);
  is_list_ = is_too_many_ = false;
  has_id_ = has_ids_ = has_features_ = has_feature_list_ = false;
  ids_.clear();
  rows_.clear();
  errors_.clear();
  features_.begin(snapshot, rows_max_, FeatureRows::UnknownNames::kRefused, errors_);
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
  if (!has_id_ && !has_ids_) features_.require_all("features", has_feature_list_);
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
    if (n == rows_max_) {
      is_too_many_ = true;
      return;
    }
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
    features_.read_named_row(reader, {.member = "features"});
  } else if (kind == Kind::kArray) {
    has_feature_list_ = is_list_ = true;
    features_.read_rows(reader, "features");
    is_too_many_ = features_.is_too_many();
  } else {
    errors_.add("model_attributes_type", {"features"}, kNotAnObject, reader.skip());
  }
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
    errors_.add("list_type", {"features"}, kNotAList, features_.text(0));
    return;
  }
  if (has_ids_ && has_feature_list_ && ids_.size() != features_.size()) {
    errors_.add(
        "value_error", {"features"},
        fmt::format("Value error, {} rows of features for {} ids", features_.size(), ids_.size()),
        "null");
    return;
  }
  const std::size_t n = std::max(ids_.size(), features_.size());
  rows_.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    rows_[i].entity_id = ids_.empty() ? std::string_view() : ids_[i];
    rows_[i].given = has_features_ ? features_.row(i) : std::span<const data::Cell>();
  }
}

}  // namespace tenure::api
