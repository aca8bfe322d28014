#include "features/materialize.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/sha256.h"
#include "core/time_format.h"
#include "features/online_row.h"
#include "features/point_in_time.h"
#include "features/testing/usage_world.h"

namespace tenure::features {
namespace {

using testing::UsageWorld;
using Names = std::vector<std::string>;

core::Micros at(std::string_view text) {
  return *core::parse_time(text);
}

class Materialize : public ::testing::Test {
 protected:
  core::Result<std::vector<MaterializeReport>> window(std::string_view from, std::string_view until,
                                                      const Names& views = {"usage"}) {
    return materialize(*world_.engine, *store_, log_, world_.definitions, views, at(from),
                       at(until), 77);
  }
  core::Result<std::vector<MaterializeReport>> until(std::string_view end,
                                                     core::Micros lookback = 0,
                                                     const Names& views = {"usage"}) {
    return materialize_incremental(*world_.engine, *store_, log_, world_.definitions, views,
                                   at(end), lookback, 77);
  }
  /// "calls,minutes" of a customer, "-" when unknown. Whatever its age, unless told.
  std::string online(std::string_view id, bool has_ttl = false) {
    if (!has_ttl) world_.usage().ttl = 0;
    const FeatureService service{"usage only", {{"usage", "calls"}, {"usage", "minutes"}}};
    const auto reader = *OnlineReader::make(*store_, world_.definitions, service);
    OnlineReader::Scratch scratch;
    std::vector<data::Cell> cells(2);
    std::vector<OnlineReader::EntityInfo> info(1);
    const std::vector<std::string_view> ids = {id};
    EXPECT_TRUE(reader.read(ids, at("2024-01-11"), scratch, cells, info));
    if (!info[0].is_found) return "-";
    const auto show = [](const data::Cell& cell) {
      return cell.kind == data::Cell::Kind::kNull ? std::string("null")
                                                  : fmt::format("{}", cell.number);
    };
    return show(cells[0]) + "," + show(cells[1]);
  }

  UsageWorld world_;
  std::unique_ptr<storage::KvStore> store_ =
      std::move(*storage::open_kv_store("lmdb:///online", world_.folder().string()));
  std::unique_ptr<storage::Database> database_ =
      std::move(*storage::open_database("sqlite:///meta.db", world_.folder().string()));
  MaterializationLog log_ = *MaterializationLog::open(*database_, 1);
};

TEST_F(Materialize, TakesTheNewestRowOfTheWindowUpToItsLastInstant) {
  const auto reports = window("2024-01-01T00:00:00Z", "2024-01-10T12:00:00Z");
  ASSERT_TRUE(reports) << reports.error().message;
  EXPECT_EQ(online("1"), "30,300");
  EXPECT_EQ(online("2"), "5,50");
  EXPECT_EQ(online("3"), "-");
  ASSERT_EQ(reports->size(), 1U);
  EXPECT_EQ(reports->front().view, "usage");
  EXPECT_EQ(reports->front().rows_read, 2);
  EXPECT_EQ(reports->front().rows_written, 2);
}

TEST_F(Materialize, LeavesOutWhatComesASecondLaterAndBreaksTiesByCreated) {
  ASSERT_TRUE(window("2024-01-01T00:00:00Z", "2024-01-10T11:59:59Z"));
  EXPECT_EQ(online("1"), "21,null");
  EXPECT_EQ(online("2"), "5,50");
}

TEST_F(Materialize, StartsAtTheFirstInstantOfTheWindow) {
  ASSERT_TRUE(window("2024-01-05T00:00:00Z", "2024-01-09T00:00:00Z"));
  EXPECT_EQ(online("1"), "21,null");
  EXPECT_EQ(online("2"), "-");
}

TEST_F(Materialize, IsHarmlessToRepeatAndToRunOutOfOrder) {
  ASSERT_TRUE(window("2024-01-01T00:00:00Z", "2024-01-10T12:00:00Z"));
  const auto again = window("2024-01-01T00:00:00Z", "2024-01-10T12:00:00Z");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->front().rows_read, 2);
  EXPECT_EQ(again->front().rows_written, 0);
  ASSERT_TRUE(window("2024-01-01T00:00:00Z", "2024-01-06T00:00:00Z"));
  EXPECT_EQ(online("1"), "30,300");
}

TEST_F(Materialize, RemovesItsRowsOfTheFormerKeyOrderAndNoOthers) {
  // Project, view, fingerprint, entity key; more than one step of them.
  std::vector<std::string> keys;
  const auto former = [](const std::string& project, const std::string& view, int i) {
    return project + '\0' + view + '\0' + "fing" + fmt::format("{:06}", i);
  };
  for (int i = 0; i < 25'000; ++i) keys.push_back(former("churn", "usage", i));
  keys.push_back(former("churn", "usage2", 1));
  keys.push_back(former("upsell", "usage", 1));
  std::vector<storage::KvEntry> rows;
  for (const std::string& key : keys) rows.push_back({key, "an old row"});
  ASSERT_TRUE(store_->put(rows));
  ASSERT_TRUE(window("2024-01-01T00:00:00Z", "2024-01-10T12:00:00Z"));
  EXPECT_EQ(*store_->count(), 4U) << "two customers, and what is not of this view";
  EXPECT_TRUE(store_->get(former("churn", "usage2", 1))->has_value());
  EXPECT_TRUE(store_->get(former("upsell", "usage", 1))->has_value());
  EXPECT_EQ(online("1"), "30,300");
  EXPECT_EQ(online("2"), "5,50");
}

TEST_F(Materialize, GoesOnFromTheLastEnd) {
  const auto first = until("2024-01-05T00:00:00Z");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->front().from, at("2024-01-01T00:00:00Z"));
  EXPECT_EQ(online("1"), "21,null");
  const auto second = until("2024-01-11T00:00:00Z");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->front().from, at("2024-01-05T00:00:00Z"));
  EXPECT_EQ(second->front().rows_read, 1);
  EXPECT_EQ(online("1"), "30,300");
  const auto last = *log_.last_window("churn", "usage", schema_fingerprint(world_.usage()));
  ASSERT_TRUE(last);
  EXPECT_EQ(last->until, at("2024-01-11T00:00:00Z"));
  EXPECT_EQ(last->source_sha256, *core::sha256_file(world_.usage().source));
  EXPECT_EQ(*log_.last_window("churn", "contract", 0), std::nullopt);
  EXPECT_EQ(*log_.last_window("other", "usage", schema_fingerprint(world_.usage())), std::nullopt);
  // Looking back makes no window that ends before the last one.
  for (const core::Micros lookback : {core::Micros{0}, 30 * UsageWorld::kDay}) {
    const auto backwards = until("2024-01-07T00:00:00Z", lookback);
    ASSERT_FALSE(backwards);
    EXPECT_EQ(backwards.error().code, core::ErrorCode::kInvalidArgument);
    EXPECT_NE(backwards.error().message.find("2024-01-11"), std::string::npos);
  }
}

TEST_F(Materialize, LooksBackFromTheLastEnd) {
  ASSERT_TRUE(until("2024-01-20T00:00:00Z"));
  const auto reports = until("2024-01-22T00:00:00Z", 7 * UsageWorld::kDay);
  ASSERT_TRUE(reports);
  EXPECT_EQ(reports->front().from, at("2024-01-13T00:00:00Z"));
}

TEST_F(Materialize, StartsAnewWhenTheSourceChangedSoThatLateRowsAreFound) {
  ASSERT_TRUE(until("2024-01-20T00:00:00Z"));
  // Customer 2's row of January 15 arrives after the window was done, and so does customer 4.
  world_.write("usage", R"(SELECT * FROM (VALUES
    (2, TIMESTAMP '2024-01-15', TIMESTAMP '2024-01-21', 99, 9.0),
    (4, TIMESTAMP '2023-12-01', TIMESTAMP '2024-01-21', 44, 4.0))
    t(customer_id, event_ts, created, calls, minutes))");
  const auto reports = until("2024-01-21T00:00:00Z");
  ASSERT_TRUE(reports) << reports.error().message;
  EXPECT_EQ(reports->front().from, at("2023-12-01T00:00:00Z"));
  EXPECT_EQ(online("2"), "99,9");
  EXPECT_EQ(online("4"), "44,4");
  EXPECT_EQ(online("1"), "30,300");  // what a source no longer has stays
  // The same bytes again: only what is new is read.
  EXPECT_EQ(until("2024-01-22T00:00:00Z")->front().rows_read, 0);
}

TEST_F(Materialize, ReplacesValuesThatWereCorrectedAtTheSameTime) {
  const auto write = [&](int calls) {
    world_.write("usage",
                 fmt::format("SELECT unnest([1, 2]) AS customer_id, TIMESTAMP '2024-01-03' "
                             "AS event_ts, NULL::TIMESTAMP AS created, unnest([{}, 7]) AS "
                             "calls, 1.0 AS minutes",
                             calls));
  };
  write(5);
  ASSERT_TRUE(until("2024-01-20T00:00:00Z"));
  EXPECT_EQ(online("1"), "5,1");
  write(6);
  const auto corrected = until("2024-01-21T00:00:00Z");
  ASSERT_TRUE(corrected) << corrected.error().message;
  EXPECT_EQ(online("1"), "6,1");
  EXPECT_EQ(corrected->front().rows_read, 2);
  EXPECT_EQ(corrected->front().rows_written, 1);  // customer 2 has what it had
  write(5);
  ASSERT_TRUE(until("2024-01-22T00:00:00Z"));
  EXPECT_EQ(online("1"), "5,1");
}

TEST_F(Materialize, AWindowTheUserChoseDoesNotHideTheRowsBeforeIt) {
  ASSERT_TRUE(window("2024-01-05T00:00:00Z", "2024-01-11T00:00:00Z"));
  EXPECT_EQ(online("2"), "-");
  ASSERT_TRUE(until("2024-01-12T00:00:00Z"));
  EXPECT_EQ(online("2"), "5,50");
}

TEST_F(Materialize, AViewThatReadsAnotherColumnStartsAnew) {
  ASSERT_TRUE(until("2024-01-20T00:00:00Z"));
  EXPECT_EQ(online("1"), "30,300");
  world_.usage().features[1].source_column = "calls";
  EXPECT_EQ(online("1"), "-");
  ASSERT_TRUE(until("2024-01-21T00:00:00Z"));
  EXPECT_EQ(online("1"), "30,30");
}

TEST_F(Materialize, CoversAllOnlineViewsUnlessNamed) {
  world_.contract().is_online = false;
  auto reports = window("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", {});
  ASSERT_TRUE(reports);
  EXPECT_EQ(reports->size(), 1U);
  world_.contract().is_online = true;
  reports = window("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", {});
  ASSERT_TRUE(reports);
  EXPECT_EQ(reports->size(), 2U);
  world_.contract().is_online = false;
  const auto refused = window("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", {"contract"});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("not online"), std::string::npos);
}

TEST_F(Materialize, RefusesBadWindowsViewsKeysAndSources) {
  const auto code = [](const auto& result) {
    return result ? core::ErrorCode::kInternal : result.error().code;
  };
  EXPECT_EQ(code(window("2024-01-02T00:00:00Z", "2024-01-01T00:00:00Z")),
            core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(window("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", {"speed"})),
            core::ErrorCode::kNotFound);
  world_.write("usage", R"(SELECT NULL::INT AS customer_id, TIMESTAMP '2024-01-15' AS event_ts,
    TIMESTAMP '2024-01-21' AS created, 99 AS calls, 9.0 AS minutes)");
  const auto keyless = window("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z");
  EXPECT_EQ(code(keyless), core::ErrorCode::kInvalidArgument);
  EXPECT_NE(keyless.error().message.find("customer_id"), std::string::npos);
  EXPECT_EQ(*log_.last_window("churn", "usage", schema_fingerprint(world_.usage())), std::nullopt);
  world_.usage().source = "/nowhere.parquet";
  EXPECT_EQ(code(window("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z")),
            core::ErrorCode::kNotFound);
}

TEST_F(Materialize, ReportsProgressOverManyPages) {
  world_.write("usage",
               "SELECT i AS customer_id, TIMESTAMP '2024-01-10' AS event_ts, NULL::TIMESTAMP AS "
               "created, i * 2 AS calls, i / 2 AS minutes FROM range(250000) t(i)");
  std::vector<std::int64_t> done;
  const Names views = {"usage"};
  const auto reports = materialize(
      *world_.engine, *store_, log_, world_.definitions, views, 0, at("2024-02-01T00:00:00Z"), 77,
      [&](std::string_view view, std::int64_t rows, std::int64_t total) {
        EXPECT_EQ(view, "usage");
        EXPECT_EQ(total, 250'000);
        done.push_back(rows);
      });
  ASSERT_TRUE(reports) << reports.error().message;
  EXPECT_EQ(done, (std::vector<std::int64_t>{100'000, 200'000, 250'000}));
  EXPECT_EQ(reports->front().rows_written, 250'000);
  EXPECT_EQ(*store_->count(), 250'000U);
  EXPECT_EQ(online("249999"), "499998,124999.5");
  EXPECT_EQ(online("100000"), "200000,50000");
}

TEST_F(Materialize, ServesWhatTrainingSees) {
  ASSERT_TRUE(window("2020-01-01T00:00:00Z", "2024-01-11T00:00:00Z"));
  const std::vector<ViewRequest> requests = {{&world_.usage(), {}, {}, {}}};
  const auto joined = join_point_in_time(
      *world_.engine,
      "SELECT unnest([1, 2, 3]) AS customer_id, TIMESTAMP '2024-01-11' AS event_timestamp",
      world_.definitions, requests);
  ASSERT_TRUE(joined) << joined.error().message;
  // Customer 2's row is 8 days old: beyond ttl for both. Customer 3 comes later.
  EXPECT_EQ(testing::shown(joined->table, "calls"), (Names{"30", "NULL", "NULL"}));
  EXPECT_EQ(online("1", true), "30,300");
  EXPECT_EQ(online("2", true), "null,null");
  EXPECT_EQ(online("3", true), "-");
}

}  // namespace
}  // namespace tenure::features
