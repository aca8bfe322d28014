#include "tracking/registry.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/ascii_case.h"
#include "tracking/approval_rows.h"
#include "tracking/audit.h"
#include "tracking/registry_rows.h"
#include "tracking/registry_writes.h"
#include "tracking/validation.h"

// Registry: aliases, stages and the audit trail.
namespace tenure::tracking {
namespace {

using storage::SqlExecutor;

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

/// What a protected alias or stage asks of a version.
core::Result<> check_approved(SqlExecutor& sql, const ApprovalPolicy& policy,
                              const ModelVersion& version, std::string_view what) {
  auto state = read_approval(sql, policy, version);
  if (!state) return std::move(state).error();
  if (state->is_approved()) return {};
  return core::Error{
      core::ErrorCode::kPermissionDenied,
      fmt::format(
          "version {0} of '{1}' may not get {2} yet: {3}; approve it with `tenure models "
          "approve {1} {0} --reason TEXT` or POST /api/tenure/models/{1}/versions/{0}/approve",
          version.version, version.name, what, state->standing())};
}

bool is_latest(std::string_view alias) {
  return core::equals_ignoring_case(alias, "latest");
}

}  // namespace

Registry::Registry(storage::Database& database, const core::Clock& clock, ApprovalPolicy policy)
    : database_(&database), clock_(&clock), policy_(std::move(policy)) {}

core::Result<std::optional<ModelVersion>> Registry::find_by_alias(std::string_view name,
                                                                  std::string_view alias) {
  if (is_latest(alias)) return read_version(*database_, name, std::nullopt);
  auto version = read_alias(*database_, name, alias);
  if (!version) return std::move(version).error();
  if (*version == 0) return std::optional<ModelVersion>();
  return read_version(*database_, name, *version);
}

core::Result<ModelVersion> Registry::get_by_alias(std::string_view name, std::string_view alias) {
  if (auto checked = check_alias_form(alias); !checked) return std::move(checked).error();
  auto found = find_by_alias(name, alias);
  if (!found) return std::move(found).error();
  if (*found) return **std::move(found);
  if (auto model = must_read_model(*database_, name); !model) return std::move(model).error();
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("Registered model alias {} not found.", alias)};
}

core::Result<> Registry::set_alias(std::string_view name, std::string_view alias,
                                   std::int64_t version, const Change& change) {
  if (auto checked = check_alias(alias); !checked) return checked;
  const core::Micros now = clock_->now();
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto known = hold_version(sql, name, version);
    if (!known) return std::move(known).error();
    auto old = read_alias(sql, name, alias);
    if (!old) return std::move(old).error();
    if (*old == version) return {};
    if (policy_.protects_alias(alias)) {
      auto approved = check_approved(sql, policy_, *known, fmt::format("alias '{}'", alias));
      if (!approved) return approved;
    }
    if (auto moved = point_alias(sql, name, alias, version); !moved) return moved;
    return add_audit(
        sql, now,
        {"set_alias", alias_subject(name, alias), version_or_empty(*old), std::to_string(version)},
        change);
  });
}

core::Result<> Registry::delete_alias(std::string_view name, std::string_view alias,
                                      const Change& change) {
  if (auto checked = check_alias(alias); !checked) return checked;
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
    auto subject = hold_version(sql, name, version, now / 1000);
    if (!subject) return std::move(subject).error();
    if (subject->stage != *target && policy_.protects_stage(*target)) {
      auto approved = check_approved(sql, policy_, *subject, fmt::format("stage '{}'", *target));
      if (!approved) return approved;
    }
    if (archive_existing) {
      auto others = sql.query(
          "SELECT version FROM model_versions WHERE name = :name AND current_stage = :stage AND "
          "version <> :version ORDER BY version DESC",
          {std::string(name), *target, version});
      if (!others) return std::move(others).error();
      for (const storage::SqlRow& row : *others) {
        ModelVersion other;
        other.name = name;
        other.version = row.integer(0);
        other.stage = *target;
        if (auto archived = write_stage(sql, other, "Archived", now, change); !archived)
          return archived;
      }
    }
    if (subject->stage == *target) return {};
    return write_stage(sql, *subject, *target, now, change);
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
      if (policy_.protects_alias(alias)) {
        auto state = read_approval(sql, policy_, **version);
        if (!state) return std::move(state).error();
        if (state->is_rejected) continue;
      }
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

core::Result<std::vector<AuditEntry>> Registry::audit_of_model(std::string_view name,
                                                               std::optional<std::int64_t> version,
                                                               std::size_t limit) {
  return read_audit_of_model(*database_, name, version, limit);
}

}  // namespace tenure::tracking
