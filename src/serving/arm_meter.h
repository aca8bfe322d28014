#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tenure::serving {

struct Prediction;

/// What the answers of one arm were like, over some time.
struct ArmCounts {
  static constexpr std::size_t kScoreBins = 100;    ///< of [0, 1]
  static constexpr std::size_t kLatencyBins = 128;  ///< four to an octave

  std::uint64_t answers = 0;
  std::uint64_t fallbacks = 0;  ///< that another level than the model gave
  std::uint64_t score_sum = 0;  ///< of the model's probabilities, in millionths
  std::array<std::uint64_t, kScoreBins> scores = {};
  std::array<std::uint64_t, kLatencyBins> latencies = {};  ///< of requests with one row

  /// Not one sight of all counters, so a fallback may be seen before its answer.
  std::uint64_t scored() const { return answers > fallbacks ? answers - fallbacks : 0; }
  std::uint64_t timed() const;
  double fallback_share() const;  ///< 0 without answers
  double mean_score() const;      ///< 0 without scores
  /// Upper end of the bin in which the 99th percentile lies; 0 when none was timed.
  std::int64_t latency_p99_ns() const;

  /// Since `earlier`, counts of the same meter.
  ArmCounts since(const ArmCounts& earlier) const;
};

/// Population stability index between two sets of scores: over at most ten groups with about as
/// many of `expected` in each. 0 when one of them is empty.
double stability_index(const ArmCounts& expected, const ArmCounts& actual);

/// Counts for one arm; a few relaxed additions an answer, from any thread.
class ArmMeter {
 public:
  void count(const Prediction& prediction) noexcept;
  void time(std::int64_t elapsed_ns) noexcept;
  ArmCounts counts() const;

 private:
  using Count = std::atomic<std::uint64_t>;
  Count answers_{0}, fallbacks_{0}, score_sum_{0};
  std::array<Count, ArmCounts::kScoreBins> scores_{};
  std::array<Count, ArmCounts::kLatencyBins> latencies_{};
};

}  // namespace tenure::serving
