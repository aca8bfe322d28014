// The hot path without HTTP: one row by id out of LMDB, and one with every feature given.

#include <benchmark/benchmark.h>

#include "serving/testing/served_world.h"

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

BENCHMARK(by_id);
BENCHMARK(by_features);
BENCHMARK(only_the_snapshot);

}  // namespace
}  // namespace tenure::serving
