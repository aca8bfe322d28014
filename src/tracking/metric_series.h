#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"

// The values of one metric of one run, as they lie in table metrics.
namespace tenure::tracking {

/// A value whose run and key are known. NaN is NaN here.
struct MetricPoint {
  double value = 0;
  std::int64_t timestamp_ms = 0;
  std::int64_t step = 0;
};

/// The columns that point_from_row reads, first to last.
inline constexpr std::string_view kPointColumns = "value, timestamp, step, is_nan";
MetricPoint point_from_row(const storage::SqlRowView& row);

struct SeriesPage {
  std::vector<MetricPoint> points;  ///< by timestamp, step, value
  std::string next_page_token;
};

/// At most `max_results` points, from where `page_token` says; all of them without `max_results`.
///
/// Tokens are MLflow's {"offset": N}. Where the steps of a series follow its times, which is nearly
/// always, they also tell the last point, so that the next page is found without those before it.
/// Errors: kInvalidArgument (token).
core::Result<SeriesPage> read_series(storage::Database& database, const std::string& run,
                                     const std::string& key,
                                     std::optional<std::int64_t> max_results,
                                     std::string_view page_token);

}  // namespace tenure::tracking
