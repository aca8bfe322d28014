#include "tracking/registry_rows.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace tenure::tracking {
namespace {

using storage::SqlExecutor;
using storage::SqlRow;

/// The versions of one model.
std::string select_versions(std::string_view condition) {
  return fmt::format(
      "SELECT {} FROM model_versions v WHERE v.name = :name AND v.current_stage <> "
      "'Deleted_Internal' {}",
      kVersionColumns, condition);
}

/// Adds tags and aliases to versions of one model.
core::Result<> add_details(SqlExecutor& sql, std::string_view name,
                           std::vector<ModelVersion>& versions) {
  std::map<std::int64_t, ModelVersion*> by_number;
  for (ModelVersion& version : versions) by_number[version.version] = &version;
  const bool is_single = versions.size() == 1;
  const std::int64_t only = is_single ? versions.front().version : 0;
  const auto query = [&](std::string_view columns, std::string_view table) {
    const std::string text =
        fmt::format("SELECT version, {} FROM {} WHERE name = :name", columns, table);
    return is_single ? sql.query(text + " AND version = :version", {std::string(name), only})
                     : sql.query(text, {std::string(name)});
  };
  auto tags = query("key, value", "model_version_tags");
  if (!tags) return std::move(tags).error();
  for (const SqlRow& row : *tags) {
    if (const auto version = by_number.find(row.integer(0)); version != by_number.end())
      version->second->tags[row.text(1)] = row.text_or(2, "");
  }
  auto aliases = query("alias", "registered_model_aliases");
  if (!aliases) return std::move(aliases).error();
  for (const SqlRow& row : *aliases) {
    if (const auto version = by_number.find(row.integer(0)); version != by_number.end())
      version->second->aliases.push_back(row.text(1));
  }
  for (ModelVersion& version : versions) std::ranges::sort(version.aliases);
  return {};
}

/// Name and number of the highest version in each stage of some models.
std::string select_latest(std::size_t models) {
  std::string names;
  for (std::size_t i = 0; i < models; ++i) names += fmt::format("{}:n{}", i == 0 ? "" : ", ", i);
  return fmt::format(
      "(SELECT name, MAX(version) AS version FROM model_versions WHERE name IN ({}) AND "
      "current_stage <> 'Deleted_Internal' GROUP BY name, current_stage) l",
      names);
}

}  // namespace

ModelVersion version_from_row(const SqlRow& row) {
  ModelVersion version;
  version.name = row.text(0);
  version.version = row.integer(1);
  version.created_ms = row.integer_if(2).value_or(0);
  version.updated_ms = row.integer_if(3).value_or(0);
  version.description = row.text_or(4, "");
  version.user = row.text_or(5, "");
  version.stage = row.text_or(6, "None");
  version.source = row.text_or(7, "");
  version.run_id = row.text_or(8, "");
  version.status = row.text_or(9, "READY");
  version.status_message = row.text_or(10, "");
  version.run_link = row.text_or(11, "");
  version.storage_location = row.text_or(12, "");
  return version;
}

core::Error model_not_found(std::string_view name) {
  return core::Error{core::ErrorCode::kNotFound,
                     fmt::format("Registered Model with name={} not found", name)};
}

core::Error version_not_found(std::string_view name, std::int64_t version) {
  return core::Error{core::ErrorCode::kNotFound,
                     fmt::format("Model Version (name={}, version={}) not found", name, version)};
}

core::Result<std::optional<RegisteredModel>> read_model(SqlExecutor& sql, std::string_view name) {
  auto rows = sql.query(
      "SELECT creation_time, last_updated_time, description FROM registered_models WHERE name = "
      ":name",
      {std::string(name)});
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return std::optional<RegisteredModel>();
  RegisteredModel model;
  model.name = name;
  model.created_ms = rows->front().integer_if(0).value_or(0);
  model.updated_ms = rows->front().integer_if(1).value_or(0);
  model.description = rows->front().text_or(2, "");
  auto tags =
      sql.query("SELECT key, value FROM registered_model_tags WHERE name = :name", {model.name});
  if (!tags) return std::move(tags).error();
  for (const SqlRow& row : *tags) model.tags[row.text(0)] = row.text_or(1, "");
  auto aliases = sql.query("SELECT alias, version FROM registered_model_aliases WHERE name = :name",
                           {model.name});
  if (!aliases) return std::move(aliases).error();
  for (const SqlRow& row : *aliases) model.aliases[row.text(0)] = row.integer(1);
  return std::optional(std::move(model));
}

core::Result<std::optional<ModelVersion>> read_version(SqlExecutor& sql, std::string_view name,
                                                       std::optional<std::int64_t> version) {
  auto rows =
      version
          ? sql.query(select_versions("AND v.version = :version"), {std::string(name), *version})
          : sql.query(select_versions("ORDER BY v.version DESC LIMIT 1"), {std::string(name)});
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return std::optional<ModelVersion>();
  std::vector<ModelVersion> one{version_from_row(rows->front())};
  if (auto added = add_details(sql, name, one); !added) return std::move(added).error();
  return std::optional(std::move(one.front()));
}

core::Result<std::vector<ModelVersion>> read_versions(SqlExecutor& sql, std::string_view name) {
  auto rows = sql.query(select_versions("ORDER BY v.version DESC"), {std::string(name)});
  if (!rows) return std::move(rows).error();
  std::vector<ModelVersion> versions;
  versions.reserve(rows->size());
  for (const SqlRow& row : *rows) versions.push_back(version_from_row(row));
  if (auto added = add_details(sql, name, versions); !added) return std::move(added).error();
  return versions;
}

core::Result<std::map<std::string, std::vector<ModelVersion>>> read_latest_versions(
    SqlExecutor& sql, std::span<const std::string> names) {
  std::map<std::string, std::vector<ModelVersion>> latest;
  if (names.empty()) return latest;
  const std::vector<storage::SqlValue> parameters(names.begin(), names.end());
  const std::string of_latest = select_latest(names.size());
  auto rows =
      sql.query(fmt::format("SELECT {} FROM {} JOIN model_versions v ON v.name = l.name AND "
                            "v.version = l.version ORDER BY v.name, v.version",
                            kVersionColumns, of_latest),
                parameters);
  if (!rows) return std::move(rows).error();
  std::map<std::pair<std::string, std::int64_t>, ModelVersion*> by_number;
  for (const SqlRow& row : *rows) {
    ModelVersion version = version_from_row(row);
    latest[version.name].push_back(std::move(version));
  }
  for (auto& [name, versions] : latest)
    for (ModelVersion& version : versions) by_number[{name, version.version}] = &version;
  const auto details = [&](std::string_view columns, std::string_view table,
                           const auto& add) -> core::Result<> {
    auto found = sql.query(fmt::format("SELECT d.name, d.version, {} FROM {} JOIN {} d ON d.name = "
                                       "l.name AND d.version = l.version ORDER BY 3",
                                       columns, of_latest, table),
                           parameters);
    if (!found) return std::move(found).error();
    for (const SqlRow& row : *found) {
      const auto version = by_number.find({row.text(0), row.integer(1)});
      if (version != by_number.end()) add(*version->second, row);
    }
    return {};
  };
  auto tagged =
      details("d.key, d.value", "model_version_tags", [](ModelVersion& version, const SqlRow& row) {
        version.tags[row.text(2)] = row.text_or(3, "");
      });
  if (!tagged) return std::move(tagged).error();
  auto aliased = details(
      "d.alias", "registered_model_aliases",
      [](ModelVersion& version, const SqlRow& row) { version.aliases.push_back(row.text(2)); });
  if (!aliased) return std::move(aliased).error();
  return latest;
}

core::Result<std::int64_t> read_alias(SqlExecutor& sql, std::string_view name,
                                      std::string_view alias) {
  auto rows = sql.query(
      "SELECT version FROM registered_model_aliases WHERE name = :name AND alias = :alias",
      {std::string(name), std::string(alias)});
  if (!rows) return std::move(rows).error();
  return rows->empty() ? 0 : rows->front().integer(0);
}

}  // namespace tenure::tracking
