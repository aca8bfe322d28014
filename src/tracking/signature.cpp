#include "tracking/signature.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/json.h"
#include "core/utf8.h"

namespace tenure::tracking {
namespace {

constexpr auto kTypes = std::to_array<std::string_view>(
    {"boolean", "integer", "long", "float", "double", "string", "binary", "datetime"});

/// numpy's names of element types, as tensor specifications carry them.
constexpr auto kTensorTypes =
    std::to_array<std::pair<std::string_view, std::string_view>>({{"bool", "boolean"},
                                                                  {"int8", "integer"},
                                                                  {"int16", "integer"},
                                                                  {"int32", "integer"},
                                                                  {"int64", "long"},
                                                                  {"uint8", "integer"},
                                                                  {"uint16", "integer"},
                                                                  {"uint32", "long"},
                                                                  {"uint64", "long"},
                                                                  {"float16", "float"},
                                                                  {"float32", "float"},
                                                                  {"float64", "double"},
                                                                  {"str", "string"},
                                                                  {"object", "string"}});

core::Error bad_column(std::size_t index, std::string_view why) {
  return core::Error{core::ErrorCode::kInvalidArgument, fmt::format("column {}: {}", index, why)};
}

core::Result<SignatureColumn> read_tensor(const core::Json& spec, std::size_t index) {
  auto tensor = core::json_object(spec, "tensor-spec");
  if (!tensor) return bad_column(index, tensor.error().message);
  auto element = core::json_text(core::Json(**tensor), "dtype");
  if (!element) return bad_column(index, element.error().message);
  const core::Json* shape = (*tensor)->if_contains("shape");
  if (shape == nullptr || !shape->is_array() || shape->get_array().empty())
    return bad_column(index, "shape: a list of integers is expected");
  SignatureColumn column;
  for (const core::Json& size : shape->get_array()) {
    if (!size.is_int64() || size.get_int64() < -1)
      return bad_column(index, "shape: a list of integers is expected");
    column.shape.push_back(size.get_int64());
  }
  if (spec.get_object().contains("name")) {
    auto name = core::json_text(spec, "name");
    if (!name) return bad_column(index, name.error().message);
    column.name = *std::move(name);
  }
  for (const auto& [numpy, type] : kTensorTypes) {
    if (numpy != *element) continue;
    column.type = type;
    return column;
  }
  return core::Error{core::ErrorCode::kUnimplemented,
                     fmt::format("column {}: tensors of {} are not supported", index, *element)};
}

core::Result<SignatureColumn> read_column(const core::Json& spec, std::size_t index) {
  auto type = core::json_text(spec, "type");
  if (!type) return bad_column(index, type.error().message);
  if (*type == "tensor") return read_tensor(spec, index);
  SignatureColumn column;
  if (std::find(kTypes.begin(), kTypes.end(), *type) == kTypes.end()) {
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("column {}: type '{}' is not supported, known are {}", index,
                                   *type, fmt::join(kTypes, ", "))};
  }
  column.type = std::move(*type);
  const core::JsonObject& members = spec.get_object();
  if (members.contains("name")) {
    auto name = core::json_text(spec, "name");
    if (!name) return bad_column(index, name.error().message);
    column.name = std::move(*name);
  }
  if (members.contains("required")) {
    auto required = core::json_boolean(spec, "required");
    if (!required) return bad_column(index, required.error().message);
    column.is_required = *required;
  } else if (members.contains("optional")) {  // until MLflow 2.9
    auto optional = core::json_boolean(spec, "optional");
    if (!optional) return bad_column(index, optional.error().message);
    column.is_required = !*optional;
  }
  return column;
}

}  // namespace

std::string signature_to_json(const std::vector<SignatureColumn>& columns) {
  core::JsonArray list;
  for (const SignatureColumn& column : columns) {
    core::JsonObject spec;
    spec["type"] = column.type;
    if (!column.name.empty()) spec["name"] = column.name;
    spec["required"] = column.is_required;
    list.push_back(std::move(spec));
  }
  return core::to_text(list);
}

core::Result<std::vector<SignatureColumn>> signature_from_json(std::string_view text) {
  auto parsed = core::parse_json(text);
  if (!parsed) return std::move(parsed).error();
  if (!parsed->is_array()) {
    return core::Error{core::ErrorCode::kInvalidArgument, "a list of columns is expected"};
  }
  std::vector<SignatureColumn> columns;
  for (const core::Json& spec : parsed->get_array()) {
    auto column = read_column(spec, columns.size());
    if (!column) return std::move(column).error();
    columns.push_back(std::move(*column));
  }
  return columns;
}

core::Result<> check_signature(const std::vector<SignatureColumn>& columns, std::string_view what) {
  const auto bad = [&](const SignatureColumn& column, std::string_view why) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("{}: column '{}': {}", what, column.name, why)};
  };
  std::set<std::string_view> names;
  for (const SignatureColumn& column : columns) {
    if (std::find(kTypes.begin(), kTypes.end(), column.type) == kTypes.end()) {
      return bad(column, fmt::format("type '{}' is unknown, expected one of {}", column.type,
                                     fmt::join(kTypes, ", ")));
    }
    if (column.name.empty() && columns.size() > 1) return bad(column, "the name is empty");
    if (!core::is_utf8(column.name)) return bad(column, "the name is not valid UTF-8");
    if (!names.insert(column.name).second) return bad(column, "the name is used twice");
  }
  return {};
}

}  // namespace tenure::tracking
