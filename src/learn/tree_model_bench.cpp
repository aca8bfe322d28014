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
  std::string bytes;
  TreeModel model;
  std::map<std::string, TreeModel> forms;  ///< "walk" and one for each level of the processor
};

const char* name_of(CpuLevel level) {
  switch (level) {
    case CpuLevel::kAvx512:
      return "avx512";
    case CpuLevel::kAvx2:
      return "avx2";
    case CpuLevel::kPortable:
      break;
  }
  return "portable";
}

void fail(std::string_view why) {
  std::cerr << why << '\n';
  std::exit(1);
}

/// All forms of the model, each compared with libxgboost bit by bit, alone and in a batch.
void make_forms(Fixture& f) {
  f.forms.emplace("walk", f.model.walking());
  for (const CpuLevel level : cpu_levels()) {
    auto form = f.model.at_level(level);
    if (!form) fail(form.error().message);
    f.forms.emplace(name_of(level), *std::move(form));
  }
  const std::vector<float> theirs = f.booster->predict(*f.matrix, 1);
  std::vector<float> together(kRows);
  for (const auto& [name, form] : f.forms) {
    form.margins_of_rows(f.data.values, together);
    for (std::size_t i = 0; i < kRows; ++i) {
      const float alone = form.margin(std::span(f.data.values).subspan(i * kColumns, kColumns));
      for (const float ours : {alone, together[i]}) {
        if (std::bit_cast<std::uint32_t>(ours) != std::bit_cast<std::uint32_t>(theirs[i])) {
          fail(fmt::format("{}, row {}: {} is not {}", name, i, ours, theirs[i]));
        }
      }
    }
  }
}

/// Trained once per number of trees: depth 6, 40 features, 15 % missing.
const Fixture& fixture(int trees) {
  // Never destroyed: libxgboost's own globals may be gone by then.
  static auto& made = *std::make_unique<std::map<int, Fixture>>().release();
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
  f.bytes = f.booster->save("ubj");
  auto model = TreeModel::load(f.bytes);
  if (!model) fail(model.error().message);
  f.model = *std::move(model);
  make_forms(f);
  return made.emplace(trees, std::move(f)).first->second;
}

void one_row_ours(benchmark::State& state, const std::string& form) {
  const Fixture& f = fixture(static_cast<int>(state.range(0)));
  const TreeModel& model = f.forms.at(form);
  std::size_t row = 0;
  for (auto step : state) {
    benchmark::DoNotOptimize(
        model.margin(std::span(f.data.values).subspan(row * kColumns, kColumns)));
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

void many_rows_ours(benchmark::State& state, const std::string& form) {
  const Fixture& f = fixture(static_cast<int>(state.range(0)));
  const TreeModel& model = f.forms.at(form);
  std::vector<float> out(kRows);
  for (auto step : state) {
    model.margins_of_rows(f.data.values, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows));
}

void many_rows_libxgboost(benchmark::State& state) {
  const Fixture& f = fixture(static_cast<int>(state.range(0)));
  for (auto step : state) benchmark::DoNotOptimize(predict_in_place(f, 0, kRows));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows));
}

/// Reading the file, compiling the tables and comparing them with the walk.
void load(benchmark::State& state) {
  const Fixture& f = fixture(static_cast<int>(state.range(0)));
  for (auto step : state) benchmark::DoNotOptimize(TreeModel::load(f.bytes));
}

/// Compiling and comparing alone: what the fast form adds to a load.
void compile(benchmark::State& state) {
  const Fixture& f = fixture(static_cast<int>(state.range(0)));
  const TreeModel& walk = f.forms.at("walk");
  for (auto step : state) benchmark::DoNotOptimize(walk.at_level(cpu_levels().back()));
}

void trees(benchmark::internal::Benchmark* bench) {
  bench->Arg(100)->Arg(300)->Arg(500);
}

int register_all() {
  std::vector<std::string> forms{"walk"};
  for (const CpuLevel level : cpu_levels()) forms.emplace_back(name_of(level));
  for (const std::string& form : forms) {
    benchmark::RegisterBenchmark(("one_row/" + form).c_str(), one_row_ours, form)->Apply(trees);
  }
  benchmark::RegisterBenchmark("one_row/libxgboost", one_row_libxgboost)->Apply(trees);
  for (const std::string& form : forms) {
    benchmark::RegisterBenchmark(("many_rows/" + form).c_str(), many_rows_ours, form)
        ->Apply(trees)
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RegisterBenchmark("many_rows/libxgboost", many_rows_libxgboost)
      ->Apply(trees)
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("load", load)->Apply(trees)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("compile", compile)->Apply(trees)->Unit(benchmark::kMillisecond);
  return 0;
}

const int registered = register_all();

}  // namespace
}  // namespace tenure::learn
