#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tenure::core {

/// A count that only grows. add() is one relaxed atomic addition; safe from any thread.
class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A value that goes up and down.
class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Observations in fixed buckets; bucket i counts values <= bounds[i], the last counts the rest.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);
  void observe(double value);
  std::span<const double> bounds() const { return bounds_; }
  std::vector<std::uint64_t> counts()
      const;  ///< per bucket, not cumulative; bounds().size() + 1 of them
  double sum() const { return sum_.load(std::memory_order_relaxed); }
  std::uint64_t count() const;

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

/// Latency buckets in seconds, 10 us to 10 s.
std::vector<double> latency_bounds_s();

/// The metrics of one process, by name. Names follow Prometheus: "tenure_predictions_total".
/// Registering the same name and labels again returns the same object; references live as long as
/// the registry. Thread-safe.
class MetricRegistry {
 public:
  MetricRegistry();
  ~MetricRegistry();
  MetricRegistry(const MetricRegistry&) = delete;
  MetricRegistry& operator=(const MetricRegistry&) = delete;

  struct Label {
    std::string name;
    std::string value;
  };
  Counter& counter(std::string_view name, std::string_view help,
                   const std::vector<Label>& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const std::vector<Label>& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                       const std::vector<Label>& labels = {});

  /// Prometheus text format 0.0.4 of everything registered, families in order of registration.
  std::string prometheus_text() const;

 private:
  struct Family;
  mutable std::mutex mutex_;
  std::deque<std::unique_ptr<Family>> families_;
};

}  // namespace tenure::core
