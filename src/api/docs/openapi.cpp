#include "api/docs/openapi.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace tenure::api {
namespace {

using core::Json;
using core::JsonArray;
using core::JsonObject;

constexpr std::size_t kCategoriesShown = 20;

/// What a request that predicts may say beside its body.
constexpr std::pair<std::string_view, std::string_view> kHeaders[] = {
    {"X-Request-Timeout-Ms",
     "Milliseconds, from the request's first byte, after which nobody waits"},
    {"Idempotency-Key", "Name of the request: sent again, it gets the first answer again"},
    {"traceparent", "W3C trace context of the caller"}};

JsonObject reference(std::string_view schema) {
  return {{"$ref", fmt::format("#/components/schemas/{}", schema)}};
}

JsonObject array_of(Json items) {
  JsonObject schema;
  schema["type"] = "array";
  schema["items"] = std::move(items);
  return schema;
}

JsonObject json_content(Json schema) {
  JsonObject media;
  media["schema"] = std::move(schema);
  JsonObject content;
  content["application/json"] = std::move(media);
  return content;
}

JsonObject answer(std::string_view description, Json content) {
  JsonObject response;
  response["description"] = description;
  response["content"] = std::move(content);
  return response;
}

bool is_prediction(std::string_view path) {
  return path == "/predict" || path == "/predict/batch" || path == "/explain" || path == "/decide";
}

/// Of the path's {segments}, and of the query where there is any.
JsonArray parameters_of(const ListedRoute& route) {
  JsonArray parameters;
  for (std::size_t at = route.path.find('{'); at != std::string::npos;
       at = route.path.find('{', at + 1)) {
    const std::size_t end = route.path.find_first_of("*}", at);
    parameters.emplace_back(JsonObject{{"name", route.path.substr(at + 1, end - at - 1)},
                                       {"in", "path"},
                                       {"required", true},
                                       {"schema", JsonObject{{"type", "string"}}}});
  }
  if (is_prediction(route.path) || route.path == "/invocations" || route.path == "/model-info") {
    parameters.emplace_back(JsonObject{
        {"name", "model"},
        {"in", "query"},
        {"description", "Another model of the server (serving.models); default: the main one"},
        {"schema", JsonObject{{"type", "string"}}}});
  }
  if (is_prediction(route.path) && route.path != "/explain" && route.path != "/decide") {
    parameters.emplace_back(JsonObject{
        {"name", "explain"},
        {"in", "query"},
        {"description", "How many reasons to give for each prediction"},
        {"schema",
         JsonObject{{"type", "integer"}, {"minimum", 0}, {"maximum", 1000}, {"default", 0}}}});
  }
  if (is_prediction(route.path)) {
    for (const auto& [name, description] : kHeaders)
      parameters.emplace_back(JsonObject{{"name", name},
                                         {"in", "header"},
                                         {"description", description},
                                         {"schema", JsonObject{{"type", "string"}}}});
  }
  return parameters;
}

std::string operation_id(const ListedRoute& route) {
  std::string id;
  for (const char c : fmt::format("{}{}", route.path, net::method_name(route.method))) {
    id += std::isalnum(static_cast<unsigned char>(c)) != 0
              ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
              : '_';
  }
  id.erase(0, id.find_first_not_of('_'));
  return id;
}

std::string category_description(const std::vector<std::string>& categories) {
  std::string text = "Category. Training saw: ";
  for (std::size_t i = 0; i < std::min(categories.size(), kCategoriesShown); ++i) {
    if (i > 0) text += ", ";
    text += '\'' + categories[i] + '\'';
  }
  if (categories.size() > kCategoriesShown) {
    text += fmt::format(" and {} more", categories.size() - kCategoriesShown);
  }
  return text + ". Other values are accepted; the model treats them as unseen.";
}

/// The median of the training rows, so that "Try it out" asks about a customer who could exist.
Json typical_number(const learn::InputField& field, const Json& reference) {
  if (field.type == data::ColumnType::kBoolean) return 1;
  const Json* columns =
      reference.is_object() ? reference.as_object().if_contains("columns") : nullptr;
  if (columns == nullptr || !columns->is_array()) return 1;
  for (const Json& column : columns->get_array()) {
    const JsonObject* sketch = column.if_object();
    const Json* name = sketch != nullptr ? sketch->if_contains("name") : nullptr;
    if (name == nullptr || !name->is_string() || name->get_string() != field.name) continue;
    const Json* deciles = sketch->if_contains("deciles");
    if (deciles == nullptr || !deciles->is_array() || deciles->get_array().size() != 9)
      return nullptr;
    const Json& median = deciles->get_array()[4];
    if (!median.is_number()) return nullptr;
    if (field.type == data::ColumnType::kNumber) return median;
    return static_cast<std::int64_t>(std::llround(median.to_number<double>()));
  }
  return 1;
}

Json input_schema(const learn::Transform& transform, std::size_t i, const Json& sketches,
                  Json& example) {
  const learn::InputField& field = transform.inputs()[i];
  JsonObject schema;
  schema["title"] = field.name;
  if (field.is_category()) {
    const std::vector<std::string> categories = transform.categories(i);
    schema["type"] = JsonArray{"string", "null"};
    schema["description"] = category_description(categories);
    example = categories.empty() ? Json(nullptr) : Json(categories.front());
  } else {
    schema["type"] = JsonArray{"number", "null"};
    schema["description"] = fmt::format(
        "{}; numeric text such as \"50.5\" and true/false are accepted; null = missing.",
        field.type == data::ColumnType::kTimestamp ? "Microseconds since 1970 (UTC) or ISO 8601"
        : field.type == data::ColumnType::kInteger ? "Integer"
        : field.type == data::ColumnType::kBoolean ? "0 or 1"
                                                   : "Number");
    example = typical_number(field, sketches);
  }
  schema["examples"] = JsonArray{example};
  return schema;
}

JsonObject features_schema(const serving::ModelSnapshot* snapshot) {
  JsonObject schema;
  schema["title"] = "Features";
  schema["type"] = "object";
  if (!snapshot) return schema;
  const learn::Transform& transform = snapshot->model.transform();
  JsonObject properties, example;
  for (std::size_t i = 0; i < transform.inputs().size(); ++i) {
    const std::string& name = transform.inputs()[i].name;
    properties[name] = input_schema(transform, i, snapshot->reference, example[name]);
  }
  schema["description"] =
      fmt::format("The inputs of {} version {}. Without an id every one is required.",
                  snapshot->name, snapshot->version);
  schema["properties"] = std::move(properties);
  schema["additionalProperties"] = false;
  schema["examples"] = JsonArray{std::move(example)};
  return schema;
}

JsonObject id_schema(std::string_view description) {
  JsonObject schema;
  schema["type"] = JsonArray{"string", "integer"};
  schema["description"] = description;
  return schema;
}

JsonObject request_schema(const JsonObject& features) {
  JsonObject properties;
  properties["customer_id"] = id_schema("The customer whose stored features are read.");
  properties["customer_ids"] = array_of(id_schema("One of many customers."));
  JsonObject either;
  either["anyOf"] = JsonArray{
      reference("Features"), array_of(reference("Features")),
      array_of(array_of(JsonObject{{"type", JsonArray{"number", "string", "boolean", "null"}}}))};
  either["description"] =
      "Features from the request; they override stored ones. Arrays are in the model's order.";
  properties["features"] = std::move(either);
  JsonObject schema;
  schema["title"] = "PredictRequest";
  schema["type"] = "object";
  schema["properties"] = std::move(properties);
  JsonArray examples{JsonObject{{"customer_id", "0003-ALXQA"}}};
  if (const Json* rows = features.if_contains("examples")) {
    examples.emplace_back(JsonObject{{"features", rows->as_array().front()}});
  }
  schema["examples"] = std::move(examples);
  return schema;
}

JsonObject prediction_schema() {
  const Json text = JsonObject{{"type", "string"}};
  const Json text_or_null = JsonObject{{"type", JsonArray{"string", "null"}}};
  JsonObject schema;
  schema["title"] = "Prediction";
  schema["type"] = "object";
  schema["properties"] = JsonObject{
      {"customer_id", text},
      {"probability", JsonObject{{"type", "number"}}},
      {"decision", text},
      {"level", JsonObject{{"type", "string"},
                           {"enum", JsonArray{"primary", "secondary", "rules", "base_rate"}}}},
      {"fallback_reason", text_or_null},
      {"rule", text},
      {"uncertain", JsonObject{{"type", "boolean"}}},
      {"action", text},
      {"why", text},
      {"expected_profit", JsonObject{{"type", "number"}}},
      {"prediction_id", JsonObject{{"type", "string"}, {"format", "uuid"}}},
      {"features_as_of",
       JsonObject{{"type", JsonArray{"string", "null"}}, {"format", "date-time"}}},
      {"model",
       JsonObject{{"type", "object"},
                  {"properties",
                   JsonObject{{"name", text}, {"version", JsonObject{{"type", "integer"}}}}}}},
      {"variant", text},
      {"model_version", JsonObject{{"type", "integer"}}},
      {"reasons", array_of(reference("Contribution"))},
      {"margin", JsonObject{{"type", "number"}}},
      {"bias", JsonObject{{"type", JsonArray{"number", "null"}}}},
      {"contributions", array_of(reference("Contribution"))}};
  schema["required"] = JsonArray{"probability", "decision", "level", "prediction_id"};
  return schema;
}

JsonObject contribution_schema() {
  JsonObject schema;
  schema["title"] = "Contribution";
  schema["type"] = "object";
  schema["properties"] = JsonObject{
      {"feature", JsonObject{{"type", "string"}}},
      {"value", JsonObject{{"type", JsonArray{"string", "number", "boolean", "null"}}}},
      {"log_odds",
       JsonObject{{"type", "number"}, {"description", "What the value adds to the log-odds"}}},
      {"text", JsonObject{{"type", "string"}}}};
  schema["required"] = JsonArray{"feature", "value", "log_odds", "text"};
  return schema;
}

/// As FastAPI declares them, so that generated clients find the names they know.
JsonObject validation_error_schema() {
  JsonObject location = array_of(JsonObject{
      {"anyOf", JsonArray{JsonObject{{"type", "string"}}, JsonObject{{"type", "integer"}}}}});
  location["title"] = "Location";
  JsonObject schema;
  schema["title"] = "ValidationError";
  schema["type"] = "object";
  schema["properties"] =
      JsonObject{{"loc", std::move(location)},
                 {"msg", JsonObject{{"type", "string"}, {"title", "Message"}}},
                 {"type", JsonObject{{"type", "string"}, {"title", "Error Type"}}},
                 {"input", JsonObject{{"title", "Input"}}},
                 {"ctx", JsonObject{{"type", "object"}, {"title", "Context"}}}};
  schema["required"] = JsonArray{"loc", "msg", "type"};
  return schema;
}

JsonObject http_validation_error_schema() {
  JsonObject detail = array_of(reference("ValidationError"));
  detail["title"] = "Detail";
  JsonObject properties;
  properties["detail"] = std::move(detail);
  JsonObject schema;
  schema["title"] = "HTTPValidationError";
  schema["type"] = "object";
  schema["properties"] = std::move(properties);
  return schema;
}

constexpr std::string_view kBearerScheme = "bearer";
constexpr std::string_view kKeyScheme = "api_key";

JsonObject security_schemes() {
  return {{kBearerScheme, JsonObject{{"type", "http"},
                                     {"scheme", "bearer"},
                                     {"description", "A token of `tenure admin tokens create`"}}},
          {kKeyScheme, JsonObject{{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}}}};
}

/// Either scheme will do.
void add_security(const ListedRoute& route, JsonObject& operation, JsonObject& answers) {
  operation["security"] =
      JsonArray{JsonObject{{kBearerScheme, JsonArray{}}}, JsonObject{{kKeyScheme, JsonArray{}}}};
  answers["401"] = JsonObject{{"description", "No token, or none that is valid"}};
  answers["403"] = JsonObject{
      {"description", fmt::format("The token lacks the role {}", core::role_name(route.role))}};
  answers["429"] = JsonObject{{"description", "Too many requests; see Retry-After"}};
}

JsonObject operation(const ListedRoute& route, bool has_auth) {
  JsonObject out;
  out["summary"] = route.summary;
  out["operationId"] = operation_id(route);
  if (JsonArray parameters = parameters_of(route); !parameters.empty())
    out["parameters"] = std::move(parameters);
  JsonObject answers;
  if (has_auth && route.role != net::Role::kAnyone) add_security(route, out, answers);
  if (!is_prediction(route.path)) {
    answers["200"] = JsonObject{{"description", "Successful Response"}};
    out["responses"] = std::move(answers);
    return out;
  }
  JsonObject body;
  body["required"] = true;
  body["content"] = json_content(reference("PredictRequest"));
  out["requestBody"] = std::move(body);
  const Json many =
      JsonObject{{"type", "object"},
                 {"properties", JsonObject{{"predictions", array_of(reference("Prediction"))}}}};
  answers["200"] =
      answer("Successful Response",
             json_content(JsonObject{{"anyOf", JsonArray{reference("Prediction"), many}}}));
  answers["413"] = JsonObject{{"description", "More rows or bytes than allowed"}};
  answers["422"] = answer("Validation Error", json_content(reference("HTTPValidationError")));
  answers["503"] = JsonObject{{"description", "No model is live yet"}};
  out["responses"] = std::move(answers);
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

core::Json openapi_document(std::span<const ListedRoute> routes,
                            const serving::ModelSnapshot* snapshot, std::string_view project,
                            std::string_view version, bool has_auth) {
  JsonObject paths;
  for (const ListedRoute& route : routes) {
    Json& path = paths[route.path];
    if (path.is_null()) path = JsonObject();
    path.as_object()[lower(net::method_name(route.method))] = operation(route, has_auth);
  }
  JsonObject features = features_schema(snapshot);
  JsonObject schemas;
  schemas["PredictRequest"] = request_schema(features);
  schemas["Features"] = std::move(features);
  schemas["Prediction"] = prediction_schema();
  schemas["Contribution"] = contribution_schema();
  schemas["HTTPValidationError"] = http_validation_error_schema();
  schemas["ValidationError"] = validation_error_schema();
  JsonObject components;
  components["schemas"] = std::move(schemas);
  if (has_auth) components["securitySchemes"] = security_schemes();
  JsonObject document;
  document["openapi"] = "3.1.0";
  document["info"] =
      JsonObject{{"title", fmt::format("Tenure: {}", project)}, {"version", version}};
  document["paths"] = std::move(paths);
  document["components"] = std::move(components);
  return document;
}

}  // namespace tenure::api
