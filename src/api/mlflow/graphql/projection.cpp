#include "api/mlflow/graphql/projection.h"

#include <fmt/format.h>

#include "api/mlflow/entity_json.h"
#include "net/http_message.h"

namespace tenure::api::mlflow::graphql {
namespace {

using core::Error;
using core::ErrorCode;
using core::Json;
using core::JsonObject;
using core::Result;

std::string type_of(const JsonObject& object) {
  const Json* const name = object.if_contains("__typename");
  return name == nullptr ? std::string() : std::string(name->get_string().c_str());
}

Result<> append_object(std::string& out, const JsonObject& object, const Field& field) {
  if (field.fields.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("Field '{}' of type '{}' must have a selection of subfields.",
                             field.name, type_of(object))};
  }
  ObjectText text(out);
  for (const Field& inner : field.fields) {
    const Json* const member = object.if_contains(inner.name);
    if (member == nullptr) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("Cannot query field '{}' on type '{}'.",
                                                            inner.name, type_of(object))};
    }
    if (auto appended = append_projected(text.key(inner.key), *member, inner); !appended)
      return appended;
  }
  text.end();
  return {};
}

Result<> append_scalar(std::string& out, const Json& value, const Field& field) {
  if (!field.fields.empty()) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("Field '{}' must not have a selection since it has no subfields.", field.name)};
  }
  if (const auto* real = value.if_double()) {
    append_number(out, *real);
  } else if (const auto* text = value.if_string()) {
    net::append_json_string(out, {text->data(), text->size()});
  } else {
    out += core::to_text(value);
  }
  return {};
}

}  // namespace

Result<> append_projected(std::string& out, const Json& value, const Field& field) {
  if (value.is_null()) {
    out += "null";
    return {};
  }
  if (const auto* object = value.if_object()) return append_object(out, *object, field);
  const auto* const list = value.if_array();
  if (list == nullptr) return append_scalar(out, value, field);
  out += '[';
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (i > 0) out += ',';
    if (auto appended = append_projected(out, (*list)[i], field); !appended) return appended;
  }
  out += ']';
  return {};
}

}  // namespace tenure::api::mlflow::graphql
