#include "serving/outcomes.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "serving/traffic_options.h"

namespace tenure::serving {
namespace {

/// With labels of one kind only, somebody tells who left and not who stayed, or the reverse.
constexpr std::uint64_t kEachKindMin = 5;

/// Where the boundary is tightest: about the variance of a hundred customers.
constexpr double kMixture = 10;

bool is_known(const GuardOptions& options, const OutcomeSums& sums) {
  const std::uint64_t others = sums.customers - std::min(sums.events, sums.customers);
  return sums.customers >= options.labels_min && sums.events >= kEachKindMin &&
         others >= kEachKindMin;
}

/// How many times too many or too few.
double times_off(const OutcomeSums& sums) {
  const double ratio = sums.observed_to_expected();
  return ratio <= 0 ? 1 : std::max(ratio, 1 / ratio);
}

}  // namespace

void OutcomeSums::add(double probability, bool has_happened) {
  const double y = has_happened ? 1 : 0;
  const double spread = probability * (1 - probability);
  const double slope = 1 - 2 * probability;
  ++customers;
  events += has_happened ? 1 : 0;
  expected += probability;
  variance += spread;
  squared_error += (y - probability) * (y - probability);
  excess_variance += spread * slope * slope;
}

double OutcomeSums::observed_to_expected() const {
  return expected > 0 ? static_cast<double>(events) / expected : 0;
}

double OutcomeSums::brier() const {
  return customers == 0 ? 0 : squared_error / static_cast<double>(customers);
}

double OutcomeSums::excess_brier() const {
  return customers == 0 ? 0 : (squared_error - variance) / static_cast<double>(customers);
}

double OutcomeSums::events_z() const {
  return variance > 0 ? (static_cast<double>(events) - expected) / std::sqrt(variance) : 0;
}

double OutcomeSums::spiegelhalter_z() const {
  return excess_variance > 0 ? (squared_error - variance) / std::sqrt(excess_variance) : 0;
}

OutcomeSums OutcomeSums::since(const OutcomeSums& earlier) const {
  const auto rest = [](auto now, auto then) { return now > then ? now - then : decltype(now){}; };
  return {.customers = rest(customers, earlier.customers),
          .events = rest(events, earlier.events),
          .expected = rest(expected, earlier.expected),
          .variance = rest(variance, earlier.variance),
          .squared_error = rest(squared_error, earlier.squared_error),
          .excess_variance = rest(excess_variance, earlier.excess_variance)};
}

double always_valid_bound(double variance, double risk) {
  const double total = variance + kMixture;
  return std::sqrt(total * std::log(total / (kMixture * risk * risk)));
}

std::string outcome_objection(const GuardOptions& options, const OutcomeSums& champion,
                              const OutcomeSums& arm) {
  if (!is_known(options, arm)) return {};
  const bool is_champion_known = is_known(options, champion);
  const double risk = options.false_alarm_risk / 2;  // there are two tests
  const double events = static_cast<double>(arm.events);
  const double usual = is_champion_known ? times_off(champion) : 1;
  const std::string beside = is_champion_known ? fmt::format("; the champion's {:.2f} times",
                                                             champion.observed_to_expected())
                                               : std::string();
  if (options.calibration_margin != 0 &&
      std::abs(events - arm.expected) > always_valid_bound(arm.variance, risk) &&
      times_off(arm) > usual * (1 + options.calibration_margin))
    return fmt::format(
        "of {} customers with labels {} had the event, {:.1f} were expected: {:.2f} times as many "
        "(z = {:.1f}){}",
        arm.customers, arm.events, arm.expected, arm.observed_to_expected(), arm.events_z(),
        beside);
  const double excess = arm.excess_brier();
  const double usual_excess = is_champion_known ? std::max(champion.excess_brier(), 0.0) : 0;
  if (options.brier_margin != 0 &&
      arm.squared_error - arm.variance > always_valid_bound(arm.excess_variance, risk) &&
      excess > usual_excess + options.brier_margin)
    return fmt::format(
        "the Brier score of {} customers with labels is {:.4f}, {:.4f} above what the "
        "probabilities promise (Spiegelhalter's z = {:.1f}), the champion's {:.4f}",
        arm.customers, arm.brier(), excess, arm.spiegelhalter_z(), usual_excess);
  return {};
}

}  // namespace tenure::serving
