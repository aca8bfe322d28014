#include "auth/jwt.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "auth/guard.h"
#include "auth/testing/jwt_examples.h"

namespace tenure::auth {
namespace {

using core::Role;

constexpr core::Micros kNow = 1'800'000'000'000'000;
constexpr core::Micros kEnd = 2'000'000'000'000'000;

JwtOptions options_of(core::Micros leeway = 30'000'000) {
  JwtOptions options;
  options.issuer = "https://id.example";
  options.audience = "tenure";
  options.leeway = leeway;
  return options;
}

std::string jwks_of(std::initializer_list<std::string_view> keys) {
  return fmt::format(R"({{"keys":[{}]}})", fmt::join(keys, ","));
}

std::string all_keys() {
  return jwks_of({testing::kRsaKey, testing::kEcKey, testing::kEdKey});
}

std::shared_ptr<const JwtVerifier> verifier_of(const std::string& jwks = all_keys()) {
  auto verifier = JwtVerifier::make(jwks, options_of());
  EXPECT_TRUE(verifier.has_value()) << verifier.error().message;
  return *std::move(verifier);
}

TEST(JwtVerifier, AcceptsWhatEachKindOfKeySigned) {
  const auto verifier = verifier_of();
  for (const std::string_view jwt :
       {testing::kRs256, testing::kEs256, testing::kEdDsa, testing::kWithoutKeyId}) {
    const auto token = verifier->verify(jwt, kNow);
    ASSERT_TRUE(token.has_value()) << token.error().message;
    EXPECT_EQ(token->name, "jwt:alice");
    EXPECT_EQ(token->role, Role::kOperator);
    EXPECT_EQ(token->models, std::vector<std::string>{"churn"});
    EXPECT_EQ(token->expires, kEnd + 30'000'000);
    EXPECT_EQ(token->digest, core::sha256(jwt));
  }
}

TEST(JwtVerifier, ReadsClaimsThatAreTextsAndMissesTheRole) {
  const auto verifier = verifier_of();
  const auto token = verifier->verify(testing::kTextClaims, kNow);
  ASSERT_TRUE(token.has_value()) << token.error().message;
  EXPECT_EQ(token->role, Role::kAdmin);
  EXPECT_TRUE(token->models.empty());
  EXPECT_EQ(verifier->verify(testing::kWithoutRole, kNow)->role, Role::kAnyone);
  EXPECT_EQ(verifier->verify(testing::kUnknownRole, kNow)->role, Role::kAnyone);
}

TEST(JwtVerifier, RefusesWhatIsWrongInOneWay) {
  const auto verifier = verifier_of();
  for (const auto& [what, jwt] : testing::kWrong) {
    const auto token = verifier->verify(jwt, kNow);
    ASSERT_FALSE(token.has_value()) << what;
    EXPECT_EQ(token.error().code, core::ErrorCode::kUnauthenticated) << what;
  }
}

TEST(JwtVerifier, KeepsToTheEndAndItsLeeway) {
  const auto verifier = verifier_of();
  EXPECT_TRUE(verifier->verify(testing::kEdDsa, kEnd + 29'999'999).has_value());
  EXPECT_FALSE(verifier->verify(testing::kEdDsa, kEnd + 30'000'000).has_value());
}

TEST(JwtVerifier, RefusesEveryChangedByte) {
  const auto verifier = verifier_of(jwks_of({testing::kEdKey}));
  const std::string good(testing::kEdDsa);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verifier->verify(changed, kNow).has_value()) << i;
  }
  for (const std::string& other :
       {good + "A", good + "=", good + ".", "." + good, " " + good,
        good.substr(0, good.rfind('.') + 1), std::string(".."), good + std::string(10'000, 'A')})
    EXPECT_FALSE(verifier->verify(other, kNow).has_value()) << other;
}

TEST(JwtVerifier, RefusesASignatureOfAKeyThatIsGone) {
  const auto verifier = verifier_of(jwks_of({testing::kEcKey}));
  EXPECT_TRUE(verifier->verify(testing::kEs256, kNow).has_value());
  EXPECT_FALSE(verifier->verify(testing::kEdDsa, kNow).has_value());
}

TEST(JwtVerifier, RefusesWhatIsNoKeySet) {
  const std::string bad_point =
      R"({"kty":"EC","kid":"e","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"})";
  const std::string short_rsa = R"({"kty":"RSA","kid":"r","n":"AQAB","e":"AQAB"})";
  for (const std::string& jwks :
       {std::string(""), std::string("{}"), std::string("[]"), std::string(R"({"keys":{}})"),
        std::string(R"({"keys":[]})"), std::string(R"({"keys":[1]})"), jwks_of({bad_point}),
        jwks_of({short_rsa}), jwks_of({R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})"}),
        jwks_of({R"({"kty":"OKP","crv":"Ed25519","x":"!"})"}),
        jwks_of({R"({"kty":"oct","k":"c2VjcmV0"})"})})
    EXPECT_FALSE(JwtVerifier::make(jwks, options_of()).has_value()) << jwks;
  // A key for something else beside a good one is passed over.
  EXPECT_TRUE(
      JwtVerifier::make(jwks_of({R"({"kty":"oct","k":"c2VjcmV0"})", testing::kEdKey}), options_of())
          .has_value());
}

TEST(JwtVerifier, WantsAnIssuerAnAudienceAndASmallLeeway) {
  JwtOptions options = options_of();
  options.issuer = "";
  EXPECT_FALSE(JwtVerifier::make(all_keys(), options).has_value());
  options = options_of();
  options.audience = "";
  EXPECT_FALSE(JwtVerifier::make(all_keys(), options).has_value());
  EXPECT_FALSE(JwtVerifier::make(all_keys(), options_of(60'000'001)).has_value());
}

RC_GTEST_PROP(JwtVerifier, RefusesAnyBytes, (const std::string& bytes)) {
  static const auto verifier = verifier_of();
  RC_ASSERT(!verifier->verify(bytes, kNow).has_value());
  RC_ASSERT(!verifier->verify(bytes + "." + bytes + "." + bytes, kNow).has_value());
}

TEST(GuardWithJwt, AcceptsAVerifiedOneUntilItEndsOrItsKeyGoes) {
  core::ManualClock clock(kNow);
  core::MetricRegistry metrics;
  Guard guard({.is_enabled = true, .per_token = {.requests = 3, .window = 60'000'000}}, clock,
              metrics);
  const auto ask = [&](std::string_view jwt, Role needed, std::string_view model = "churn") {
    return guard.check({.credentials = {.authorization = "", .api_key = jwt, .remote = ""},
                        .needed = needed,
                        .model = model});
  };
  EXPECT_EQ(ask(testing::kEdDsa, Role::kViewer).outcome, Verdict::Outcome::kInvalidToken);
  guard.set_jwt(verifier_of());
  const Verdict verdict = ask(testing::kEdDsa, Role::kOperator);
  EXPECT_TRUE(verdict.is_allowed());
  EXPECT_EQ(verdict.principal, "jwt:alice");
  EXPECT_EQ(ask(testing::kEdDsa, Role::kAdmin).outcome, Verdict::Outcome::kRoleTooLow);
  EXPECT_EQ(ask(testing::kRs256, Role::kViewer, "other").outcome, Verdict::Outcome::kOtherModel);
  // Three requests of one subject, whichever JWT it shows.
  EXPECT_EQ(ask(testing::kEs256, Role::kViewer).outcome, Verdict::Outcome::kTooMany);
  EXPECT_EQ(ask(testing::kWithoutRole, Role::kViewer).outcome, Verdict::Outcome::kTooMany);
  clock.advance(60'000'000);
  EXPECT_EQ(ask(testing::kWithoutRole, Role::kViewer).outcome, Verdict::Outcome::kRoleTooLow);
  guard.set_tokens({});
  EXPECT_TRUE(ask(testing::kEdDsa, Role::kViewer).is_allowed());
  guard.set_jwt(verifier_of(jwks_of({testing::kEcKey})));
  EXPECT_EQ(ask(testing::kEdDsa, Role::kViewer).outcome, Verdict::Outcome::kInvalidToken);
  EXPECT_TRUE(ask(testing::kEs256, Role::kViewer).is_allowed());
  clock.set(kEnd + 30'000'000);
  EXPECT_EQ(ask(testing::kEs256, Role::kViewer).outcome, Verdict::Outcome::kInvalidToken);
}

TEST(GuardWithJwt, ChecksFewSignaturesForWhoShowsBadOnes) {
  core::ManualClock clock(kNow);
  core::MetricRegistry metrics;
  Guard guard({.is_enabled = true}, clock, metrics);
  guard.set_jwt(verifier_of());
  const auto ask = [&](std::string_view jwt, std::string_view remote) {
    return guard
        .check({.credentials = {.authorization = "", .api_key = jwt, .remote = remote},
                .needed = Role::kViewer,
                .model = "churn"})
        .outcome;
  };
  constexpr std::string_view kBad = "10.0.0.1:5000", kOther = "10.0.0.2:5000";
  EXPECT_EQ(ask(testing::kEdDsa, kBad), Verdict::Outcome::kAllowed);
  // The same bad one again and again is remembered and costs nothing.
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(ask("a.b.c", kBad), Verdict::Outcome::kInvalidToken);
  const auto bad = [](int i) { return "a.b." + std::to_string(i); };
  int refused = 0;
  for (int i = 0; i < 1000; ++i) refused += ask(bad(i), kBad) == Verdict::Outcome::kTooMany ? 1 : 0;
  EXPECT_EQ(refused, 901);
  EXPECT_EQ(ask(testing::kEs256, kBad), Verdict::Outcome::kTooMany) << "it would be checked, too";
  EXPECT_EQ(ask(testing::kEdDsa, kBad), Verdict::Outcome::kAllowed) << "this one is known";
  EXPECT_EQ(ask(testing::kEs256, kOther), Verdict::Outcome::kAllowed);
  clock.advance(core::kMicrosPerSecond);
  EXPECT_EQ(ask(testing::kRs256, kBad), Verdict::Outcome::kAllowed);
  // Good ones do not count.
  for (int i = 0; i < 500; ++i) {
    guard.set_jwt(verifier_of());  // forgets
    ASSERT_EQ(ask(testing::kEdDsa, kOther), Verdict::Outcome::kAllowed);
  }
}

}  // namespace
}  // namespace tenure::auth
