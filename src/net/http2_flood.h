#pragma once

#include <cstdint>

namespace tenure::net {

/// A leaky bucket for what costs an HTTP/2 client little and the server more: frames that carry no
/// request, streams that are reset at once. Not thread-safe; one per kind and connection.
class FloodGuard {
 public:
  FloodGuard(std::int64_t burst, std::int64_t per_second)
      : step_ns_(1'000'000'000 / per_second), burst_ns_(burst * step_ns_) {}

  /// Counts one; false when there have been too many.
  bool count(std::int64_t now_ns) {
    if (full_at_ns_ < now_ns) full_at_ns_ = now_ns;
    full_at_ns_ += step_ns_;
    return full_at_ns_ - now_ns <= burst_ns_;
  }

 private:
  std::int64_t step_ns_;
  std::int64_t burst_ns_;
  std::int64_t full_at_ns_ = 0;  ///< when all that was counted will have leaked out
};

}  // namespace tenure::net
