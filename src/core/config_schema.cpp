#include <fmt/format.h>

#include "core/config.h"
#include "core/config_tree.h"
#include "core/config_value.h"
#include "core/json.h"

namespace tenure::core {
namespace {

constexpr std::string_view kVariable = "\\$\\{";

JsonArray types(std::initializer_list<std::string_view> names) {
  JsonArray array;
  for (const std::string_view name : names) array.emplace_back(name);
  return array;
}

/// A typed value, or text with a variable in it.
void add_alternatives(JsonObject& schema, JsonObject typed, std::string_view text_pattern) {
  JsonObject text{{"type", "string"}, {"pattern", text_pattern}};
  schema["anyOf"] = JsonArray{std::move(typed), std::move(text), JsonObject{{"type", "null"}}};
}

void add_range(JsonObject& schema, const ConfigKey& key) {
  const AcceptedRange range = accepted_range(key);
  const auto number = [&](double value) {
    const bool is_whole = key.type == ConfigType::kInteger || key.type == ConfigType::kBytes;
    return is_whole ? Json(static_cast<std::int64_t>(value)) : Json(value);
  };
  if (range.has_low) schema[range.is_low_open ? "exclusiveMinimum" : "minimum"] = number(range.low);
  if (range.has_high) schema["maximum"] = number(range.high);
}

Json default_as_json(const ConfigKey& key) {
  const ConfigValue value = default_value(key);
  if (key.type == ConfigType::kDuration || key.type == ConfigType::kBytes)
    return Json(key.default_value);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    JsonArray items;
    for (const std::string& item : *list) items.emplace_back(item);
    return items;
  }
  if (const auto* text = std::get_if<std::string>(&value)) return Json(*text);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return Json(*integer);
  if (const auto* number = std::get_if<double>(&value)) return Json(*number);
  return Json(std::get<bool>(value));
}

void add_type(JsonObject& schema, const ConfigKey& key) {
  switch (key.type) {
    case ConfigType::kText: {
      const auto choices = accepted_choices(key);
      if (choices.empty()) {
        schema["type"] = types({"string", "number", "boolean", "null"});
        return;
      }
      JsonArray words;
      for (const std::string& choice : choices) words.emplace_back(choice);
      add_alternatives(schema, JsonObject{{"enum", std::move(words)}}, kVariable);
      return;
    }
    case ConfigType::kInteger:
    case ConfigType::kNumber: {
      JsonObject typed{{"type", key.type == ConfigType::kInteger ? "integer" : "number"}};
      add_range(typed, key);
      add_alternatives(schema, std::move(typed), kVariable);
      return;
    }
    case ConfigType::kBoolean:
      add_alternatives(schema, JsonObject{{"type", "boolean"}}, kVariable);
      return;
    case ConfigType::kDuration:
      add_alternatives(schema, JsonObject{{"type", "number"}, {"minimum", 0}},
                       "^[0-9.]+(us|ms|s|m|h|d)?$|\\$\\{");
      return;
    case ConfigType::kBytes: {
      JsonObject typed{{"type", "integer"}, {"minimum", 0}};
      add_range(typed, key);
      add_alternatives(schema, std::move(typed), "^[0-9.]+ *([kKMGT]?B|[KMGT]iB)?$|\\$\\{");
      return;
    }
    case ConfigType::kTextList: {
      JsonObject items{{"type", types({"string", "number", "boolean"})}};
      schema["type"] = types({"array", "string", "null"});
      schema["items"] = std::move(items);
      return;
    }
    case ConfigType::kAny:
      schema["type"] = types({"string", "number", "boolean", "null"});
      return;
  }
}

JsonObject schema_of(const KeyNode& node) {
  JsonObject schema;
  if (node.key) {
    schema["description"] = node.key->description;
    add_type(schema, *node.key);
    if (!node.key->default_value.empty()) schema["default"] = default_as_json(*node.key);
    return schema;
  }
  schema["type"] = types({"object", "null"});
  JsonObject properties;
  Json others = false;
  for (const KeyNode& child : node.children) {
    if (child.name == "*") {
      others = schema_of(child);
    } else {
      properties[child.name] = schema_of(child);
    }
  }
  if (!properties.empty()) schema["properties"] = std::move(properties);
  schema["additionalProperties"] = std::move(others);
  return schema;
}

std::string_view type_name(ConfigType type) {
  switch (type) {
    case ConfigType::kText:
      return "text";
    case ConfigType::kInteger:
      return "whole number";
    case ConfigType::kNumber:
      return "number";
    case ConfigType::kBoolean:
      return "true/false";
    case ConfigType::kDuration:
      return "duration";
    case ConfigType::kBytes:
      return "size";
    case ConfigType::kTextList:
      return "list";
    case ConfigType::kAny:
      break;
  }
  return "any";
}

std::string code(std::string_view text) {
  return text.empty() ? std::string() : fmt::format("`{}`", text);
}

std::string accepted_cell(const ConfigKey& key) {
  std::string cell;
  for (const std::string& choice : accepted_choices(key))
    cell += (cell.empty() ? "" : ", ") + code(choice);
  return cell.empty() ? std::string(key.accepted) : cell;
}

constexpr std::string_view kReferenceHead = R"(# tenure.yaml

Every key of a project's configuration. This page and [tenure.schema.json](tenure.schema.json) are
made from the table in `src/core/config_keys.cpp`.

An example:

```yaml
project: churn
data:
  source: data/customers.csv
  id: customerID
  label: {column: Churn, positive: Yes}
serving:
  port: 8000
environments:
  prod:
    storage:
      database: ${DATABASE_URL}
```

Values come from five places; each one wins over those before it:

1. the defaults below;
2. `tenure.yaml`;
3. `environments.<name>` in it, a section with the same keys, chosen by `--env NAME` or the
   variable `TENURE_ENVIRONMENT`;
4. environment variables: `TENURE_SERVING__PORT=9000` sets `serving.port`; two underscores stand for
   a dot, letter case does not matter. A name you chose yourself (`*`) is matched with the names in the
   file without regard to case; a new name written in capitals throughout is taken in small letters;
5. `--set serving.port=9000`; names with dots or blanks go into quotes:
   `--set "data.columns.'Monthly Charges'.type=number"`.

`${VAR}` in a value of the file is replaced by that environment variable, `${VAR:-default}` by the
default when it is unset or empty; `$${` stands for `${` itself. Keep passwords out of the file this
way: they are never printed.

A key without a value (`port:`) takes its default. Relative paths start at the folder of
`tenure.yaml`. Durations are `250ms`, `30s`, `5m`, `2h`, `7d`; sizes `512KiB`, `64MiB`, `10GB`. A list
is `[a, b]`, or `a, b` where only one text fits, as in a variable. `*` is a name of your choice, in
quotes if it holds blanks, dots or the like. Unknown keys are errors.
)";

}  // namespace

std::string config_json_schema() {
  const KeyNode tree = make_key_tree();
  JsonObject sections;
  JsonObject properties;
  for (const KeyNode& section : tree.children) {
    sections[section.name] = schema_of(section);
    properties[section.name] = JsonObject{{"$ref", fmt::format("#/$defs/{}", section.name)}};
  }
  JsonObject overlay{{"type", types({"object", "null"})},
                     {"properties", properties},
                     {"additionalProperties", false}};
  properties["environments"] =
      JsonObject{{"description", "Sections laid over the others: dev, staging, prod, ..."},
                 {"type", types({"object", "null"})},
                 {"additionalProperties", std::move(overlay)}};
  JsonObject schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                    {"title", "tenure.yaml"},
                    {"type", "object"},
                    {"properties", std::move(properties)},
                    {"additionalProperties", false},
                    {"$defs", std::move(sections)}};
  return to_pretty_text(schema);
}

std::string config_reference_markdown() {
  std::string page(kReferenceHead);
  std::string_view section;
  for (const ConfigKey& key : config_keys()) {
    const std::string_view top = key.path.substr(0, key.path.find('.'));
    if (top != section) {
      section = top;
      page += fmt::format(
          "\n## {}\n\n| Key | Type | Default | Accepted | Meaning |\n|---|---|---|---|---|\n", top);
    }
    page += fmt::format("| {} | {} | {} | {} | {} |\n", code(key.path), type_name(key.type),
                        code(key.default_value), accepted_cell(key), key.description);
  }
  return page;
}

}  // namespace tenure::core
