// The hot path without HTTP: one row by id out of LMDB, and one with every feature given.

#include <benchmark/benchmark.h>

#include "serving/testing/served_world.h"
#include "serving/traffic.h"
#include "storage/sql/database.h"
#include "tracking/experiments.h"

namespace tenure::serving {
namespace {

void predict(benchmark::State& state, const PredictRow& row) {
  testing::ServedWorld world;
  const core::SystemClock clock;
  Predictor predictor({clock, world.metrics, nullptr});
  predictor.swap(world.snapshot(1));
  Predictor::Scratch scratch;
  std::vector<Prediction> out(1);
  for (auto step : state) {
    const auto snapshot = predictor.snapshot();
    predictor.predict(*snapshot, std::span(&row, 1), scratch, out);
    benchmark::DoNotOptimize(out.data());
  }
}

void by_id(benchmark::State& state) {
  predict(state, {.entity_id = "C-2", .given = {}});
}

void by_features(benchmark::State& state) {
  const std::vector<data::Cell> given{data::Cell::of("b"), data::Cell::of(4.0)};
  predict(state, {.entity_id = "", .given = given});
}

void only_the_snapshot(benchmark::State& state) {
  testing::ServedWorld world;
  Predictor predictor({world.clock, world.metrics, nullptr});
  predictor.swap(world.snapshot(1));
  for (auto step : state) benchmark::DoNotOptimize(predictor.snapshot());
}

/// As by_features, where a canary has half of the customers.
void by_features_with_a_canary(benchmark::State& state) {
  testing::ServedWorld world;
  const core::SystemClock clock;
  const auto database =
      testing::must(storage::open_database("sqlite:///registry.db", world.folder.path().string()));
  if (!tracking::prepare_schema(*database, clock.now())) return state.SkipWithError("no schema");
  tracking::Registry registry(*database, clock);
  const tracking::Change change{"bench", "bench", nullptr};
  testing::must(registry.create_model_if_missing("churn", change));
  for (int i = 0; i < 2; ++i)
    testing::must(registry.create_version("churn", "file:///nowhere", "run", {}, change));
  Traffic traffic({.champion = {.model = "churn"},
                   .shares = {.arms = {{.name = "canary", .version = 2, .slots = 5'000}}}},
                  {.clock = clock,
                   .metrics = world.metrics,
                   .registry = registry,
                   .loader = [&world](const tracking::ModelVersion& version)
                       -> core::Result<std::shared_ptr<const ModelSnapshot>> {
                     return world.snapshot(version.version);
                   }});
  Predictor predictor(traffic.champion_collaborators());
  const auto champion = world.snapshot(1);
  predictor.swap(champion);
  traffic.attach(predictor);
  traffic.check_arms();
  traffic.start();
  const std::vector<data::Cell> given{data::Cell::of("b"), data::Cell::of(4.0)};
  const PredictRow row{.entity_id = "", .given = given};
  Traffic::Scratch scratch;
  std::vector<Prediction> out(1);
  for (auto step : state) {
    traffic.predict(*champion, std::span(&row, 1), scratch, out);
    benchmark::DoNotOptimize(out.data());
  }
}

BENCHMARK(by_id);
BENCHMARK(by_features_with_a_canary);
BENCHMARK(by_features);
BENCHMARK(only_the_snapshot);

}  // namespace
}  // namespace tenure::serving
