// The hot path asks the heap for nothing once it is warm: every operator new of this program is
// counted.

#include <gtest/gtest.h>

#include "core/testing/counted_allocations.h"
#include "serving/testing/served_world.h"
#include "serving/traffic.h"
#include "storage/sql/database.h"
#include "tracking/experiments.h"

namespace tenure::serving {
namespace {

using data::Cell;
using testing::ServedWorld;

class CountingSink final : public PredictionSink {
 public:
  void append(const PredictionEvent&) noexcept override { ++events; }
  int events = 0;
};

std::uint64_t allocations_of_100(Predictor& predictor, const ModelSnapshot& snapshot,
                                 std::span<const PredictRow> rows, PredictOptions options = {}) {
  Predictor::Scratch scratch;
  std::vector<Prediction> out(rows.size());
  for (int i = 0; i < 3; ++i) predictor.predict(snapshot, rows, scratch, out, options);
  const std::uint64_t before = core::testing::allocation_count();
  for (int i = 0; i < 100; ++i) predictor.predict(snapshot, rows, scratch, out, options);
  return core::testing::allocation_count() - before;
}

TEST(PredictorAllocation, AWarmPredictionAsksTheHeapForNothing) {
  ServedWorld world;
  CountingSink sink;
  Predictor predictor({world.clock, world.metrics, &sink});
  const auto snapshot = world.snapshot(1);
  predictor.swap(snapshot);
  const std::vector<Cell> all{Cell::of("b"), Cell::of(4.0)};
  const std::vector<Cell> some{Cell{}, Cell::of(4.0)};
  const std::vector<PredictRow> one{{.entity_id = "C-2", .given = {}}};
  const std::vector<PredictRow> many{{.entity_id = "C-1", .given = {}},
                                     {.entity_id = "", .given = all},
                                     {.entity_id = "C-9", .given = {}},
                                     {.entity_id = "C-3", .given = some},
                                     {.entity_id = "C-2", .given = all}};
  EXPECT_EQ(allocations_of_100(predictor, *snapshot, one), 0U);
  EXPECT_EQ(allocations_of_100(predictor, *snapshot, many), 0U);
  EXPECT_EQ(sink.events, 103 + 5 * 103);
  EXPECT_EQ(allocations_of_100(predictor, *snapshot, many, {.is_explained = true}), 0U);
  SnapshotCache cache;
  const std::uint64_t before = core::testing::allocation_count();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(predictor.snapshot(cache)->version, 1);
  EXPECT_EQ(core::testing::allocation_count(), before);
}

TEST(TrafficAllocation, AWarmPredictionWithACanaryAndAShadowAsksTheHeapForNothing) {
  ServedWorld world;
  const auto database =
      testing::must(storage::open_database("sqlite:///registry.db", world.folder.path().string()));
  ASSERT_TRUE(tracking::prepare_schema(*database, world.clock.now()).has_value());
  tracking::Registry registry(*database, world.clock);
  const tracking::Change change{"test", "because", nullptr};
  ASSERT_TRUE(registry.create_model_if_missing("churn", change).has_value());
  for (int i = 0; i < 2; ++i)
    testing::must(registry.create_version("churn", "file:///nowhere", "run", {}, change));
  CountingSink sink;
  Traffic traffic({.champion = {.model = "churn"},
                   .shares = {.salt = "s",
                              .arms = {{.name = "canary", .version = 2, .slots = 5'000},
                                       {.name = "dark", .version = 2, .is_shadow = true}}}},
                  {.clock = world.clock,
                   .metrics = world.metrics,
                   .registry = registry,
                   .sink = &sink,
                   .loader = [&world](const tracking::ModelVersion& version)
                       -> core::Result<std::shared_ptr<const ModelSnapshot>> {
                     return world.snapshot(version.version);
                   }});
  Predictor predictor(traffic.champion_collaborators());
  const auto champion = world.snapshot(1);
  predictor.swap(champion);
  traffic.attach(predictor);
  traffic.check_arms();

  const std::vector<Cell> given{Cell::of("b"), Cell::of(4.0)};
  const std::vector<std::string> ids = {"C-1", "C-2", "C-3", "C-4", "C-5", "C-6", "C-7", "C-8"};
  std::vector<PredictRow> rows;
  for (const std::string& id : ids) rows.push_back({.entity_id = id, .given = given});
  std::vector<PredictRow> unnamed(8, {.entity_id = {}, .given = given});
  rows.insert(rows.end(), unnamed.begin(), unnamed.end());
  std::vector<Prediction> out(rows.size());
  Traffic::Scratch scratch;
  // Until every slot of the shadow's queue has been in use, and either version has had all rows
  // that have no customer, which go to one or the other.
  for (int i = 0; i < 2'000; ++i) {
    traffic.predict(*champion, rows, scratch, out);
    traffic.drain_shadows();
  }
  for (Traffic::Scratch::Part& part : scratch.parts) {
    part.rows.reserve(rows.size());
    part.places.reserve(rows.size());
    part.predictions.reserve(rows.size());
    part.predictor.cells.reserve(2 * (rows.size() + 1));
    part.predictor.info.reserve(rows.size());
  }
  const std::uint64_t before = core::testing::allocation_count();
  for (int i = 0; i < 100; ++i) traffic.predict(*champion, rows, scratch, out);
  EXPECT_EQ(core::testing::allocation_count(), before);
  EXPECT_GT(sink.events, 2'000 * 16);
}

}  // namespace
}  // namespace tenure::serving
