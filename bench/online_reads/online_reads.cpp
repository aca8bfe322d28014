// What bench/online_reads measures: one customer's features of three views, read by id.
//
//   bench_online_reads fill FOLDER CUSTOMERS         makes the store
//   bench_online_reads read FOLDER CUSTOMERS READS   reads random customers one by one, checks each
//                                                    answer; prints the microseconds of one read

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/random.h"
#include "features/online_store.h"
#include "storage/kv/kv_store.h"

namespace {

using namespace tenure;

constexpr std::int64_t kBatchRows = 20'000;
constexpr int kViews = 3;
constexpr int kFeatures = 14;  // of each view: 42 in all

template <typename T>
T unwrap(core::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

std::string id_of(std::int64_t customer) {
  return fmt::format("C{:09}", customer);
}

/// Differs from customer to customer and from feature to feature.
double value_of(std::int64_t customer, int view, int feature) {
  return static_cast<double>(customer % 1009) + 0.25 * (view * kFeatures + feature);
}

features::Definitions definitions() {
  features::Definitions made;
  made.project = "bench";
  made.entities = {{"customer", "customer_id", data::ColumnType::kText}};
  features::FeatureService service;
  service.name = "churn";
  for (int v = 0; v < kViews; ++v) {
    features::FeatureView view;
    view.name = fmt::format("view{}", v);
    view.entity = "customer";
    view.source_name = "data";
    view.timestamp_column = "event_timestamp";
    for (int f = 0; f < kFeatures; ++f) {
      const std::string name = fmt::format("f{}_{}", v, f);
      view.features.push_back({name, name, data::ColumnType::kNumber});
      service.features.push_back({view.name, name});
    }
    made.views.push_back(std::move(view));
  }
  made.services = {std::move(service)};
  return made;
}

data::Table rows_of(std::int64_t first, std::int64_t count, int view) {
  data::Table table;
  std::vector<std::string> ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(id_of(first + i));
  table.columns.push_back(data::Column::of_texts("customer_id", ids));
  table.columns.push_back(data::Column::of_timestamps(
      "event_timestamp",
      std::vector<core::Micros>(static_cast<std::size_t>(count), 1'700'000'000'000'000)));
  for (int f = 0; f < kFeatures; ++f) {
    std::vector<double> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(value_of(first + i, view, f));
    table.columns.push_back(
        data::Column::of_numbers(fmt::format("f{}_{}", view, f), std::move(values)));
  }
  return table;
}

void fill(const std::string& folder, std::int64_t customers) {
  auto store = unwrap(storage::open_kv_store("lmdb:///store", folder));
  const features::Definitions made = definitions();
  for (std::int64_t first = 0; first < customers; first += kBatchRows) {
    const std::int64_t count = std::min(kBatchRows, customers - first);
    for (int v = 0; v < kViews; ++v) {
      const auto& view = made.views[static_cast<std::size_t>(v)];
      unwrap(features::write_online(*store, made, view, rows_of(first, count, v)));
    }
  }
}

void read(const std::string& folder, std::int64_t customers, std::int64_t reads) {
  auto store = unwrap(storage::open_kv_store("lmdb:///store", folder));
  const features::Definitions made = definitions();
  const auto reader = unwrap(features::OnlineReader::make(*store, made, made.services.front()));
  core::Random random(7);
  std::vector<std::string> ids;
  std::vector<std::int64_t> asked;
  for (std::int64_t i = 0; i < reads; ++i) {
    asked.push_back(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(customers))));
    ids.push_back(id_of(asked.back()));
  }
  features::OnlineReader::Scratch scratch;
  std::vector<data::Cell> cells(reader.feature_count());
  std::vector<features::OnlineReader::EntityInfo> info(1);
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string_view key = ids[i];
    auto done = reader.read({&key, 1}, 1'700'000'001'000'000, scratch, cells, info);
    if (!done) throw std::runtime_error(done.error().message);
    const int last = kFeatures - 1;
    if (!info[0].is_found || cells.back().number != value_of(asked[i], kViews - 1, last))
      throw std::runtime_error(fmt::format("{}: another customer's features", ids[i]));
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{{\"microseconds\": {:.4f}}}\n", seconds * 1e6 / static_cast<double>(reads));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "fill" && argc == 4) {
      fill(argv[2], std::stoll(argv[3]));
    } else if (mode == "read" && argc == 5) {
      read(argv[2], std::stoll(argv[3]), std::stoll(argv[4]));
    } else {
      fmt::print(stderr, "usage: {} fill FOLDER CUSTOMERS | read FOLDER CUSTOMERS READS\n",
                 argv[0]);
      return 2;
    }
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_online_reads: {}\n", error.what());
    return 1;
  }
}
