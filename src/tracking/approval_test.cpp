#include "tracking/approval.h"

#include <gtest/gtest.h>

#include "tracking/test_registry.h"

namespace tenure::tracking {
namespace {

class ApprovalTest : public ::testing::Test, protected RegistryWorld {
 protected:
  void SetUp() override {
    use_policy({.aliases = {"champion"}, .stages = {"Production"}, .approvals = 2});
    make_versions(3);  // registered by ann
  }
  core::Result<ApprovalState> approve(std::int64_t version, std::string actor) {
    return registry_->decide("m", version, Decision::kApprove, by(std::move(actor)));
  }
  core::Result<ApprovalState> reject(std::int64_t version, std::string actor) {
    return registry_->decide("m", version, Decision::kReject, by(std::move(actor), "worse"));
  }
  bool can_promote(std::int64_t version) {
    return registry_->set_alias("m", "champion", version, change_).has_value();
  }
};

TEST_F(ApprovalTest, AProtectedAliasAsksForSoManyPeople) {
  const auto refused = registry_->set_alias("m", "champion", 1, change_);
  EXPECT_EQ(refused.error().code, core::ErrorCode::kPermissionDenied);
  EXPECT_TRUE(refused.error().message.starts_with(
      "version 1 of 'm' may not get alias 'champion' yet: it needs 2 approvals and has none; "))
      << refused.error().message;
  EXPECT_FALSE(registry_->find_by_alias("m", "champion")->has_value());
  EXPECT_TRUE(registry_->set_alias("m", "candidate", 1, change_));

  EXPECT_FALSE(approve(1, "bob")->is_approved());
  EXPECT_FALSE(approve(1, "bob")->is_approved());  // the same person counts once
  EXPECT_NE(
      registry_->set_alias("m", "champion", 1, change_).error().message.find("has 1 (of bob)"),
      std::string::npos);
  const auto state = approve(1, "cat");
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_TRUE(state->is_approved());
  EXPECT_EQ(state->approved_by, (std::vector<std::string>{"bob", "cat"}));
  EXPECT_TRUE(can_promote(1));
  EXPECT_FALSE(can_promote(2));
}

TEST_F(ApprovalTest, AProtectedStageAsksToo) {
  const auto refused = registry_->set_stage("m", 1, "production", true, change_);
  EXPECT_EQ(refused.error().code, core::ErrorCode::kPermissionDenied);
  EXPECT_TRUE(registry_->set_stage("m", 1, "Staging", false, change_));
  ASSERT_TRUE(approve(1, "bob"));
  ASSERT_TRUE(approve(1, "cat"));
  EXPECT_TRUE(registry_->set_stage("m", 1, "Production", true, change_));
  // What is there already is no promotion.
  ASSERT_TRUE(reject(1, "dan"));
  EXPECT_TRUE(registry_->set_stage("m", 1, "Production", false, change_));
}

TEST_F(ApprovalTest, WhoRegisteredMayNotApproveButMayReject) {
  const auto refused = approve(1, "ann");
  EXPECT_EQ(refused.error().code, core::ErrorCode::kPermissionDenied);
  EXPECT_EQ(refused.error().message,
            "ann registered the version, so somebody else has to approve it");
  EXPECT_TRUE(reject(1, "ann")->is_rejected);
  use_policy({.aliases = {"champion"}, .approvals = 1, .may_registrant_approve = true});
  EXPECT_TRUE(approve(2, "ann")->is_approved());
  // Where the rule is stricter later, that approval counts no more.
  use_policy({.aliases = {"champion"}, .approvals = 1});
  EXPECT_FALSE(can_promote(2));
  EXPECT_FALSE(registry_->approval_of("m", 2)->decisions.front().counts);
}

TEST_F(ApprovalTest, WhoeverIsUnknownIsToldHowToApprove) {
  use_policy({.aliases = {"champion"}, .approvals = 1});
  const auto version =
      registry_->create_version("m", "s3://b/m", "run", {}, by(std::string(kUnknownActor)));
  ASSERT_TRUE(version) << version.error().message;
  const auto refused = approve(version->version, std::string(kUnknownActor));
  EXPECT_EQ(refused.error().code, core::ErrorCode::kPermissionDenied);
  for (const std::string way :
       {"`tenure models approve`", "tokens", "tracking.approval.by_registrant"})
    EXPECT_NE(refused.error().message.find(way), std::string::npos) << refused.error().message;
  // On the command line the login name is known.
  EXPECT_TRUE(approve(version->version, "ann")->is_approved());
  EXPECT_TRUE(can_promote(version->version));
}

TEST_F(ApprovalTest, OnlyApproversDecideWhereTheyAreNamed) {
  use_policy({.aliases = {"champion"}, .approvals = 1, .approvers = {"bob"}});
  EXPECT_EQ(approve(1, "cat").error().message, "cat is not among tracking.approval.approvers");
  EXPECT_FALSE(reject(1, "cat"));
  EXPECT_TRUE(approve(1, "bob")->is_approved());
  EXPECT_TRUE(can_promote(1));
}

TEST_F(ApprovalTest, ARejectionTakesEarlierApprovalsAway) {
  ASSERT_TRUE(approve(1, "bob"));
  ASSERT_TRUE(approve(1, "cat"));
  const auto state = reject(1, "dan");
  EXPECT_TRUE(state->is_rejected);
  EXPECT_EQ(state->standing(), "it was rejected by dan (worse)");
  EXPECT_EQ(state->decisions.front().why_not, "dan rejected the version later");
  EXPECT_FALSE(can_promote(1));
  ASSERT_TRUE(approve(1, "dan"));
  EXPECT_FALSE(can_promote(1));
  ASSERT_TRUE(approve(1, "bob"));
  EXPECT_TRUE(can_promote(1));
}

TEST_F(ApprovalTest, ApprovalsAreOfTheFilesThatWereThere) {
  ASSERT_TRUE(registry_->set_version_tag("m", 1, "tenure.sha256.model.ubj", "aa", change_));
  ASSERT_TRUE(approve(1, "bob"));
  ASSERT_TRUE(approve(1, "cat"));
  ASSERT_TRUE(registry_->set_version_tag("m", 1, "note", "harmless", change_));
  EXPECT_TRUE(registry_->approval_of("m", 1)->is_approved());
  ASSERT_TRUE(registry_->set_version_tag("m", 1, "tenure.sha256.model.ubj", "bb", change_));
  EXPECT_FALSE(can_promote(1));
  EXPECT_EQ(registry_->approval_of("m", 1)->decisions.front().why_not,
            "the version's files are said to be others now");
}

TEST_F(ApprovalTest, ApprovalsFollowARenamedModelButNotItsName) {
  ASSERT_TRUE(approve(1, "bob"));
  ASSERT_TRUE(approve(1, "cat"));
  ASSERT_TRUE(registry_->rename_model("m", "n", change_));
  EXPECT_TRUE(registry_->set_alias("n", "champion", 1, change_));
  make_versions(1);
  EXPECT_FALSE(can_promote(1));
  ASSERT_TRUE(registry_->remove_model("n", change_));
  make_versions(1, "n");
  EXPECT_EQ(registry_->set_alias("n", "champion", 1, change_).error().code,
            core::ErrorCode::kPermissionDenied);
}

TEST_F(ApprovalTest, RollingBackNeedsNoApprovalButPassesOverWhatWasRejected) {
  for (const std::int64_t version : {1, 2, 3}) {
    ASSERT_TRUE(approve(version, "bob"));
    ASSERT_TRUE(approve(version, "cat"));
    ASSERT_TRUE(can_promote(version));
  }
  ASSERT_TRUE(reject(2, "dan"));
  EXPECT_EQ(registry_->roll_back("m", "champion", by("dan"))->version, 1);
}

TEST_F(ApprovalTest, ADecisionNeedsAReasonAndAVersion) {
  EXPECT_EQ(registry_->decide("m", 1, Decision::kApprove, by("bob", " \n")).error().code,
            core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(approve(9, "bob").error().code, core::ErrorCode::kNotFound);
  EXPECT_TRUE(registry_->approval_of("m", 1)->decisions.empty());
}

TEST_F(ApprovalTest, WithoutAPolicyNothingIsAsked) {
  use_policy({});
  EXPECT_TRUE(can_promote(1));
  EXPECT_TRUE(registry_->approval_of("m", 1)->is_approved());
}

TEST(ApprovalPolicy, ReadsStagesInAnyCaseAndRefusesWhatCannotBe) {
  EXPECT_EQ(ApprovalPolicy::checked({.stages = {"PRODUCTION"}})->stages.front(), "Production");
  EXPECT_FALSE(ApprovalPolicy::checked({.stages = {"Live"}}));
  EXPECT_FALSE(ApprovalPolicy::checked({.aliases = {"latest"}}));
  EXPECT_FALSE(ApprovalPolicy::checked(
      {.aliases = {"champion"}, .approvals = 2, .approvers = {"only one"}}));
}

}  // namespace
}  // namespace tenure::tracking
