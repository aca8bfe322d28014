#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "core/result.h"

namespace tenure::learn {

/// Where a fit reports its rounds; safe to call from any thread. False asks the fit to stop.
using FitReporter = std::function<bool(double log_loss)>;

/// Runs fits 0 .. count-1 on up to `threads` threads of their own and waits for all. The calling
/// thread does nothing but call `observe` (rounds done so far by all fits, latest log loss)
/// whenever there is news; when it returns false, the fits are asked to stop.
///
/// Errors: kCancelled when `observe` returned false, else the error of the lowest failed fit.
core::Result<> run_fits(std::size_t count, std::size_t threads,
                        const std::function<core::Result<>(std::size_t, const FitReporter&)>& fit,
                        const std::function<bool(std::int64_t done, double log_loss)>& observe);

/// Threads to use: `wanted`, or all cores for 0.
std::size_t thread_count(int wanted);

}  // namespace tenure::learn
