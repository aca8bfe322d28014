#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "serving/predictor.h"

namespace tenure::serving {

/// What a version said to the rows it was tried with before it went live.
struct WarmUp {
  std::size_t rows = 0;
  std::int64_t version = 0;
  std::int64_t against = 0;  ///< version that was live; 0 = none
  double shift_mean = 0;     ///< of the distances between the two scores of a row
  double shift_max = 0;
  core::Micros duration = 0;
};

/// Predicts made-up rows with a version that is about to go live: its pages are read and its code
/// has run before the first request, and what it says is compared with what the live version says.
/// The rows are drawn from the sketches of its training rows (reference.json), each input by
/// itself; without them, from the transform's categories and small numbers. The same version gives
/// the same rows.
/// Errors: kCorruption when most scores are no finite numbers.
core::Result<WarmUp> warm_up(const core::Clock& clock, const ModelSnapshot& next,
                             const ModelSnapshot* live, std::size_t rows);

}  // namespace tenure::serving
