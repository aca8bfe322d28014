#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "core/metric.h"
#include "net/concurrency_limit.h"
#include "net/worker_pool.h"

namespace tenure::net {

/// One pool of threads with its limit and its metrics: requests of one lane never wait for those of
/// another. Thread-safe.
class WorkLane {
 public:
  /// `niceness` of the threads: above 0 they yield the cores to the others.
  WorkLane(const ConcurrencyOptions& options, unsigned threads, int niceness,
           const std::string& name, core::MetricRegistry& metrics);

  /// Runs `job` on a thread of the pool. False when too much is at work or waiting: counted as
  /// shed. `is_essential` jobs are subject to the length of the queue only.
  bool submit(bool is_essential, std::function<void()> job);

  /// Runs one step of a transfer that was let in before: not subject to the limit, nor counted by
  /// it, since between its steps a transfer waits for its client. False when the lane has stopped.
  bool submit_step(std::function<void()> job) { return pool_.submit_step(std::move(job)); }

  /// Whether submit() would say yes now; a no is counted as shed.
  bool has_room();

  void stop() { pool_.stop(); }

 private:
  void show();

  ConcurrencyLimit limit_;
  core::Gauge& in_flight_;
  core::Gauge& limit_now_;
  core::Counter& shed_;
  WorkerPool pool_;  ///< last: its threads use the others
};

}  // namespace tenure::net
