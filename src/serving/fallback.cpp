#include "serving/fallback.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tenure::serving {

std::string_view reason_name(FallbackReason reason) {
  constexpr std::array<std::string_view, kFallbackReasons> kNames = {"",
                                                                     "unknown_entity",
                                                                     "store_unavailable",
                                                                     "missing_features",
                                                                     "stale_features",
                                                                     "invalid_score",
                                                                     "suspended",
                                                                     "low_confidence",
                                                                     "deadline",
                                                                     "no_stored_features"};
  return kNames[static_cast<std::size_t>(reason)];
}

float margin_of(double probability) {
  const double p = std::clamp(probability, 1e-6, 1.0 - 1e-6);
  return static_cast<float>(std::log(p / (1.0 - p)));
}

FallbackOptions FallbackOptions::from_config(const core::Config& config) {
  const core::Config section = config.at("serving.fallback");
  return {.missing_max = section.number("missing_max"),
          .stale_after = section.duration("stale_after"),
          .deadline = section.duration("deadline"),
          .is_confidence_needed = section.text("low_confidence") == "step_down",
          .has_secondary = section.boolean("secondary"),
          .breaker = {.failure_share = section.number("breaker.failure_share"),
                      .calls_min = static_cast<std::uint32_t>(section.integer("breaker.calls_min")),
                      .window = section.duration("breaker.window"),
                      .pause = section.duration("breaker.pause")}};
}

}  // namespace tenure::serving
