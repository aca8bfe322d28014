#include "features/point_in_time.h"

#include <algorithm>
#include <optional>
#include <rapidcheck.h>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "features/testing/usage_world.h"

namespace tenure::features {
namespace {

using testing::shown;
using testing::UsageWorld;
using Texts = std::vector<std::string>;

constexpr std::string_view kEntities = R"(SELECT * FROM (VALUES
  (1, 1, TIMESTAMPTZ '2024-01-05T05:30:00+05:30', 0), (2, 1, TIMESTAMPTZ '2024-01-10T11:59:59Z', 0),
  (3, 1, TIMESTAMPTZ '2024-01-17T12:00:00Z', 0), (4, 1, TIMESTAMPTZ '2024-01-17T12:00:01Z', 1),
  (5, 2, TIMESTAMPTZ '2024-01-10T00:00:00Z', 0), (6, 3, TIMESTAMPTZ '2024-01-20T00:00:00Z', 0),
  (7, 4, TIMESTAMPTZ '2024-01-20T00:00:00Z', 1), (8, 1, TIMESTAMPTZ '2023-12-31T00:00:00Z', 0),
  (9, 1, TIMESTAMPTZ '2024-01-05T00:00:00Z', 1)) t(rid, customer_id, event_timestamp, churned))";

class PointInTimeJoin : public ::testing::Test {
 protected:
  std::vector<ViewRequest> both() {
    return {{&world_.usage(), {}, {}, {}}, {&world_.contract(), {}, {}, {}}};
  }
  core::Result<PointInTimeResult> join(std::string_view entities,
                                       const std::vector<ViewRequest>& views,
                                       const PointInTimeOptions& options = {}) {
    return join_point_in_time(*world_.engine, entities, world_.definitions, views, options);
  }
  UsageWorld world_;
};

TEST_F(PointInTimeJoin, GivesTheWorkedExample) {
  const auto joined = join(kEntities, both());
  ASSERT_TRUE(joined) << joined.error().message;
  const data::Table& t = joined->table;
  EXPECT_EQ(shown(t, "rid"), (Texts{"1", "2", "3", "4", "5", "6", "7", "8", "9"}));
  EXPECT_EQ(shown(t, "churned"), (Texts{"0", "0", "0", "1", "0", "0", "1", "0", "1"}));
  EXPECT_EQ(shown(t, "calls"),
            (Texts{"21", "21", "30", "NULL", "5", "NULL", "NULL", "NULL", "21"}));
  EXPECT_EQ(shown(t, "minutes"),
            (Texts{"NULL", "NULL", "300", "NULL", "50", "NULL", "NULL", "NULL", "NULL"}));
  EXPECT_EQ(shown(t, "plan"),
            (Texts{"basic", "pro", "pro", "pro", "basic", "NULL", "NULL", "basic", "basic"}));
  EXPECT_EQ(joined->ties, 0);
}

TEST_F(PointInTimeJoin, GivesTheWorkedExampleFilteredByCreated) {
  PointInTimeOptions options;
  options.is_filtered_by_created = true;
  const auto joined = join(kEntities, {{&world_.usage(), {}, {}, {}}}, options);
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(shown(joined->table, "calls"),
            (Texts{"10", "21", "30", "NULL", "5", "NULL", "NULL", "NULL", "10"}));
  EXPECT_EQ(shown(joined->table, "minutes"),
            (Texts{"100", "NULL", "300", "NULL", "50", "NULL", "NULL", "NULL", "100"}));
}

TEST_F(PointInTimeJoin, NamesColumnsByViewAndFeatureOnDemand) {
  PointInTimeOptions options;
  options.is_full_names = true;
  const auto joined = join(kEntities, both(), options);
  ASSERT_TRUE(joined);
  Texts names;
  for (const data::Column& column : joined->table.columns) names.push_back(column.name);
  EXPECT_EQ(names, (Texts{"rid", "customer_id", "event_timestamp", "churned", "usage__calls",
                          "usage__minutes", "contract__plan"}));
}

TEST_F(PointInTimeJoin, JoinsOneViewTwiceUnderTwoNamesAndKeys) {
  PointInTimeOptions options;
  options.is_full_names = true;
  const auto joined =
      join("SELECT 1 AS payer, 2 AS caller, TIMESTAMP '2024-01-07' AS event_timestamp",
           {{&world_.usage(), {"calls"}, "paying", "payer"},
            {&world_.usage(), {"calls"}, "calling", "caller"}},
           options);
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(shown(joined->table, "paying__calls"), Texts{"21"});
  EXPECT_EQ(shown(joined->table, "calling__calls"), Texts{"5"});
}

TEST_F(PointInTimeJoin, LetsTheLastOfEqualSourceRowsWinAndCountsTies) {
  world_.write("usage", R"(SELECT * FROM (VALUES
    (1, TIMESTAMP '2024-01-01', NULL::TIMESTAMP, 1, 1.0), (1, TIMESTAMP '2024-01-01', NULL, 2, 2.0),
    (2, TIMESTAMP '2024-01-01', TIMESTAMP '2024-01-02', 3, 3.0),
    (2, TIMESTAMP '2024-01-01', NULL, 4, 4.0),
    (3, TIMESTAMP '2024-01-01', TIMESTAMP '2024-01-02', 5, 5.0),
    (3, TIMESTAMP '2024-01-01', TIMESTAMP '2024-01-02', 6, 6.0),
    (3, TIMESTAMP '2024-01-03', NULL, 7, 7.0))
    t(customer_id, event_ts, created, calls, minutes))");
  const auto joined = join(
      "SELECT unnest([1, 1, 2, 3, 3]) AS customer_id, unnest([TIMESTAMP '2024-01-02', "
      "'2024-01-02', '2024-01-02', '2024-01-02', '2024-01-03']) AS event_timestamp",
      {{&world_.usage(), {"calls"}, {}, {}}});
  ASSERT_TRUE(joined) << joined.error().message;
  // NULL created ranks last; of rows equal in both times the later one in the file wins.
  EXPECT_EQ(shown(joined->table, "calls"), (Texts{"2", "2", "3", "6", "7"}));
  EXPECT_EQ(joined->ties, 3);
}

TEST_F(PointInTimeJoin, MatchesNoNullKeysOrTimes) {
  world_.write("usage", R"(SELECT * FROM (VALUES
    (NULL::INT, TIMESTAMP '2024-01-01', TIMESTAMP '2024-01-01', 1, 1.0),
    (1, NULL, TIMESTAMP '2024-01-01', 2, 2.0), (1, NULL, TIMESTAMP '2024-01-01', 3, 3.0),
    (NULL, TIMESTAMP '2024-01-01', TIMESTAMP '2024-01-01', 4, 4.0))
    t(customer_id, event_ts, created, calls, minutes))");
  const auto joined = join(
      "SELECT * FROM (VALUES (NULL::INT, TIMESTAMP '2024-01-02'), (1, TIMESTAMP '2024-01-02'), "
      "(1, NULL)) t(customer_id, event_timestamp)",
      both());
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(shown(joined->table, "calls"), (Texts{"NULL", "NULL", "NULL"}));
  EXPECT_EQ(shown(joined->table, "plan"), (Texts{"NULL", "basic", "NULL"}));
}

TEST_F(PointInTimeJoin, TakesTablesTextTimesAndQueriesWithComments) {
  world_.run(
      "CREATE TABLE \"my rows\" AS SELECT 1 AS customer_id, '2024-01-07T01:00:00+02:00' AS "
      "event_timestamp");
  const auto joined = join("\"my rows\"", both());
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(shown(joined->table, "calls"), Texts{"21"});
  EXPECT_EQ(joined->table.find("event_timestamp")->type, data::ColumnType::kTimestamp);
  EXPECT_EQ(joined->table.find("event_timestamp")->number(0), 1'704'582'000'000'000.0);
  const auto commented = join("SELECT * FROM \"my rows\"; -- all of them", both());
  EXPECT_FALSE(commented);
  EXPECT_TRUE(join("SELECT * FROM \"my rows\" -- all of them", both()));
}

TEST_F(PointInTimeJoin, KeepsTheShapeOfNoRows) {
  const auto joined = join(
      "SELECT 1 AS customer_id, TIMESTAMP '2024-01-01' AS event_timestamp WHERE false", both());
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(joined->table.row_count(), 0U);
  EXPECT_EQ(joined->table.columns.size(), 5U);
}

TEST_F(PointInTimeJoin, ReadsNanAsMissing) {
  world_.write("usage",
               "SELECT 1 AS customer_id, TIMESTAMP '2024-01-01' AS event_ts, TIMESTAMP "
               "'2024-01-01' AS created, 1 AS calls, 'nan'::DOUBLE AS minutes");
  const auto joined = join(kEntities, {{&world_.usage(), {"minutes"}, {}, {}}});
  ASSERT_TRUE(joined);
  EXPECT_EQ(shown(joined->table, "minutes")[0], "NULL");
}

TEST_F(PointInTimeJoin, SaysWhatIsWrongWithItsInput) {
  const auto message = [&](std::string_view entities, const std::vector<ViewRequest>& views,
                           core::ErrorCode code = core::ErrorCode::kInvalidArgument,
                           const PointInTimeOptions& options = {}) {
    const auto joined = join(entities, views, options);
    if (joined) return std::string("no error");
    EXPECT_EQ(joined.error().code, code) << joined.error().message;
    return joined.error().message;
  };
  EXPECT_NE(message("SELECT 1 AS id, now() AS event_timestamp", both()).find("customer_id"),
            std::string::npos);
  EXPECT_NE(message("SELECT 1 AS customer_id", both()).find("event_timestamp"), std::string::npos);
  EXPECT_NE(message("SELECT 1 AS customer_id, 5 AS event_timestamp", both()).find("INTEGER"),
            std::string::npos);
  EXPECT_NE(message("SELECT 1 AS customer_id, now() AS event_timestamp, 2 AS calls", both())
                .find("'calls'"),
            std::string::npos);
  EXPECT_NE(message(kEntities, {{&world_.usage(), {"speed"}, {}, {}}}).find("speed"),
            std::string::npos);
  EXPECT_NE(message("SELEC 1", both()).find("entity rows"), std::string::npos);
  PointInTimeOptions by_created;
  by_created.is_filtered_by_created = true;
  EXPECT_NE(message(kEntities, {{&world_.contract(), {}, {}, {}}},
                    core::ErrorCode::kInvalidArgument, by_created)
                .find("created"),
            std::string::npos);
  world_.contract().source = "/nowhere/contract.parquet";
  EXPECT_NE(message(kEntities, both(), core::ErrorCode::kNotFound).find("/nowhere"),
            std::string::npos);
  // Nothing is left in the engine after an error.
  EXPECT_EQ(*world_.engine->query_integer("SELECT count(*) FROM duckdb_tables() WHERE temporary"),
            0);
}

TEST_F(PointInTimeJoin, KeepsAServicesOrderAcrossViews) {
  FeatureService service{"mixed", {{"usage", "minutes"}, {"contract", "plan"}, {"usage", "calls"}}};
  const auto requests = requests_for(world_.definitions, service);
  const auto joined = join(kEntities, requests);
  ASSERT_TRUE(joined) << joined.error().message;
  Texts names;
  for (const data::Column& column : joined->table.columns) names.push_back(column.name);
  EXPECT_EQ((Texts(names.end() - 3, names.end())), (Texts{"minutes", "plan", "calls"}));
  EXPECT_EQ(shown(joined->table, "calls")[0], "21");
}

// A million rows would not fit one chunk of the engine: order must hold across chunks.
TEST_F(PointInTimeJoin, KeepsTheOrderOfManyRows) {
  world_.write("contract",
               "SELECT i AS customer_id, TIMESTAMP '2024-01-01' AS event_ts, 'p' || (i % 97) AS "
               "plan_name FROM range(50000) t(i)");
  const auto joined = join(
      "SELECT (i * 7919) % 50000 AS customer_id, TIMESTAMP '2024-02-01' AS event_timestamp FROM "
      "range(100000) t(i)",
      {{&world_.contract(), {}, {}, {}}});
  ASSERT_TRUE(joined) << joined.error().message;
  ASSERT_EQ(joined->table.row_count(), 100'000U);
  for (std::size_t i = 0; i < 100'000; ++i) {
    const std::size_t id = (i * 7919) % 50'000;
    ASSERT_EQ(joined->table.find("customer_id")->number(i), static_cast<double>(id));
    ASSERT_EQ(joined->table.find("plan")->text(i), fmt::format("p{}", id % 97));
  }
}

/// A source row for the property test; small ranges make ties and edges common.
struct SourceRow {
  std::optional<int> key;
  int time;
  std::optional<int> created;
};

std::string literal(const std::optional<int>& value) {
  return value ? std::to_string(*value) : "NULL";
}

rc::Gen<std::optional<int>> small_or_null(int top) {
  return rc::gen::weightedOneOf<std::optional<int>>(
      {{1, rc::gen::just(std::optional<int>())},
       {6, rc::gen::map(rc::gen::inRange(0, top), [](int i) { return std::optional<int>(i); })}});
}

struct Answer {
  std::optional<std::size_t> row;
  bool is_tied = false;
};

// The rule by its words, row by row.
Answer naive_answer(const std::vector<SourceRow>& sources, const std::optional<int>& key, int time,
                    int ttl, bool is_by_created) {
  Answer best;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const SourceRow& s = sources[i];
    if (!key || s.key != key || s.time > time) continue;
    if (ttl > 0 && s.time < time - ttl) continue;
    if (is_by_created && (!s.created || *s.created > time)) continue;
    if (!best.row) {
      best.row = i;
      continue;
    }
    const SourceRow& b = sources[*best.row];
    // std::nullopt compares less than any value: NULL created ranks last.
    const auto order = std::tie(s.time, s.created) <=> std::tie(b.time, b.created);
    if (order < 0) continue;
    best.is_tied = order == 0;
    best.row = i;
  }
  return best;
}

void check_one_case(UsageWorld& world) {
  const auto sources = *rc::gen::container<std::vector<SourceRow>>(
      rc::gen::construct<SourceRow>(small_or_null(3), rc::gen::inRange(0, 8), small_or_null(8)));
  const auto entities = *rc::gen::container<std::vector<std::pair<std::optional<int>, int>>>(
      rc::gen::pair(small_or_null(4), rc::gen::inRange(0, 10)));
  const int ttl = *rc::gen::inRange(0, 5);
  const bool is_by_created = *rc::gen::arbitrary<bool>();
  const bool has_created = is_by_created || *rc::gen::arbitrary<bool>();

  std::string rows =
      "(NULL::INT, NULL::TIMESTAMP, NULL::TIMESTAMP, NULL::INT)";  // matches nothing; a list must
                                                                   // not be empty
  for (std::size_t i = 0; i < sources.size(); ++i) {
    rows += fmt::format(", ({}, make_timestamp({}), make_timestamp({}), {})",
                        literal(sources[i].key), sources[i].time, literal(sources[i].created), i);
  }
  world.write("usage",
              fmt::format("SELECT *, NULL::DOUBLE AS minutes FROM (VALUES {}) t(customer_id, "
                          "event_ts, created, calls)",
                          rows));
  world.run("CREATE OR REPLACE TABLE e(customer_id INT, event_timestamp TIMESTAMP)");
  std::string inserts;
  for (const auto& [key, time] : entities) {
    inserts +=
        fmt::format("{}({}, make_timestamp({}))", inserts.empty() ? "" : ", ", literal(key), time);
  }
  if (!inserts.empty()) world.run("INSERT INTO e VALUES " + inserts);
  world.usage().ttl = ttl;
  world.usage().created_column = has_created ? "created" : "";

  PointInTimeOptions options;
  options.is_filtered_by_created = is_by_created;
  const std::vector<ViewRequest> requests = {{&world.usage(), {"calls"}, {}, {}}};
  const auto joined =
      join_point_in_time(*world.engine, "\"e\"", world.definitions, requests, options);
  RC_ASSERT(joined.has_value());
  RC_ASSERT(joined->table.row_count() == entities.size());

  std::vector<SourceRow> seen = sources;
  if (!has_created) {
    for (SourceRow& row : seen) row.created.reset();
  }
  std::int64_t ties = 0;
  const data::Column& calls = *joined->table.find("calls");
  for (std::size_t i = 0; i < entities.size(); ++i) {
    const Answer expected =
        naive_answer(seen, entities[i].first, entities[i].second, ttl, is_by_created);
    RC_ASSERT(calls.is_null(i) == !expected.row.has_value());
    if (!expected.row) continue;
    RC_ASSERT(calls.number(i) == static_cast<double>(*expected.row));
    if (expected.is_tied) ++ties;
  }
  RC_ASSERT(joined->ties == ties);
}

TEST(PointInTimeProperty, AgreesWithTheRuleAppliedRowByRow) {
  // One engine for all cases: opening one takes longer than a case. No static: DuckDB keeps state
  // of the thread, which is gone when statics are destroyed.
  UsageWorld world;
  EXPECT_TRUE(rc::check([&world] { check_one_case(world); }));
}

}  // namespace
}  // namespace tenure::features
