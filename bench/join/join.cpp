// Both sides of bench/join: features::join_point_in_time and the SQL a person would write by hand,
// through the same engine with the same threads.
//
//   bench_join make FOLDER ROWS          writes entities, source and source_tied as Parquet
//   bench_join tenure|raw|ordered FOLDER unique|tied   one join; prints its seconds
//   bench_join check FOLDER unique|tied  compares the answers cell by cell
//
// `unique`: no time to live, no two source rows of one customer at one time. `tied`: 90 days to
// live, a created column, one source row in fifty repeated at the same time, created later.
// `ordered` is `raw` with the entities' order restored, which join_point_in_time always does.

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "data/engine.h"
#include "features/point_in_time.h"

namespace {

using namespace tenure;

template <typename T>
T unwrap(core::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

std::string file(const std::string& folder, std::string_view name) {
  return folder + "/" + std::string(name) + ".parquet";
}

void make(data::Engine& engine, const std::string& folder, const std::string& rows) {
  const std::string time =
      "make_timestamp((1704067200000 + hash(i + {}) % 31536000000)::BIGINT * 1000)";
  const auto write = [&](std::string_view name, const std::string& query) {
    auto done =
        engine.execute(fmt::format("COPY ({}) TO {}", query, data::quote_text(file(folder, name))));
    if (!done) throw std::runtime_error(done.error().message);
  };
  // Microseconds from the row's number keep times apart.
  const std::string source = fmt::format(
      "SELECT (hash(i) % 100000)::BIGINT AS customer_id, {} + to_microseconds(i % 1000) AS "
      "event_ts, "
      "{} + INTERVAL 1 HOUR AS created, (hash(i + 3) % 1000000) / 1000.0 AS minutes, "
      "(hash(i + 5) % 1000000)::DOUBLE AS charge, (i % 100)::BIGINT AS calls, "
      "'plan ' || (i % 7) AS plan FROM range({}) t(i)",
      fmt::format(fmt::runtime(time), 7), fmt::format(fmt::runtime(time), 7), rows);
  write("unique", source);
  write("tied",
        fmt::format("SELECT * EXCLUDE (again) REPLACE (CASE WHEN again THEN created + INTERVAL 1 "
                    "DAY ELSE created END AS created, CASE WHEN again THEN minutes + 1 ELSE "
                    "minutes END AS minutes) FROM (SELECT *, false AS again FROM ({0}) "
                    "UNION ALL SELECT *, true FROM ({0}) WHERE calls % 50 = 0)",
                    source));
  write("entities", fmt::format("SELECT (hash(i + 99) % 100000)::BIGINT AS customer_id, {} AS "
                                "event_timestamp, (i % 2)::INT AS label FROM range({}) t(i)",
                                fmt::format(fmt::runtime(time), 13), rows));
}

std::string raw_query(const std::string& folder, std::string_view scenario, bool is_ordered) {
  const bool is_tied = scenario == "tied";
  std::string source = fmt::format("read_parquet({})", data::quote_text(file(folder, scenario)));
  if (is_tied)
    source = fmt::format(
        "(SELECT * FROM {} QUALIFY row_number() OVER (PARTITION BY customer_id, event_ts ORDER BY "
        "created DESC) = 1)",
        source);
  std::string features;
  for (const char* name : {"minutes", "charge", "calls", "plan"})
    features += is_tied ? fmt::format(
                              ", CASE WHEN e.event_timestamp - s.event_ts <= INTERVAL 90 DAY "
                              "THEN s.{0} END AS {0}",
                              name)
                        : fmt::format(", s.{}", name);
  const std::string query = fmt::format(
      "SELECT e.*{} FROM read_parquet({}{}) e ASOF LEFT JOIN {} s ON e.customer_id = s.customer_id "
      "AND e.event_timestamp >= s.event_ts",
      features, data::quote_text(file(folder, "entities")),
      is_ordered ? ", file_row_number = true" : "", source);
  if (!is_ordered) return query;
  return fmt::format("SELECT * EXCLUDE file_row_number FROM ({}) ORDER BY file_row_number", query);
}

data::Table tenure_join(data::Engine& engine, const std::string& folder,
                        std::string_view scenario) {
  features::Definitions definitions;
  definitions.project = "bench";
  definitions.entities = {{"customer", "customer_id", data::ColumnType::kInteger}};
  features::FeatureView view;
  view.name = "usage";
  view.entity = "customer";
  view.source = file(folder, scenario);
  view.timestamp_column = "event_ts";
  if (scenario == "tied") {
    view.created_column = "created";
    view.ttl = core::Micros{90} * 86'400'000'000;
  }
  view.features = {{"minutes", "minutes", data::ColumnType::kNumber},
                   {"charge", "charge", data::ColumnType::kNumber},
                   {"calls", "calls", data::ColumnType::kInteger},
                   {"plan", "plan", data::ColumnType::kText}};
  definitions.views = {view};
  const features::ViewRequest request{&definitions.views[0], {}, {}, {}};
  return unwrap(
             features::join_point_in_time(engine,
                                          fmt::format("SELECT * FROM read_parquet({})",
                                                      data::quote_text(file(folder, "entities"))),
                                          definitions, {&request, 1}))
      .table;
}

bool is_same(const data::Column& a, const data::Column& b, std::size_t row) {
  if (a.is_null(row) || b.is_null(row)) return a.is_null(row) == b.is_null(row);
  if (a.type != b.type) return false;
  if (a.type == data::ColumnType::kText) return a.text(row) == b.text(row);
  return a.number(row) == b.number(row);
}

void check(data::Engine& engine, const std::string& folder, std::string_view scenario) {
  const data::Table expected = unwrap(engine.query(raw_query(folder, scenario, true)));
  const data::Table joined = tenure_join(engine, folder, scenario);
  if (expected.columns.size() != joined.columns.size() ||
      expected.row_count() != joined.row_count())
    throw std::runtime_error("the answers have different shapes");
  std::size_t missing = 0;
  for (std::size_t c = 0; c < expected.columns.size(); ++c) {
    for (std::size_t row = 0; row < expected.row_count(); ++row) {
      const auto& a = expected.columns[c];
      const auto& b = joined.columns[c];
      if (!is_same(a, b, row))
        throw std::runtime_error(fmt::format("row {}, column {}: {} by hand, {} joined", row,
                                             a.name, a.display(row), b.display(row)));
      if (a.is_null(row)) ++missing;
    }
  }
  fmt::print("{{\"rows\": {}, \"columns\": {}, \"missing_cells\": {}}}\n", expected.row_count(),
             expected.columns.size(), missing);
}

void run(const std::string& mode, const std::string& folder, const std::string& argument) {
  auto engine = unwrap(data::Engine::open());
  if (mode == "make") return make(*engine, folder, argument);
  if (mode == "check") return check(*engine, folder, argument);
  const auto start = std::chrono::steady_clock::now();
  const data::Table table =
      mode == "tenure" ? tenure_join(*engine, folder, argument)
                       : unwrap(engine->query(raw_query(folder, argument, mode == "ordered")));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{{\"seconds\": {:.6f}, \"rows\": {}}}\n", seconds, table.row_count());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 4) {
      fmt::print(stderr, "usage: {} make|tenure|raw|ordered|check FOLDER ROWS|unique|tied\n",
                 argv[0]);
      return 2;
    }
    run(argv[1], argv[2], argv[3]);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_join: {}\n", error.what());
    return 1;
  }
}
