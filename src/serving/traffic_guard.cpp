#include "serving/traffic_guard.h"

#include <cmath>

#include <fmt/format.h>

namespace tenure::serving {
namespace {

constexpr std::int64_t kSamplesPerWindow = 20;

}  // namespace

ArmComparison compare_arms(const ArmCounts& champion, const ArmCounts& arm) {
  return {.answers = arm.answers,
          .champion_answers = champion.answers,
          .fallback_share = arm.fallback_share(),
          .champion_fallback_share = champion.fallback_share(),
          .mean_score = arm.mean_score(),
          .champion_mean_score = champion.mean_score(),
          .latency_p99_ns = arm.latency_p99_ns(),
          .champion_latency_p99_ns = champion.latency_p99_ns(),
          .psi = stability_index(champion, arm)};
}

std::string objection(const GuardOptions& options, const ArmCounts& champion,
                      const ArmCounts& arm) {
  if (arm.answers < options.answers_min) return {};
  const ArmComparison sides = compare_arms(champion, arm);
  const double usual = champion.answers < options.answers_min ? 0 : sides.champion_fallback_share;
  if (sides.fallback_share > usual + options.fallback_margin)
    return fmt::format("{:.1f} % of {} answers were fallbacks, {:.1f} % of the champion's",
                       100 * sides.fallback_share, arm.answers, 100 * usual);
  if (options.latency_margin != 0 && arm.timed() >= options.answers_min &&
      champion.timed() >= options.answers_min &&
      sides.latency_p99_ns > sides.champion_latency_p99_ns + options.latency_margin * 1000)
    return fmt::format("99 % of {} answers took up to {} us, of the champion's {} us", arm.timed(),
                       sides.latency_p99_ns / 1000, sides.champion_latency_p99_ns / 1000);
  if (arm.scored() < options.answers_min || champion.scored() < options.answers_min) return {};
  if (std::abs(sides.mean_score - sides.champion_mean_score) > options.mean_margin)
    return fmt::format("the mean score of {} answers is {:.4f}, the champion's {:.4f}",
                       arm.scored(), sides.mean_score, sides.champion_mean_score);
  if (options.psi_max != 0 && sides.psi > options.psi_max)
    return fmt::format(
        "the scores of {} answers are spread otherwise than the champion's: "
        "stability index {:.3f}",
        arm.scored(), sides.psi);
  return {};
}

ArmHistory::Window ArmHistory::advance(std::int64_t now_ns, core::Micros window,
                                       const ArmCounts& champion, const ArmCounts& arm) {
  const std::int64_t window_ns = window * 1000;
  // The second may serve as the window's beginning as soon as it is old enough.
  while (samples_.size() > 1 && now_ns - samples_[1].time_ns >= window_ns) samples_.pop_front();
  if (samples_.empty() || now_ns - samples_.back().time_ns >= window_ns / kSamplesPerWindow)
    samples_.push_back({now_ns, {champion, arm}});
  const Window& begin = samples_.front().counts;
  return {champion.since(begin.champion), arm.since(begin.arm)};
}

}  // namespace tenure::serving
