#include "tracking/metric_history.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "tracking/metric_sampling.h"
#include "tracking/run_rows.h"
#include "tracking/sql_rows.h"
#include "tracking/validation.h"

namespace tenure::tracking {
namespace {

using storage::SqlExecutor;
using storage::SqlRowView;
using storage::SqlValue;

constexpr std::size_t kRunsMax = 100;
constexpr std::int64_t kBulkMax = 25'000;
constexpr std::int64_t kSampledMax = 2500;
constexpr std::int64_t kPointsOfRunMax = 25'000;

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

/// Points of a run whose step lies in a range, by step, timestamp, value.
core::Result<> read_range(SqlExecutor& sql, const std::string& run, const std::string& key,
                          StepRange range, std::vector<MetricPoint>& points) {
  return sql.for_each(fmt::format("SELECT {} FROM metrics WHERE run_uuid = :run AND key = :key AND "
                                  "step BETWEEN :begin AND :end ORDER BY step, timestamp, value, "
                                  "is_nan LIMIT :limit",
                                  kPointColumns),
                      {run, key, range.begin, range.end, kPointsOfRunMax},
                      [&](const SqlRowView& row) {
                        points.push_back(point_from_row(row));
                        return true;
                      });
}

/// Points of a run at some steps, by step, timestamp, value.
core::Result<> read_steps(SqlExecutor& sql, const std::string& run, const std::string& key,
                          const std::vector<SqlValue>& steps, std::vector<MetricPoint>& points) {
  return for_each_by_list(
      sql,
      fmt::format("SELECT {} FROM metrics WHERE run_uuid = :run AND key = :key AND step IN "
                  "({{list}}) ORDER BY step, timestamp, value, is_nan",
                  kPointColumns),
      {run, key}, steps, [&](const SqlRowView& row) {
        points.push_back(point_from_row(row));
        return points.size() < static_cast<std::size_t>(kPointsOfRunMax);
      });
}

}  // namespace

core::Result<SeriesPage> metric_history(storage::Database& database, std::string_view run_id,
                                        std::string_view key,
                                        std::optional<std::int64_t> max_results,
                                        std::string_view page_token) {
  if (max_results && *max_results < 1) {
    return invalid(
        fmt::format("Invalid value {} for parameter 'max_results' supplied. It must be "
                    "a positive integer",
                    *max_results));
  }
  auto page = read_series(database, std::string(run_id), std::string(key), max_results, page_token);
  if (!page || !page->points.empty()) return page;
  auto known = database.query("SELECT 1 FROM runs WHERE run_uuid = :run", {std::string(run_id)});
  if (!known) return std::move(known).error();
  if (known->empty()) return run_not_found(run_id);
  return page;
}

core::Result<std::vector<RunSeries>> bulk_metric_history(storage::Database& database,
                                                         std::span<const std::string> run_ids,
                                                         std::string_view key,
                                                         std::int64_t max_results) {
  if (run_ids.empty())
    return invalid("GetMetricHistoryBulk request must specify at least one run_id.");
  if (run_ids.size() > kRunsMax) {
    return invalid(
        fmt::format("GetMetricHistoryBulk request cannot specify more than {} run_ids. "
                    "Received {} run_ids.",
                    kRunsMax, run_ids.size()));
  }
  if (key.empty()) return invalid("GetMetricHistoryBulk request must specify a metric_key.");
  if (max_results < 1) {
    return invalid(
        fmt::format("Invalid value {} for parameter 'max_results' supplied. It must be "
                    "a positive integer",
                    max_results));
  }
  const std::string name(key);
  std::int64_t limit = std::min(max_results, kBulkMax);
  std::vector<RunSeries> series;
  for (const std::string& run : std::set<std::string>(run_ids.begin(), run_ids.end())) {
    auto page = read_series(database, run, name, limit, "");
    if (!page) return std::move(page).error();
    if (page->points.empty()) continue;
    limit -= static_cast<std::int64_t>(page->points.size());
    series.push_back({run, std::move(page->points)});
    if (limit == 0) break;
  }
  return series;
}

core::Result<std::vector<RunSeries>> sampled_metric_history(storage::Database& database,
                                                            std::span<const std::string> run_ids,
                                                            std::string_view key,
                                                            std::optional<StepRange> range,
                                                            std::int64_t max_results) {
  if (run_ids.empty())
    return invalid("GetMetricHistoryBulkInterval request must specify at least one run_id.");
  if (run_ids.size() > kRunsMax) {
    return invalid(
        fmt::format("GetMetricHistoryBulkInterval request must specify at most {} "
                    "run_ids. Received {} run_ids.{}",
                    kRunsMax, run_ids.size(), kSeeApiDocs));
  }
  if (key.empty())
    return invalid("GetMetricHistoryBulkInterval request must specify a metric_key.");
  if (max_results < 1 || max_results > kSampledMax)
    return invalid(
        fmt::format("max_results must be between 1 and {}.{}", kSampledMax, kSeeApiDocs));
  if (range && range->begin > range->end) {
    return invalid(
        fmt::format("end_step must be greater than start_step. Found start_step={} and "
                    "end_step={}.",
                    range->begin, range->end));
  }
  const std::string name(key);
  auto extents = read_step_extents(database, run_ids, name);
  if (!extents) return std::move(extents).error();
  std::vector<RunSeries> series;
  if (extents->empty()) return series;
  auto steps = read_distinct_steps(database, *extents, name);
  if (!steps) return std::move(steps).error();
  const StepRange asked = range.value_or(StepRange{0, steps->back()});
  const SampledSteps sampled = sample_steps(*steps, *extents, asked, max_results);

  std::vector<SqlValue> values(sampled.steps.begin(), sampled.steps.end());
  for (const std::string& run : run_ids) {
    if (!std::binary_search(extents->begin(), extents->end(), RunSteps{run, {}}, by_run)) continue;
    RunSeries& of_run = series.emplace_back(RunSeries{run, {}});
    auto read = sampled.is_everything ? read_range(database, run, name, asked, of_run.points)
                                      : read_steps(database, run, name, values, of_run.points);
    if (!read) return std::move(read).error();
  }
  return series;
}

}  // namespace tenure::tracking
