#include "serving/warm_up.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "serving/testing/served_world.h"

namespace tenure::serving {
namespace {

using testing::must;
using testing::ServedWorld;

TEST(WarmUp, ComparesAVersionWithTheLiveOneOnTheSameRows) {
  ServedWorld world;
  const auto first = world.snapshot(1);
  const auto alone = must(warm_up(world.clock, *first, nullptr, 100));
  EXPECT_EQ(alone.rows, 100U);
  EXPECT_EQ(alone.against, 0);
  EXPECT_EQ(alone.shift_max, 0);
  const auto same = must(warm_up(world.clock, *world.snapshot(2), first.get(), 100));
  EXPECT_EQ(same.against, 1);
  EXPECT_EQ(same.shift_max, 0);
  auto parts = world.parts(3);
  parts.model = world.secondary();
  const auto other =
      must(warm_up(world.clock, *must(ModelSnapshot::make(std::move(parts))), first.get(), 100));
  EXPECT_GT(other.shift_mean, 0);
  EXPECT_GE(other.shift_max, other.shift_mean);
  EXPECT_LE(other.shift_max, 1);
}

TEST(WarmUp, DrawsItsRowsFromTheSketchesOfTheTrainingRows) {
  ServedWorld world;
  const auto with_plan = [&](std::string_view plan) {
    auto parts = world.parts(1);
    parts.reference = must(core::parse_json(fmt::format(
        R"({{"rows":10,"columns":[{{"name":"plan","nulls":0,"categories":[{{"value":"{}","count":10}}]}},)"
        R"({{"name":"age","nulls":0,"min":2,"max":2,"deciles":[2]}}]}})",
        plan)));
    return must(ModelSnapshot::make(std::move(parts)));
  };
  // The two models are the same, and each row too: one plan, one age.
  auto parts = world.parts(2);
  parts.model = world.secondary();
  const auto live = must(ModelSnapshot::make(std::move(parts)));
  const auto a = must(warm_up(world.clock, *with_plan("a"), live.get(), 50));
  const auto b = must(warm_up(world.clock, *with_plan("b"), live.get(), 50));
  EXPECT_NEAR(a.shift_mean, a.shift_max, 1e-6);
  EXPECT_NEAR(b.shift_mean, b.shift_max, 1e-6);
  EXPECT_NE(a.shift_max, b.shift_max);
}

TEST(WarmUp, TakesASketchOfAnotherShapeForNone) {
  ServedWorld world;
  for (const auto* const text : {R"({"columns":7})", R"([1])", R"({"rows":"x","columns":[1,{}]})",
                                 R"({"rows":1,"columns":[{"categories":[3],"deciles":["x"]}]})"}) {
    auto parts = world.parts(1);
    parts.reference = must(core::parse_json(text));
    const auto snapshot = must(ModelSnapshot::make(std::move(parts)));
    EXPECT_EQ(must(warm_up(world.clock, *snapshot, nullptr, 10)).rows, 10U) << text;
  }
}

TEST(WarmUp, ReadsTheLiveVersionsInputsByName) {
  ServedWorld world;
  const auto live = world.snapshot(1);
  const data::Table table{.columns = {data::Column::of_numbers("size", {1, 2, 3, 4})}};
  std::vector<std::uint32_t> rows = {0, 1, 2, 3};
  const std::vector<learn::InputField> inputs = {
      {.name = "size", .type = data::ColumnType::kNumber}};
  auto transform = must(learn::Transform::fit({}, inputs, table, rows));
  const std::vector<std::uint8_t> labels = {0, 1, 0, 1};
  const auto matrix = must(learn::XgboostMatrix::make(must(transform.apply(table)), labels, 1));
  const auto booster =
      must(learn::XgboostBooster::train({.params = {}, .rounds = 2}, matrix, nullptr));
  auto trees = must(learn::TreeModel::load(must(booster.to_ubj(transform.outputs()))));
  const auto next = must(ModelSnapshot::make(
      {.name = "churn",
       .version = 2,
       .model = must(learn::Model::make({}, std::move(transform), std::move(trees)))}));
  EXPECT_EQ(must(warm_up(world.clock, *next, live.get(), 20)).against, 1);
}

}  // namespace
}  // namespace tenure::serving
