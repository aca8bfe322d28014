#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include <fmt/core.h>

#include "features/definition.h"
#include "features/source_schema.h"

namespace tenure::features {
namespace {

using core::Config;
using core::Error;
using core::ErrorCode;
using core::Result;

constexpr std::string_view kDefaultEntity = "customer";
constexpr std::string_view kDefaultView = "profile";
constexpr std::string_view kDefaultService = "default";

std::string quoted_list(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list.empty() ? "none" : list;
}

template <typename T>
std::string names_of(const std::vector<T>& items) {
  std::vector<std::string> names;
  names.reserve(items.size());
  for (const T& item : items) names.push_back(item.name);
  return quoted_list(names);
}

// Names are parts of references ("view:feature"), of online keys and of "view__feature".
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 && std::all_of(name.begin(), name.end(), [](char c) {
    return c != ':' && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  });
}

/// Reads section `features` piece by piece.
class DefinitionReader {
 public:
  DefinitionReader(const Config& config, const data::Dataset& dataset, data::Engine& engine)
      : config_(config), dataset_(dataset), engine_(engine) {}

  Result<Definitions> read();

 private:
  Result<> read_entities();
  Result<> add_default_entity();
  Result<> read_view(const std::string& name);
  Result<> read_source(const Config& section, FeatureView& view, bool& is_data);
  Result<> read_columns(const Config& section, FeatureView& view, bool is_data,
                        const std::vector<SourceColumn>& columns);
  Result<> add_default_view();
  Result<> read_service(const std::string& name);
  Result<> expand(const Config& section, const std::string& text, FeatureService& service);
  Result<> add_default_service();
  std::vector<std::string> default_features(const FeatureView& view, bool is_data,
                                            const std::vector<SourceColumn>& columns) const;
  data::ColumnType type_of(const SourceColumn& column, bool is_data) const;

  const Config& config_;
  const data::Dataset& dataset_;
  data::Engine& engine_;
  Definitions definitions_;
};

Result<> DefinitionReader::read_entities() {
  const Config section = config_.at("features.entities");
  for (const std::string& name : config_.names("features.entities")) {
    const Config entry = section.entry(name);
    if (!is_plain_name(name)) {
      return entry.error_at("key", fmt::format("'{}' is no usable name for an entity", name));
    }
    Entity entity{name, entry.text("key"), data::ColumnType::kText};
    if (entity.key.empty()) entity.key = dataset_.id_column;
    if (entry.text("type") == "integer") entity.key_type = data::ColumnType::kInteger;
    definitions_.entities.push_back(std::move(entity));
  }
  return definitions_.entities.empty() ? add_default_entity() : Result<>();
}

// The entity of the project's own table, keyed by its id.
Result<> DefinitionReader::add_default_entity() {
  auto columns = describe_parquet(engine_, dataset_.parquet.string());
  if (!columns) return std::move(columns).error().within("data");
  const SourceColumn* id = find_column(*columns, dataset_.id_column);
  if (id == nullptr) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the project's table has no id column '{}'", dataset_.id_column)};
  }
  const bool is_integer = id->type == data::ColumnType::kInteger;
  definitions_.entities.push_back(
      {std::string(kDefaultEntity), dataset_.id_column,
       is_integer ? data::ColumnType::kInteger : data::ColumnType::kText});
  return {};
}

data::ColumnType DefinitionReader::type_of(const SourceColumn& column, bool is_data) const {
  if (is_data) {
    for (const data::ColumnRule& rule : dataset_.columns) {
      if (rule.name == column.name) return rule.type;
    }
  }
  return column.type.value_or(data::ColumnType::kText);
}

// Every column that is neither key nor time nor, in the project's table, the label.
std::vector<std::string> DefinitionReader::default_features(
    const FeatureView& view, bool is_data, const std::vector<SourceColumn>& columns) const {
  const std::string& key = definitions_.entity_of(view).key;
  const auto is_special = [&](const std::string& name) {
    return name == key || name == view.timestamp_column || name == view.created_column;
  };
  std::vector<std::string> names;
  if (is_data) {
    for (const data::ColumnRule& rule : dataset_.columns) {
      if (!is_special(rule.name)) names.push_back(rule.name);
    }
    return names;
  }
  for (const SourceColumn& column : columns) {
    if (column.type && !is_special(column.name)) names.push_back(column.name);
  }
  return names;
}

Result<> DefinitionReader::read_source(const Config& section, FeatureView& view, bool& is_data) {
  const std::string source = section.text("source");
  is_data = source == kDataSource;
  view.source_name = source;
  view.source = is_data ? std::filesystem::absolute(dataset_.parquet).string()
                        : config_.resolve(source).string();
  if (is_data) return {};
  std::error_code error;
  if (!std::filesystem::is_regular_file(view.source, error)) {
    Error missing = section.error_at("source", fmt::format("there is no file {}", view.source));
    missing.code = ErrorCode::kNotFound;
    return missing;
  }
  return {};
}

Result<> DefinitionReader::read_columns(const Config& section, FeatureView& view, bool is_data,
                                        const std::vector<SourceColumn>& columns) {
  const auto has = [&](const std::string& name) { return find_column(columns, name) != nullptr; };
  const auto missing = [&](std::string_view path, const std::string& name) {
    return section.error_at(path, fmt::format("{} has no column '{}'; it has {}",
                                              is_data ? "the project's table" : view.source, name,
                                              column_list(columns)));
  };
  const std::string& key = definitions_.entity_of(view).key;
  if (!has(key)) return missing("entity", key);
  if (!has(view.timestamp_column)) return missing("timestamp", view.timestamp_column);
  if (!view.created_column.empty() && !has(view.created_column)) {
    return missing("created", view.created_column);
  }
  const std::pair<std::string_view, std::string_view> times[] = {
      {"timestamp", view.timestamp_column}, {"created", view.created_column}};
  for (const auto& [path, name] : times) {
    const SourceColumn* column = find_column(columns, name);
    if (column == nullptr || column->type == data::ColumnType::kTimestamp) continue;
    return section.error_at(
        path, fmt::format("column '{}' holds {}, but a time is needed", name, column->sql_type));
  }

  std::map<std::string, std::string> renamed;
  const Config rename = section.at("rename");
  for (const std::string& name : section.names("rename")) {
    renamed[name] = section.text("rename." + name);
  }
  std::vector<std::string> names = section.list("features");
  if (names.empty()) names = default_features(view, is_data, columns);
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!is_plain_name(name)) {
      return section.error_at("features",
                              fmt::format("'{}' is no usable name for a feature", name));
    }
    if (!seen.insert(name).second) {
      return section.error_at("features", fmt::format("feature '{}' is listed twice", name));
    }
    const auto found = renamed.find(name);
    const std::string& source = found == renamed.end() ? name : found->second;
    const SourceColumn* column = find_column(columns, source);
    if (column == nullptr) return missing("features", source);
    if (!column->type) {
      return section.error_at("features",
                              fmt::format("column '{}' is {}; a feature must be a boolean, an "
                                          "integer, a number, a text or a time",
                                          source, column->sql_type));
    }
    view.features.push_back({name, source, type_of(*column, is_data)});
  }
  for (const auto& [name, source] : renamed) {
    if (seen.count(name) == 0) {
      return section.error_at("rename", fmt::format("the view has no feature '{}'", name));
    }
  }
  if (view.features.empty()) return section.error_at("features", "the view has no feature");
  return {};
}

Result<> DefinitionReader::read_view(const std::string& name) {
  const Config section = config_.at("features.views").entry(name);
  FeatureView view;
  view.name = name;
  view.entity = section.text("entity");
  if (!is_plain_name(name)) {
    return section.error_at("entity", fmt::format("'{}' is no usable name for a view", name));
  }
  if (view.entity.empty() && definitions_.entities.size() == 1) {
    view.entity = definitions_.entities.front().name;
  }
  if (definitions_.entity(view.entity) == nullptr) {
    return section.error_at("entity", fmt::format("unknown entity '{}'; there are: {}", view.entity,
                                                  names_of(definitions_.entities)));
  }
  bool is_data = true;
  if (auto read = read_source(section, view, is_data); !read) return read;
  view.timestamp_column = section.text("timestamp");
  view.created_column = section.text("created");
  view.ttl = section.duration("ttl");
  view.is_online = section.boolean("online");
  auto columns = describe_parquet(engine_, view.source);
  if (!columns) {
    const ErrorCode code = columns.error().code;
    Error failed = section.error_at("source", columns.error().message);
    failed.code = code;
    return failed;
  }
  if (auto read = read_columns(section, view, is_data, *columns); !read) return read;
  definitions_.views.push_back(std::move(view));
  return {};
}

// One view with every feature of the project's table.
Result<> DefinitionReader::add_default_view() {
  FeatureView view;
  view.name = kDefaultView;
  view.entity = definitions_.entities.front().name;
  view.source = std::filesystem::absolute(dataset_.parquet).string();
  view.source_name = kDataSource;
  view.timestamp_column = data::kEventTimestamp;
  const std::string& key = definitions_.entities.front().key;
  auto columns = describe_parquet(engine_, view.source);
  if (!columns) return std::move(columns).error().within("data");
  if (find_column(*columns, key) == nullptr) {
    return config_.at("features.entities")
        .entry(view.entity)
        .error_at("key", fmt::format("the project's table has no column '{}'; it has {}", key,
                                     column_list(*columns)));
  }
  for (const data::ColumnRule& rule : dataset_.columns) {
    if (rule.name != key) view.features.push_back({rule.name, rule.name, rule.type});
  }
  if (view.features.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "the project's table has no column left to be a feature"};
  }
  definitions_.views.push_back(std::move(view));
  return {};
}

Result<> DefinitionReader::expand(const Config& section, const std::string& text,
                                  FeatureService& service) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) {
    return section.error_at("features", fmt::format("'{}' must be view:feature or view:*", text));
  }
  const std::string view_name = text.substr(0, colon);
  const std::string feature_name = text.substr(colon + 1);
  const FeatureView* view = definitions_.view(view_name);
  if (view == nullptr) {
    return section.error_at("features", fmt::format("unknown view '{}' in '{}'; there are: {}",
                                                    view_name, text, names_of(definitions_.views)));
  }
  bool is_found = false;
  for (const Feature& feature : view->features) {
    if (feature_name != "*" && feature_name != feature.name) continue;
    is_found = true;
    for (const FeatureRef& other : service.features) {
      if (other.feature != feature.name) continue;
      // A model knows its inputs by feature name.
      return section.error_at(
          "features", fmt::format("'{}:{}' and '{}:{}' give the same input twice; rename one of "
                                  "them in its view",
                                  other.view, other.feature, view_name, feature.name));
    }
    service.features.push_back({view_name, feature.name});
  }
  if (!is_found) {
    return section.error_at(
        "features", fmt::format("view '{}' has no feature '{}'; it has {}", view_name, feature_name,
                                names_of(view->features)));
  }
  return {};
}

Result<> DefinitionReader::read_service(const std::string& name) {
  const Config section = config_.at("features.services").entry(name);
  FeatureService service;
  service.name = name;
  for (const std::string& text : section.list("features")) {
    if (auto expanded = expand(section, text, service); !expanded) return expanded;
  }
  if (service.features.empty()) return section.error_at("features", "the service has no feature");
  const std::string& entity = definitions_.view(service.features.front().view)->entity;
  for (const FeatureRef& ref : service.features) {
    if (definitions_.view(ref.view)->entity == entity) continue;
    return section.error_at("features",
                            fmt::format("views '{}' and '{}' describe different entities",
                                        service.features.front().view, ref.view));
  }
  definitions_.services.push_back(std::move(service));
  return {};
}

// All features of all views of the first view's entity.
Result<> DefinitionReader::add_default_service() {
  FeatureService service;
  service.name = kDefaultService;
  const Config section = config_.at("features");
  for (const FeatureView& view : definitions_.views) {
    if (view.entity != definitions_.views.front().entity) continue;
    for (const Feature& feature : view.features) {
      const auto is_same = [&](const FeatureRef& ref) { return ref.feature == feature.name; };
      if (std::any_of(service.features.begin(), service.features.end(), is_same)) {
        return section.error_at("services",
                                fmt::format("feature '{}' is in two views; name the features of a "
                                            "service, or rename one of them",
                                            feature.name));
      }
      service.features.push_back({view.name, feature.name});
    }
  }
  definitions_.services.push_back(std::move(service));
  return {};
}

Result<Definitions> DefinitionReader::read() {
  definitions_.project = config_.text("project");
  if (auto done = read_entities(); !done) return std::move(done).error();
  const std::vector<std::string> views = config_.names("features.views");
  for (const std::string& name : views) {
    if (auto done = read_view(name); !done) return std::move(done).error();
  }
  if (views.empty()) {
    if (auto done = add_default_view(); !done) return std::move(done).error();
  }
  const std::vector<std::string> services = config_.names("features.services");
  for (const std::string& name : services) {
    if (auto done = read_service(name); !done) return std::move(done).error();
  }
  if (services.empty()) {
    if (auto done = add_default_service(); !done) return std::move(done).error();
  }
  return std::move(definitions_);
}

}  // namespace

Result<Definitions> Definitions::from_config(const Config& config, const data::Dataset& dataset,
                                             data::Engine& engine) {
  return DefinitionReader(config, dataset, engine).read();
}

}  // namespace tenure::features
