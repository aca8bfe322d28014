// One row and many rows, ours against libxgboost in the same run, on one thread. The program stops
// if the two disagree in a single bit. libxgboost's header is in xgboost_oracle_test_data.h.

#include <bit>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "learn/tree_model.h"
#include "learn/xgboost_oracle_test_data.h"

namespace tenure::learn {
namespace {

constexpr std::size_t kColumns = 40;
constexpr std::size_t kRows = 20'000;

struct Fixture {
  testing::OracleData data;
  std::unique_ptr<testing::OracleMatrix> matrix;
  std::unique_ptr<testing::OracleBooster> booster;
  TreeModel model;
};

/// Trained once per number of trees: depth 6, 40 features, 15 % missing.
const Fixture& fixture(int trees) {
  static std::map<int, Fixture> made;
  const auto found = made.find(trees);
  if (found != made.end()) return found->second;
  Fixture f;
  f.data = testing::random_data(1, kRows, kColumns, 0.15, false);
  core::Random random(2);
  for (std::size_t i = 0; i < kRows; ++i) {
    const float* row = f.data.values.data() + i * kColumns;
    const double signal = (row[0] > 2 ? 1 : 0) + (row[1] > 0 ? 1 : -1) + random.normal() * 2;
    f.data.labels.push_back(signal > 0 ? 1 : 0);
  }
  f.matrix = std::make_unique<testing::OracleMatrix>(f.data);
  f.booster = std::make_unique<testing::OracleBooster>(*f.matrix);
  f.booster->train({{"objective", "binary:logistic"}, {"max_depth", "6"}, {"tree_method", "hist"}},
                   *f.matrix, trees);
  auto model = TreeModel::load(f.booster->save("ubj"));
  if (!model) {
    std::cerr << model.error().message << '\n';
    std::exit(1);
  }
  f.model = *std::move(model);
  const std::vector<float> theirs = f.booster->predict(*f.matrix, 1);
  for (std::size_t i = 0; i < kRows; ++i) {
    const float ours = f.model.margin(std::span(f.data.values).subspan(i * kColumns, kColumns));
    if (std::bit_cast<std::uint32_t>(ours) != std::bit_cast<std::uint32_t>(theirs[i])) {
      std::cerr << "row " << i << ": " << ours << " is not " << theirs[i] << '\n';
      std::exit(1);
    }
  }
  return made.emplace(trees, std::move(f)).first->second;
}

void one_row_ours(benchmark::State& state) {
  const Fixture& f = fixture(static_cast<int>(state.range(0)));
  std::size_t row = 0;
  for (auto step : state) {
    benchmark::DoNotOptimize(
        f.model.margin(std::span(f.data.values).subspan(row * kColumns, kColumns)));
    row = (row + 7919) % kRows;
  }
}

const float* predict_in_place(const Fixture& f, std::size_t row, std::size_t rows) {
  const std::string array = fmt::format(
      R"({{"data":[{},true],"shape":[{},{}],"typestr":"<f4","version":3}})",
      reinterpret_cast<std::uintptr_t>(f.data.values.data() + row * kColumns), rows, kColumns);
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* result = nullptr;
  testing::must(XGBoosterPredictFromDense(
      f.booster->handle(), array.c_str(),
      R"({"type":1,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,)"
      R"("missing":NaN,"cache_id":0})",
      nullptr, &shape, &dimensions, &result));
  return result;
}

void one_row_libxgboost(benchmark::State& state) {
  const Fixture& f = fixture(static_cast<int>(state.range(0)));
  std::size_t row = 0;
  for (auto step : state) {
    benchmark::DoNotOptimize(predict_in_place(f, row, 1));
    row = (row + 7919) % kRows;
  }
}

void many_rows_ours(benchmark::State& state) {
  const Fixture& f = fixture(static_cast<int>(state.range(0)));
  std::vector<float> out(kRows);
  for (auto step : state) {
    f.model.margins_of_rows(f.data.values, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows));
}

void many_rows_libxgboost(benchmark::State& state) {
  const Fixture& f = fixture(static_cast<int>(state.range(0)));
  for (auto step : state) benchmark::DoNotOptimize(predict_in_place(f, 0, kRows));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows));
}

BENCHMARK(one_row_ours)->Arg(100)->Arg(300)->Arg(500);
BENCHMARK(one_row_libxgboost)->Arg(100)->Arg(300)->Arg(500);
BENCHMARK(many_rows_ours)->Arg(100)->Arg(300)->Arg(500)->Unit(benchmark::kMillisecond);
BENCHMARK(many_rows_libxgboost)->Arg(100)->Arg(300)->Arg(500)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tenure::learn
