#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>

#include "core/result.h"
#include "serving/batch_scorer.h"

namespace tenure::serving {

/// Counts the rows that are done, from all threads, and says so now and then.
class BatchProgress {
 public:
  BatchProgress(const BatchRequest& request, std::int64_t total)
      : request_(&request), total_(total) {}

  /// `rows` more. Error: kCancelled, from now on.
  core::Result<> add(std::int64_t rows) {
    const std::int64_t before = done_.fetch_add(rows);
    if (request_->progress && before / kStep != (before + rows) / kStep) report(before + rows);
    if (!is_cancelled_) return {};
    return cancelled();
  }
  /// So many in all.
  bool go_on_at(std::int64_t done) {
    done_ = done;
    report(done);
    return !is_cancelled_;
  }
  bool is_cancelled() const { return is_cancelled_; }
  static core::Error cancelled() { return core::Error{core::ErrorCode::kCancelled, "cancelled"}; }

 private:
  static constexpr std::int64_t kStep = 65'536;

  void report(std::int64_t done) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock() || done < said_ || is_cancelled_) return;  // another says as much
    said_ = std::min(done, total_);
    if (request_->progress && !request_->progress(said_, total_)) is_cancelled_ = true;
  }

  const BatchRequest* request_;
  std::int64_t total_;
  std::atomic<std::int64_t> done_{0};
  std::atomic<bool> is_cancelled_{false};
  std::mutex mutex_;
  std::int64_t said_ = 0;
};

}  // namespace tenure::serving
