#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace tenure::data {

/// Calls `on_cancelled` while `is_cancelled` is true, from a thread of its own: within 50 ms, and
/// again every 50 ms, because DuckDB forgets an interrupt that comes between two statements. A
/// signal handler can do no more than set a flag, so somebody has to look at it.
class CancelWatch {
 public:
  /// `is_cancelled` outlives the watch.
  CancelWatch(const std::atomic<bool>& is_cancelled, std::function<void()> on_cancelled);
  ~CancelWatch();
  CancelWatch(const CancelWatch&) = delete;
  CancelWatch& operator=(const CancelWatch&) = delete;

 private:
  void watch();

  const std::atomic<bool>& is_cancelled_;
  std::function<void()> on_cancelled_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_done_ = false;
  std::thread thread_;
};

}  // namespace tenure::data
