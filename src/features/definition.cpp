#include "features/definition.h"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/assert.h"
#include "core/nearest.h"

namespace tenure::features {
namespace {

using core::Error;
using core::ErrorCode;
using core::Json;
using core::JsonArray;
using core::JsonObject;
using core::Result;

template <typename T>
const T* find_named(const std::vector<T>& items, std::string_view name) {
  for (const T& item : items) {
    if (item.name == name) return &item;
  }
  return nullptr;
}

Json feature_json(const Feature& feature) {
  return JsonObject{{"name", feature.name},
                    {"source_column", feature.source_column},
                    {"type", data::column_type_name(feature.type)}};
}

Json view_json(const FeatureView& view) {
  JsonArray features;
  for (const Feature& feature : view.features) features.push_back(feature_json(feature));
  return JsonObject{{"name", view.name},
                    {"entity", view.entity},
                    {"source", view.source},
                    {"source_name", view.source_name},
                    {"timestamp_column", view.timestamp_column},
                    {"created_column", view.created_column},
                    {"ttl_us", view.ttl},
                    {"online", view.is_online},
                    {"features", std::move(features)}};
}

Result<data::ColumnType> read_type(const Json& json) {
  auto name = core::json_text(json, "type");
  if (!name) return std::move(name).error();
  return data::parse_column_type(*name);
}

Result<Entity> read_entity(const Json& json) {
  Entity entity;
  auto name = core::json_text(json, "name");
  if (!name) return std::move(name).error();
  auto key = core::json_text(json, "key");
  if (!key) return std::move(key).error();
  auto type = read_type(json);
  if (!type) return std::move(type).error();
  return Entity{std::move(*name), std::move(*key), *type};
}

Result<Feature> read_feature(const Json& json) {
  auto name = core::json_text(json, "name");
  if (!name) return std::move(name).error();
  auto column = core::json_text(json, "source_column");
  if (!column) return std::move(column).error();
  auto type = read_type(json);
  if (!type) return std::move(type).error();
  return Feature{std::move(*name), std::move(*column), *type};
}

Result<FeatureView> read_view(const Json& json) {
  FeatureView view;
  const std::pair<std::string_view, std::string*> texts[] = {
      {"name", &view.name},
      {"entity", &view.entity},
      {"source", &view.source},
      {"timestamp_column", &view.timestamp_column},
      {"created_column", &view.created_column}};
  for (const auto& [key, target] : texts) {
    auto text = core::json_text(json, key);
    if (!text) return std::move(text).error();
    *target = std::move(*text);
  }
  if (json.as_object().contains("source_name")) {
    auto name = core::json_text(json, "source_name");
    if (!name) return std::move(name).error();
    view.source_name = *std::move(name);
  }
  auto ttl = core::json_integer(json, "ttl_us");
  if (!ttl) return std::move(ttl).error();
  view.ttl = *ttl;
  auto is_online = core::json_boolean(json, "online");
  if (!is_online) return std::move(is_online).error();
  view.is_online = *is_online;
  auto features = core::json_array(json, "features");
  if (!features) return std::move(features).error();
  for (const Json& item : **features) {
    auto feature = read_feature(item);
    if (!feature) return std::move(feature).error().within("feature view " + view.name);
    view.features.push_back(std::move(*feature));
  }
  return view;
}

Result<FeatureService> read_service(const Json& json) {
  FeatureService service;
  auto name = core::json_text(json, "name");
  if (!name) return std::move(name).error();
  service.name = std::move(*name);
  auto refs = core::json_array(json, "features");
  if (!refs) return std::move(refs).error();
  for (const Json& item : **refs) {
    auto view = core::json_text(item, "view");
    if (!view) return std::move(view).error();
    auto feature = core::json_text(item, "feature");
    if (!feature) return std::move(feature).error();
    service.features.push_back({std::move(*view), std::move(*feature)});
  }
  return service;
}

template <typename T>
Result<> read_list(const Json& json, std::string_view key, Result<T> (*read)(const Json&),
                   std::vector<T>& into) {
  auto list = core::json_array(json, key);
  if (!list) return std::move(list).error();
  for (const Json& item : **list) {
    auto value = read(item);
    if (!value) return std::move(value).error().within(key);
    into.push_back(std::move(*value));
  }
  return {};
}

// What from_config promises must also hold for definitions read back.
Result<> check_references(const Definitions& definitions) {
  for (const FeatureView& view : definitions.views) {
    if (definitions.entity(view.entity) == nullptr) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("feature view {}: unknown entity '{}'", view.name, view.entity)};
    }
  }
  for (const FeatureService& service : definitions.services) {
    for (const FeatureRef& ref : service.features) {
      const FeatureView* view = definitions.view(ref.view);
      if (view == nullptr || find_named(view->features, ref.feature) == nullptr) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("feature service {}: unknown feature '{}:{}'", service.name,
                                 ref.view, ref.feature)};
      }
    }
  }
  return {};
}

}  // namespace

const Entity* Definitions::entity(std::string_view name) const {
  return find_named(entities, name);
}

const FeatureView* Definitions::view(std::string_view name) const {
  return find_named(views, name);
}

core::Error Definitions::unknown_view(std::string_view name) const {
  std::vector<std::string> known;
  for (const FeatureView& one : views) known.push_back(one.name);
  return Error{ErrorCode::kNotFound,
               fmt::format("there is no feature view '{}'{}; there are: {}", name,
                           core::did_you_mean(name, known), fmt::join(known, ", "))};
}

Result<const FeatureService*> Definitions::service(std::string_view name) const {
  if (name.empty() && !services.empty()) return &services.front();
  if (const FeatureService* found = find_named(services, name)) return found;
  std::string known;
  for (const FeatureService& one : services) known += (known.empty() ? "" : ", ") + one.name;
  return Error{ErrorCode::kNotFound, fmt::format("no feature service '{}'; there are: {}", name,
                                                 known.empty() ? "none" : known)};
}

const Entity& Definitions::entity_of(const FeatureView& view) const {
  const Entity* found = entity(view.entity);
  TENURE_ASSERT(found != nullptr);
  return *found;
}

Json Definitions::to_json() const {
  JsonArray entity_list;
  for (const Entity& one : entities) {
    entity_list.push_back(JsonObject{
        {"name", one.name}, {"key", one.key}, {"type", data::column_type_name(one.key_type)}});
  }
  JsonArray view_list;
  for (const FeatureView& one : views) view_list.push_back(view_json(one));
  JsonArray service_list;
  for (const FeatureService& one : services) {
    JsonArray refs;
    for (const FeatureRef& ref : one.features) {
      refs.push_back(JsonObject{{"view", ref.view}, {"feature", ref.feature}});
    }
    service_list.push_back(JsonObject{{"name", one.name}, {"features", std::move(refs)}});
  }
  return JsonObject{{"project", project},
                    {"entities", std::move(entity_list)},
                    {"views", std::move(view_list)},
                    {"services", std::move(service_list)}};
}

Result<Definitions> Definitions::from_json(const Json& json) {
  Definitions definitions;
  auto project = core::json_text(json, "project");
  if (!project) return std::move(project).error();
  definitions.project = std::move(*project);
  if (auto read = read_list(json, "entities", read_entity, definitions.entities); !read) {
    return std::move(read).error();
  }
  if (auto read = read_list(json, "views", read_view, definitions.views); !read) {
    return std::move(read).error();
  }
  if (auto read = read_list(json, "services", read_service, definitions.services); !read) {
    return std::move(read).error();
  }
  if (auto checked = check_references(definitions); !checked) return std::move(checked).error();
  return definitions;
}

}  // namespace tenure::features
