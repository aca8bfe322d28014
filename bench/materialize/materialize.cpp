// Both sides of bench/materialize.
//
//   bench_materialize make FOLDER ROWS    writes the source: one row for each of ROWS customers
//   bench_materialize tenure FOLDER       features::materialize into a new store; prints seconds
//   bench_materialize floor FOLDER        the same bytes, sorted, through LMDB alone into a new
//   store bench_materialize check FOLDER        reads every customer back and compares with the
//   source
//
// `floor` and `check` use the store that the last `tenure` left.

#include "features/materialize.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <lmdb.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "data/engine.h"
#include "features/online_store.h"
#include "storage/kv/kv_store.h"
#include "storage/sql/database.h"

namespace {

using namespace tenure;

constexpr std::size_t kBatchRows = 20'000;  // as materialize commits them
constexpr std::size_t kMapBytes = std::size_t{4} << 30;

template <typename T>
T unwrap(core::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void make(const std::string& folder, const std::string& rows) {
  auto engine = unwrap(data::Engine::open());
  auto done = engine->execute(fmt::format(
      "COPY (SELECT 'C' || (hash(i) % 1000000007 * 1000003 + i)::BIGINT AS customer_id, "
      "make_timestamp((1704067200 + hash(i + 7) % 31536000)::BIGINT * 1000000) AS event_ts, "
      "(hash(i + 3) % 1000000) / 1000.0 AS minutes, (hash(i + 5) % 1000000)::DOUBLE AS charge, "
      "(i % 100)::BIGINT AS calls, 'plan ' || (i % 7) AS plan FROM range({}) t(i)) TO {}",
      rows, data::quote_text(folder + "/source.parquet")));
  if (!done) throw std::runtime_error(done.error().message);
}

features::Definitions definitions_of(const std::string& folder) {
  features::Definitions definitions;
  definitions.project = "bench";
  definitions.entities = {{"customer", "customer_id", data::ColumnType::kText}};
  features::FeatureView view;
  view.name = "usage";
  view.entity = "customer";
  view.source = folder + "/source.parquet";
  view.timestamp_column = "event_ts";
  view.features = {{"minutes", "minutes", data::ColumnType::kNumber},
                   {"charge", "charge", data::ColumnType::kNumber},
                   {"calls", "calls", data::ColumnType::kInteger},
                   {"plan", "plan", data::ColumnType::kText}};
  definitions.views = {view};
  definitions.services = {
      {"churn",
       {{"usage", "minutes"}, {"usage", "charge"}, {"usage", "calls"}, {"usage", "plan"}}}};
  return definitions;
}

void tenure_side(const std::string& folder) {
  std::filesystem::remove_all(folder + "/tenure");
  auto engine = unwrap(data::Engine::open());
  auto database = unwrap(storage::open_database("sqlite://:memory:", folder));
  auto log = unwrap(features::MaterializationLog::open(*database, 1));
  const features::Definitions definitions = definitions_of(folder);
  const auto start = std::chrono::steady_clock::now();
  auto store = unwrap(storage::open_kv_store("lmdb:///tenure", folder));
  const auto reports = unwrap(
      features::materialize(*engine, *store, log, definitions, {}, 0, 2'000'000'000'000'000, 1));
  const double seconds = seconds_since(start);
  fmt::print("{{\"seconds\": {:.6f}, \"rows\": {}}}\n", seconds, reports.front().rows_written);
}

void check_lmdb(int status) {
  if (status != 0) throw std::runtime_error(mdb_strerror(status));
}

// What LMDB can do at best with these batches: no look at the old value, no map to grow.
void floor_side(const std::string& folder) {
  std::vector<std::pair<std::string, std::string>> entries;
  {
    auto store = unwrap(storage::open_kv_store("lmdb:///tenure", folder));
    auto scanned = store->scan("", [&](storage::KvEntry entry) {
      entries.emplace_back(entry.key, entry.value);
      return true;
    });
    if (!scanned) throw std::runtime_error(scanned.error().message);
  }
  const std::string path = folder + "/floor";
  std::filesystem::remove_all(path);
  std::filesystem::create_directory(path);
  const auto start = std::chrono::steady_clock::now();
  MDB_env* environment = nullptr;
  check_lmdb(mdb_env_create(&environment));
  check_lmdb(mdb_env_set_mapsize(environment, kMapBytes));
  check_lmdb(mdb_env_open(environment, path.c_str(), MDB_NORDAHEAD, 0600));
  for (std::size_t begin = 0; begin < entries.size(); begin += kBatchRows) {
    MDB_txn* transaction = nullptr;
    MDB_dbi table = 0;
    check_lmdb(mdb_txn_begin(environment, nullptr, 0, &transaction));
    check_lmdb(mdb_dbi_open(transaction, nullptr, 0, &table));
    for (std::size_t i = begin; i < std::min(begin + kBatchRows, entries.size()); ++i) {
      MDB_val key{entries[i].first.size(), entries[i].first.data()};
      MDB_val value{entries[i].second.size(), entries[i].second.data()};
      check_lmdb(mdb_put(transaction, table, &key, &value, 0));
    }
    check_lmdb(mdb_txn_commit(transaction));
  }
  mdb_env_close(environment);
  fmt::print("{{\"seconds\": {:.6f}, \"rows\": {}}}\n", seconds_since(start), entries.size());
}

bool is_same(const data::Column& column, std::size_t row, const data::Cell& cell) {
  if (column.is_null(row)) return cell.kind == data::Cell::Kind::kNull;
  if (column.type == data::ColumnType::kText) return cell.text == column.text(row);
  return cell.number == column.number(row);
}

void check_answer(const std::string& folder) {
  auto engine = unwrap(data::Engine::open());
  const data::Table source = unwrap(engine->query(
      fmt::format("SELECT customer_id, minutes, charge, calls, plan FROM read_parquet({})",
                  data::quote_text(folder + "/source.parquet"))));
  auto store = unwrap(storage::open_kv_store("lmdb:///tenure", folder));
  const features::Definitions definitions = definitions_of(folder);
  const auto reader =
      unwrap(features::OnlineReader::make(*store, definitions, definitions.services[0]));
  features::OnlineReader::Scratch scratch;
  std::vector<data::Cell> cells(4);
  std::vector<features::OnlineReader::EntityInfo> info(1);
  for (std::size_t row = 0; row < source.row_count(); ++row) {
    const std::string_view id = source.columns[0].text(row);
    auto read = reader.read({&id, 1}, 0, scratch, cells, info);
    if (!read) throw std::runtime_error(read.error().message);
    bool is_right = info[0].is_found;
    for (std::size_t i = 0; i < cells.size(); ++i)
      is_right = is_right && is_same(source.columns[1 + i], row, cells[i]);
    if (!is_right) throw std::runtime_error(fmt::format("customer {} reads back otherwise", id));
  }
  if (const auto count = unwrap(store->count()); count != source.row_count())
    throw std::runtime_error(fmt::format("{} keys in the store", count));
  fmt::print("{{\"rows\": {}}}\n", source.row_count());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string mode = argc > 1 ? argv[1] : "";
    if (argc == 4 && mode == "make") {
      make(argv[2], argv[3]);
    } else if (argc == 3 && mode == "tenure") {
      tenure_side(argv[2]);
    } else if (argc == 3 && mode == "floor") {
      floor_side(argv[2]);
    } else if (argc == 3 && mode == "check") {
      check_answer(argv[2]);
    } else {
      fmt::print(stderr, "usage: {} make FOLDER ROWS | tenure|floor|check FOLDER\n", argv[0]);
      return 2;
    }
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_materialize: {}\n", error.what());
    return 1;
  }
}
