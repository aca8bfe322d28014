#include <fmt/format.h>

#include "data/dataset.h"

namespace tenure::data {
namespace {

using core::Json;
using core::JsonArray;
using core::JsonObject;
using core::Result;

Json counts_to_json(const std::map<std::string, std::int64_t>& counts) {
  JsonObject object;
  for (const auto& [name, count] : counts) object[name] = count;
  return object;
}

Result<std::map<std::string, std::int64_t>> counts_from_json(const Json& json,
                                                             std::string_view key) {
  const auto object = core::json_object(json, key);
  if (!object) return object.error();
  std::map<std::string, std::int64_t> counts;
  for (const auto& member : **object) {
    const auto* count = member.value().if_int64();
    if (count == nullptr)
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("'{}': expected integers", key)};
    counts[std::string(member.key())] = *count;
  }
  return counts;
}

Json rule_to_json(const ColumnRule& rule) {
  JsonObject object;
  object["name"] = rule.name;
  object["type"] = column_type_name(rule.type);
  JsonArray markers;
  for (const std::string& marker : rule.null_markers) markers.emplace_back(marker);
  object["null_markers"] = std::move(markers);
  if (rule.null_value) object["null_value"] = *rule.null_value;
  object["required"] = rule.is_required;
  return object;
}

Result<ColumnRule> rule_from_json(const Json& json) {
  ColumnRule rule;
  auto name = core::json_text(json, "name");
  if (!name) return std::move(name).error();
  rule.name = std::move(*name);
  const auto type_name = core::json_text(json, "type");
  if (!type_name) return type_name.error();
  const auto type = parse_column_type(*type_name);
  if (!type) return type.error();
  rule.type = *type;
  const auto markers = core::json_array(json, "null_markers");
  if (!markers) return markers.error();
  for (const Json& marker : **markers) {
    if (!marker.is_string())
      return core::Error{core::ErrorCode::kInvalidArgument, "'null_markers': expected texts"};
    rule.null_markers.emplace_back(marker.as_string());
  }
  if (json.as_object().contains("null_value")) {
    auto null_value = core::json_text(json, "null_value");
    if (!null_value) return std::move(null_value).error();
    rule.null_value = std::move(*null_value);
  }
  const auto is_required = core::json_boolean(json, "required");
  if (!is_required) return is_required.error();
  rule.is_required = *is_required;
  return rule;
}

}  // namespace

Json Dataset::to_json() const {
  JsonObject object;
  object["parquet"] = parquet.string();
  object["source_sha256"] = source_sha256;
  object["id_column"] = id_column;
  object["has_label"] = has_label;
  JsonArray rules;
  for (const ColumnRule& rule : columns) rules.push_back(rule_to_json(rule));
  object["columns"] = std::move(rules);
  object["rows"] = rows;
  object["positives"] = positives;
  object["duplicates_dropped"] = duplicates_dropped;
  object["nulls"] = counts_to_json(nulls);
  object["bad_values"] = counts_to_json(bad_values);
  return object;
}

Result<Dataset> Dataset::from_json(const Json& json) {
  Dataset dataset;
  const auto path = core::json_text(json, "parquet");
  if (!path) return path.error();
  dataset.parquet = *path;
  const auto texts = {std::pair{"source_sha256", &Dataset::source_sha256},
                      std::pair{"id_column", &Dataset::id_column}};
  for (const auto& [key, member] : texts) {
    auto value = core::json_text(json, key);
    if (!value) return std::move(value).error();
    dataset.*member = std::move(*value);
  }
  const auto integers = {std::pair{"rows", &Dataset::rows},
                         std::pair{"positives", &Dataset::positives},
                         std::pair{"duplicates_dropped", &Dataset::duplicates_dropped}};
  for (const auto& [key, member] : integers) {
    const auto value = core::json_integer(json, key);
    if (!value) return value.error();
    dataset.*member = *value;
  }
  const auto has_label = core::json_boolean(json, "has_label");
  if (!has_label) return has_label.error();
  dataset.has_label = *has_label;
  const auto rules = core::json_array(json, "columns");
  if (!rules) return rules.error();
  for (const Json& item : **rules) {
    auto rule = rule_from_json(item);
    if (!rule) return std::move(rule).error().within("columns");
    dataset.columns.push_back(std::move(*rule));
  }
  auto nulls = counts_from_json(json, "nulls");
  if (!nulls) return std::move(nulls).error();
  dataset.nulls = std::move(*nulls);
  auto bad_values = counts_from_json(json, "bad_values");
  if (!bad_values) return std::move(bad_values).error();
  dataset.bad_values = std::move(*bad_values);
  return dataset;
}

}  // namespace tenure::data
