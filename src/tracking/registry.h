#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "core/result.h"
#include "storage/sql/database.h"

namespace tenure::tracking {

struct ModelVersion {
  std::string name;
  std::int64_t version = 0;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::string description;
  std::string user;
  std::string stage = "None";  ///< None, Staging, Production, Archived
  std::string source;          ///< URI of the model package
  std::string run_id;
  std::string status = "READY";
  std::map<std::string, std::string> tags;
  std::vector<std::string> aliases;
};

struct RegisteredModel {
  std::string name;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::string description;
  std::map<std::string, std::string> tags;
  std::map<std::string, std::int64_t> aliases;
};

/// Who changed what, when, from what to what, and why: one row of the audit trail (table
/// tenure_audit).
struct AuditEntry {
  std::int64_t id = 0;
  core::Micros time = 0;
  std::string actor;
  std::string action;   ///< "register", "set_alias", "delete_alias", "transition", "tag", ...
  std::string subject;  ///< "models/telco-churn/3"
  std::string from;
  std::string to;
  std::string reason;
  core::Json evidence;  ///< metrics compared, run ids, ...
};

/// Why a change of the registry is made; every mutation asks for it.
struct Change {
  std::string actor;
  std::string reason;
  core::Json evidence = nullptr;
};

/// Registered models, versions, stages, aliases, over MLflow's tables; each mutation and its audit
/// row are one transaction. Names: not empty, no '/' or ':'. Aliases: letters, digits, '_', '-',
/// not "latest", not v<number>. Thread-safe. Errors: kInvalidArgument, kNotFound, kAlreadyExists.
class Registry {
 public:
  Registry(storage::Database& database, const core::Clock& clock);
  core::Result<RegisteredModel> create_model_if_missing(std::string_view name,
                                                        const Change& change);
  core::Result<RegisteredModel> get_model(std::string_view name);
  core::Result<std::vector<RegisteredModel>> list_models();
  /// Numbers versions 1, 2, 3, ... without gaps even when several processes register at once.
  core::Result<ModelVersion> create_version(std::string_view name, std::string_view source,
                                            std::string_view run_id,
                                            const std::map<std::string, std::string>& tags,
                                            const Change& change);
  core::Result<ModelVersion> get_version(std::string_view name, std::int64_t version);
  core::Result<std::vector<ModelVersion>> list_versions(std::string_view name);  ///< newest first
  /// std::nullopt when the model or the alias does not exist. "latest" is the highest version.
  core::Result<std::optional<ModelVersion>> find_by_alias(std::string_view name,
                                                          std::string_view alias);
  core::Result<> set_alias(std::string_view name, std::string_view alias, std::int64_t version,
                           const Change& change);
  core::Result<> delete_alias(std::string_view name, std::string_view alias, const Change& change);
  core::Result<> set_stage(std::string_view name, std::int64_t version, std::string_view stage,
                           bool archive_existing, const Change& change);
  core::Result<> set_version_tag(std::string_view name, std::int64_t version, std::string_view key,
                                 std::string_view value, const Change& change = {});
  /// Moves the alias back to the version it pointed at before its last move, from the audit trail.
  /// Again, it goes one move further back. Errors: kNotFound when there is none.
  core::Result<ModelVersion> roll_back(std::string_view name, std::string_view alias,
                                       const Change& change);
  core::Result<std::vector<AuditEntry>> audit(std::string_view subject_prefix,
                                              std::size_t limit = 100);  ///< newest first

 private:
  storage::Database* database_;
  const core::Clock* clock_;
};

}  // namespace tenure::tracking
