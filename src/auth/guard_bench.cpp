// What the check of one request costs, beside a prediction of microseconds.

#include <benchmark/benchmark.h>

#include "auth/guard.h"

namespace tenure::auth {
namespace {

constexpr std::string_view kHeader = "Bearer tnr_00000001_0123456789abcdef0123456789abcdef";

void check_token(benchmark::State& state) {
  const core::SystemClock clock;
  core::MetricRegistry metrics;
  Guard guard({.is_enabled = true, .per_token = {.requests = state.range(0)}}, clock, metrics);
  std::vector<Token> tokens(100);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i].id = std::to_string(i);
    tokens[i].digest = core::sha256(i == 50 ? kHeader.substr(7) : tokens[i].id);
  }
  guard.set_tokens(tokens);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        guard.check({.credentials = {.authorization = kHeader, .api_key = "", .remote = ""},
                     .needed = core::Role::kViewer,
                     .model = "churn"}));
  }
}
BENCHMARK(check_token)->Arg(0)->Arg(1'000'000'000);

void check_address(benchmark::State& state) {
  const core::SystemClock clock;
  core::MetricRegistry metrics;
  Guard guard({.anonymous = {.requests = 1'000'000'000}}, clock, metrics);
  for (auto _ : state) {
    benchmark::DoNotOptimize(guard.check(
        {.credentials = {.authorization = "", .api_key = "", .remote = "192.0.2.1:51234"},
         .needed = core::Role::kViewer,
         .model = ""}));
  }
}
BENCHMARK(check_address);

}  // namespace
}  // namespace tenure::auth
