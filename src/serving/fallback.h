#pragma once

#include <cstdint>
#include <string_view>

#include "core/clock.h"
#include "core/config.h"
#include "serving/circuit_breaker.h"

namespace tenure::serving {

/// Why the primary model did not answer.
enum class FallbackReason : std::uint8_t {
  kNone,
  kUnknownEntity,     ///< nobody knows the customer, and the request says nothing about them
  kStoreUnavailable,  ///< stored features are needed and cannot be read
  kMissingFeatures,   ///< more of the inputs are missing than serving.fallback.missing_max
  kStaleFeatures,     ///< stored features are older than serving.fallback.stale_after
  kInvalidScore,      ///< the model's score is no finite number
  kSuspended,         ///< the model's circuit breaker is open
  kLowConfidence,     ///< the conformal set does not decide, and serving.fallback wants a decision
  kDeadline,          ///< the time for the request had run out
  kNoStoredFeatures,  ///< the model has none, and the request gives none either
};
inline constexpr std::size_t kFallbackReasons = 10;

std::string_view reason_name(FallbackReason reason);  ///< "unknown_entity"; "" for kNone

/// The margin a probability without a model is said to come from; finite for 0 and 1, too.
float margin_of(double probability);

/// When the primary model is not to be trusted: section serving.fallback.
struct FallbackOptions {
  double missing_max = 1;             ///< share of the inputs
  core::Micros stale_after = 0;       ///< 0 = features are never too old (their views may say so)
  core::Micros deadline = 0;          ///< of a request, from its decoded rows on; 0 = none
  bool is_confidence_needed = false;  ///< an undecided conformal set steps down
  bool has_secondary = true;
  CircuitBreaker::Options breaker = {};  ///< of the model, and of the online store

  static FallbackOptions from_config(const core::Config& config);
};

}  // namespace tenure::serving
