#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include <fmt/format.h>

// What Tenure and its floor both log, call by call.
namespace tenure::bench {

struct CallMetric {
  std::string key;
  double value;
  std::int64_t number;  ///< its step, and its time
};

/// The metrics of one call: ten keys in turn; a single one has the key "loss". None comes twice.
inline std::vector<CallMetric> metrics_of_call(int call, int count) {
  std::vector<CallMetric> metrics;
  metrics.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const std::int64_t number = 1'700'000'000'000 + std::int64_t{call} * count + i;
    std::string key = count == 1 ? "loss" : "m" + std::to_string(i % 10);
    metrics.push_back({std::move(key), static_cast<double>(number % 1000) + 0.5, number});
  }
  return metrics;
}

/// The last metric of each key: the ten that end a call, or all of them.
inline std::vector<CallMetric> last_of_keys(const std::vector<CallMetric>& metrics) {
  constexpr std::size_t kKeys = 10;
  const std::size_t first = metrics.size() > kKeys ? metrics.size() - kKeys : 0;
  return {metrics.begin() + static_cast<std::ptrdiff_t>(first), metrics.end()};
}

inline void print_times(std::chrono::steady_clock::time_point start, std::clock_t processor) {
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{{\"seconds\": {:.6f}, \"processor\": {:.6f}}}\n", seconds,
             static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC);
}

}  // namespace tenure::bench
