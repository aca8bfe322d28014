#include "net/concurrency_limit.h"

#include <algorithm>
#include <cmath>

namespace tenure::net {
namespace {

constexpr double kMost = 1024;      ///< as many as a pool's queue takes
constexpr double kSmoothing = 0.2;  ///< share of the newest estimate
constexpr double kRunSmoothing = 0.1;
constexpr std::size_t kSamplesMin = 16;
constexpr double kShrinkMost = 0.5;
constexpr double kTolerance = 2;  ///< as long to wait as to run is no congestion

}  // namespace

ConcurrencyLimit::ConcurrencyLimit(const ConcurrencyOptions& options, unsigned threads)
    : options_(options),
      threads_(std::max(1U, threads)),
      limit_(std::clamp<double>(options.limit, 1, kMost)) {}

bool ConcurrencyLimit::has_room_locked() const {
  if (options_.mode == LimitMode::kOff) return true;
  const auto in_flight = static_cast<double>(in_flight_);
  if (in_flight + 1 > std::floor(limit_)) return false;
  const double waiting = std::max(0.0, in_flight + 1 - threads_);
  const double predicted_ns = waiting * run_ns_ / threads_;
  return predicted_ns <= static_cast<double>(options_.wait_max) * 1000;
}

bool ConcurrencyLimit::enter() {
  const std::lock_guard lock(mutex_);
  if (!has_room_locked()) return false;
  in_flight_max_ = std::max(in_flight_max_, ++in_flight_);
  return true;
}

bool ConcurrencyLimit::has_room() const {
  const std::lock_guard lock(mutex_);
  return has_room_locked();
}

void ConcurrencyLimit::leave(std::int64_t waited_ns, std::int64_t ran_ns) {
  const std::lock_guard lock(mutex_);
  --in_flight_;
  const auto ran = static_cast<double>(std::max<std::int64_t>(ran_ns, 0));
  run_ns_ = run_ns_ == 0 ? ran : run_ns_ + kRunSmoothing * (ran - run_ns_);
  waited_sum_ += static_cast<double>(std::max<std::int64_t>(waited_ns, 0));
  ran_sum_ += ran;
  ++samples_;
  if (options_.mode == LimitMode::kAdaptive &&
      samples_ >= std::max(kSamplesMin, static_cast<std::size_t>(limit_ / 2))) {
    adapt();
  }
}

void ConcurrencyLimit::leave_unrun() {
  const std::lock_guard lock(mutex_);
  --in_flight_;
}

void ConcurrencyLimit::adapt() {
  const auto samples = static_cast<double>(samples_);
  const double waited = waited_sum_ / samples;
  const double ran = ran_sum_ / samples;
  const double allowed = kTolerance * ran + static_cast<double>(options_.wait) * 1000;
  const double gradient = std::clamp(allowed / std::max(ran + waited, 1.0), kShrinkMost, 1.0);
  // A limit that is not reached says nothing about what lies beyond it.
  const bool is_used = static_cast<double>(in_flight_max_) * 2 >= limit_;
  if (gradient < 1 || is_used) {
    const double next = limit_ * gradient + std::sqrt(limit_);
    // A free thread is never a reason to turn somebody away.
    limit_ =
        std::clamp(limit_ + kSmoothing * (next - limit_), std::min(threads_ + 1, kMost), kMost);
  }
  samples_ = 0;
  in_flight_max_ = in_flight_;
  waited_sum_ = ran_sum_ = 0;
}

std::size_t ConcurrencyLimit::in_flight() const {
  const std::lock_guard lock(mutex_);
  return in_flight_;
}

std::size_t ConcurrencyLimit::limit() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(limit_);
}

}  // namespace tenure::net
