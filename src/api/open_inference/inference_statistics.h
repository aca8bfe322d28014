#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/clock.h"

namespace tenure::api {

/// What the Open Inference Protocol's statistics extension tells of a model, since the server
/// started. Thread-safe; counts are read one by one, not as one snapshot.
struct InferenceStatistics {
  std::atomic<std::uint64_t> requests{0};   ///< that succeeded
  std::atomic<std::uint64_t> rows{0};       ///< in them
  std::atomic<std::uint64_t> busy_ns{0};    ///< spent on them
  std::atomic<std::uint64_t> failures{0};   ///< requests that were refused
  std::atomic<std::uint64_t> failed_ns{0};  ///< spent on those
  std::atomic<std::int64_t> last_ms{0};     ///< when the last one came, since 1970

  /// Counts one request; `rows` only when it succeeded.
  void count(bool is_success, std::size_t request_rows, std::int64_t elapsed_ns, core::Micros now) {
    last_ms = now / 1000;
    const auto elapsed = static_cast<std::uint64_t>(elapsed_ns);
    if (is_success) {
      ++requests;
      rows += request_rows;
      busy_ns += elapsed;
    } else {
      ++failures;
      failed_ns += elapsed;
    }
  }
};

}  // namespace tenure::api
