#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tenure::net {

/// A fixed number of threads for handlers that may block, with a bounded queue. Thread-safe.
class WorkerPool {
 public:
  using Job = std::function<void()>;

  /// `niceness` above 0: the threads yield the cores to the rest of the process.
  WorkerPool(unsigned threads, std::size_t queue_max, int niceness = 0);
  ~WorkerPool();  ///< as stop()
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// False when the queue is full or the pool has stopped; the job is not run then. Jobs must not
  /// throw.
  bool submit(Job job);

  /// Queues a step of work that was let in before, however long the queue is. Whoever calls bounds
  /// the number of such works, each of which has one step here at a time. False as above when the
  /// pool has stopped.
  bool submit_step(Job job);

  /// Drops what is queued, waits for what runs. Safe to call twice.
  void stop();

 private:
  bool push(Job job, std::size_t queue_max);
  void run();
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  std::size_t queue_max_;
  int niceness_;
  bool is_stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tenure::net
