#include "net/task_queue.h"

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <sys/eventfd.h>

namespace tenure::net {

TaskQueue::TaskQueue() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_.is_open()) throw std::system_error(errno, std::system_category(), "eventfd");
}

void TaskQueue::post(Task task) {
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    is_first = tasks_.empty();
    tasks_.push_back(std::move(task));
  }
  if (is_first) wake();
}

void TaskQueue::wake() {
  const std::uint64_t one = 1;
  // It can only refuse when it is readable already.
  [[maybe_unused]] const ssize_t n = ::write(wake_.get(), &one, sizeof one);
}

void TaskQueue::take(std::vector<Task>& tasks) {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t n = ::read(wake_.get(), &count, sizeof count);
  tasks.clear();
  const std::lock_guard lock(mutex_);
  tasks_.swap(tasks);
}

}  // namespace tenure::net
