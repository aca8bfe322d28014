#include "api/mlflow/message.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "api/mlflow/request_json.h"
#include "core/ascii_case.h"
#include "core/utf8.h"
#include "tracking/validation.h"

namespace tenure::api::mlflow {
namespace {

using core::Error;
using core::ErrorCode;
using core::Json;
using core::JsonArray;
using core::JsonObject;
using core::Result;
using JsonKind = decltype(Json().kind());
using JsonString = std::remove_cvref_t<decltype(Json().get_string())>;

/// What an error repeats of a value.
constexpr std::size_t kShownMax = 1000;

std::string_view view(const JsonString& text) {
  return {text.data(), text.size()};
}

std::string_view python_type(const Json& value) {
  switch (value.kind()) {
    case JsonKind::null:
      return "NoneType";
    case JsonKind::bool_:
      return "bool";
    case JsonKind::int64:
    case JsonKind::uint64:
      return "int";
    case JsonKind::double_:
      return "float";
    case JsonKind::string:
      return "str";
    case JsonKind::array:
      return "list";
    case JsonKind::object:
      return "dict";
  }
  return "str";
}

std::string shown(const Json& value) {
  std::string text = core::to_text(value);
  if (text.size() > kShownMax) {
    text.resize(kShownMax);
    text.resize(core::valid_utf8_prefix(text));
    text += "...";
  }
  return text;
}

std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// MLflow's protocol buffers take whole doubles for integers.
std::optional<std::int64_t> integer_of(double value) {
  constexpr double kBound = 9'223'372'036'854'775'808.0;  // 2^63
  if (!(value >= -kBound && value < kBound) || std::trunc(value) != value) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::optional<std::int64_t> integer_of(const Json& value) {
  if (const auto* integer = value.if_int64()) return *integer;
  if (const auto* real = value.if_double()) return integer_of(*real);
  if (const auto* text = value.if_string()) return integer_of(view(*text));
  return std::nullopt;
}

std::optional<double> number_of(std::string_view text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // from_chars reads "inf" and "nan", too, which protocol buffers refuse.
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  if (!is_whole || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<double> number_of(const Json& value) {
  if (const auto* real = value.if_double()) return *real;
  if (const auto* integer = value.if_int64()) return static_cast<double>(*integer);
  if (const auto* text = value.if_string()) return number_of(view(*text));
  return std::nullopt;
}

/// As Python's parse_qs: what is no percent-encoding stays as it is.
std::string decoded(std::string_view text) {
  std::optional<std::string> plain = net::percent_decode(text, true);
  return plain ? *std::move(plain) : std::string(text);
}

Result<Message> read_query(std::string_view query,
                           std::initializer_list<std::string_view> repeated) {
  JsonObject fields;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name = decoded(one.substr(0, equals));
    const std::string value = decoded(one.substr(equals + 1));
    if (!core::is_utf8(name) || !core::is_utf8(value))
      return Error{ErrorCode::kInvalidArgument, "The query string is not UTF-8."};
    if (std::ranges::count(repeated, name) == 0) {
      fields.emplace(name, value);
    } else {
      Json& list = fields[name];
      if (!list.is_array()) list.emplace_array();
      list.get_array().emplace_back(value);
    }
  }
  return Message(std::move(fields));
}

}  // namespace

Result<> check_content_type(std::string_view content_type) {
  if (content_type.empty())
    return Error{ErrorCode::kInvalidArgument, "Bad Request. Content-Type header is missing."};
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  if (core::equals_ignoring_case(type, "application/json")) return {};
  return Error{ErrorCode::kInvalidArgument,
               "Bad Request. Content-Type must be one of ['application/json']."};
}

Error invalid_value(std::string_view parameter, const Json& value) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("Invalid value {} for parameter '{}' supplied:  Hint: Value was of type "
                           "'{}'.{}",
                           shown(value), parameter, python_type(value), tracking::kSeeApiDocs)};
}

Result<Message> Message::read(const net::Request& request,
                              std::initializer_list<std::string_view> repeated) {
  const bool is_get = request.method == net::Method::kGet || request.method == net::Method::kHead;
  if (is_get && !request.query.empty()) return read_query(request.query, repeated);
  if (request.method == net::Method::kPost || request.method == net::Method::kPut) {
    if (auto checked = check_content_type(request.content_type); !checked)
      return std::move(checked).error();
  }
  Json body = read_request_json(request.body);
  if (body.is_object()) return Message(std::move(body.get_object()));
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("The request body must be a JSON object. Hint: Value was of type '{}'.",
                           python_type(body))};
}

Message::Message(JsonObject fields, std::string path)
    : Message(std::make_shared<const JsonObject>(std::move(fields)), std::move(path)) {}

Message::Message(std::shared_ptr<const JsonObject> fields, std::string path)
    : fields_(std::move(fields)), path_(std::move(path)) {}

const Json* Message::find(std::string_view name) const {
  const Json* const value = fields_->if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string Message::place(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

Error Message::missing(std::string_view name) const {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("Missing value for required parameter '{}'.{}", place(name),
                           tracking::kSeeApiDocs)};
}

Error Message::wrong_type(std::string_view name, const Json& value) const {
  return invalid_value(place(name), value);
}

bool Message::has(std::string_view name) const {
  return find(name) != nullptr;
}

Result<> Message::require(std::string_view name) const {
  if (!has(name)) return missing(name);
  return {};
}

Result<std::string> Message::text(std::string_view name) const {
  const Json* const value = find(name);
  if (value == nullptr) return std::string();
  if (const auto* text = value->if_string()) return std::string(view(*text));
  return wrong_type(name, *value);
}

Result<std::string> Message::required_text(std::string_view name) const {
  auto value = text(name);
  if (value && value->empty()) return missing(name);
  return value;
}

Result<std::optional<std::int64_t>> Message::integer(std::string_view name) const {
  const Json* const value = find(name);
  if (value == nullptr) return std::optional<std::int64_t>();
  if (const auto integer = integer_of(*value)) return integer;
  return wrong_type(name, *value);
}

Result<std::int64_t> Message::required_integer(std::string_view name) const {
  const Json* const value = find(name);
  if (value == nullptr || (value->is_string() && value->get_string().empty())) return missing(name);
  if (const auto integer = integer_of(*value)) return *integer;
  return wrong_type(name, *value);
}

Result<double> Message::required_number(std::string_view name) const {
  const Json* const value = find(name);
  if (value == nullptr || (value->is_string() && value->get_string().empty())) return missing(name);
  if (const auto number = number_of(*value)) return *number;
  return wrong_type(name, *value);
}

Result<bool> Message::boolean(std::string_view name, bool if_absent) const {
  const Json* const value = find(name);
  if (value == nullptr) return if_absent;
  if (const auto* boolean = value->if_bool()) return *boolean;
  const auto* const text = value->if_string();
  if (text == nullptr) return wrong_type(name, *value);
  if (core::equals_ignoring_case(view(*text), "true")) return true;
  if (core::equals_ignoring_case(view(*text), "false")) return false;
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("Invalid boolean value: {}, must be 'true' or 'false'.", view(*text))};
}

Result<std::optional<std::size_t>> Message::choice(std::string_view name,
                                                   std::span<const std::string_view> names) const {
  const Json* const value = find(name);
  if (value == nullptr) return std::optional<std::size_t>();
  const auto* const text = value->if_string();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    if (text != nullptr && view(*text) == names[i]) return std::optional(i);
    if (integer_of(*value) == static_cast<std::int64_t>(i)) return std::optional(i);
  }
  return wrong_type(name, *value);
}

Result<const JsonArray*> Message::array(std::string_view name) const {
  static const JsonArray kEmpty;
  const Json* const value = find(name);
  if (value == nullptr) return &kEmpty;
  if (const auto* list = value->if_array()) return list;
  return wrong_type(name, *value);
}

Result<std::vector<std::string>> Message::texts(std::string_view name) const {
  auto list = array(name);
  if (!list) return std::move(list).error();
  std::vector<std::string> values;
  values.reserve((*list)->size());
  for (const Json& item : **list) {
    const auto* const text = item.if_string();
    if (text == nullptr)
      return invalid_value(fmt::format("{}[{}]", place(name), values.size()), item);
    values.emplace_back(view(*text));
  }
  return values;
}

Result<std::vector<Message>> Message::objects(std::string_view name) const {
  auto list = array(name);
  if (!list) return std::move(list).error();
  std::vector<Message> values;
  values.reserve((*list)->size());
  for (const Json& item : **list) {
    std::string path = fmt::format("{}[{}]", place(name), values.size());
    const auto* const object = item.if_object();
    if (object == nullptr) return invalid_value(path, item);
    // Shares the ownership of the outermost object.
    values.push_back(Message(std::shared_ptr<const JsonObject>(fields_, object), std::move(path)));
  }
  return values;
}

Result<Message> Message::object(std::string_view name) const {
  const Json* const value = find(name);
  if (value == nullptr) return Message(JsonObject(), place(name));
  const auto* const object = value->if_object();
  if (object == nullptr) return wrong_type(name, *value);
  return Message(std::shared_ptr<const JsonObject>(fields_, object), place(name));
}

Result<std::map<std::string, std::string>> Message::pairs(std::string_view name) const {
  auto items = objects(name);
  if (!items) return std::move(items).error();
  std::map<std::string, std::string> pairs;
  for (const Message& item : *items) {
    auto key = item.required_text("key");
    if (!key) return std::move(key).error();
    auto value = item.text("value");
    if (!value) return std::move(value).error();
    pairs.insert_or_assign(*std::move(key), *std::move(value));
  }
  return pairs;
}

Result<std::string> Message::required_run_id() const {
  auto id = text("run_id");
  if (!id || !id->empty()) return id;
  auto by_old_name = text("run_uuid");
  if (by_old_name && by_old_name->empty()) return missing("run_id");
  return by_old_name;
}

void answer_error(net::Response& out, const Error& error) {
  const core::ErrorCodeInfo& info = core::error_code_info(error.code);
  out.status = info.mlflow_http_status;
  out.content_type = "application/json";
  out.body = fmt::format("{{\"error_code\":\"{}\",\"message\":", info.mlflow_code);
  net::append_json_string(out.body, error.message);
  out.body += '}';
}

void answer(net::Response& out, const JsonObject& body) {
  out.content_type = "application/json";
  out.body = core::to_text(body);
}

}  // namespace tenure::api::mlflow
