#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "core/clock.h"
#include "pipelines/run_store.h"

namespace tenure::pipelines {

/// Renews a lease while it lives, on a thread of its own, and gives it back at the end. Also passes
/// the caller's wish to cancel on to the steps, with a delay of at most 50 ms, so that a step has
/// one flag to look at.
class LeaseKeeper {
 public:
  LeaseKeeper(RunStore& store, const core::Clock& clock, std::int64_t token,
              const std::atomic<bool>* is_cancelled);
  ~LeaseKeeper();
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;

  std::int64_t token() const { return token_; }

  /// True when the caller cancelled or the lease was lost: steps should stop.
  const std::atomic<bool>& is_stopping() const { return is_stopping_; }
  bool is_cancelled() const { return is_cancelled_ != nullptr && is_cancelled_->load(); }
  bool is_lost() const { return is_lost_.load(); }

  /// Waits `pause` by the clock; false when it was cut short by is_stopping.
  bool wait(core::Micros pause);

 private:
  void keep();

  RunStore& store_;
  const core::Clock& clock_;
  std::int64_t token_;
  const std::atomic<bool>* is_cancelled_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_lost_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_done_ = false;
  std::thread thread_;
};

}  // namespace tenure::pipelines
