#include "tracking/registry_rows.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "tracking/page_rows.h"
#include "tracking/sql_rows.h"

namespace tenure::tracking {
namespace {

using storage::SqlExecutor;
using storage::SqlRow;
using storage::SqlRowView;

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

core::Result<> read_version_details(SqlExecutor& sql, std::span<ModelVersion* const> versions) {
  std::vector<storage::SqlValue> keys;
  keys.reserve(versions.size() * 2);
  for (const ModelVersion* version : versions) {
    keys.emplace_back(version->name);
    keys.emplace_back(version->version);
  }
  const auto each = [&](std::string_view columns, std::string_view table, const auto& fill) {
    return read_page_rows(
        sql,
        {.columns = columns,
         .table = table,
         .condition = "t.name = page.k0 AND t.version = page.k1",
         .key_types = "ti"},
        keys, [&](std::size_t item, const SqlRowView& row) { fill(*versions[item], row); });
  };
  auto read =
      each("key, value", "model_version_tags", [](ModelVersion& version, const SqlRowView& row) {
        version.tags.emplace(row.text(0), row.text_or(1, ""));
      });
  if (!read) return read;
  read =
      each("alias", "registered_model_aliases", [](ModelVersion& version, const SqlRowView& row) {
        version.aliases.emplace_back(row.text(0));
      });
  if (!read) return read;
  for (ModelVersion* version : versions) std::ranges::sort(version->aliases);
  return {};
}

core::Result<std::map<std::string, std::vector<ModelVersion>>> read_latest_versions(
    SqlExecutor& sql, std::span<const std::string> names) {
  // For each stage one look at an end of index_tenure_model_versions_stage: a model may have many
  // versions.
  auto rows = query_by_list(
      sql,
      fmt::format("SELECT {} FROM registered_models r CROSS JOIN (SELECT 'None' AS stage UNION ALL "
                  "SELECT 'Staging' UNION ALL SELECT 'Production' UNION ALL SELECT 'Archived') s "
                  "CROSS JOIN model_versions v WHERE r.name IN ({{list}}) AND v.name = r.name AND "
                  "v.version = (SELECT MAX(m.version) FROM model_versions m WHERE m.name = r.name "
                  "AND m.current_stage = s.stage) ORDER BY v.name, v.version",
                  kVersionColumns),
      {}, distinct_values(names));
  if (!rows) return std::move(rows).error();
  std::map<std::string, std::vector<ModelVersion>> latest;
  for (const SqlRow& row : *rows) {
    ModelVersion version = version_from_row(row);
    latest[version.name].push_back(std::move(version));
  }
  std::vector<ModelVersion*> all;
  for (auto& [name, versions] : latest)
    for (ModelVersion& version : versions) all.push_back(&version);
  if (auto read = read_version_details(sql, all); !read) return std::move(read).error();
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
