// What bench/online_reads measures: one customer's features of three views, read by id.
//
//   bench_online_reads fill FOLDER CUSTOMERS         makes the store
//   bench_online_reads read FOLDER CUSTOMERS READS   reads random customers one by one, checks each
//                                                    answer; prints the microseconds of one read
//   bench_online_reads floor FOLDER READS            random words of the store's largest file,
//   where
//                                                    each is the place of the next

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>

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

void unwrap_done(core::Result<> result) {
  if (!result) throw std::runtime_error(result.error().message);
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
    unwrap_done(store->settle(storage::KvStore::Pause::kBetweenBatches));  // as materialize does
    for (int v = 0; v < kViews; ++v) {
      const auto& view = made.views[static_cast<std::size_t>(v)];
      unwrap(features::write_online(*store, made, view, rows_of(first, count, v)));
    }
  }
  unwrap_done(store->settle(storage::KvStore::Pause::kAtTheEnd));
}

struct Cost {
  double seconds = 0;
  double processor_seconds = 0;
  double faults = 0;
};

Cost cost() {
  rusage used{};
  ::getrusage(RUSAGE_THREAD, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return {
      std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(),
      seconds(used.ru_utime) + seconds(used.ru_stime),
      static_cast<double>(used.ru_minflt + used.ru_majflt)};
}

/// Per read: by the clock, by the processor (another program's turn does not count), page faults.
void print(const Cost& before, const Cost& after, std::size_t reads) {
  const auto each = [&](double from, double until) {
    return (until - from) / static_cast<double>(reads);
  };
  fmt::print(
      "{{\"microseconds\": {:.4f}, \"processor_microseconds\": {:.4f}, \"faults\": {:.5f}}}\n",
      each(before.seconds, after.seconds) * 1e6,
      each(before.processor_seconds, after.processor_seconds) * 1e6,
      each(before.faults, after.faults));
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
  const auto read_one = [&](std::size_t i) {
    const std::string_view key = ids[i];
    auto done = reader.read({&key, 1}, 1'700'000'001'000'000, scratch, cells, info);
    if (!done) throw std::runtime_error(done.error().message);
    const int last = kFeatures - 1;
    if (!info[0].is_found || cells.back().number != value_of(asked[i], kViews - 1, last))
      throw std::runtime_error(fmt::format("{}: another customer's features", ids[i]));
  };
  // As in a server: it has the store in memory, and the first half only warms up.
  store->keep_warm();
  const std::size_t half = ids.size() / 2;
  for (std::size_t i = 0; i < half; ++i) read_one(i);
  const Cost before = cost();
  for (std::size_t i = half; i < ids.size(); ++i) read_one(i);
  print(before, cost(), ids.size() - half);
}

/// What no store can beat: a word at a place that is known only when the word before has arrived.
void floor(const std::string& folder, std::size_t reads) {
  std::filesystem::path file;
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/store")) {
    if (file.empty() || entry.file_size() > std::filesystem::file_size(file)) file = entry.path();
  }
  const auto size = static_cast<std::size_t>(std::filesystem::file_size(file)) / 8 * 8;
  const int descriptor = ::open(file.c_str(), O_RDONLY);
  void* const place = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  if (descriptor < 0 || place == MAP_FAILED)
    throw std::runtime_error("cannot map " + file.string());
  ::madvise(place, size, MADV_HUGEPAGE);
  ::madvise(place, size, MADV_POPULATE_READ);
  const char* const bytes = static_cast<const char*>(place);
  std::uint64_t at = 88'172'645'463'325'252;
  const auto read_one = [&] {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + at % (size / 8) * 8, sizeof word);
    at = (at ^ (word & 1)) * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
    at ^= at >> 33;
  };
  for (std::size_t i = 0; i < reads; ++i) read_one();
  const Cost before = cost();
  for (std::size_t i = 0; i < reads; ++i) read_one();
  print(before, cost(), reads);
  if (at == 0) fmt::print(stderr, "\n");  // so that the reads are not left out
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "fill" && argc == 4) {
      fill(argv[2], std::stoll(argv[3]));
    } else if (mode == "read" && argc == 5) {
      read(argv[2], std::stoll(argv[3]), std::stoll(argv[4]));
    } else if (mode == "floor" && argc == 4) {
      floor(argv[2], std::stoull(argv[3]));
    } else {
      fmt::print(
          stderr,
          "usage: {} fill FOLDER CUSTOMERS | read FOLDER CUSTOMERS READS | floor FOLDER READS\n",
          argv[0]);
      return 2;
    }
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_online_reads: {}\n", error.what());
    return 1;
  }
}
