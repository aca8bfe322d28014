#pragma once

#include <atomic>
#include <cstdint>

namespace tenure::core {

/// Microseconds since 1970-01-01T00:00:00Z. The unit of every time in the program and on disk, save
/// where a foreign schema says otherwise (MLflow: milliseconds).
using Micros = std::int64_t;

inline constexpr Micros kMicrosPerSecond = 1'000'000;

/// Where time comes from. Everything that asks for the time gets a Clock, so tests own time.
/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  /// Wall-clock time; may jump.
  virtual Micros now() const = 0;

  /// For durations: never goes back; its zero is arbitrary.
  virtual std::int64_t monotonic_ns() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  Micros now() const override;
  std::int64_t monotonic_ns() const override;
};

/// A clock that stands still until it is told to move.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Micros start = 0) : now_(start) {}
  Micros now() const override { return now_.load(); }
  std::int64_t monotonic_ns() const override { return now_.load() * 1000; }
  void set(Micros now) { now_.store(now); }
  void advance(Micros by) { now_.fetch_add(by); }

 private:
  std::atomic<Micros> now_;
};

}  // namespace tenure::core
