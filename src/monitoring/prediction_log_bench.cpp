// What a prediction pays to be remembered: 40 features, one thread, the writer beside it.

#include <benchmark/benchmark.h>

#include "monitoring/prediction_log_test_data.h"

namespace tenure::monitoring {
namespace {

void append_one_event(benchmark::State& state) {
  const testing::TemporaryFolder folder;
  const core::SystemClock clock;
  core::MetricRegistry metrics;
  auto log = PredictionLog::open({.folder = folder.path()}, clock, metrics);
  if (!log) return state.SkipWithError(log.error().message.c_str());
  testing::OwnedEvent event;
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) names.push_back("feature_number_" + std::to_string(i));
  event.names.assign(names.begin(), names.end());
  event.cells.clear();
  for (int i = 0; i < 40; ++i) {
    event.cells.push_back(i % 4 == 0 ? data::Cell::of("Month-to-month")
                                     : data::Cell::of(i * (i % 4 == 1 ? 0.1 : 1.0)));
  }
  const serving::PredictionEvent view = event.view();
  int since_flush = 0;
  for (auto step : state) {
    (*log)->append(view);
    if (++since_flush == 10'000) {  // so that the buffer never fills, which would be cheaper
      state.PauseTiming();
      if (!(*log)->flush()) return state.SkipWithError("flush failed");
      since_flush = 0;
      state.ResumeTiming();
    }
  }
  state.counters["dropped"] =
      static_cast<double>(metrics.counter("tenure_prediction_events_dropped_total", "").value());
}
BENCHMARK(append_one_event);

}  // namespace
}  // namespace tenure::monitoring
