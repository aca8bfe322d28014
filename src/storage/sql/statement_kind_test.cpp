#include "storage/sql/statement_kind.h"

#include <gtest/gtest.h>

namespace tenure::storage {
namespace {

TEST(StatementKind, IsToldByTheFirstWord) {
  EXPECT_EQ(kind_of_statement("SELECT 1"), StatementKind::kReads);
  EXPECT_EQ(kind_of_statement("  select 'DELETE'"), StatementKind::kReads);
  EXPECT_EQ(kind_of_statement("(VALUES (1))"), StatementKind::kReads);
  EXPECT_EQ(kind_of_statement("INSERT INTO t VALUES (1) RETURNING a"), StatementKind::kWrites);
  EXPECT_EQ(kind_of_statement("create table t (a integer)"), StatementKind::kWrites);
  EXPECT_EQ(kind_of_statement("VACUUM"), StatementKind::kStandsAlone);
  EXPECT_EQ(kind_of_statement("PRAGMA wal_checkpoint"), StatementKind::kStandsAlone);
  EXPECT_EQ(kind_of_statement(""), StatementKind::kStandsAlone);
}

TEST(StatementKind, AWithThatChangesWrites) {
  EXPECT_EQ(kind_of_statement("WITH x AS (SELECT 1) SELECT * FROM x"), StatementKind::kReads);
  EXPECT_EQ(kind_of_statement("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x"),
            StatementKind::kWrites);
  EXPECT_EQ(kind_of_statement("WITH x AS (DELETE FROM t RETURNING a) SELECT a FROM x"),
            StatementKind::kWrites);
}

}  // namespace
}  // namespace tenure::storage
