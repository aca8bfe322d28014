#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>

#include "app/project.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::app {

/// What the `tenure data …` commands do; each answers the command's JSON. Where a flag is given,
/// it ends the work with kCancelled.

struct GenerateRequest {
  std::string kind = "telco";  ///< telco, telco-timeline
  std::filesystem::path out;   ///< CSV file, or folder of a timeline
  std::int64_t rows = 7043;    ///< customers; slots of a timeline
  std::uint64_t seed = 42;
  double noise = 0;               ///< unobserved heterogeneity; telco only
  int months = 30;                ///< telco-timeline only
  std::string scenario = "none";  ///< telco-timeline only
};
core::Result<core::JsonObject> generate_data(const GenerateRequest& request);

/// Column statistics of a CSV or Parquet file; `label` may be empty.
core::Result<core::JsonObject> profile_data(const std::filesystem::path& file,
                                            const std::string& label, const std::string& positive,
                                            const std::atomic<bool>* is_cancelled = nullptr);

/// Runs SQL. With a project, its cleaned table is there as `data`, and each feature view by its
/// name. The answer is {"columns": [...], "rows": [[...], ...], "truncated": bool}: the first
/// `limit` rows, and whether there are more. Rows after them are not made, so memory is bounded by
/// the limit.
core::Result<core::JsonObject> query_data(Project* project, const std::string& sql,
                                          std::size_t limit,
                                          const std::atomic<bool>* is_cancelled = nullptr);

}  // namespace tenure::app
