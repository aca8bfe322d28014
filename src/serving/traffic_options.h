#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/config.h"
#include "core/result.h"

namespace tenure::serving {

/// Customers are dealt into so many slots; an arm has some of them, so 0.01 % is the finest share.
inline constexpr std::uint32_t kTrafficSlots = 10'000;

/// The slot of a customer (or of a prediction, where no customer is named): the same in every
/// process and release, independent of all others. Another salt deals anew.
std::uint32_t traffic_slot(std::string_view salt, std::string_view id);

/// A version beside the one that the served alias names.
struct ArmOptions {
  std::string name;          ///< 1 to 15 letters, digits, '-', '_': it is a header, a label, a word
  std::string alias = {};    ///< whose version it serves; "" when `version` says which
  std::int64_t version = 0;  ///< 0 = the alias's
  std::uint32_t slots = 0;   ///< of kTrafficSlots
  bool is_shadow = false;    ///< scored beside the others' answers, answers nobody
  bool is_guarded = true;
};

/// How much worse than the champion an arm may be: section serving.traffic.guard.
struct GuardOptions {
  core::Micros window = 300 * core::kMicrosPerSecond;
  std::uint64_t answers_min = 500;      ///< of the arm within the window, before it is judged
  double fallback_margin = 0.05;        ///< share of answers that the model did not give; 1 = any
  core::Micros latency_margin = 5'000;  ///< of the 99th percentile; 0 = any
  double mean_margin = 0.1;             ///< of the mean score, to either side; 1 = any
  double psi_max = 0.25;                ///< population stability index of the scores; 0 = any
  // Of what came of the customers (outcomes.h).
  std::uint64_t labels_min = 200;   ///< customers with a label before a version is judged by them
  double calibration_margin = 0.1;  ///< how much further events may be from expected; 0 = any
  double brier_margin = 0.02;       ///< how much larger the excess of the Brier score; 0 = any
  double false_alarm_risk = 0.01;   ///< chance that a version which is right is taken out
};

/// Which versions share the requests of a model: section serving.traffic.
struct TrafficOptions {
  std::string salt = {};
  std::vector<ArmOptions> arms;  ///< in the order of the file; theirs are the lowest slots
  GuardOptions guard = {};

  /// Errors: kInvalidArgument with the line: shares above 100 %, names, alias and version both, a
  /// shadow with a share.
  static core::Result<TrafficOptions> from_config(const core::Config& config);
};

}  // namespace tenure::serving
