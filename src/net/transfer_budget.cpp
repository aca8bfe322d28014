#include "net/transfer_budget.h"

#include <utility>

namespace tenure::net {

bool TransferBudget::take(std::function<void()> resume) {
  const std::lock_guard lock(mutex_);
  if (free_ > 0) {
    --free_;
    return true;
  }
  waiting_.push_back(std::move(resume));
  return false;
}

void TransferBudget::give_back() {
  std::function<void()> next;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      ++free_;
      return;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
  }
  next();
}

void TransferBudget::stop() {
  std::deque<std::function<void()>> forgotten;
  const std::lock_guard lock(mutex_);
  forgotten.swap(waiting_);
}

}  // namespace tenure::net
