#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace tenure::net {

/// Counts the answers that wait outside of the server (Response::hold), so that it does not end
/// before they came back. Thread-safe.
class HeldAnswers {
 public:
  void begin() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  void wait_for_none() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t count_ = 0;
};

}  // namespace tenure::net
