#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

#include "core/clock.h"

namespace tenure::net {

enum class LimitMode : std::uint8_t { kOff, kFixed, kAdaptive };

struct ConcurrencyOptions {
  LimitMode mode = LimitMode::kAdaptive;
  std::uint32_t limit = 128;          ///< requests at work and waiting; kAdaptive begins there
  core::Micros wait = 100'000;        ///< waiting for a thread as long as this is no congestion
  core::Micros wait_max = 2'000'000;  ///< who would wait longer is turned away at once
};

/// How many requests of one pool may be at work or wait for it. The adaptive limit follows what the
/// requests tell: their wait and their run, both measured. When waiting is more than the run and
/// the allowed wait, it shrinks by that ratio; else it grows slowly, while it is used (the update
/// rule of Gradient2, docs/adr/0022). Thread-safe.
class ConcurrencyLimit {
 public:
  ConcurrencyLimit(const ConcurrencyOptions& options, unsigned threads);

  /// One more, unless there are too many; every true is followed by one leave().
  bool enter();

  /// Whether enter() would say yes now.
  bool has_room() const;

  /// A request has waited and run, in nanoseconds.
  void leave(std::int64_t waited_ns, std::int64_t ran_ns);

  /// A request that entered was not run.
  void leave_unrun();

  std::size_t in_flight() const;
  std::size_t limit() const;

 private:
  bool has_room_locked() const;
  void adapt();

  ConcurrencyOptions options_;
  double threads_;
  mutable std::mutex mutex_;
  std::size_t in_flight_ = 0;
  double limit_;
  double run_ns_ = 0;  ///< moving average
  // Since the limit was last looked at.
  std::size_t samples_ = 0;
  std::size_t in_flight_max_ = 0;
  double waited_sum_ = 0, ran_sum_ = 0;
};

}  // namespace tenure::net
