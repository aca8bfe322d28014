#include "api/mlflow/request_json.h"

#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

#include "api/json_reader.h"

namespace tenure::api::mlflow {
namespace {

template <class T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// An integer where it is one that fits, else the nearest double (infinite when none is).
core::Json number(std::string_view text) {
  std::int64_t integer = 0;
  if (parse(text, integer)) return integer;
  double real = 0;
  if (parse(text, real)) return real;
  // Out of range: too small is 0, too large is infinite.
  const bool is_negative = text.starts_with('-');
  const std::size_t exponent = text.find_first_of("eE");
  const bool is_tiny = exponent == std::string_view::npos
                           ? text.substr(is_negative ? 1 : 0).starts_with("0.")
                           : text[exponent + 1] == '-';
  if (is_tiny) return 0.0;
  return is_negative ? "-Infinity" : "Infinity";
}

core::Json read_value(JsonReader& reader);

core::Json read_object(JsonReader& reader) {
  core::JsonObject object;
  reader.open_object();
  std::string_view key;
  while (reader.next_key(key)) {
    // The view may move with the next string.
    const std::string_view stable = key;
    object.insert_or_assign(stable, read_value(reader));
  }
  return object;
}

core::Json read_array(JsonReader& reader) {
  core::JsonArray array;
  reader.open_array();
  while (reader.next_item()) array.push_back(read_value(reader));
  return array;
}

core::Json read_value(JsonReader& reader) {
  switch (reader.peek()) {
    case JsonReader::Kind::kObject:
      return read_object(reader);
    case JsonReader::Kind::kArray:
      return read_array(reader);
    case JsonReader::Kind::kText:
      return core::Json(reader.read_text());
    case JsonReader::Kind::kNumber: {
      const std::string_view text = reader.read_number();
      return reader.has_failed() ? core::Json() : number(text);
    }
    case JsonReader::Kind::kNull: {
      const std::string_view token = reader.skip();
      return token == "null" ? core::Json() : core::Json(token);
    }
    case JsonReader::Kind::kTrue:
    case JsonReader::Kind::kFalse:
      return core::Json(reader.skip() == "true");
    case JsonReader::Kind::kBad:
      break;
  }
  return {};
}

core::Json read_once(std::string_view text) {
  std::string unescaped;
  JsonReader reader(text, unescaped, JsonReader::Grammar::kPython);
  core::Json value = read_value(reader);
  if (!reader.finish()) return core::JsonObject();
  return value;
}

}  // namespace

core::Json read_request_json(std::string_view body) {
  core::Json value = read_once(body);
  if (!value.is_string()) return value;
  const core::Json outer = std::move(value);
  return read_once(std::string_view(outer.get_string()));
}

}  // namespace tenure::api::mlflow
