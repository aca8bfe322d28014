#include "storage/sql/postgresql_parameters.h"

#include <gtest/gtest.h>

namespace tenure::storage {
namespace {

TEST(PostgresqlParameters, AreNumberedByFirstAppearance) {
  const auto statement = number_parameters("SELECT :b - :a + :b, :b2 WHERE x=:_c");
  EXPECT_EQ(statement.text, "SELECT $1 - $2 + $1, $3 WHERE x=$4");
  EXPECT_EQ(statement.parameter_count, 4U);
}

TEST(PostgresqlParameters, AQuestionMarkIsOneOfItsOwn) {
  const auto statement = number_parameters("VALUES (:run, ?, '?'), (:run, ?, :key)");
  EXPECT_EQ(statement.text, "VALUES ($1, $2, '?'), ($1, $3, $4)");
  EXPECT_EQ(statement.parameter_count, 4U);
}

TEST(PostgresqlParameters, StayOutOfWhatIsNoCode) {
  for (const std::string_view sql :
       {"SELECT ':a'", "SELECT 'it''s :a'", "SELECT E'\\':a'", "SELECT \":a\"", "SELECT 1 -- :a",
        "SELECT /* :a /* :b */ :c */ 1", "SELECT $$ :a $$", "SELECT $tag$ :a $$ :b $tag$",
        "SELECT a::text", "SELECT a[1:2]", "SELECT 'open :a", ":"}) {
    const auto statement = number_parameters(sql);
    EXPECT_EQ(statement.text, sql);
    EXPECT_EQ(statement.parameter_count, 0U) << sql;
  }
  EXPECT_EQ(number_parameters("SELECT :a::text, 'x' || :b -- :c\n, :d").text,
            "SELECT $1::text, 'x' || $2 -- :c\n, $3");
  EXPECT_EQ(number_parameters("SELECT 'a\\', :b").text, "SELECT 'a\\', $1");
}

}  // namespace
}  // namespace tenure::storage
