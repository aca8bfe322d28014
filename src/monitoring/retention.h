#pragma once

#include <cstdint>
#include <filesystem>

#include "core/clock.h"
#include "core/result.h"

namespace tenure::monitoring {

struct RetentionRule {
  core::Micros retain = 0;         ///< what ended longer ago goes; 0 = nothing is too old
  std::uint64_t retain_bytes = 0;  ///< the oldest goes until no more is left; 0 = no limit
};

/// Removes old Parquet files and closed segments of a prediction log; never the newest segment,
/// which may be written to. Returns how many files went. Errors: kPermissionDenied, kUnavailable.
core::Result<std::int64_t> remove_old_predictions(const std::filesystem::path& log_folder,
                                                  const RetentionRule& rule, core::Micros now);

}  // namespace tenure::monitoring
