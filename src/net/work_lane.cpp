#include "net/work_lane.h"

#include <chrono>
#include <new>
#include <utility>

namespace tenure::net {
namespace {

constexpr std::size_t kQueueMax = 1024;

/// Of the machine, not of the server's clock: what is measured is threads that are busy.
std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

WorkLane::WorkLane(const ConcurrencyOptions& options, unsigned threads, int niceness,
                   const std::string& name, core::MetricRegistry& metrics)
    : limit_(options, threads),
      in_flight_(metrics.gauge("tenure_http_in_flight",
                               "Requests of blocking routes at work or waiting for a thread",
                               {{"lane", name}})),
      limit_now_(metrics.gauge("tenure_http_concurrency_limit",
                               "How many requests of blocking routes are let in at a time",
                               {{"lane", name}})),
      shed_(metrics.counter("tenure_http_shed_total",
                            "Requests turned away because too many were at work (answered 503)",
                            {{"lane", name}})),
      pool_(threads, kQueueMax, niceness) {
  show();
}

void WorkLane::show() {
  in_flight_.set(static_cast<double>(limit_.in_flight()));
  limit_now_.set(static_cast<double>(limit_.limit()));
}

bool WorkLane::has_room() {
  if (limit_.has_room()) return true;
  shed_.add();
  return false;
}

bool WorkLane::submit(bool is_essential, std::function<void()> job) {
  if (is_essential) return pool_.submit(std::move(job));
  if (!limit_.enter()) {
    shed_.add();
    return false;
  }
  const std::int64_t entered_ns = now_ns();
  bool is_taken = false;
  try {
    is_taken = pool_.submit([this, entered_ns, work = std::move(job)] {
      const std::int64_t began_ns = now_ns();
      work();
      limit_.leave(began_ns - entered_ns, now_ns() - began_ns);
      show();
    });
  } catch (const std::bad_alloc&) {  // no memory for the queue: too much is at work
  }
  if (!is_taken) {
    limit_.leave_unrun();
    shed_.add();
  }
  show();
  return is_taken;
}

}  // namespace tenure::net
