#pragma once

#include <atomic>
#include <cstdint>

namespace tenure::net {

/// How many bytes of request bodies a server holds at one time, and may. Thread-safe.
class BodyBudget {
 public:
  explicit BodyBudget(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  /// Room for `more` bytes of a body that has `held`. False when there is none; but a body that is
  /// the only one always has room, so that a budget below the largest body refuses none for ever.
  bool take(std::uint64_t more, std::uint64_t held) noexcept {
    const std::uint64_t before = held_.fetch_add(more);
    if (before <= held || (before <= bytes_max_ && more <= bytes_max_ - before)) return true;
    held_.fetch_sub(more);
    return false;
  }
  void give_back(std::uint64_t bytes) noexcept { held_.fetch_sub(bytes); }

 private:
  std::uint64_t bytes_max_;
  std::atomic<std::uint64_t> held_{0};
};

}  // namespace tenure::net
