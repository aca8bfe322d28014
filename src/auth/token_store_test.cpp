#include "auth/token_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenure::auth {
namespace {

using core::ErrorCode;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class TokenStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    database_ = std::move(*storage::open_database("sqlite://:memory:", ""));
    store_ = std::make_unique<TokenStore>(*database_, clock_);
    ASSERT_TRUE(store_->prepare());
    ASSERT_TRUE(store_->prepare());  // again changes nothing
  }
  core::ManualClock clock_{1'000'000};
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<TokenStore> store_;
};

TEST_F(TokenStoreTest, KeepsEverythingButTheSecret) {
  const auto created = store_->create({.name = "ci@team",
                                       .role = core::Role::kOperator,
                                       .models = {"churn", "a \"b\""},
                                       .rate = 7,
                                       .lifetime = 60,
                                       .created_by = "me"});
  ASSERT_TRUE(created.has_value()) << created.error().message;
  EXPECT_THAT(created->secret, MatchesRegex("tnr_[0-9a-f]{8}_[0-9a-f]{32}"));
  EXPECT_THAT(created->secret, HasSubstr("tnr_" + created->token.id + "_"));
  EXPECT_EQ(created->token.digest, core::sha256(created->secret));
  EXPECT_EQ(created->token.expires, 1'000'060);
  const auto tokens = store_->list();
  ASSERT_TRUE(tokens.has_value());
  ASSERT_EQ(tokens->size(), 1U);
  EXPECT_EQ(tokens->front(), created->token);
  const std::string random = created->secret.substr(created->secret.rfind('_') + 1);
  const auto rows = database_->query("SELECT * FROM tenure_tokens");
  for (std::size_t i = 0; i < rows->front().size(); ++i) {
    if (i < 5) {
      EXPECT_THAT(rows->front().text(i), Not(HasSubstr(random)));
    }
  }
}

TEST_F(TokenStoreTest, MakesSecretsThatDiffer) {
  const auto a = store_->create({.name = "a"});
  const auto b = store_->create({.name = "b"});
  EXPECT_NE(a->secret, b->secret);
  EXPECT_NE(a->token.id, b->token.id);
}

TEST_F(TokenStoreTest, RevokesByNameOrIdOnce) {
  const auto a = store_->create({.name = "a"});
  clock_.advance(5);
  const auto b = store_->create({.name = "b"});
  auto revoked = store_->revoke("a", "boss");
  ASSERT_TRUE(revoked.has_value());
  EXPECT_EQ(revoked->revoked, 1'000'005);
  EXPECT_EQ(revoked->revoked_by, "boss");
  EXPECT_FALSE(revoked->is_usable(clock_.now()));
  ASSERT_TRUE(store_->revoke(b->token.id, "boss").has_value());
  EXPECT_EQ(store_->revoke("a", "boss").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->revoke("nobody", "boss").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->list()->front(), *revoked);
}

TEST_F(TokenStoreTest, GivesANameToOneUsableTokenAtATime) {
  ASSERT_TRUE(store_->create({.name = "a"}).has_value());
  const auto again = store_->create({.name = "a"});
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::kAlreadyExists);
  EXPECT_THAT(again.error().message, Not(HasSubstr("tnr_")));
  ASSERT_TRUE(store_->revoke("a", "me").has_value());
  EXPECT_TRUE(store_->create({.name = "a"}).has_value());
  EXPECT_EQ(store_->list()->size(), 2U);
}

TEST_F(TokenStoreTest, RefusesWhatIsNoToken) {
  const auto refused = [this](const TokenStore::Wanted& wanted) {
    const auto created = store_->create(wanted);
    return !created && created.error().code == ErrorCode::kInvalidArgument;
  };
  for (const std::string name : {"", "a b", "a\n", "../a", "\xC3\xBC", "a'; DROP TABLE x; --"})
    EXPECT_TRUE(refused({.name = name})) << name;
  EXPECT_TRUE(refused({.name = std::string(101, 'a')}));
  EXPECT_TRUE(refused({.name = "a", .role = core::Role::kAnyone}));
  EXPECT_TRUE(refused({.name = "a", .models = {""}}));
  EXPECT_TRUE(refused({.name = "a", .rate = -1}));
  EXPECT_TRUE(refused({.name = "a", .lifetime = -1}));
  EXPECT_TRUE(store_->list()->empty());
}

TEST_F(TokenStoreTest, NotesUseAndNeverMovesItBack) {
  const auto a = store_->create({.name = "a"});
  using Uses = std::vector<std::pair<std::string, core::Micros>>;
  ASSERT_TRUE(store_->note_used(Uses{{a->token.id, 50}, {"unknown", 60}}));
  ASSERT_TRUE(store_->note_used(Uses{{a->token.id, 40}}));
  EXPECT_EQ(store_->list()->front().last_used, 50);
}

TEST_F(TokenStoreTest, ReportsADamagedRow) {
  ASSERT_TRUE(store_->create({.name = "a"}).has_value());
  for (const char* change : {"digest = 'x'", "role = 'king'", "models = '{'", "models = '[1]'"}) {
    ASSERT_TRUE(database_->execute(std::string("UPDATE tenure_tokens SET ") + change));
    EXPECT_EQ(store_->list().error().code, ErrorCode::kCorruption) << change;
  }
}

}  // namespace
}  // namespace tenure::auth
