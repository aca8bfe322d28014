#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/approval.h"

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
  std::string status_message = {};
  std::string run_link = {};
  std::string storage_location = {};  ///< where the files are when `source` is no place: models:/…

  /// Where the files are read from.
  const std::string& download_uri() const {
    return storage_location.empty() ? source : storage_location;
  }
};

/// What a client says of a new version.
struct NewModelVersion {
  std::string name;
  std::string source;
  std::string run_id = {};
  std::map<std::string, std::string> tags = {};
  std::string description = {};
  std::string run_link = {};
  std::string model_id = {};          ///< of the logged model it is made from
  std::string storage_location = {};  ///< empty: the source
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
/// not "latest", not v<number>. Thread-safe. Errors: kInvalidArgument, kNotFound, kAlreadyExists,
/// in MLflow's words; kPermissionDenied for what the approval policy does not allow yet
/// (approval.h).
class Registry {
 public:
  Registry(storage::Database& database, const core::Clock& clock, ApprovalPolicy policy = {});

  // Models (registry_models.cpp)
  core::Result<RegisteredModel> create_model_if_missing(std::string_view name,
                                                        const Change& change);
  core::Result<RegisteredModel> create_model(std::string_view name, std::string_view description,
                                             const std::map<std::string, std::string>& tags,
                                             const Change& change);
  core::Result<RegisteredModel> get_model(std::string_view name);
  core::Result<std::vector<RegisteredModel>> list_models();
  /// Versions, tags and aliases follow, and so does the history (audit_of_model).
  core::Result<RegisteredModel> rename_model(std::string_view name, std::string_view new_name,
                                             const Change& change);
  core::Result<RegisteredModel> describe_model(std::string_view name, std::string_view description,
                                               const Change& change);
  /// With its versions, tags and aliases; only the audit trail keeps what there was.
  core::Result<> remove_model(std::string_view name, const Change& change);
  core::Result<> set_model_tag(std::string_view name, std::string_view key, std::string_view value,
                               const Change& change);
  core::Result<> delete_model_tag(std::string_view name, std::string_view key,
                                  const Change& change);

  // Versions (registry_versions.cpp)
  /// Numbers versions 1, 2, 3, ... without gaps even when several processes register at once.
  /// Source and storage_location are taken as they are (model_source.h checks those of clients).
  core::Result<ModelVersion> create_version(const NewModelVersion& version, const Change& change);
  core::Result<ModelVersion> create_version(std::string_view name, std::string_view source,
                                            std::string_view run_id,
                                            const std::map<std::string, std::string>& tags,
                                            const Change& change);
  core::Result<ModelVersion> get_version(std::string_view name, std::int64_t version);
  core::Result<std::vector<ModelVersion>> list_versions(std::string_view name);  ///< newest first
  /// The highest version in each stage, in the order of `stages` (any case); none = all four.
  core::Result<std::vector<ModelVersion>> latest_versions(
      std::string_view name, const std::vector<std::string>& stages = {});
  /// The highest versions in each stage of many models, at the cost of one.
  core::Result<std::map<std::string, std::vector<ModelVersion>>> latest_of_models(
      std::span<const std::string> names);
  core::Result<ModelVersion> describe_version(std::string_view name, std::int64_t version,
                                              std::string_view description, const Change& change);
  /// The row stays, without what it said and hidden, so that its number is never given again; its
  /// aliases go.
  core::Result<> remove_version(std::string_view name, std::int64_t version, const Change& change);
  core::Result<> set_version_tag(std::string_view name, std::int64_t version, std::string_view key,
                                 std::string_view value, const Change& change = {});
  core::Result<> delete_version_tag(std::string_view name, std::int64_t version,
                                    std::string_view key, const Change& change);

  // Aliases and stages (registry.cpp)
  /// std::nullopt when the model or the alias does not exist. "latest" is the highest version.
  core::Result<std::optional<ModelVersion>> find_by_alias(std::string_view name,
                                                          std::string_view alias);
  /// Errors: kInvalidArgument when there is no such alias, as MLflow has it.
  core::Result<ModelVersion> get_by_alias(std::string_view name, std::string_view alias);
  core::Result<> set_alias(std::string_view name, std::string_view alias, std::int64_t version,
                           const Change& change);
  core::Result<> delete_alias(std::string_view name, std::string_view alias, const Change& change);
  core::Result<> set_stage(std::string_view name, std::int64_t version, std::string_view stage,
                           bool archive_existing, const Change& change);
  /// Moves the alias back to the version it pointed at before its last move, from the audit trail.
  /// Again, it goes one move further back. Needs no approval, as that version had the alias
  /// before; one that was rejected is passed over. Errors: kNotFound when there is none.
  core::Result<ModelVersion> roll_back(std::string_view name, std::string_view alias,
                                       const Change& change);

  // Approval (registry_approvals.cpp)
  const ApprovalPolicy& approval_policy() const { return policy_; }
  core::Result<ApprovalState> approval_of(std::string_view name, std::int64_t version);
  /// Adds a decision with its evidence to the audit trail; answers where the version stands now.
  /// Errors: kInvalidArgument without a reason; kPermissionDenied for who may not decide.
  core::Result<ApprovalState> decide(std::string_view name, std::int64_t version, Decision decision,
                                     const Change& change);
  /// Notes that a version deserves an alias (the promotion gate says so) and waits for approval.
  core::Result<> propose(std::string_view name, std::int64_t version, std::string_view alias,
                         const Change& change);

  // The audit trail, newest first
  core::Result<std::vector<AuditEntry>> audit(std::string_view subject_prefix,
                                              std::size_t limit = 100);
  /// Of a model, under its earlier names, too; of one version if given. A deleted model has one.
  core::Result<std::vector<AuditEntry>> audit_of_model(
      std::string_view name, std::optional<std::int64_t> version = std::nullopt,
      std::size_t limit = 100);

 private:
  storage::Database* database_;
  const core::Clock* clock_;
  ApprovalPolicy policy_;
};

}  // namespace tenure::tracking
