#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include "core/id.h"
#include "features/materialize.h"
#include "features/online_store.h"
#include "features/point_in_time.h"
#include "features/testing/usage_world.h"

namespace tenure::features {
namespace {

constexpr std::string_view kSource =
    "SELECT (hash(i) % 100000)::BIGINT AS customer_id, make_timestamp((1704067200 + hash(i + 7) % "
    "31536000)::BIGINT * 1000000) AS event_ts, random() AS minutes, random() AS charge, (i % "
    "100)::BIGINT AS calls, 'plan ' || (i % 7) AS plan FROM range(1000000) t(i)";
constexpr std::string_view kEntities =
    "SELECT (hash(i + 99) % 100000)::BIGINT AS customer_id, make_timestamp((1704067200 + hash(i + "
    "13) % 31536000)::BIGINT * 1000000) AS event_timestamp, (i % 2)::INT AS label FROM "
    "range(1000000) t(i)";

/// A million entity rows and a million source rows of 100,000 customers.
struct Million {
  Million() {
    world.write("source", std::string(kSource));
    world.write("entities", std::string(kEntities));
    view.name = "usage";
    view.entity = "customer";
    view.source = world.path("source");
    view.timestamp_column = "event_ts";
    view.features = {{"minutes", "minutes", data::ColumnType::kNumber},
                     {"charge", "charge", data::ColumnType::kNumber},
                     {"calls", "calls", data::ColumnType::kInteger},
                     {"plan", "plan", data::ColumnType::kText}};
    world.definitions.views = {view};
    world.definitions.services = {{"default", {{"usage", "minutes"}, {"usage", "plan"}}}};
  }
  testing::UsageWorld world;
  FeatureView view;
};

Million& million() {
  static Million data;
  return data;
}

// The floor: what a person would write by hand.
void raw_asof_query(benchmark::State& state) {
  Million& m = million();
  const std::string sql = fmt::format(
      "SELECT e.*, s.minutes, s.charge, s.calls, s.plan FROM read_parquet('{}') e ASOF LEFT JOIN "
      "read_parquet('{}') s ON e.customer_id = s.customer_id AND e.event_timestamp >= s.event_ts",
      m.world.path("entities"), m.world.path("source"));
  for (auto _ : state) {
    auto answer = m.world.engine->query(sql);
    if (!answer || answer->row_count() != 1'000'000) state.SkipWithError("wrong answer");
  }
}
BENCHMARK(raw_asof_query)->Unit(benchmark::kMillisecond)->UseRealTime();

void join_point_in_time_of_a_million(benchmark::State& state) {
  Million& m = million();
  const std::string sql = fmt::format("SELECT * FROM read_parquet('{}')", m.world.path("entities"));
  const std::vector<ViewRequest> requests = {{&m.world.definitions.views[0], {}, {}, {}}};
  for (auto _ : state) {
    auto answer = join_point_in_time(*m.world.engine, sql, m.world.definitions, requests);
    if (!answer || answer->table.row_count() != 1'000'000) state.SkipWithError("wrong answer");
  }
}
BENCHMARK(join_point_in_time_of_a_million)->Unit(benchmark::kMillisecond)->UseRealTime();

void materialize_a_hundred_thousand_keys(benchmark::State& state) {
  Million& m = million();
  auto database = std::move(*storage::open_database("sqlite://:memory:", "."));
  auto log = *MaterializationLog::open(*database, 1);
  for (auto _ : state) {
    auto store = std::move(
        *storage::open_kv_store("lmdb:///" + core::random_hex_id(), m.world.folder().string()));
    auto reports = materialize(*m.world.engine, *store, log, m.world.definitions, {}, 0,
                               2'000'000'000'000'000, 1);
    if (!reports) {
      state.SkipWithError(reports.error().message.c_str());
    } else if (reports->front().rows_written < 99'000) {
      state.SkipWithError("wrong answer");
    }
  }
}
BENCHMARK(materialize_a_hundred_thousand_keys)->Unit(benchmark::kMillisecond)->UseRealTime();

void read_online(benchmark::State& state) {
  Million& m = million();
  auto store = std::move(*storage::open_kv_store("lmdb:///read", m.world.folder().string()));
  auto database = std::move(*storage::open_database("sqlite://:memory:", "."));
  auto log = *MaterializationLog::open(*database, 1);
  (void)materialize(*m.world.engine, *store, log, m.world.definitions, {}, 0, 2'000'000'000'000'000,
                    1);
  const auto reader =
      *OnlineReader::make(*store, m.world.definitions, m.world.definitions.services[0]);
  OnlineReader::Scratch scratch;
  std::vector<data::Cell> cells(2);
  std::vector<OnlineReader::EntityInfo> info(1);
  std::uint64_t id = 0;
  for (auto _ : state) {
    id = (id + 7919) % 100'000;
    const std::string text = std::to_string(id);
    const std::string_view key = text;
    if (!reader.read({&key, 1}, 0, scratch, cells, info)) state.SkipWithError("failed");
    benchmark::DoNotOptimize(cells.data());
  }
}
BENCHMARK(read_online);

}  // namespace
}  // namespace tenure::features
