#include "tracking/registry_writes.h"

#include <fmt/format.h>

#include "tracking/registry_rows.h"
#include "tracking/validation.h"

namespace tenure::tracking {

using storage::SqlExecutor;

core::Result<> changed(core::Result<std::int64_t> result) {
  if (!result) return std::move(result).error();
  return {};
}

std::string model_subject(std::string_view name) {
  return fmt::format("models/{}/", name);
}

std::string version_or_empty(std::int64_t version) {
  return version == 0 ? "" : std::to_string(version);
}

core::Result<> hold_model(SqlExecutor& sql, std::string_view name,
                          std::optional<std::int64_t> changed_ms) {
  auto held =
      changed_ms
          ? sql.execute("UPDATE registered_models SET last_updated_time = :now WHERE name = :name",
                        {*changed_ms, std::string(name)})
          : sql.execute(
                "UPDATE registered_models SET last_updated_time = last_updated_time WHERE "
                "name = :name",
                {std::string(name)});
  if (!held) return std::move(held).error();
  if (*held == 0) return model_not_found(name);
  return {};
}

core::Result<ModelVersion> hold_version(SqlExecutor& sql, std::string_view name,
                                        std::int64_t version,
                                        std::optional<std::int64_t> changed_ms) {
  if (auto held = hold_model(sql, name, changed_ms); !held) {
    if (held.error().code == core::ErrorCode::kNotFound) return version_not_found(name, version);
    return std::move(held).error();
  }
  return must_read_version(sql, name, version);
}

core::Result<ModelVersion> must_read_version(SqlExecutor& sql, std::string_view name,
                                             std::int64_t version) {
  auto found = read_version(sql, name, version);
  if (!found) return std::move(found).error();
  if (!*found) return version_not_found(name, version);
  return std::move(**found);
}

core::Result<RegisteredModel> must_read_model(SqlExecutor& sql, std::string_view name) {
  auto found = read_model(sql, name);
  if (!found) return std::move(found).error();
  if (!*found) return model_not_found(name);
  return std::move(**found);
}

core::Result<> point_alias(SqlExecutor& sql, std::string_view name, std::string_view alias,
                           std::int64_t version) {
  auto moved = sql.execute(
      "UPDATE registered_model_aliases SET version = :version WHERE name = :name AND alias = "
      ":alias",
      {version, std::string(name), std::string(alias)});
  if (!moved) return std::move(moved).error();
  if (*moved > 0) return {};
  return changed(sql.execute(
      "INSERT INTO registered_model_aliases (alias, version, name) VALUES (:alias, :version, "
      ":name)",
      {std::string(alias), version, std::string(name)}));
}

core::Result<> check_tag(std::string_view backend, std::string_view key, std::string_view value) {
  // SQLite's columns have no length; those of the others take kRegistryTagColumnMax.
  const std::size_t max = backend == "sqlite" ? kRegistryTagValueMax : kRegistryTagColumnMax;
  if (auto checked = check_key(key, "key", "key"); !checked) return checked;
  return check_text(value, max, "value");
}

core::Result<> write_model_tag(SqlExecutor& sql, std::string_view name, const std::string& key,
                               const std::string& value) {
  // No ON CONFLICT: the primary key of later MLflow schemas has one more column.
  auto updated = sql.execute(
      "UPDATE registered_model_tags SET value = :value WHERE key = :key AND name = :name",
      {value, key, std::string(name)});
  if (!updated) return std::move(updated).error();
  if (*updated > 0) return {};
  return changed(
      sql.execute("INSERT INTO registered_model_tags (key, value, name) VALUES (:key, :value, "
                  ":name)",
                  {key, value, std::string(name)}));
}

core::Result<> write_version_tag(SqlExecutor& sql, std::string_view name, std::int64_t version,
                                 const std::string& key, const std::string& value) {
  auto updated = sql.execute(
      "UPDATE model_version_tags SET value = :value WHERE key = :key AND name = :name AND version "
      "= :version",
      {value, key, std::string(name), version});
  if (!updated) return std::move(updated).error();
  if (*updated > 0) return {};
  return changed(sql.execute(
      "INSERT INTO model_version_tags (key, value, name, version) VALUES (:key, :value, :name, "
      ":version)",
      {key, value, std::string(name), version}));
}

}  // namespace tenure::tracking
