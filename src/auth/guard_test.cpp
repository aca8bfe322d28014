#include "auth/guard.h"

#include <gtest/gtest.h>

#include "auth/token_watcher.h"

namespace tenure::auth {
namespace {

using core::Role;
using Outcome = Verdict::Outcome;

Token token_of(const std::string& secret, Role role) {
  Token token;
  token.id = secret.substr(0, 8);
  token.name = "name-of-" + secret;
  token.digest = core::sha256(secret);
  token.role = role;
  return token;
}

class GuardTest : public testing::Test {
 protected:
  static Verdict ask(Guard& guard, std::string_view secret, Role needed,
                     std::string_view model = "") {
    const std::string header = secret.empty() ? "" : "Bearer " + std::string(secret);
    return guard.check(
        {.credentials = {.authorization = header, .api_key = "", .remote = "10.0.0.1:1"},
         .needed = needed,
         .model = model});
  }
  core::ManualClock clock_{1'000'000'000};
  core::MetricRegistry metrics_;
};

TEST_F(GuardTest, AsksForATokenThenForItsRole) {
  Guard guard(GuardOptions{.is_enabled = true}, clock_, metrics_);
  guard.set_tokens(
      {token_of("v", Role::kViewer), token_of("o", Role::kOperator), token_of("a", Role::kAdmin)});
  struct Case {
    const char* secret;
    Outcome anyone, viewer, operator_, admin;
  };
  const Outcome yes = Outcome::kAllowed;
  const Outcome low = Outcome::kRoleTooLow;
  const Outcome none = Outcome::kNoToken;
  const Outcome wrong = Outcome::kInvalidToken;
  for (const Case& one : {Case{"", yes, none, none, none}, Case{"x", yes, wrong, wrong, wrong},
                          Case{"v", yes, yes, low, low}, Case{"o", yes, yes, yes, low},
                          Case{"a", yes, yes, yes, yes}}) {
    EXPECT_EQ(ask(guard, one.secret, Role::kAnyone).outcome, one.anyone) << one.secret;
    EXPECT_EQ(ask(guard, one.secret, Role::kViewer).outcome, one.viewer) << one.secret;
    EXPECT_EQ(ask(guard, one.secret, Role::kOperator).outcome, one.operator_) << one.secret;
    EXPECT_EQ(ask(guard, one.secret, Role::kAdmin).outcome, one.admin) << one.secret;
  }
  EXPECT_EQ(ask(guard, "v", Role::kViewer).principal, "name-of-v");
  EXPECT_EQ(ask(guard, "v", Role::kAnyone).principal, "") << "nobody asked";
}

TEST_F(GuardTest, AllowsEverythingWhenItIsOff) {
  Guard guard(GuardOptions{}, clock_, metrics_);
  EXPECT_FALSE(guard.is_needed());
  EXPECT_TRUE(ask(guard, "", Role::kAdmin).is_allowed());
  EXPECT_TRUE(ask(guard, "x", Role::kAdmin).is_allowed());
}

TEST_F(GuardTest, ForgetsRevokedAndExpiredTokens) {
  Guard guard(GuardOptions{.is_enabled = true}, clock_, metrics_);
  Token token = token_of("t", Role::kViewer);
  token.expires = clock_.now() + 10;
  guard.set_tokens({token});
  EXPECT_TRUE(ask(guard, "t", Role::kViewer).is_allowed());
  clock_.advance(10);
  EXPECT_EQ(ask(guard, "t", Role::kViewer).outcome, Outcome::kInvalidToken);
  token.expires = 0;
  guard.set_tokens({token});
  EXPECT_TRUE(ask(guard, "t", Role::kViewer).is_allowed());
  token.revoked = clock_.now();
  guard.set_tokens({token});
  EXPECT_EQ(ask(guard, "t", Role::kViewer).outcome, Outcome::kInvalidToken);
}

TEST_F(GuardTest, KeepsATokenToItsModels) {
  Guard guard(GuardOptions{.is_enabled = true}, clock_, metrics_);
  Token token = token_of("t", Role::kAdmin);
  token.models = {"churn", "ltv"};
  guard.set_tokens({token});
  EXPECT_TRUE(ask(guard, "t", Role::kViewer, "ltv").is_allowed());
  EXPECT_TRUE(ask(guard, "t", Role::kViewer, "").is_allowed());
  EXPECT_EQ(ask(guard, "t", Role::kViewer, "fraud").outcome, Outcome::kOtherModel);
  EXPECT_EQ(ask(guard, "t", Role::kViewer, "chur").outcome, Outcome::kOtherModel);
}

TEST_F(GuardTest, LimitsEachTokenByItsOwnRateOrTheCommonOne) {
  Guard guard(GuardOptions{.is_enabled = true, .per_token = {.requests = 2, .window = 60'000'000}},
              clock_, metrics_);
  Token own = token_of("own", Role::kViewer);
  own.rate = 3;
  guard.set_tokens({token_of("a", Role::kViewer), own});
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(ask(guard, "a", Role::kViewer).is_allowed());
  const Verdict refused = ask(guard, "a", Role::kViewer);
  EXPECT_EQ(refused.outcome, Outcome::kTooMany);
  EXPECT_EQ(refused.rate.retry_after_s, 30);
  EXPECT_EQ(refused.principal, "name-of-a");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ask(guard, "own", Role::kViewer).is_allowed());
  EXPECT_EQ(ask(guard, "own", Role::kViewer).outcome, Outcome::kTooMany);
  EXPECT_TRUE(ask(guard, "a", Role::kAnyone).is_allowed()) << "what needs no role is not limited";
  // A change of other tokens does not fill the bucket.
  guard.set_tokens({token_of("a", Role::kViewer), own, token_of("b", Role::kViewer)});
  EXPECT_EQ(ask(guard, "a", Role::kViewer).outcome, Outcome::kTooMany);
  clock_.advance(30'000'000);
  EXPECT_TRUE(ask(guard, "a", Role::kViewer).is_allowed());
}

TEST_F(GuardTest, LimitsAddressesWithoutATokenAlsoWhenTheyGuess) {
  Guard guard(GuardOptions{.is_enabled = true, .anonymous = {.requests = 3, .window = 60'000'000}},
              clock_, metrics_);
  guard.set_tokens({token_of("a", Role::kViewer)});
  EXPECT_EQ(ask(guard, "", Role::kViewer).outcome, Outcome::kNoToken);
  EXPECT_EQ(ask(guard, "guess", Role::kViewer).outcome, Outcome::kInvalidToken);
  EXPECT_EQ(ask(guard, "guess", Role::kViewer).outcome, Outcome::kInvalidToken);
  EXPECT_EQ(ask(guard, "guess", Role::kViewer).outcome, Outcome::kTooMany);
  EXPECT_TRUE(ask(guard, "a", Role::kViewer).is_allowed());
}

TEST_F(GuardTest, AsksAheadWithoutTakingFromTheRate) {
  Guard guard({.is_enabled = true,
               .per_token = {.requests = 1, .window = 60'000'000},
               .anonymous = {.requests = 2, .window = 60'000'000}},
              clock_, metrics_);
  guard.set_tokens({token_of("a", Role::kViewer)});
  const auto ask_ahead = [&guard](std::string_view secret, Role needed) {
    return guard
        .check({.credentials = {.authorization = "", .api_key = secret, .remote = "10.0.0.1:1"},
                .needed = needed,
                .model = "",
                .is_ahead = true})
        .outcome;
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask_ahead("a", Role::kViewer), Outcome::kAllowed);
  EXPECT_EQ(ask_ahead("a", Role::kAdmin), Outcome::kRoleTooLow);
  EXPECT_EQ(ask_ahead("", Role::kViewer), Outcome::kNoToken);
  EXPECT_EQ(ask_ahead("x", Role::kViewer), Outcome::kInvalidToken);
  EXPECT_EQ(ask_ahead("x", Role::kViewer), Outcome::kTooMany);
  EXPECT_TRUE(ask(guard, "a", Role::kViewer).is_allowed());
  EXPECT_EQ(ask(guard, "a", Role::kViewer).outcome, Outcome::kTooMany);
  EXPECT_EQ(ask_ahead("a", Role::kViewer), Outcome::kTooMany) << "its body need not be read";
  clock_.advance(60'000'000);
  EXPECT_EQ(ask_ahead("a", Role::kViewer), Outcome::kAllowed);
  EXPECT_TRUE(ask(guard, "a", Role::kViewer).is_allowed()) << "to look takes nothing";
}

TEST_F(GuardTest, LooksAheadAtTheRateOfAnAddressToo) {
  Guard guard(GuardOptions{.anonymous = {.requests = 1, .window = 60'000'000}}, clock_, metrics_);
  const auto ask_again = [&guard](bool is_ahead, bool is_again) {
    return guard
        .check({.credentials = {.authorization = "", .api_key = "", .remote = "10.0.0.1:1"},
                .needed = Role::kViewer,
                .model = "",
                .is_ahead = is_ahead,
                .is_again = is_again})
        .outcome;
  };
  EXPECT_EQ(ask_again(true, false), Outcome::kAllowed);
  EXPECT_EQ(ask_again(true, false), Outcome::kAllowed) << "to look takes nothing";
  EXPECT_EQ(ask_again(false, false), Outcome::kAllowed);
  EXPECT_EQ(ask_again(true, false), Outcome::kTooMany);
  EXPECT_EQ(ask_again(false, true), Outcome::kAllowed) << "what was let in is of no rate any more";
  EXPECT_EQ(ask_again(false, false), Outcome::kTooMany);
}

TEST_F(GuardTest, TellsTokensOfOneNameApart) {
  Guard guard(GuardOptions{.is_enabled = true}, clock_, metrics_);
  Token old_one = token_of("first-secret", Role::kViewer);
  Token new_one = token_of("other-secret", Role::kViewer);
  new_one.name = old_one.name;
  guard.set_tokens({old_one, new_one});
  EXPECT_EQ(ask(guard, "first-secret", Role::kViewer).principal_id, old_one.id);
  EXPECT_EQ(ask(guard, "other-secret", Role::kViewer).principal_id, new_one.id);
}

TEST_F(GuardTest, KnowsWhoMaySeeMoreWithoutLimitingAnything) {
  Guard guard(GuardOptions{.is_enabled = true,
                           .per_token = {.requests = 1, .window = 60'000'000},
                           .anonymous = {.requests = 1, .window = 60'000'000}},
              clock_, metrics_);
  Token scoped = token_of("scoped", Role::kViewer);
  scoped.models = {"other"};
  guard.set_tokens({token_of("v", Role::kViewer), scoped});
  const auto is_known = [&guard](std::string_view secret) {
    return guard.is_known(
        {.credentials = {.authorization = "", .api_key = secret, .remote = "10.0.0.1:1"},
         .needed = Role::kViewer,
         .model = "churn"});
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(is_known("v"));
    EXPECT_FALSE(is_known("x"));
    EXPECT_FALSE(is_known(""));
    EXPECT_FALSE(is_known("scoped"));
  }
  EXPECT_TRUE(ask(guard, "v", Role::kViewer).is_allowed());
  Guard off(GuardOptions{}, clock_, metrics_);
  EXPECT_TRUE(off.is_known({.credentials = {}, .needed = Role::kViewer, .model = ""}));
}

TEST_F(GuardTest, LimitsAddressesWithoutAnyTokens) {
  Guard guard(GuardOptions{.anonymous = {.requests = 1, .window = 60'000'000}}, clock_, metrics_);
  EXPECT_TRUE(guard.is_needed());
  EXPECT_TRUE(ask(guard, "", Role::kViewer).is_allowed());
  EXPECT_EQ(ask(guard, "", Role::kViewer).outcome, Outcome::kTooMany);
}

TEST_F(GuardTest, FindsEachOfManyTokens) {
  Guard guard(GuardOptions{.is_enabled = true}, clock_, metrics_);
  std::vector<Token> tokens;
  for (int i = 0; i < 1000; ++i)
    tokens.push_back(token_of("secret" + std::to_string(i), Role::kViewer));
  guard.set_tokens(tokens);
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(ask(guard, "secret" + std::to_string(i), Role::kViewer).principal,
              "name-of-secret" + std::to_string(i));
  EXPECT_EQ(ask(guard, "secret1000", Role::kViewer).outcome, Outcome::kInvalidToken);
}

TEST_F(GuardTest, CountsOutcomes) {
  Guard guard(GuardOptions{.is_enabled = true}, clock_, metrics_);
  guard.set_tokens({token_of("v", Role::kViewer)});
  ask(guard, "v", Role::kViewer);
  ask(guard, "v", Role::kAdmin);
  ask(guard, "", Role::kAdmin);
  const std::string text = metrics_.prometheus_text();
  for (const char* line : {"{outcome=\"allowed\"} 1", "{outcome=\"forbidden\"} 1",
                           "{outcome=\"no_token\"} 1", "{outcome=\"invalid_token\"} 0"})
    EXPECT_NE(text.find(line), std::string::npos) << line;
}

TEST_F(GuardTest, FollowsTheDatabaseAndNotesUse) {
  const auto database = std::move(*storage::open_database("sqlite://:memory:", ""));
  TokenStore store(*database, clock_);
  ASSERT_TRUE(store.prepare());
  Guard guard(GuardOptions{.is_enabled = true}, clock_, metrics_);
  TokenWatcher::Options options;
  options.fixed.push_back(token_of("fixed", Role::kAdmin));
  TokenWatcher watcher(options, store, guard);
  ASSERT_TRUE(watcher.check_now());
  EXPECT_TRUE(ask(guard, "fixed", Role::kAdmin).is_allowed());
  const auto created = store.create({.name = "a"});
  EXPECT_FALSE(ask(guard, created->secret, Role::kViewer).is_allowed());
  ASSERT_TRUE(watcher.check_now());
  EXPECT_TRUE(ask(guard, created->secret, Role::kViewer).is_allowed());
  ASSERT_TRUE(watcher.note_uses());
  EXPECT_EQ(store.list()->front().last_used, clock_.now());
  const auto table = guard.tokens();
  ASSERT_TRUE(watcher.check_now());
  EXPECT_EQ(guard.tokens(), table) << "notes of use are no change";
  ASSERT_TRUE(store.revoke("a", "me").has_value());
  ASSERT_TRUE(watcher.check_now());
  EXPECT_EQ(ask(guard, created->secret, Role::kViewer).outcome, Outcome::kInvalidToken);
}

TEST_F(GuardTest, KeepsTheTokensWhenTheDatabaseFails) {
  const auto database = std::move(*storage::open_database("sqlite://:memory:", ""));
  TokenStore store(*database, clock_);
  ASSERT_TRUE(store.prepare());
  Guard guard(GuardOptions{.is_enabled = true}, clock_, metrics_);
  TokenWatcher watcher({}, store, guard);
  const auto created = store.create({.name = "a"});
  ASSERT_TRUE(watcher.check_now());
  ASSERT_TRUE(database->execute("UPDATE tenure_tokens SET role = 'king'"));
  EXPECT_FALSE(watcher.check_now());
  EXPECT_TRUE(ask(guard, created->secret, Role::kViewer).is_allowed());
}

}  // namespace
}  // namespace tenure::auth
