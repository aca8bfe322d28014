#include "serving/circuit_breaker.h"

namespace tenure::serving {

CircuitBreaker::CircuitBreaker(const Options& options) : options_(options) {}

bool CircuitBreaker::allow(std::int64_t now_ns) {
  if (state() == State::kClosed) return true;
  // Open, or half open with a probe under way: whoever moves the next probe's time makes it.
  std::int64_t from = probe_from_ns_.load(std::memory_order_acquire);
  if (now_ns < from) return false;
  if (!probe_from_ns_.compare_exchange_strong(from, now_ns + options_.pause * 1000,
                                              std::memory_order_acq_rel))
    return false;
  auto open = State::kOpen;
  state_.compare_exchange_strong(open, State::kHalfOpen, std::memory_order_acq_rel);
  return true;
}

void CircuitBreaker::record(bool is_success, std::int64_t now_ns) {
  switch (state()) {
    case State::kClosed:
      count(is_success, now_ns);
      break;
    case State::kOpen:
      break;  // a call that began before it opened
    case State::kHalfOpen: {
      if (!is_success) return open(now_ns);
      calls_.store(0, std::memory_order_relaxed);
      failures_.store(0, std::memory_order_relaxed);
      auto half_open = State::kHalfOpen;
      state_.compare_exchange_strong(half_open, State::kClosed, std::memory_order_acq_rel);
      break;
    }
  }
}

void CircuitBreaker::count(bool is_success, std::int64_t now_ns) {
  std::int64_t end = window_end_ns_.load(std::memory_order_acquire);
  if (now_ns >= end && window_end_ns_.compare_exchange_strong(end, now_ns + options_.window * 1000,
                                                              std::memory_order_acq_rel)) {
    calls_.store(0, std::memory_order_relaxed);
    failures_.store(0, std::memory_order_relaxed);
  }
  const std::uint32_t calls = calls_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (is_success) return;
  const std::uint32_t failures = failures_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (calls >= options_.calls_min &&
      static_cast<double>(failures) >= options_.failure_share * static_cast<double>(calls))
    open(now_ns);
}

void CircuitBreaker::open(std::int64_t now_ns) {
  probe_from_ns_.store(now_ns + options_.pause * 1000, std::memory_order_release);
  if (state_.exchange(State::kOpen, std::memory_order_acq_rel) != State::kOpen)
    opened_.fetch_add(1, std::memory_order_relaxed);
}

std::string_view state_name(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::kClosed:
      return "closed";
    case CircuitBreaker::State::kOpen:
      return "open";
    case CircuitBreaker::State::kHalfOpen:
      break;
  }
  return "half_open";
}

}  // namespace tenure::serving
