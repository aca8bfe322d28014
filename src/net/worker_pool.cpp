#include "net/worker_pool.h"

#include <algorithm>
#include <csignal>
#include <limits>
#include <pthread.h>
#include <utility>

#include "core/niceness.h"

namespace tenure::net {

WorkerPool::WorkerPool(unsigned threads, std::size_t queue_max, int niceness)
    : queue_max_(queue_max), niceness_(niceness) {
  threads_.reserve(std::max(threads, 1U));
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) threads_.emplace_back([this] { run(); });
}

WorkerPool::~WorkerPool() {
  stop();
}

bool WorkerPool::submit(Job job) {
  return push(std::move(job), queue_max_);
}

bool WorkerPool::submit_step(Job job) {
  return push(std::move(job), std::numeric_limits<std::size_t>::max());
}

bool WorkerPool::push(Job job, std::size_t queue_max) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_ || queue_.size() >= queue_max) return false;
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void WorkerPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    queue_.clear();
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void WorkerPool::run() {
  core::be_nice(niceness_);
  // sendfile to a client that has gone would end the process; there is no flag against it.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return is_stopping_ || !queue_.empty(); });
      if (is_stopping_) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

}  // namespace tenure::net
