#include "tracking/registry.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "tracking/audit.h"
#include "tracking/registry_rows.h"
#include "tracking/validation.h"

namespace tenure::tracking {
namespace {

using storage::SqlExecutor;

constexpr std::size_t kSourceMax = 500;  // of the column
constexpr std::size_t kRunIdMax = 32;
constexpr std::size_t kUserMax = 256;

core::Result<> changed(core::Result<std::int64_t> result) {
  if (!result) return std::move(result).error();
  return {};
}

std::string version_or_empty(std::int64_t version) {
  return version == 0 ? "" : std::to_string(version);
}

/// MLflow's spelling of a stage given in any case.
core::Result<std::string> canonical_stage(std::string_view stage) {
  constexpr auto kStages =
      std::to_array<std::string_view>({"None", "Staging", "Production", "Archived"});
  const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  for (const std::string_view known : kStages) {
    if (std::equal(stage.begin(), stage.end(), known.begin(), known.end(), same))
      return std::string(known);
  }
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("Invalid Model Version stage: {}. Value must be one of None, "
                                 "Staging, Production, Archived.",
                                 stage)};
}

/// Holds a model's row until the end of the transaction, which makes writers of one model wait for
/// each other. With a time, notes that it changed then. Errors: kNotFound.
core::Result<> hold_model(SqlExecutor& sql, std::string_view name,
                          std::optional<std::int64_t> changed_ms = std::nullopt) {
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

core::Result<ModelVersion> must_read_version(SqlExecutor& sql, std::string_view name,
                                             std::int64_t version) {
  auto found = read_version(sql, name, version);
  if (!found) return std::move(found).error();
  if (!*found) return version_not_found(name, version);
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

core::Result<> write_version_tag(SqlExecutor& sql, std::string_view name, std::int64_t version,
                                 const std::string& key, const std::string& value) {
  // No ON CONFLICT: the primary key of later MLflow schemas has one more column.
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

core::Result<> check_tag(std::string_view key, std::string_view value) {
  if (auto checked = check_key(key, "key", "key"); !checked) return checked;
  return check_text(value, kRegistryTagValueMax, "value");
}

core::Result<> write_stage(SqlExecutor& sql, const ModelVersion& version, const std::string& stage,
                           core::Micros now, const Change& change) {
  auto updated = changed(sql.execute(
      "UPDATE model_versions SET current_stage = :stage, last_updated_time = :now WHERE name = "
      ":name AND version = :version",
      {stage, now / 1000, version.name, version.version}));
  if (!updated) return updated;
  return add_audit(
      sql, now,
      {"transition", version_subject(version.name, version.version), version.stage, stage}, change);
}

}  // namespace

Registry::Registry(storage::Database& database, const core::Clock& clock)
    : database_(&database), clock_(&clock) {}

core::Result<RegisteredModel> Registry::create_model_if_missing(std::string_view name,
                                                                const Change& change) {
  if (auto checked = check_model_name(name); !checked) return std::move(checked).error();
  const core::Micros now = clock_->now();
  auto made = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto known = read_model(sql, name);
    if (!known) return std::move(known).error();
    if (*known) return {};
    auto row = changed(sql.execute(
        "INSERT INTO registered_models (name, creation_time, last_updated_time, description) "
        "VALUES (:name, :created, :updated, '')",
        {std::string(name), now / 1000, now / 1000}));
    if (!row) return row;
    return add_audit(sql, now, {"create_model", fmt::format("models/{}/", name), "", ""}, change);
  });
  // Another process was faster: then the model is there.
  if (!made && made.error().code != core::ErrorCode::kAlreadyExists) return std::move(made).error();
  return get_model(name);
}

core::Result<RegisteredModel> Registry::get_model(std::string_view name) {
  auto found = read_model(*database_, name);
  if (!found) return std::move(found).error();
  if (!*found) return model_not_found(name);
  return std::move(**found);
}

core::Result<std::vector<RegisteredModel>> Registry::list_models() {
  auto names = database_->query("SELECT name FROM registered_models ORDER BY name");
  if (!names) return std::move(names).error();
  std::vector<RegisteredModel> models;
  for (const storage::SqlRow& row : *names) {
    auto model = read_model(*database_, row.text(0));
    if (!model) return std::move(model).error();
    if (*model) models.push_back(std::move(**model));
  }
  return models;
}

core::Result<ModelVersion> Registry::create_version(std::string_view name, std::string_view source,
                                                    std::string_view run_id,
                                                    const std::map<std::string, std::string>& tags,
                                                    const Change& change) {
  if (source.empty()) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "Missing value for required parameter 'source'."};
  }
  if (auto checked = check_text(source, kSourceMax, "source"); !checked)
    return std::move(checked).error();
  if (auto checked = check_text(run_id, kRunIdMax, "run_id"); !checked)
    return std::move(checked).error();
  if (auto checked = check_text(change.actor, kUserMax, "user_id"); !checked)
    return std::move(checked).error();
  for (const auto& [key, value] : tags) {
    if (auto checked = check_tag(key, value); !checked) return std::move(checked).error();
  }
  const core::Micros now = clock_->now();
  ModelVersion version;
  auto made = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto held = hold_model(sql, name, now / 1000); !held) return held;
    // Over all rows, deleted versions included: a number is never used twice.
    auto highest =
        sql.query("SELECT COALESCE(MAX(version), 0) FROM model_versions WHERE name = :name",
                  {std::string(name)});
    if (!highest) return std::move(highest).error();
    const std::int64_t number = highest->front().integer(0) + 1;
    storage::SqlValue run = nullptr;
    if (!run_id.empty()) run = std::string(run_id);
    auto row = changed(sql.execute(
        "INSERT INTO model_versions (name, version, creation_time, last_updated_time, description, "
        "user_id, current_stage, source, run_id, status, storage_location) VALUES (:name, "
        ":version, :created, :updated, '', :user, 'None', :source, :run, 'READY', :location)",
        {std::string(name), number, now / 1000, now / 1000, change.actor, std::string(source),
         std::move(run), std::string(source)}));
    if (!row) return row;
    for (const auto& [key, value] : tags) {
      if (auto tagged = write_version_tag(sql, name, number, key, value); !tagged) return tagged;
    }
    auto read = must_read_version(sql, name, number);
    if (!read) return std::move(read).error();
    version = std::move(*read);
    return add_audit(sql, now, {"register", version_subject(name, number), "", std::string(source)},
                     change);
  });
  if (!made) return std::move(made).error();
  return version;
}

core::Result<ModelVersion> Registry::get_version(std::string_view name, std::int64_t version) {
  return must_read_version(*database_, name, version);
}

core::Result<std::vector<ModelVersion>> Registry::list_versions(std::string_view name) {
  auto versions = read_versions(*database_, name);
  if (!versions || !versions->empty()) return versions;
  auto model = read_model(*database_, name);
  if (!model) return std::move(model).error();
  if (!*model) return model_not_found(name);
  return versions;
}

core::Result<std::optional<ModelVersion>> Registry::find_by_alias(std::string_view name,
                                                                  std::string_view alias) {
  if (alias == "latest") return read_version(*database_, name, std::nullopt);
  auto version = read_alias(*database_, name, alias);
  if (!version) return std::move(version).error();
  if (*version == 0) return std::optional<ModelVersion>();
  return read_version(*database_, name, *version);
}

core::Result<> Registry::set_alias(std::string_view name, std::string_view alias,
                                   std::int64_t version, const Change& change) {
  if (auto checked = check_alias(alias); !checked) return checked;
  const core::Micros now = clock_->now();
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto held = hold_model(sql, name); !held) return held;
    if (auto known = must_read_version(sql, name, version); !known) return std::move(known).error();
    auto old = read_alias(sql, name, alias);
    if (!old) return std::move(old).error();
    if (*old == version) return {};
    if (auto moved = point_alias(sql, name, alias, version); !moved) return moved;
    return add_audit(
        sql, now,
        {"set_alias", alias_subject(name, alias), version_or_empty(*old), std::to_string(version)},
        change);
  });
}

core::Result<> Registry::delete_alias(std::string_view name, std::string_view alias,
                                      const Change& change) {
  const core::Micros now = clock_->now();
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto held = hold_model(sql, name); !held) return held;
    auto old = read_alias(sql, name, alias);
    if (!old) return std::move(old).error();
    if (*old == 0) return {};
    auto gone = changed(
        sql.execute("DELETE FROM registered_model_aliases WHERE name = :name AND alias = :alias",
                    {std::string(name), std::string(alias)}));
    if (!gone) return gone;
    return add_audit(
        sql, now, {"delete_alias", alias_subject(name, alias), std::to_string(*old), ""}, change);
  });
}

core::Result<> Registry::set_stage(std::string_view name, std::int64_t version,
                                   std::string_view stage, bool archive_existing,
                                   const Change& change) {
  auto target = canonical_stage(stage);
  if (!target) return std::move(target).error();
  if (archive_existing && *target != "Staging" && *target != "Production") {
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        fmt::format("Model version transition cannot archive existing model versions because '{}' "
                    "is not an Active stage. Valid stages are ['Staging', 'Production']",
                    *target)};
  }
  const core::Micros now = clock_->now();
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto held = hold_model(sql, name, now / 1000); !held) return held;
    auto versions = read_versions(sql, name);
    if (!versions) return std::move(versions).error();
    const auto subject = std::find_if(versions->begin(), versions->end(),
                                      [&](const auto& each) { return each.version == version; });
    if (subject == versions->end()) return version_not_found(name, version);
    for (const ModelVersion& other : *versions) {
      if (!archive_existing || other.version == version || other.stage != *target) continue;
      if (auto archived = write_stage(sql, other, "Archived", now, change); !archived)
        return archived;
    }
    if (subject->stage == *target) return {};
    return write_stage(sql, *subject, *target, now, change);
  });
}

core::Result<> Registry::set_version_tag(std::string_view name, std::int64_t version,
                                         std::string_view key, std::string_view value,
                                         const Change& change) {
  if (auto checked = check_tag(key, value); !checked) return checked;
  const core::Micros now = clock_->now();
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto held = hold_model(sql, name); !held) return held;
    auto known = must_read_version(sql, name, version);
    if (!known) return std::move(known).error();
    const std::string tag(key);
    const auto old = known->tags.find(tag);
    const std::string before =
        old == known->tags.end() ? "" : fmt::format("{}={}", tag, old->second);
    if (auto written = write_version_tag(sql, name, version, tag, std::string(value)); !written)
      return written;
    return add_audit(
        sql, now, {"tag", version_subject(name, version), before, fmt::format("{}={}", tag, value)},
        change);
  });
}

core::Result<ModelVersion> Registry::roll_back(std::string_view name, std::string_view alias,
                                               const Change& change) {
  if (auto checked = check_alias(alias); !checked) return std::move(checked).error();
  const core::Micros now = clock_->now();
  ModelVersion result;
  auto done = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto held = hold_model(sql, name); !held) return held;
    auto current = read_alias(sql, name, alias);
    if (!current) return std::move(current).error();
    auto earlier = earlier_versions(sql, name, alias, *current);
    if (!earlier) return std::move(earlier).error();
    for (auto candidate = earlier->rbegin(); candidate != earlier->rend(); ++candidate) {
      auto version = read_version(sql, name, *candidate);
      if (!version) return std::move(version).error();
      // Gone since, or where the alias is already.
      if (!*version || *candidate == *current) continue;
      if (auto moved = point_alias(sql, name, alias, *candidate); !moved) return moved;
      auto audited = add_audit(sql, now,
                               {"roll_back", alias_subject(name, alias), version_or_empty(*current),
                                std::to_string(*candidate)},
                               change);
      if (!audited) return audited;
      auto reread = must_read_version(sql, name, *candidate);
      if (!reread) return std::move(reread).error();
      result = std::move(*reread);
      return {};
    }
    return core::Error{
        core::ErrorCode::kNotFound,
        fmt::format("alias '{}' of model '{}' has no earlier version to roll back to", alias,
                    name)};
  });
  if (!done) return std::move(done).error();
  return result;
}

core::Result<std::vector<AuditEntry>> Registry::audit(std::string_view subject_prefix,
                                                      std::size_t limit) {
  return read_audit(*database_, subject_prefix, limit);
}

}  // namespace tenure::tracking
