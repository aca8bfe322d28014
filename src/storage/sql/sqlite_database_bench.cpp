#include <memory>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "storage/sql/database.h"
#include "storage/testing/temporary_folder.h"

// Small transactions from many threads, and reading the history of one metric. What the disk's
// fsync costs decides the first; set TMPDIR to the disk that is to be measured.
namespace tenure::storage {
namespace {

constexpr std::string_view kCreateMetrics =
    "CREATE TABLE metrics (key VARCHAR(250) NOT NULL, value FLOAT NOT NULL, timestamp BIGINT NOT "
    "NULL, run_uuid VARCHAR(32) NOT NULL, step BIGINT DEFAULT 0 NOT NULL, is_nan BOOLEAN DEFAULT "
    "'0' NOT NULL, CONSTRAINT metric_pk PRIMARY KEY (key, timestamp, step, run_uuid, value, "
    "is_nan))";
constexpr std::string_view kInsertMetric =
    "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (:key, :value, "
    ":timestamp, :run, :step, FALSE)";
constexpr std::string_view kHistory =
    "SELECT value, timestamp, step, is_nan FROM metrics WHERE key = :key AND run_uuid = :run";

struct World {
  testing::TemporaryFolder folder;
  std::unique_ptr<Database> database;

  World() {
    auto opened = open_database("sqlite:///x.db", folder.path().string());
    if (opened) database = std::move(*opened);
    if (database && !database->execute(kCreateMetrics)) database.reset();
  }
};

core::Result<> insert(SqlExecutor& sql, const std::string& run, std::int64_t step) {
  auto done = sql.execute(kInsertMetric, {"loss", static_cast<double>(step) / 7.0,
                                          1'700'000'000'000 + step, run, step});
  if (!done) return std::move(done).error();
  return {};
}

/// The world all threads of one benchmark share, made by the first.
std::unique_ptr<World>& shared_world() {
  static std::unique_ptr<World> world;
  return world;
}
void make_world(const benchmark::State&) {
  shared_world() = std::make_unique<World>();
}
void drop_world(const benchmark::State&) {
  shared_world().reset();
}

void small_transactions(benchmark::State& state) {
  Database& database = *shared_world()->database;
  const std::string run = fmt::format("run{}", state.thread_index());
  std::int64_t step = 0;
  for (auto _ : state) {
    ++step;
    auto done = database.transaction([&](SqlExecutor& sql) { return insert(sql, run, step); });
    if (!done) state.SkipWithError(done.error().message.c_str());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(small_transactions)
    ->Setup(make_world)
    ->Teardown(drop_world)
    ->Threads(1)
    ->Threads(4)
    ->Threads(16)
    ->Threads(64)
    ->UseRealTime();

void single_statements(benchmark::State& state) {
  Database& database = *shared_world()->database;
  const std::string run = fmt::format("run{}", state.thread_index());
  std::int64_t step = 0;
  for (auto _ : state) {
    if (auto done = insert(database, run, ++step); !done)
      state.SkipWithError(done.error().message.c_str());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(single_statements)
    ->Setup(make_world)
    ->Teardown(drop_world)
    ->Threads(1)
    ->Threads(16)
    ->UseRealTime();

constexpr std::int64_t kPoints = 25'000;

std::unique_ptr<World> history_world() {
  auto world = std::make_unique<World>();
  auto filled = world->database->transaction([](SqlExecutor& sql) -> core::Result<> {
    for (std::int64_t step = 0; step < kPoints; ++step) {
      if (auto done = insert(sql, "0123456789abcdef0123456789abcdef", step); !done) return done;
    }
    return {};
  });
  if (!filled) world.reset();
  return world;
}

void history_as_rows(benchmark::State& state) {
  const auto world = history_world();
  for (auto _ : state) {
    auto rows = world->database->query(
        kHistory, {std::string("loss"), std::string("0123456789abcdef0123456789abcdef")});
    double sum = 0;
    for (const SqlRow& row : *rows)
      sum += row.number(0) + static_cast<double>(row.integer(1) + row.integer(2) + row.integer(3));
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * kPoints);
}
BENCHMARK(history_as_rows)->Unit(benchmark::kMillisecond);

void history_in_place(benchmark::State& state) {
  const auto world = history_world();
  for (auto _ : state) {
    double sum = 0;
    auto read = world->database->for_each(
        kHistory, {std::string("loss"), std::string("0123456789abcdef0123456789abcdef")},
        [&](const SqlRowView& row) {
          sum +=
              row.number(0) + static_cast<double>(row.integer(1) + row.integer(2) + row.integer(3));
          return true;
        });
    if (!read) state.SkipWithError(read.error().message.c_str());
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * kPoints);
}
BENCHMARK(history_in_place)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tenure::storage
