#include "learn/parallel_fits.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace tenure::learn {

core::Result<> run_fits(std::size_t count, std::size_t threads,
                        const std::function<core::Result<>(std::size_t, const FitReporter&)>& fit,
                        const std::function<bool(std::int64_t, double)>& observe) {
  std::mutex mutex;
  std::condition_variable news;
  // All below is guarded by the mutex. A round takes far longer than the lock.
  std::size_t next = 0;
  std::size_t running = std::min(count, std::max<std::size_t>(threads, 1));
  std::int64_t done = 0;
  double log_loss = 0;
  bool is_stopped = false;
  std::vector<std::optional<core::Error>> errors(count);

  const FitReporter report = [&](double loss) {
    const std::scoped_lock lock(mutex);
    ++done;
    log_loss = loss;
    news.notify_one();
    return !is_stopped;
  };
  const auto work = [&] {
    std::unique_lock lock(mutex);
    while (next < count && !is_stopped) {
      const std::size_t mine = next++;
      lock.unlock();
      auto result = fit(mine, report);
      lock.lock();
      if (!result) {
        errors[mine] = std::move(result).error();
        is_stopped = true;
      }
    }
    --running;
    news.notify_one();
  };

  bool is_cancelled = false;
  {
    std::vector<std::jthread> workers;
    const std::size_t worker_count = running;
    for (std::size_t i = 0; i < worker_count; ++i) workers.emplace_back(work);
    std::int64_t told = 0;
    std::unique_lock lock(mutex);
    while (running > 0) {
      news.wait(lock, [&] { return running == 0 || done != told; });
      if (done == told || is_stopped || !observe) {
        told = done;
        continue;
      }
      told = done;
      const double loss = log_loss;
      lock.unlock();
      const bool go_on = observe(told, loss);
      lock.lock();
      if (!go_on) is_stopped = is_cancelled = true;
    }
  }
  if (is_cancelled) return core::Error{core::ErrorCode::kCancelled, "training was cancelled"};
  for (auto& error : errors)
    if (error && error->code != core::ErrorCode::kCancelled) return std::move(*error);
  return {};
}

std::size_t thread_count(int wanted) {
  if (wanted > 0) return static_cast<std::size_t>(wanted);
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace tenure::learn
