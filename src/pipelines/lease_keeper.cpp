#include "pipelines/lease_keeper.h"

#include <algorithm>
#include <chrono>

#include "core/log.h"

namespace tenure::pipelines {
namespace {

constexpr std::chrono::milliseconds kLook{50};

}  // namespace

LeaseKeeper::LeaseKeeper(RunStore& store, const core::Clock& clock, std::int64_t token,
                         const std::atomic<bool>* is_cancelled)
    : store_(store),
      clock_(clock),
      token_(token),
      is_cancelled_(is_cancelled),
      is_stopping_(is_cancelled != nullptr && is_cancelled->load()),
      thread_([this] { keep(); }) {}

LeaseKeeper::~LeaseKeeper() {
  {
    const std::lock_guard lock(mutex_);
    is_done_ = true;
  }
  wake_.notify_all();
  thread_.join();
  if (is_lost()) return;
  // Should this fail, the lease ends with the process or after its time; a conflict means that it
  // is somebody else's already.
  const auto released = store_.release(token_);
  if (!released && released.error().code != core::ErrorCode::kConflict)
    core::log_warn("pipelines", "cannot give back the lease",
                   {{"error", released.error().message}});
}

void LeaseKeeper::keep() {
  const std::int64_t renew_after_ns = kLeaseTime * 1000 / 3;
  const std::int64_t lost_after_ns = kLeaseTime * 1000 / 3 * 2;
  std::int64_t renewed_ns = clock_.monotonic_ns();
  std::int64_t tried_ns = renewed_ns;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kLook, [this] { return is_done_; })) {
    if (is_cancelled()) is_stopping_.store(true);
    const std::int64_t now_ns = clock_.monotonic_ns();
    if (now_ns - tried_ns < renew_after_ns || is_lost()) continue;
    lock.unlock();
    const auto renewed = store_.renew(token_);
    lock.lock();
    tried_ns = now_ns;
    if (renewed) {
      renewed_ns = now_ns;
    } else if (renewed.error().code == core::ErrorCode::kConflict ||
               now_ns - renewed_ns > lost_after_ns) {
      // Stop before another process may begin, not after.
      core::log_error("pipelines", "the lease is lost", {{"error", renewed.error().message}});
      is_lost_.store(true);
      is_stopping_.store(true);
    }
  }
}

bool LeaseKeeper::wait(core::Micros pause) {
  const std::int64_t until_ns = clock_.monotonic_ns() + pause * 1000;
  std::unique_lock lock(mutex_);
  while (!is_stopping_.load() && !is_cancelled()) {
    const std::int64_t left_ns = until_ns - clock_.monotonic_ns();
    if (left_ns <= 0) return true;
    wake_.wait_for(lock,
                   std::min<std::chrono::nanoseconds>(kLook, std::chrono::nanoseconds(left_ns)));
  }
  return false;
}

}  // namespace tenure::pipelines
