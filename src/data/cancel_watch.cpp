#include "data/cancel_watch.h"

#include <chrono>
#include <utility>

namespace tenure::data {
namespace {

constexpr std::chrono::milliseconds kLook{50};

}  // namespace

CancelWatch::CancelWatch(const std::atomic<bool>& is_cancelled, std::function<void()> on_cancelled)
    : is_cancelled_(is_cancelled),
      on_cancelled_(std::move(on_cancelled)),
      thread_([this] { watch(); }) {}

CancelWatch::~CancelWatch() {
  {
    const std::lock_guard lock(mutex_);
    is_done_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void CancelWatch::watch() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kLook, [this] { return is_done_; }))
    if (is_cancelled_.load()) on_cancelled_();
}

}  // namespace tenure::data
