#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "core/testing/counted_allocations.h"
#include "features/online_store.h"
#include "features/testing/usage_world.h"

namespace tenure::features {
namespace {

TEST(OnlineReaderAllocation, IsZeroOnceBuffersAreWarm) {
  testing::UsageWorld world;
  auto store = std::move(*storage::open_kv_store("lmdb:///online", world.folder().string()));
  data::Table rows;
  rows.columns = {
      data::Column::of_integers("customer_id", {1, 2}),
      data::Column::of_timestamps("event_ts", {5, 5}),
      data::Column::of_texts("plan", {"a plan with a name too long to be a small text", "basic"})};
  ASSERT_TRUE(write_online(*store, world.definitions, world.contract(), rows));
  const auto reader = *OnlineReader::make(*store, world.definitions, world.definitions.services[0]);
  const std::vector<std::string_view> ids = {"1", "2", "77", "no integer"};
  std::vector<data::Cell> cells(ids.size() * reader.feature_count());
  std::vector<OnlineReader::EntityInfo> info(ids.size());
  OnlineReader::Scratch scratch;
  ASSERT_TRUE(reader.read(ids, 100, scratch, cells, info));
  const std::size_t before = core::testing::allocation_count();
  bool is_good = true;
  for (int i = 0; i < 100; ++i) {
    is_good = is_good && reader.read(ids, 100, scratch, cells, info).has_value();
  }
  const std::size_t after = core::testing::allocation_count();
  EXPECT_EQ(after - before, 0U);
  EXPECT_TRUE(is_good);
  EXPECT_EQ(cells[2].text, "a plan with a name too long to be a small text");
  EXPECT_GT(before, 0U);
}

}  // namespace
}  // namespace tenure::features
