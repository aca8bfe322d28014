#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"

namespace tenure::decision {

/// Profit of a campaign by the share of customers it goes to, with how sure that is.
struct ProfitBandPoint {
  double share = 0;      ///< of customers contacted, most likely leavers first
  double threshold = 0;  ///< lowest probability among them; infinite for nobody
  double profit = 0;     ///< per customer of the base, on these rows
  double low = 0;        ///< of other samples like these: nine in ten lie between low and high
  double high = 0;
};

struct ProfitBand {
  std::vector<ProfitBandPoint> points;  ///< from nobody to everybody in equal steps
  std::size_t best = 0;  ///< the point with most profit; the smallest share of equals
};

struct ProfitBandOptions {
  std::size_t steps = 20;
  std::size_t samples = 200;  ///< bootstrap: rows drawn with replacement
  std::uint64_t seed = 1;
};

/// `profits`: what contacting each customer would bring, its outcome known; `probabilities` rank
/// them, equal ones in the order of the rows. Errors: kInvalidArgument when the lengths differ,
/// there are no rows, or a number is not finite. Cost: O(n log n + samples * n).
core::Result<ProfitBand> profit_band(std::span<const double> profits,
                                     std::span<const double> probabilities,
                                     const ProfitBandOptions& options = {});

}  // namespace tenure::decision
