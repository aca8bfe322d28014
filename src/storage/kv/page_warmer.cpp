#include "storage/kv/page_warmer.h"

#include <algorithm>
#include <span>

#include <sys/mman.h>

#include "storage/kv/flat_table.h"

namespace tenure::storage {
namespace {

// Between two steps the thread looks whether it shall stop.
constexpr std::size_t kStepBytes = std::size_t{16} << 20;

}  // namespace

PageWarmer::PageWarmer() : thread_([this] { run(); }) {}

PageWarmer::~PageWarmer() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void PageWarmer::warm(std::shared_ptr<const FlatTable> table) {
  {
    const std::lock_guard lock(mutex_);
    next_ = std::move(table);
  }
  changed_.notify_all();
}

void PageWarmer::wait_until_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return next_ == nullptr && !is_busy_; });
}

void PageWarmer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return is_stopping_ || next_ != nullptr; });
    if (is_stopping_) return;
    const std::shared_ptr<const FlatTable> table = std::move(next_);
    next_ = nullptr;
    is_busy_ = true;
    lock.unlock();
    populate(*table);
    lock.lock();
    is_busy_ = false;
    changed_.notify_all();
  }
}

void PageWarmer::populate(const FlatTable& table) {
  const std::span<const char> bytes = table.warm_bytes();
  char* const begin = const_cast<char*>(bytes.data());  // madvise changes no byte
  // Large pages where the file system has them; elsewhere the advice is refused, which is fine.
  ::madvise(begin, bytes.size(), MADV_HUGEPAGE);
  for (std::size_t at = 0; at < bytes.size(); at += kStepBytes) {
    {
      const std::lock_guard lock(mutex_);
      if (is_stopping_ || next_ != nullptr) return;
    }
    // A page that cannot be read tells the reader that needs it.
    if (::madvise(begin + at, std::min(kStepBytes, bytes.size() - at), MADV_POPULATE_READ) != 0)
      return;
  }
}

}  // namespace tenure::storage
