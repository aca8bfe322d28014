#include <algorithm>

#include <fmt/format.h>

#include "tracking/audit.h"
#include "tracking/registry.h"
#include "tracking/registry_rows.h"
#include "tracking/registry_writes.h"
#include "tracking/validation.h"

// Registry: versions of models.
namespace tenure::tracking {
namespace {

using storage::SqlExecutor;

core::Result<> check_version(std::string_view backend, const NewModelVersion& version,
                             const Change& change) {
  if (version.source.empty()) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "Missing value for required parameter 'source'."};
  }
  struct Limit {
    const std::string& text;
    std::size_t max;
    std::string_view what;
  };
  for (const Limit& limit :
       {Limit{version.source, kSourceMax, "source"},
        Limit{version.storage_location, kSourceMax, "storage_location"},
        Limit{version.run_link, kSourceMax, "run_link"}, Limit{version.run_id, kRunIdMax, "run_id"},
        Limit{version.description, kDescriptionMax, "description"},
        Limit{change.actor, kUserMax, "user_id"}}) {
    if (auto checked = check_text(limit.text, limit.max, limit.what); !checked) return checked;
  }
  for (const auto& [key, value] : version.tags) {
    if (auto checked = check_tag(backend, key, value); !checked) return checked;
  }
  return {};
}

/// The number of the next version: over all rows, deleted versions included, as a number is never
/// used twice.
core::Result<std::int64_t> next_number(SqlExecutor& sql, const std::string& name) {
  auto highest =
      sql.query("SELECT COALESCE(MAX(version), 0) FROM model_versions WHERE name = :name", {name});
  if (!highest) return std::move(highest).error();
  return highest->front().integer(0) + 1;
}

}  // namespace

core::Result<ModelVersion> Registry::create_version(const NewModelVersion& version,
                                                    const Change& change) {
  if (auto checked = check_version(database_->backend(), version, change); !checked)
    return std::move(checked).error();
  const core::Micros now = clock_->now();
  ModelVersion made{.name = version.name,
                    .created_ms = now / 1000,
                    .updated_ms = now / 1000,
                    .description = version.description,
                    .user = change.actor,
                    .source = version.source,
                    .run_id = version.run_id,
                    .tags = version.tags,
                    .aliases = {},
                    .run_link = version.run_link,
                    .storage_location = version.storage_location.empty()
                                            ? version.source
                                            : version.storage_location};
  auto done = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto held = hold_model(sql, made.name, now / 1000); !held) return held;
    auto number = next_number(sql, made.name);
    if (!number) return std::move(number).error();
    made.version = *number;
    auto row = changed(sql.execute(
        "INSERT INTO model_versions (name, version, creation_time, last_updated_time, description, "
        "user_id, current_stage, source, run_id, status, run_link, storage_location) VALUES "
        "(:name, "
        ":version, :created, :updated, :description, :user, 'None', :source, :run, 'READY', :link, "
        ":location)",
        {made.name, made.version, made.created_ms, made.updated_ms, made.description, made.user,
         made.source, made.run_id, made.run_link, made.storage_location}));
    if (!row) return row;
    for (const auto& [key, value] : made.tags) {
      if (auto tagged = write_version_tag(sql, made.name, made.version, key, value); !tagged)
        return tagged;
    }
    return add_audit(
        sql, now, {"register", version_subject(made.name, made.version), "", made.source}, change);
  });
  if (!done) return std::move(done).error();
  return made;
}

core::Result<ModelVersion> Registry::create_version(std::string_view name, std::string_view source,
                                                    std::string_view run_id,
                                                    const std::map<std::string, std::string>& tags,
                                                    const Change& change) {
  return create_version(NewModelVersion{.name = std::string(name),
                                        .source = std::string(source),
                                        .run_id = std::string(run_id),
                                        .tags = tags},
                        change);
}

core::Result<ModelVersion> Registry::get_version(std::string_view name, std::int64_t version) {
  return must_read_version(*database_, name, version);
}

core::Result<std::vector<ModelVersion>> Registry::list_versions(std::string_view name) {
  auto versions = read_versions(*database_, name);
  if (!versions || !versions->empty()) return versions;
  if (auto model = must_read_model(*database_, name); !model) return std::move(model).error();
  return versions;
}

core::Result<std::vector<ModelVersion>> Registry::latest_versions(
    std::string_view name, const std::vector<std::string>& stages) {
  std::vector<std::string> wanted;
  for (const std::string& stage : stages) {
    auto canonical = canonical_stage(stage);
    if (!canonical) return std::move(canonical).error();
    if (std::ranges::find(wanted, *canonical) == wanted.end())
      wanted.push_back(*std::move(canonical));
  }
  const std::string names[] = {std::string(name)};
  auto latest = read_latest_versions(*database_, names);
  if (!latest) return std::move(latest).error();
  if (latest->empty()) {
    if (auto model = must_read_model(*database_, name); !model) return std::move(model).error();
    return std::vector<ModelVersion>();
  }
  std::vector<ModelVersion> versions = std::move(latest->begin()->second);
  std::erase_if(versions, [&](const ModelVersion& version) {
    return !wanted.empty() && std::ranges::find(wanted, version.stage) == wanted.end();
  });
  return versions;
}

core::Result<std::map<std::string, std::vector<ModelVersion>>> Registry::latest_of_models(
    std::span<const std::string> names) {
  return read_latest_versions(*database_, names);
}

core::Result<ModelVersion> Registry::describe_version(std::string_view name, std::int64_t version,
                                                      std::string_view description,
                                                      const Change& change) {
  if (auto checked = check_text(description, kDescriptionMax, "description"); !checked)
    return std::move(checked).error();
  const core::Micros now = clock_->now();
  ModelVersion result;
  auto done = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto read = hold_version(sql, name, version);
    if (!read) return std::move(read).error();
    result = *std::move(read);
    const std::string before = std::exchange(result.description, std::string(description));
    result.updated_ms = now / 1000;
    auto written = changed(sql.execute(
        "UPDATE model_versions SET description = :description, last_updated_time = :now WHERE name "
        "= :name AND version = :version",
        {result.description, result.updated_ms, result.name, version}));
    if (!written) return written;
    return add_audit(
        sql, now, {"describe", version_subject(name, version), before, result.description}, change);
  });
  if (!done) return std::move(done).error();
  return result;
}

core::Result<> Registry::remove_version(std::string_view name, std::int64_t version,
                                        const Change& change) {
  const core::Micros now = clock_->now();
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto known = hold_version(sql, name, version, now / 1000);
    if (!known) return std::move(known).error();
    auto redacted = changed(sql.execute(
        "UPDATE model_versions SET current_stage = 'Deleted_Internal', last_updated_time = :now, "
        "description = NULL, user_id = NULL, source = 'REDACTED-SOURCE-PATH', run_id = "
        "'REDACTED-RUN-ID', run_link = 'REDACTED-RUN-LINK', storage_location = NULL, "
        "status_message = NULL WHERE name = :name AND version = :version",
        {now / 1000, std::string(name), version}));
    if (!redacted) return redacted;
    auto untagged = changed(
        sql.execute("DELETE FROM model_version_tags WHERE name = :name AND version = :version",
                    {std::string(name), version}));
    if (!untagged) return untagged;
    auto freed = changed(sql.execute(
        "DELETE FROM registered_model_aliases WHERE name = :name AND version = :version",
        {std::string(name), version}));
    if (!freed) return freed;
    for (const std::string& alias : known->aliases) {
      auto audited = add_audit(
          sql, now, {"delete_alias", alias_subject(name, alias), std::to_string(version), ""},
          change);
      if (!audited) return audited;
    }
    return add_audit(sql, now, {"delete_version", version_subject(name, version), known->stage, ""},
                     change);
  });
}

core::Result<> Registry::set_version_tag(std::string_view name, std::int64_t version,
                                         std::string_view key, std::string_view value,
                                         const Change& change) {
  if (auto checked = check_tag(database_->backend(), key, value); !checked) return checked;
  const core::Micros now = clock_->now();
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto known = hold_version(sql, name, version);
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

core::Result<> Registry::delete_version_tag(std::string_view name, std::int64_t version,
                                            std::string_view key, const Change& change) {
  if (auto checked = check_key(key, "key", "key"); !checked) return checked;
  const core::Micros now = clock_->now();
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto known = hold_version(sql, name, version);
    if (!known) return std::move(known).error();
    const auto old = known->tags.find(std::string(key));
    if (old == known->tags.end()) return {};
    auto gone = changed(sql.execute(
        "DELETE FROM model_version_tags WHERE name = :name AND version = :version AND key = :key",
        {std::string(name), version, old->first}));
    if (!gone) return gone;
    return add_audit(sql, now,
                     {"delete_tag", version_subject(name, version),
                      fmt::format("{}={}", old->first, old->second), ""},
                     change);
  });
}

}  // namespace tenure::tracking
