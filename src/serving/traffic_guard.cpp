#include "serving/traffic_guard.h"

#include <cmath>

#include <fmt/format.h>

namespace tenure::serving {
namespace {

constexpr std::int64_t kSamplesPerWindow = 20;

}  // namespace

ArmComparison compare_arms(const ArmWindow& window) {
  const auto& [champion, arm, arm_pairs, champion_pairs] = window;
  return {.answers = arm.answers,
          .champion_answers = champion.answers,
          .fallback_share = arm.fallback_share(),
          .champion_fallback_share = champion.fallback_share(),
          .pairs = arm_pairs.scored(),
          .mean_score = arm_pairs.mean_score(),
          .champion_mean_score = champion_pairs.mean_score(),
          .latency_p99_ns = arm.latency_p99_ns(),
          .champion_latency_p99_ns = champion.latency_p99_ns(),
          .psi = stability_index(champion_pairs, arm_pairs)};
}

std::string objection(const GuardOptions& options, const ArmWindow& window) {
  const ArmCounts& champion = window.champion;
  const ArmCounts& arm = window.arm;
  if (arm.answers < options.answers_min) return {};
  const ArmComparison sides = compare_arms(window);
  const double usual = champion.answers < options.answers_min ? 0 : sides.champion_fallback_share;
  if (sides.fallback_share > usual + options.fallback_margin)
    return fmt::format("{:.1f} % of {} answers were fallbacks, {:.1f} % of the champion's",
                       100 * sides.fallback_share, arm.answers, 100 * usual);
  if (options.latency_margin != 0 && arm.timed() >= options.answers_min &&
      champion.timed() >= options.answers_min &&
      sides.latency_p99_ns > sides.champion_latency_p99_ns + options.latency_margin * 1000)
    return fmt::format("99 % of {} answers took up to {} us, of the champion's {} us", arm.timed(),
                       sides.latency_p99_ns / 1000, sides.champion_latency_p99_ns / 1000);
  if (sides.pairs < options.answers_min) return {};
  if (std::abs(sides.mean_score - sides.champion_mean_score) > options.mean_margin)
    return fmt::format(
        "the mean of {} scores is {:.4f}, the champion's of the same customers {:.4f}", sides.pairs,
        sides.mean_score, sides.champion_mean_score);
  if (options.psi_max != 0 && sides.psi > options.psi_max)
    return fmt::format(
        "{} scores are spread otherwise than the champion's of the same customers: "
        "stability index {:.3f}",
        sides.pairs, sides.psi);
  return {};
}

ArmWindow ArmHistory::advance(std::int64_t now_ns, core::Micros window, const ArmWindow& counts) {
  const std::int64_t window_ns = window * 1000;
  // The second may serve as the window's beginning as soon as it is old enough.
  while (samples_.size() > 1 && now_ns - samples_[1].time_ns >= window_ns) samples_.pop_front();
  if (samples_.empty() || now_ns - samples_.back().time_ns >= window_ns / kSamplesPerWindow)
    samples_.push_back({now_ns, counts});
  const ArmWindow& begin = samples_.front().counts;
  return {.champion = counts.champion.since(begin.champion),
          .arm = counts.arm.since(begin.arm),
          .arm_pairs = counts.arm_pairs.since(begin.arm_pairs),
          .champion_pairs = counts.champion_pairs.since(begin.champion_pairs)};
}

}  // namespace tenure::serving
