#include "app/approval_policy.h"

namespace tenure::app {

core::Result<tracking::ApprovalPolicy> approval_policy(const core::Config& config) {
  const core::Config section = config.at("tracking.approval");
  auto policy =
      tracking::ApprovalPolicy::checked({.aliases = section.list("aliases"),
                                         .stages = section.list("stages"),
                                         .approvals = section.integer("approvals"),
                                         .may_registrant_approve = section.boolean("by_registrant"),
                                         .approvers = section.list("approvers"),
                                         .champion_alias = config.text("serving.alias")});
  if (policy) return policy;
  return config.error_at("tracking.approval", policy.error().message);
}

}  // namespace tenure::app
