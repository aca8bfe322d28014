#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "serving/arm_meter.h"
#include "serving/traffic_options.h"

namespace tenure::serving {

/// What is known of an arm and of the champion over the same time.
struct ArmWindow {
  ArmCounts champion, arm;  ///< of the answers that each has given, to its own customers
  /// Scores for the same rows, a sample of those that the arm answered: what it said, and what the
  /// champion's model says to the values that the arm saw.
  ArmCounts arm_pairs, champion_pairs;
};

/// An arm and the champion over the same time, side by side.
struct ArmComparison {
  std::uint64_t answers = 0;  ///< of the arm
  std::uint64_t champion_answers = 0;
  double fallback_share = 0, champion_fallback_share = 0;
  std::uint64_t pairs = 0;                         ///< rows that both have scored
  double mean_score = 0, champion_mean_score = 0;  ///< of those
  std::int64_t latency_p99_ns = 0, champion_latency_p99_ns = 0;
  double psi = 0;  ///< of the two sets of scores for those
};
ArmComparison compare_arms(const ArmWindow& window);

/// Why an arm with these answers must go, or "" while it may stay. Judges nothing on fewer than
/// options.answers_min answers, nor scores on fewer pairs; a latency that the champion has too few
/// of to compare with is left out, its fallback share then counts as 0.
std::string objection(const GuardOptions& options, const ArmWindow& window);

/// The counts of an arm and of the champion within a sliding window. Not thread-safe.
class ArmHistory {
 public:
  /// Takes the counts of now; what happened in the window until then.
  ArmWindow advance(std::int64_t now_ns, core::Micros window, const ArmWindow& counts);
  /// One of the two is another version now: forgets what was.
  void restart() { samples_.clear(); }

 private:
  struct Sample {
    std::int64_t time_ns = 0;
    ArmWindow counts;
  };
  std::deque<Sample> samples_;  ///< about twenty over the window
};

}  // namespace tenure::serving
