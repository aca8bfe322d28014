#include "tracking/approval.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/ascii_case.h"
#include "core/time_format.h"
#include "tracking/validation.h"

namespace tenure::tracking {

core::Result<std::string> canonical_stage(std::string_view stage) {
  constexpr auto kStages =
      std::to_array<std::string_view>({"None", "Staging", "Production", "Archived"});
  for (const std::string_view known : kStages) {
    if (core::equals_ignoring_case(stage, known)) return std::string(known);
  }
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("Invalid Model Version stage: {}. Value must be one of None, "
                                 "Staging, Production, Archived.",
                                 stage)};
}

bool ApprovalPolicy::protects_alias(std::string_view alias) const {
  return std::ranges::find(aliases, alias) != aliases.end();
}

bool ApprovalPolicy::protects_stage(std::string_view stage) const {
  return std::ranges::find(stages, stage) != stages.end();
}

core::Result<ApprovalPolicy> ApprovalPolicy::checked(ApprovalPolicy policy) {
  for (const std::string& alias : policy.aliases) {
    if (auto ok = check_alias(alias); !ok) return std::move(ok).error().within("aliases");
  }
  for (std::string& stage : policy.stages) {
    auto canonical = canonical_stage(stage);
    if (!canonical) return std::move(canonical).error().within("stages");
    stage = *std::move(canonical);
  }
  const auto allowed = static_cast<std::int64_t>(policy.approvers.size());
  if (allowed > 0 && allowed < policy.approvals) {
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        fmt::format("approvals: {} are needed, but approvers names only {}; no version could ever "
                    "be approved",
                    policy.approvals, allowed)};
  }
  return policy;
}

std::string ApprovalState::standing() const {
  if (is_rejected) {
    const DecisionEntry& last = decisions.back();
    return fmt::format("it was rejected by {} ({})", last.actor, last.reason);
  }
  if (needed == 0) return "nothing asks for its approval";
  if (approved_by.empty())
    return fmt::format("it needs {} approval{} and has none", needed, needed == 1 ? "" : "s");
  return fmt::format("it needs {} approval{} and has {} (of {})", needed, needed == 1 ? "" : "s",
                     approved_by.size(), fmt::join(approved_by, ", "));
}

core::JsonObject to_json(const ApprovalState& state) {
  core::JsonArray people;
  for (const std::string& actor : state.approved_by) people.emplace_back(actor);
  core::JsonArray decisions;
  for (const DecisionEntry& entry : state.decisions) {
    core::JsonObject row{{"decision", entry.decision == Decision::kApprove ? "approve" : "reject"},
                         {"actor", entry.actor},
                         {"reason", entry.reason},
                         {"time", core::format_utc(entry.time)},
                         {"counts", entry.counts}};
    if (!entry.counts) row["why_not"] = entry.why_not;
    decisions.push_back(std::move(row));
  }
  return {{"approved", state.is_approved()},
          {"rejected", state.is_rejected},
          {"needed", state.needed},
          {"approved_by", std::move(people)},
          {"decisions", std::move(decisions)},
          {"standing", state.standing()}};
}

}  // namespace tenure::tracking
