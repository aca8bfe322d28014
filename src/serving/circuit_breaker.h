#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "core/clock.h"

namespace tenure::serving {

/// Keeps callers from something that fails: closed (calls go through), open (they do not) and half
/// open (one call at a time tries whether it works again). Source: M. Nygard, "Release It!", 2007.
///
///   if (!breaker.allow(now_ns)) return fall_back();
///   const auto answer = call();
///   breaker.record(answer.has_value(), now_ns);
///
/// Lock-free and thread-safe. Counts are kept in windows that follow each other; a call that comes
/// in while a window turns may be counted in either.
class CircuitBreaker {
 public:
  struct Options {
    double failure_share = 0.5;        ///< of the window's calls, from which it opens
    std::uint32_t calls_min = 20;      ///< in a window, before it may open
    core::Micros window = 10'000'000;  ///< over which calls are counted
    core::Micros pause = 10'000'000;   ///< from opening to the first probe
  };
  enum class State : std::uint8_t { kClosed, kOpen, kHalfOpen };

  CircuitBreaker() : CircuitBreaker(Options{}) {}
  explicit CircuitBreaker(const Options& options);

  /// May a call be made? Times are of Clock::monotonic_ns. A caller that was allowed must record()
  /// what became of its call; a probe that is never recorded is replaced after `pause`.
  bool allow(std::int64_t now_ns);
  void record(bool is_success, std::int64_t now_ns);

  State state() const { return state_.load(std::memory_order_acquire); }
  std::uint64_t times_opened() const { return opened_.load(std::memory_order_relaxed); }

 private:
  void open(std::int64_t now_ns);
  void count(bool is_success, std::int64_t now_ns);

  Options options_;
  std::atomic<State> state_{State::kClosed};
  std::atomic<std::int64_t> probe_from_ns_{0};  ///< open: when a probe may be made
  std::atomic<std::int64_t> window_end_ns_{0};
  std::atomic<std::uint32_t> calls_{0};
  std::atomic<std::uint32_t> failures_{0};
  std::atomic<std::uint64_t> opened_{0};
};

std::string_view state_name(CircuitBreaker::State state);  ///< "closed", "open", "half_open"

}  // namespace tenure::serving
