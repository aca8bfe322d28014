#include <algorithm>

#include <fmt/format.h>

#include "tracking/approval_rows.h"
#include "tracking/audit.h"
#include "tracking/registry.h"
#include "tracking/registry_rows.h"
#include "tracking/registry_writes.h"

// Registry: decisions about versions.
namespace tenure::tracking {
namespace {

using storage::SqlExecutor;

constexpr std::string_view kDigestTag = "tenure.sha256.";

/// Why somebody's decision about a version counts for nothing; empty when it counts.
std::string objection(const ApprovalPolicy& policy, const ModelVersion& version,
                      std::string_view actor, Decision decision) {
  if (!policy.approvers.empty() &&
      std::ranges::find(policy.approvers, actor) == policy.approvers.end()) {
    return fmt::format("{} is not among tracking.approval.approvers", actor);
  }
  // To take one's own work back needs nobody's leave.
  if (decision == Decision::kApprove && !policy.may_registrant_approve && actor == version.user &&
      !actor.empty()) {
    // Without tokens this is not about one's own work: nobody can be told from anybody.
    if (actor == kUnknownActor)
      return "without tokens it is not known who registered the version, nor who approves it: "
             "approve it with `tenure models approve`, which goes by the login name, give people "
             "tokens, or set tracking.approval.by_registrant";
    return fmt::format("{} registered the version, so somebody else has to approve it", actor);
  }
  return "";
}

void withdraw(DecisionEntry& entry, std::string why) {
  entry.counts = false;
  entry.why_not = std::move(why);
}

}  // namespace

core::JsonObject digests_of(const ModelVersion& version) {
  core::JsonObject digests;
  for (const auto& [key, value] : version.tags) {
    if (key.starts_with(kDigestTag)) digests[key.substr(kDigestTag.size())] = value;
  }
  return digests;
}

core::Result<ApprovalState> read_approval(SqlExecutor& sql, const ApprovalPolicy& policy,
                                          const ModelVersion& version) {
  // Another model that had the name before, and was deleted, may have had such a version, too.
  auto names = names_of_model(sql, version.name);
  if (!names) return std::move(names).error();
  std::vector<storage::SqlValue> parameters;
  const std::string condition = condition_on(
      *names, [&](std::string_view name) { return version_subject(name, version.version); },
      parameters);
  auto rows =
      sql.query(fmt::format("SELECT action, actor, reason, time, evidence FROM tenure_audit "
                            "WHERE {} AND action IN ('approve', 'reject') ORDER BY id",
                            condition),
                parameters);
  if (!rows) return std::move(rows).error();
  const core::Json files = digests_of(version);
  ApprovalState state;
  state.needed = policy.is_active() ? policy.approvals : 0;
  for (const storage::SqlRow& row : *rows) {
    DecisionEntry entry{
        .decision = row.text(0) == "approve" ? Decision::kApprove : Decision::kReject,
        .actor = row.text(1),
        .reason = row.text(2),
        .time = row.integer(3),
        .why_not = {}};
    const auto evidence = core::parse_json(row.text_or(4, "{}"));
    const core::JsonObject* object = evidence ? evidence->if_object() : nullptr;
    const core::Json* seen = object != nullptr ? object->if_contains("files") : nullptr;
    std::string why = objection(policy, version, entry.actor, entry.decision);
    if (why.empty() && entry.decision == Decision::kApprove &&
        (seen != nullptr ? *seen : core::Json(core::JsonObject())) != files)
      why = "the version's files are said to be others now";
    if (!why.empty()) {
      withdraw(entry, std::move(why));
    } else if (entry.decision == Decision::kReject) {
      for (DecisionEntry& earlier : state.decisions)
        if (earlier.counts && earlier.decision == Decision::kApprove)
          withdraw(earlier, fmt::format("{} rejected the version later", entry.actor));
      state.approved_by.clear();
      state.is_rejected = true;
    } else {
      state.is_rejected = false;
      if (std::ranges::find(state.approved_by, entry.actor) == state.approved_by.end())
        state.approved_by.push_back(entry.actor);
    }
    state.decisions.push_back(std::move(entry));
  }
  return state;
}

core::Result<ApprovalState> Registry::approval_of(std::string_view name, std::int64_t version) {
  auto known = must_read_version(*database_, name, version);
  if (!known) return std::move(known).error();
  return read_approval(*database_, policy_, *known);
}

core::Result<ApprovalState> Registry::decide(std::string_view name, std::int64_t version,
                                             Decision decision, const Change& change) {
  if (change.reason.find_first_not_of(" \t\r\n") == std::string::npos) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "a decision needs a reason, in words, for the audit trail"};
  }
  const core::Micros now = clock_->now();
  ApprovalState state;
  auto done = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto known = hold_version(sql, name, version);
    if (!known) return std::move(known).error();
    if (std::string why = objection(policy_, *known, change.actor, decision); !why.empty())
      return core::Error{core::ErrorCode::kPermissionDenied, std::move(why)};
    core::JsonObject evidence;
    if (const core::JsonObject* given = change.evidence.if_object()) evidence = *given;
    evidence["files"] = digests_of(*known);
    const bool is_approval = decision == Decision::kApprove;
    auto audited = add_audit(sql, now,
                             {is_approval ? "approve" : "reject", version_subject(name, version),
                              "", is_approval ? "approved" : "rejected"},
                             {change.actor, change.reason, std::move(evidence)});
    if (!audited) return audited;
    auto read = read_approval(sql, policy_, *known);
    if (!read) return std::move(read).error();
    state = *std::move(read);
    return {};
  });
  if (!done) return std::move(done).error();
  return state;
}

core::Result<> Registry::propose(std::string_view name, std::int64_t version,
                                 std::string_view alias, const Change& change) {
  const core::Micros now = clock_->now();
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto held = hold_version(sql, name, version); !held) return std::move(held).error();
    return add_audit(sql, now,
                     {"propose", version_subject(name, version), "", fmt::format("@{}", alias)},
                     change);
  });
}

}  // namespace tenure::tracking
