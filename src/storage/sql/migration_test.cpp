#include "storage/sql/migration.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace tenure::storage {
namespace {

constexpr Migration kFirst{1, "a table", "CREATE TABLE t (a INTEGER);"};
constexpr Migration kSecond{2, "two rows", "INSERT INTO t VALUES (1);\n INSERT INTO t VALUES (2);"};

class MigrationTest : public ::testing::Test {
 protected:
  void SetUp() override { database_ = std::move(*open_database("sqlite://:memory:", "")); }
  std::int64_t number(std::string_view sql) { return database_->query(sql)->front().integer(0); }
  std::unique_ptr<Database> database_;
};

TEST_F(MigrationTest, AppliesEachStepOnceInOrder) {
  const auto one = std::to_array({kFirst});
  const auto two = std::to_array({kFirst, kSecond});
  ASSERT_TRUE(migrate(*database_, "demo", one, 10));
  ASSERT_TRUE(migrate(*database_, "demo", two, 20));
  ASSERT_TRUE(migrate(*database_, "demo", two, 30));
  EXPECT_EQ(number("SELECT COUNT(*) FROM t"), 2);
  auto rows = database_->query(
      "SELECT component, version, description, applied_at FROM tenure_schema ORDER BY version");
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[1].text(0), "demo");
  EXPECT_EQ((*rows)[1].integer(1), 2);
  EXPECT_EQ((*rows)[1].text(2), "two rows");
  EXPECT_EQ((*rows)[1].integer(3), 20);
}

TEST_F(MigrationTest, KeepsComponentsApart) {
  ASSERT_TRUE(migrate(*database_, "one", std::to_array({kFirst}), 0));
  constexpr Migration kOther{1, "other", "CREATE TABLE u (a INTEGER);"};
  ASSERT_TRUE(migrate(*database_, "two", std::to_array({kOther}), 0));
  EXPECT_EQ(number("SELECT COUNT(*) FROM tenure_schema"), 2);
}

TEST_F(MigrationTest, ANewerDatabaseIsAConflict) {
  ASSERT_TRUE(migrate(*database_, "demo", std::to_array({kFirst, kSecond}), 0));
  auto older = migrate(*database_, "demo", std::to_array({kFirst}), 0);
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, core::ErrorCode::kConflict);
  EXPECT_NE(older.error().message.find("version 2"), std::string::npos) << older.error().message;
}

TEST_F(MigrationTest, AFailedStepLeavesNothingAndIsNamed) {
  constexpr Migration kBroken{2, "broken",
                              "INSERT INTO t VALUES (1); INSERT INTO nowhere VALUES (1);"};
  auto result = migrate(*database_, "demo", std::to_array({kFirst, kBroken}), 0);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("migration demo 2 (broken)"), std::string::npos)
      << result.error().message;
  EXPECT_EQ(number("SELECT COUNT(*) FROM t"), 0);
  EXPECT_EQ(number("SELECT MAX(version) FROM tenure_schema"), 1);
}

}  // namespace
}  // namespace tenure::storage
