#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "serving/arm_meter.h"
#include "serving/traffic_options.h"

namespace tenure::serving {

/// An arm and the champion over the same time, side by side.
struct ArmComparison {
  std::uint64_t answers = 0;  ///< of the arm
  std::uint64_t champion_answers = 0;
  double fallback_share = 0, champion_fallback_share = 0;
  double mean_score = 0, champion_mean_score = 0;
  std::int64_t latency_p99_ns = 0, champion_latency_p99_ns = 0;
  double psi = 0;
};
ArmComparison compare_arms(const ArmCounts& champion, const ArmCounts& arm);

/// Why an arm with these answers must go, or "" while it may stay. Judges nothing on fewer than
/// options.answers_min answers; what the champion has too few of to compare with is left out, its
/// fallback share then counts as 0.
std::string objection(const GuardOptions& options, const ArmCounts& champion, const ArmCounts& arm);

/// The counts of an arm and of the champion within a sliding window. Not thread-safe.
class ArmHistory {
 public:
  struct Window {
    ArmCounts champion, arm;
  };
  /// Takes the counts of now; what happened in the window until then.
  Window advance(std::int64_t now_ns, core::Micros window, const ArmCounts& champion,
                 const ArmCounts& arm);
  /// One of the two is another version now: forgets what was.
  void restart() { samples_.clear(); }

 private:
  struct Sample {
    std::int64_t time_ns = 0;
    Window counts;
  };
  std::deque<Sample> samples_;  ///< about twenty over the window
};

}  // namespace tenure::serving
