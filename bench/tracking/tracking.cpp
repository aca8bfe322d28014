// Tenure's side of bench/tracking.
//
//   bench_tracking schema DATABASE          tables, an experiment and a run, whose id it prints
//   bench_tracking log DATABASE             RUNS runs of 10 params and 20 metrics, then one of
//                                           POINTS points; prints seconds of both parts
//   bench_tracking calls DATABASE RUN N M   M calls that log N metrics each; prints seconds and
//                                           processor seconds of this process
//
// DATABASE is a URL, as storage.database.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "call_metrics.h"
#include "core/clock.h"
#include "storage/sql/database.h"
#include "tracking/experiments.h"
#include "tracking/run.h"

namespace {

using namespace tenure;

constexpr int kRuns = 1000;
constexpr int kParams = 10;
constexpr int kMetrics = 20;
constexpr int kPoints = 100'000;
constexpr int kPointsABatch = 1000;
constexpr const char* kArtifacts = "file:///artifacts";  // nothing is written there

template <typename T>
T unwrap(core::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}
void unwrap(core::Result<> result) {
  if (!result) throw std::runtime_error(result.error().message);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

tracking::Run log_run(tracking::RunStore& store, const tracking::Experiment& experiment,
                      int number) {
  const tracking::Run run =
      unwrap(store.create(experiment, fmt::format("run-{}", number), "bench"));
  std::map<std::string, std::string> params;
  for (int i = 0; i < kParams; ++i)
    params[fmt::format("param_{}", i)] = std::to_string(number * 100 + i);
  std::vector<tracking::Metric> metrics;
  for (int i = 0; i < kMetrics; ++i)
    metrics.push_back(
        {fmt::format("metric_{}", i), number + i / 64.0, 1'700'000'000'000 + number, 0});
  unwrap(store.log(run.id, metrics, params));
  return run;
}

void log(const std::string& url) {
  const core::SystemClock clock;
  auto database = unwrap(storage::open_database(url, ""));
  tracking::ExperimentStore experiments(*database, clock, kArtifacts);
  tracking::RunStore store(*database, clock);
  const tracking::Experiment experiment = unwrap(experiments.find_or_create("bench"));

  auto start = std::chrono::steady_clock::now();
  for (int number = 0; number < kRuns; ++number) {
    const tracking::Run run = log_run(store, experiment, number);
    unwrap(store.end(run.id, tracking::RunStatus::kFinished));
  }
  const double runs = seconds_since(start);

  const tracking::Run run = unwrap(store.create(experiment, "long", "bench"));
  start = std::chrono::steady_clock::now();
  for (int first = 0; first < kPoints; first += kPointsABatch) {
    std::vector<tracking::Metric> points;
    for (int i = first; i < first + kPointsABatch; ++i)
      points.push_back({"loss", 1.0 / (1 + i), 1'700'000'000'000 + i, i});
    unwrap(store.log(run.id, points));
  }
  fmt::print("{{\"runs\": {:.6f}, \"points\": {:.6f}}}\n", runs, seconds_since(start));
}

void make_schema(const std::string& url) {
  const core::SystemClock clock;
  auto database = unwrap(storage::open_database(url, ""));
  unwrap(tracking::prepare_schema(*database, clock.now()));
  tracking::ExperimentStore experiments(*database, clock, kArtifacts);
  const tracking::Experiment experiment = unwrap(experiments.find_or_create("bench"));
  tracking::RunStore store(*database, clock);
  fmt::print("{{\"run\": \"{}\"}}\n", unwrap(store.create(experiment, "calls", "bench")).id);
}

/// As the REST calls do: log-metric for one, log-batch for more.
void call(const std::string& url, const std::string& run, int metrics_a_call, int calls) {
  const core::SystemClock clock;
  auto database = unwrap(storage::open_database(url, ""));
  tracking::RunStore store(*database, clock);
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t processor = std::clock();
  for (int number = 0; number < calls; ++number) {
    tracking::LogBatch batch;
    for (bench::CallMetric& row : bench::metrics_of_call(number, metrics_a_call))
      batch.metrics.push_back({std::move(row.key), row.value, row.number, row.number});
    if (metrics_a_call == 1) {
      unwrap(store.log(run, batch.metrics));
    } else {
      unwrap(store.log_batch(run, batch));
    }
  }
  bench::print_times(start, processor);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string mode = argc == 3 || argc == 6 ? argv[1] : "";
    if (mode == "schema") {
      make_schema(argv[2]);
    } else if (mode == "log") {
      log(argv[2]);
    } else if (mode == "calls" && argc == 6) {
      call(argv[2], argv[3], std::atoi(argv[4]), std::atoi(argv[5]));
    } else {
      fmt::print(stderr, "usage: {} schema|log DATABASE, calls DATABASE RUN METRICS CALLS\n",
                 argv[0]);
      return 2;
    }
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_tracking: {}\n", error.what());
    return 1;
  }
}
