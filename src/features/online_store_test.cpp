#include "features/online_store.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "features/entity_key.h"
#include "features/online_row.h"
#include "features/testing/usage_world.h"

namespace tenure::features {
namespace {

using data::Cell;
using testing::UsageWorld;

constexpr core::Micros kDay = UsageWorld::kDay;

class OnlineStore : public ::testing::Test {
 protected:
  data::Table usage_rows(const std::vector<std::int64_t>& ids,
                         const std::vector<core::Micros>& times,
                         const std::vector<std::int64_t>& calls,
                         const std::vector<double>& minutes) {
    data::Table table;
    table.columns = {data::Column::of_integers("customer_id", ids),
                     data::Column::of_timestamps("event_ts", times),
                     data::Column::of_integers("calls", calls),
                     data::Column::of_numbers("minutes", minutes)};
    return table;
  }
  data::Table contract_rows(const std::vector<std::string>& ids,
                            const std::vector<core::Micros>& times,
                            const std::vector<std::string>& plans) {
    data::Table table;
    table.columns = {data::Column::of_texts("customer_id", ids),
                     data::Column::of_timestamps("event_ts", times),
                     data::Column::of_texts("plan", plans)};
    return table;
  }
  core::Result<std::int64_t> write(const FeatureView& view, const data::Table& rows) {
    return write_online(*store_, world_.definitions, view, rows);
  }

  struct Answer {
    std::vector<Cell> cells;
    std::vector<OnlineReader::EntityInfo> info;
    core::Result<> result;
  };
  Answer read(const std::vector<std::string_view>& ids, core::Micros now) {
    auto reader = OnlineReader::make(*store_, world_.definitions, world_.definitions.services[0]);
    EXPECT_TRUE(reader) << reader.error().message;
    Answer answer;
    answer.cells.resize(ids.size() * reader->feature_count());
    answer.info.resize(ids.size());
    answer.result = reader->read(ids, now, scratch_, answer.cells, answer.info);
    return answer;
  }

  UsageWorld world_;
  OnlineReader::Scratch scratch_;
  std::unique_ptr<storage::KvStore> store_ =
      std::move(*storage::open_kv_store("lmdb:///online", world_.folder().string()));
};

TEST_F(OnlineStore, AnswersWhatWasWrittenInTheServicesOrder) {
  ASSERT_EQ(*write(world_.usage(), usage_rows({1, 2}, {10, 20}, {30, 40}, {1.5, std::nan("")})), 2);
  ASSERT_EQ(*write(world_.contract(), contract_rows({"1"}, {5}, {"pro"})), 1);
  const Answer answer = read({"2", "1", "3", "1"}, 100);
  ASSERT_TRUE(answer.result) << answer.result.error().message;
  EXPECT_EQ(answer.cells[0].number, 40);
  EXPECT_EQ(answer.cells[1].kind, Cell::Kind::kNull);  // a stored null
  EXPECT_EQ(answer.cells[2].kind, Cell::Kind::kNull);  // no contract
  EXPECT_TRUE(answer.info[0].is_found);
  EXPECT_EQ(answer.info[0].oldest, 20);
  EXPECT_EQ(answer.cells[3].number, 30);
  EXPECT_EQ(answer.cells[4].number, 1.5);
  EXPECT_EQ(answer.cells[5].text, "pro");
  EXPECT_EQ(answer.info[1].oldest, 5);
  for (std::size_t j = 6; j < 9; ++j) EXPECT_EQ(answer.cells[j].kind, Cell::Kind::kNull);
  EXPECT_FALSE(answer.info[2].is_found);
  EXPECT_EQ(answer.info[2].oldest, 0);
  EXPECT_EQ(answer.cells[11].text, "pro");
}

TEST_F(OnlineStore, LetsTheNewestEventTimeWinInAnyOrderOfWriting) {
  ASSERT_EQ(*write(world_.usage(), usage_rows({1, 1, 1}, {10, 30, 20}, {1, 3, 2}, {1, 3, 2})), 1);
  EXPECT_EQ(read({"1"}, 100).cells[0].number, 3);
  ASSERT_EQ(*write(world_.usage(), usage_rows({1}, {25}, {9}, {9})), 0);
  ASSERT_EQ(*write(world_.usage(), usage_rows({1}, {30}, {9}, {9})), 0);
  EXPECT_EQ(read({"1"}, 100).cells[0].number, 3);
  ASSERT_EQ(*write(world_.usage(), usage_rows({1}, {31}, {4}, {4})), 1);
  EXPECT_EQ(read({"1"}, 100).cells[0].number, 4);
}

TEST_F(OnlineStore, DecidesEqualEventTimesByCreated) {
  data::Table rows = usage_rows({1, 1}, {10, 10}, {1, 2}, {1, 2});
  rows.columns.push_back(data::Column::of_timestamps("created", {50, 40}));
  ASSERT_EQ(*write(world_.usage(), rows), 1);
  EXPECT_EQ(read({"1"}, 100).cells[0].number, 1);
  rows = usage_rows({1}, {10}, {3}, {3});  // without a created time: the earliest
  ASSERT_EQ(*write(world_.usage(), rows), 0);
  rows.columns.push_back(data::Column::of_timestamps("created", {51}));
  ASSERT_EQ(*write(world_.usage(), rows), 1);
  EXPECT_EQ(read({"1"}, 100).cells[0].number, 3);
}

TEST_F(OnlineStore, ServesNullsOnceARowIsOlderThanTtl) {
  ASSERT_TRUE(write(world_.usage(), usage_rows({1}, {1000}, {5}, {6})));
  EXPECT_EQ(read({"1"}, 1000 + 7 * kDay).cells[0].number, 5);
  const Answer late = read({"1"}, 1001 + 7 * kDay);
  EXPECT_EQ(late.cells[0].kind, Cell::Kind::kNull);
  EXPECT_EQ(late.cells[1].kind, Cell::Kind::kNull);
  EXPECT_TRUE(late.info[0].is_found);
  EXPECT_EQ(late.info[0].oldest, 1000);
}

TEST_F(OnlineStore, TakesIdsThatAreNoIntegersForUnknownCustomers) {
  ASSERT_TRUE(write(world_.usage(), usage_rows({1}, {10}, {5}, {6})));
  const Answer answer = read({"", "1.0", "one", "1"}, 100);
  ASSERT_TRUE(answer.result);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_FALSE(answer.info[i].is_found);
  EXPECT_EQ(answer.cells[9].number, 5);
  EXPECT_TRUE(read({}, 100).result);
}

TEST_F(OnlineStore, KeepsVeryLongTextIdsApart) {
  world_.definitions.entities[0].key_type = data::ColumnType::kText;
  const std::string one(600, 'a');
  const std::string two = std::string(599, 'a') + "b";
  ASSERT_EQ(*write(world_.contract(), contract_rows({one, two, "c"}, {1, 1, 1}, {"x", "y", "z"})),
            3);
  const Answer answer = read({one, two, "c", std::string(601, 'a')}, 100);
  ASSERT_TRUE(answer.result) << answer.result.error().message;
  EXPECT_EQ(answer.cells[2].text, "x");
  EXPECT_EQ(answer.cells[5].text, "y");
  EXPECT_EQ(answer.cells[8].text, "z");
  EXPECT_FALSE(answer.info[3].is_found);
}

TEST_F(OnlineStore, TakesRowsOfAnotherDefinitionForUnknown) {
  ASSERT_TRUE(write(world_.usage(), usage_rows({1}, {1000}, {5}, {6})));
  std::swap(world_.usage().features[0], world_.usage().features[1]);
  EXPECT_FALSE(read({"1"}, 1000).info[0].is_found);
  // Rows of two definitions lie side by side, so an older event is stored too.
  ASSERT_EQ(*write(world_.usage(), usage_rows({1}, {900}, {7}, {8})), 1);
  EXPECT_EQ(read({"1"}, 1000).cells[0].number, 7);
}

TEST_F(OnlineStore, NamesTheViewOfADamagedRow) {
  ASSERT_TRUE(write(world_.usage(), usage_rows({1}, {1000}, {5}, {6})));
  std::string entity_key;
  append_entity_key("customer_id", std::int64_t{1}, entity_key);
  std::string key;
  append_online_key(*online_key_parts("churn", "usage", schema_fingerprint(world_.usage())),
                    entity_key, key);
  const std::string row = **store_->get(std::string_view(key));
  for (const std::string& damaged : {std::string("x"), row.substr(0, row.size() - 1), row + "y"}) {
    const storage::KvEntry entry{key, damaged};
    ASSERT_TRUE(store_->put({&entry, 1}));
    const Answer answer = read({"1"}, 2000);
    ASSERT_FALSE(answer.result);
    EXPECT_EQ(answer.result.error().code, core::ErrorCode::kCorruption);
    EXPECT_NE(answer.result.error().message.find("usage"), std::string::npos);
  }
  // Writing repairs it.
  ASSERT_EQ(*write(world_.usage(), usage_rows({1}, {1}, {8}, {9})), 1);
  EXPECT_EQ(read({"1"}, 2000).cells[0].number, 8);
}

TEST_F(OnlineStore, SeparatesProjectsAndViews) {
  ASSERT_TRUE(write(world_.usage(), usage_rows({1}, {1000}, {5}, {6})));
  world_.definitions.project = "other";
  EXPECT_FALSE(read({"1"}, 1000).info[0].is_found);
}

TEST_F(OnlineStore, ConvertsValuesToTheViewsTypesOrSaysWhyNot) {
  const auto code = [](const core::Result<std::int64_t>& result) {
    return result ? "stored" : result.error().message;
  };
  data::Table rows = usage_rows({1}, {10}, {5}, {6});
  rows.columns[0] = data::Column::of_texts("customer_id", {"1"});
  rows.columns[2] = data::Column::of_numbers("calls", {7.0});
  EXPECT_EQ(code(write(world_.usage(), rows)), "stored");
  EXPECT_EQ(read({"1"}, 100).cells[0].number, 7);
  rows.columns[2] = data::Column::of_numbers("calls", {7.5});
  EXPECT_NE(code(write(world_.usage(), rows)).find("row 1, column 'calls': '7.5'"),
            std::string::npos)
      << code(write(world_.usage(), rows));
  rows.columns[2] = data::Column::of_texts("calls", {"7"});
  EXPECT_NE(code(write(world_.usage(), rows)).find("'calls'"), std::string::npos);
  rows = usage_rows({1}, {10}, {5}, {6});
  rows.columns[0] = data::Column::of_texts("customer_id", {"one"});
  EXPECT_NE(code(write(world_.usage(), rows)).find("'one'"), std::string::npos);
  rows = usage_rows({1}, {10}, {5}, {6});
  rows.columns[0].valid = {0};
  EXPECT_NE(code(write(world_.usage(), rows)).find("row 1 has no key"), std::string::npos);
  rows = usage_rows({1}, {10}, {5}, {6});
  rows.columns[1].valid = {0};
  EXPECT_NE(code(write(world_.usage(), rows)).find("row 1 has no time"), std::string::npos);
  rows = usage_rows({1}, {10}, {5}, {6});
  rows.columns.pop_back();
  EXPECT_NE(code(write(world_.usage(), rows)).find("minutes"), std::string::npos);
}

TEST_F(OnlineStore, RefusesServicesItCannotRead) {
  const auto message = [&] {
    const auto reader =
        OnlineReader::make(*store_, world_.definitions, world_.definitions.services[0]);
    return reader ? std::string("made") : reader.error().message;
  };
  EXPECT_EQ(message(), "made");
  world_.contract().is_online = false;
  EXPECT_NE(message().find("contract is not online"), std::string::npos);
  world_.contract().is_online = true;
  world_.definitions.entities.push_back({"account", "account_id", data::ColumnType::kText});
  world_.contract().entity = "account";
  EXPECT_NE(message().find("contract does not describe entity customer"), std::string::npos);
}

TEST_F(OnlineStore, ServesManyThreadsWhileRowsChange) {
  ASSERT_TRUE(write(world_.usage(), usage_rows({1}, {1}, {1}, {1})));
  const auto reader =
      *OnlineReader::make(*store_, world_.definitions, world_.definitions.services[0]);
  std::vector<std::thread> threads;
  std::vector<int> torn(3, 0);
  for (std::size_t t = 0; t < torn.size(); ++t) {
    threads.emplace_back([&, t] {
      OnlineReader::Scratch scratch;
      std::vector<Cell> cells(3);
      std::vector<OnlineReader::EntityInfo> info(1);
      const std::vector<std::string_view> ids = {"1"};
      for (int i = 0; i < 2'000; ++i) {
        const auto read = reader.read(ids, 100, scratch, cells, info);
        if (!read || cells[0].number != cells[1].number) ++torn[t];
      }
    });
  }
  for (int i = 2; i < 40; ++i) {
    ASSERT_TRUE(write(world_.usage(), usage_rows({1}, {i}, {i}, {static_cast<double>(i)})));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn, (std::vector<int>{0, 0, 0}));
}

}  // namespace
}  // namespace tenure::features
