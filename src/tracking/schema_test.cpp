#include "tracking/schema.h"

#include <gtest/gtest.h>

#include "storage/testing/child_process.h"
#include "storage/testing/temporary_folder.h"
#include "tracking/experiments.h"
#include "tracking/testing/mlflow3_tables.h"

namespace tenure::tracking {
namespace {

using storage::testing::ChildProcess;
using storage::testing::TemporaryFolder;

class SchemaTest : public ::testing::Test {
 protected:
  void SetUp() override { database_ = std::move(*storage::open_database("sqlite://:memory:", "")); }
  std::int64_t number(std::string_view sql) { return database_->query(sql)->front().integer(0); }
  void run(std::string_view sql) {
    auto done = database_->execute(sql);
    ASSERT_TRUE(done) << done.error().message;
  }
  std::string revision() {
    return database_->query("SELECT version_num FROM alembic_version")->front().text(0);
  }
  std::unique_ptr<storage::Database> database_;
};

TEST_F(SchemaTest, MakesTheTablesOfMlflow222AndOurOwn) {
  ASSERT_TRUE(prepare_schema(*database_, 5));
  EXPECT_EQ(revision(), "0584bdc529eb");
  EXPECT_EQ(number("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE "
                   "'tenure%' AND name NOT LIKE 'sqlite%'"),
            19);
  EXPECT_EQ(number("SELECT COUNT(*) FROM sqlite_master WHERE type = 'index' AND name LIKE "
                   "'index_%' AND name NOT LIKE '%tenure%'"),
            11);
  EXPECT_EQ(number("SELECT COUNT(*) FROM tenure_audit"), 0);
}

TEST_F(SchemaTest, PreparesOnce) {
  ASSERT_TRUE(prepare_schema(*database_, 5));
  ASSERT_TRUE(prepare_schema(*database_, 6));
  EXPECT_EQ(number("SELECT COUNT(*) FROM alembic_version"), 1);
  EXPECT_EQ(number("SELECT MAX(applied_at) FROM tenure_schema WHERE component = 'tracking'"), 5);
}

TEST_F(SchemaTest, AnOlderRevisionIsAConflictThatNamesTheCommand) {
  for (const std::string& statement : mlflow_schema("sqlite")) run(statement);
  run("INSERT INTO alembic_version VALUES ('4465047574b1')");
  auto prepared = prepare_schema(*database_, 5);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, core::ErrorCode::kConflict);
  EXPECT_NE(prepared.error().message.find("mlflow db upgrade"), std::string::npos);
  EXPECT_NE(prepared.error().message.find("4465047574b1"), std::string::npos);
  EXPECT_EQ(number("SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'tenure%'"), 0);
}

TEST_F(SchemaTest, ANewerRevisionIsOpenedAndItsStampStays) {
  for (const std::string& statement : mlflow_schema("sqlite")) run(statement);
  run("INSERT INTO alembic_version VALUES ('ffffffffffff')");
  for (const std::string_view statement : testing::kMlflow3Changes) run(statement);
  ASSERT_TRUE(prepare_schema(*database_, 5));
  EXPECT_EQ(revision(), "ffffffffffff");
  run("INSERT INTO experiments (name, workspace) VALUES ('theirs', 'team-b')");
  EXPECT_EQ(prepare_schema(*database_, 5).error().code, core::ErrorCode::kConflict);
}

TEST_F(SchemaTest, InspectingTellsTheStateAndChangesNothing) {
  const auto tables = [&] { return number("SELECT COUNT(*) FROM sqlite_master"); };
  EXPECT_EQ(inspect_schema(*database_).value(), SchemaState::kAbsent);
  EXPECT_EQ(tables(), 0);
  for (const std::string& statement : mlflow_schema("sqlite")) run(statement);
  run("INSERT INTO alembic_version VALUES ('0584bdc529eb')");
  const std::int64_t theirs = tables();
  EXPECT_EQ(inspect_schema(*database_).value(), SchemaState::kIncomplete);
  EXPECT_EQ(tables(), theirs);
  ASSERT_TRUE(prepare_schema(*database_, 5));
  EXPECT_EQ(inspect_schema(*database_).value(), SchemaState::kPrepared);
  run("UPDATE alembic_version SET version_num = '4465047574b1'");
  EXPECT_EQ(inspect_schema(*database_).error().code, core::ErrorCode::kConflict);
}

TEST_F(SchemaTest, AnUpgradeByMlflowIsIncompleteUntilPrepared) {
  ASSERT_TRUE(prepare_schema(*database_, 5));
  EXPECT_EQ(number("SELECT COUNT(*) FROM sqlite_master WHERE name = "
                   "'index_tenure_metrics_run_key_step'"),
            1);
  for (const std::string_view statement : testing::kMlflow3Changes) run(statement);
  EXPECT_EQ(inspect_schema(*database_).value(), SchemaState::kIncomplete);
  ASSERT_TRUE(prepare_schema(*database_, 6));
  EXPECT_EQ(inspect_schema(*database_).value(), SchemaState::kPrepared);
  // MLflow has an index of its own now.
  EXPECT_EQ(number("SELECT COUNT(*) FROM sqlite_master WHERE name = "
                   "'index_tenure_metrics_run_key_step'"),
            0);
}

TEST_F(SchemaTest, AnIndexThatAMigrationLostIsMadeAgain) {
  ASSERT_TRUE(prepare_schema(*database_, 5));
  auto indexes = database_->query(
      "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'index_tenure_%' AND "
      "tbl_name NOT LIKE 'tenure_%'");
  ASSERT_EQ(indexes->size(), 11U);
  for (const storage::SqlRow& row : *indexes) {
    const std::string index = row.text(0);
    run("DROP INDEX " + index);
    EXPECT_EQ(inspect_schema(*database_).value(), SchemaState::kIncomplete) << index;
    ASSERT_TRUE(prepare_schema(*database_, 6));
    EXPECT_EQ(inspect_schema(*database_).value(), SchemaState::kPrepared) << index;
  }
}

TEST_F(SchemaTest, ATableOfAnotherProgramIsAConflict) {
  run("CREATE TABLE experiments (id INTEGER)");
  EXPECT_EQ(inspect_schema(*database_).error().code, core::ErrorCode::kConflict);
  EXPECT_EQ(prepare_schema(*database_, 5).error().code, core::ErrorCode::kConflict);
}

TEST(Schema, PostgresqlDiffersOnlyInTypesOfItsOwn) {
  const auto sqlite = mlflow_schema("sqlite");
  const auto postgresql = mlflow_schema("postgresql");
  ASSERT_EQ(sqlite.size(), postgresql.size());
  int differing = 0;
  for (std::size_t i = 0; i < sqlite.size(); ++i) {
    EXPECT_EQ(postgresql[i].find('{'), std::string::npos) << postgresql[i];
    differing += sqlite[i] == postgresql[i] ? 0 : 1;
  }
  EXPECT_EQ(differing, 3);  // experiments, metrics, latest_metrics
}

TEST(Schema, SeveralProcessesPrepareOneDatabase) {
  const TemporaryFolder folder;
  const auto body = [&](const ChildProcess::Reporter&) -> int {
    auto database = storage::open_database("sqlite:///x.db", folder.path().string());
    if (!database) return 1;
    return prepare_schema(**database, 1) ? 0 : 2;
  };
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < 4; ++i) children.push_back(std::make_unique<ChildProcess>(body));
  for (auto& child : children) EXPECT_EQ(child->wait(), 0);
  auto database = storage::open_database("sqlite:///x.db", folder.path().string());
  EXPECT_EQ((*database)->query("SELECT COUNT(*) FROM alembic_version")->front().integer(0), 1);
}

}  // namespace
}  // namespace tenure::tracking
