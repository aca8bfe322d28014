#pragma once

#include <cstdint>

#include "core/config.h"
#include "core/result.h"

namespace tenure::decision {

/// From which probability on a decision is positive: `decision.threshold`.
struct Threshold {
  enum class Kind : std::uint8_t {
    kFixed,   ///< `value`
    kPrior,   ///< the share of positives among the training rows
    kProfit,  ///< the break-even of each customer's costs
  };
  Kind kind = Kind::kFixed;
  double value = 0.5;

  /// Errors: kInvalidArgument with line, key and what is accepted.
  static core::Result<Threshold> from_config(const core::Config& config);
};

}  // namespace tenure::decision
