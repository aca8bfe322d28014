#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::tracking {

/// Whose changes those are of clients without a token: nobody knows who they are.
inline constexpr std::string_view kUnknownActor = "mlflow";

/// Which aliases and stages a version gets only once people approved it (section
/// tracking.approval).
struct ApprovalPolicy {
  std::vector<std::string> aliases = {};    ///< protected ones; none = nobody is asked
  std::vector<std::string> stages = {};     ///< protected ones, in MLflow's spelling
  std::int64_t approvals = 1;               ///< of so many different people
  bool may_registrant_approve = false;      ///< whoever registered a version
  std::vector<std::string> approvers = {};  ///< who may decide; none = everybody who may change
  std::string champion_alias = "champion";  ///< of the version that others are compared with

  bool protects_alias(std::string_view alias) const;
  bool protects_stage(std::string_view stage) const;
  bool is_active() const { return !aliases.empty() || !stages.empty(); }
  /// Stages in MLflow's spelling. Errors: kInvalidArgument for what is no stage or no alias.
  static core::Result<ApprovalPolicy> checked(ApprovalPolicy policy);
};

enum class Decision : std::uint8_t { kApprove, kReject };

/// One decision about a version, from the audit trail.
struct DecisionEntry {
  Decision decision = Decision::kApprove;
  std::string actor;
  std::string reason;
  core::Micros time = 0;
  bool counts = true;   ///< false: withdrawn by what came later, or by who may not approve
  std::string why_not;  ///< why it does not count
};

/// Where a version stands. A rejection takes away all approvals before it; one person counts once;
/// approvals are of the files as they were (their digests are part of the evidence).
struct ApprovalState {
  std::int64_t needed = 0;               ///< 0: nothing is protected
  std::vector<std::string> approved_by;  ///< whose approval counts, oldest first
  std::vector<DecisionEntry> decisions;  ///< oldest first
  bool is_rejected = false;              ///< the last decision is a rejection

  bool is_approved() const {
    return !is_rejected && static_cast<std::int64_t>(approved_by.size()) >= needed;
  }
  /// "it needs 2 approvals and has 1 (of ann)", for people.
  std::string standing() const;
};

core::JsonObject to_json(const ApprovalState& state);

/// MLflow's spelling of a stage given in any case. Errors: kInvalidArgument in MLflow's words.
core::Result<std::string> canonical_stage(std::string_view stage);

}  // namespace tenure::tracking
