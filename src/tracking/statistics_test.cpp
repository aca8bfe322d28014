#include "tracking/statistics.h"

#include <gtest/gtest.h>

#include "tracking/testing/tracking_world.h"

namespace tenure::tracking {
namespace {

class Statistics : public ::testing::Test, protected testing::TrackingWorld {
 protected:
  std::int64_t known_tables() {
    return database_
        ->query(
            "SELECT COUNT(DISTINCT tablename) FROM pg_stats WHERE schemaname = current_schema() "
            "AND tablename IN ('metrics', 'params')")
        ->front()
        .integer(0);
  }
};

TEST_F(Statistics, AreGatheredOfATableThatWasFilledAndNeverLookedAt) {
  if (database_->backend() != "postgresql") {
    EXPECT_TRUE(gather_missing_statistics(*database_));
    EXPECT_EQ(database_->query("SELECT COUNT(*) FROM sqlite_master WHERE name = 'sqlite_stat1'")
                  ->front()
                  .integer(0),
              0);
    return;
  }
  const std::string id = new_run().id;
  // Else the server's own worker might be faster.
  ASSERT_TRUE(database_->execute("ALTER TABLE metrics SET (autovacuum_enabled = false)"));
  ASSERT_TRUE(database_->execute("ALTER TABLE params SET (autovacuum_enabled = false)"));
  ASSERT_TRUE(database_->execute(
      "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) SELECT 'm', i, i, :run, "
      "i, FALSE FROM generate_series(1, 10000) AS i",
      {id}));
  EXPECT_EQ(known_tables(), 0);
  ASSERT_TRUE(gather_missing_statistics(*database_));
  EXPECT_EQ(known_tables(), 1);
}

TEST_F(Statistics, AreGatheredOfAnIndexThatWasMadeLater) {
  if (database_->backend() != "postgresql") GTEST_SKIP() << "SQLite gathers none";
  const std::string id = new_run().id;
  ASSERT_TRUE(database_->execute("ALTER TABLE params SET (autovacuum_enabled = false)"));
  ASSERT_TRUE(
      database_->execute("INSERT INTO params (key, value, run_uuid) SELECT 'p' || i, i, :run FROM "
                         "generate_series(1, 20000) AS i",
                         {id}));
  const auto known = [&] {
    return database_
        ->query(
            "SELECT COUNT(*) FROM pg_stats WHERE schemaname = current_schema() AND tablename = "
            "'index_tenure_params_value'")
        ->front()
        .integer(0);
  };
  ASSERT_TRUE(gather_missing_statistics(*database_));
  EXPECT_EQ(known(), 1);
  ASSERT_TRUE(database_->execute("DROP INDEX index_tenure_params_value"));
  ASSERT_TRUE(database_->execute(
      "CREATE INDEX index_tenure_params_value ON params (key, left(value, 64))"));
  EXPECT_EQ(known(), 0);
  ASSERT_TRUE(gather_missing_statistics(*database_));
  EXPECT_EQ(known(), 1);
}

}  // namespace
}  // namespace tenure::tracking
