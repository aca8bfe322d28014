#include "tracking/metric_history.h"

#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "tracking/metric_sampling.h"
#include "tracking/run_log.h"
#include "tracking/run_rows.h"
#include "tracking/search/page_token.h"
#include "tracking/sql_rows.h"

namespace tenure::tracking {
namespace {

using storage::SqlExecutor;
using storage::SqlRow;
using storage::SqlValue;

constexpr std::size_t kRunsMax = 100;
constexpr std::int64_t kBulkMax = 25'000;
constexpr std::int64_t kSampledMax = 2500;
constexpr std::int64_t kPointsOfRunMax = 25'000;

// The key is known, so it is not read again for every value.
constexpr std::string_view kPointColumns =
    "value, timestamp, step, CASE WHEN is_nan THEN 1 ELSE 0 END";

// A run's history by timestamp, step, value. SQLite, which knows nothing of the data, would take
// the primary key for the sake of the order, and with it the points of all runs: so the order is by
// an expression, and all possible steps are named, which only an index that begins with the run
// has.
constexpr std::string_view kHistory =
    "SELECT value, timestamp, step, CASE WHEN is_nan THEN 1 ELSE 0 END FROM metrics WHERE run_uuid "
    "= :run AND key = :key AND step BETWEEN :first AND :last ORDER BY metrics.timestamp + 0, step, "
    "value";
constexpr std::int64_t kFirstStep = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLastStep = std::numeric_limits<std::int64_t>::max();

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

Metric point_from_row(const SqlRow& row, const std::string& key) {
  Metric metric;
  metric.key = key;
  metric.value = row.integer(3) != 0 ? std::numeric_limits<double>::quiet_NaN() : row.number(0);
  metric.timestamp_ms = row.integer(1);
  metric.step = row.integer(2);
  return metric;
}

void append_points(std::vector<RunMetric>& points, const std::string& run, const std::string& key,
                   std::span<const SqlRow> rows) {
  for (const SqlRow& row : rows) points.push_back({run, point_from_row(row, key)});
}

/// Points of a run whose step lies in a range, by step, timestamp, value.
core::Result<> read_range(SqlExecutor& sql, const std::string& run, const std::string& key,
                          StepRange range, std::vector<RunMetric>& points) {
  auto rows =
      sql.query(fmt::format("SELECT {} FROM metrics WHERE run_uuid = :run AND key = :key AND step "
                            "BETWEEN :begin AND :end ORDER BY step, timestamp, value LIMIT :limit",
                            kPointColumns),
                {run, key, range.begin, range.end, kPointsOfRunMax});
  if (!rows) return std::move(rows).error();
  append_points(points, run, key, *rows);
  return {};
}

/// Points of a run at some steps, by step, timestamp, value.
core::Result<> read_steps(SqlExecutor& sql, const std::string& run, const std::string& key,
                          const std::vector<SqlValue>& steps, std::vector<RunMetric>& points) {
  auto rows =
      query_by_list(sql,
                    fmt::format("SELECT {} FROM metrics WHERE run_uuid = :run AND key = :key AND "
                                "step IN ({{list}}) ORDER BY step, timestamp, value",
                                kPointColumns),
                    {run, key}, steps);
  if (!rows) return std::move(rows).error();
  const auto limit = static_cast<std::size_t>(kPointsOfRunMax);
  append_points(points, run, key, std::span(*rows).first(std::min(rows->size(), limit)));
  return {};
}

}  // namespace

core::Result<Page<Metric>> metric_history(storage::Database& database, std::string_view run_id,
                                          std::string_view key,
                                          std::optional<std::int64_t> max_results,
                                          std::string_view page_token) {
  if (max_results && *max_results < 1) {
    return invalid(
        fmt::format("Invalid value {} for parameter 'max_results' supplied. It must be "
                    "a positive integer",
                    *max_results));
  }
  auto offset = read_page_token(page_token);
  if (!offset) return std::move(offset).error();
  // One more than asked for tells whether there is another page.
  constexpr std::int64_t kAll = std::int64_t{1} << 60;
  const std::int64_t limit = std::min(max_results.value_or(kAll), kAll) + 1;
  auto rows = database.query(
      fmt::format("{} LIMIT :limit OFFSET :offset", kHistory),
      {std::string(run_id), std::string(key), kFirstStep, kLastStep, limit, *offset});
  if (!rows) return std::move(rows).error();
  if (rows->empty()) {
    auto known = database.query("SELECT 1 FROM runs WHERE run_uuid = :run", {std::string(run_id)});
    if (!known) return std::move(known).error();
    if (known->empty()) return run_not_found(run_id);
  }
  Page<Metric> page;
  const std::string name(key);
  const bool has_more = static_cast<std::int64_t>(rows->size()) == limit;
  if (has_more) {
    rows->pop_back();
    page.next_page_token = tracking::page_token(*offset + limit - 1);
  }
  page.items.reserve(rows->size());
  for (const SqlRow& row : *rows) page.items.push_back(point_from_row(row, name));
  return page;
}

core::Result<std::vector<RunMetric>> bulk_metric_history(storage::Database& database,
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
  const auto limit = static_cast<std::size_t>(std::min(max_results, kBulkMax));
  std::vector<RunMetric> points;
  for (const std::string& run : std::set<std::string>(run_ids.begin(), run_ids.end())) {
    auto rows = database.query(
        fmt::format("{} LIMIT :limit", kHistory),
        {run, name, kFirstStep, kLastStep, static_cast<std::int64_t>(limit - points.size())});
    if (!rows) return std::move(rows).error();
    append_points(points, run, name, *rows);
    if (points.size() >= limit) break;
  }
  return points;
}

core::Result<std::vector<RunMetric>> sampled_metric_history(storage::Database& database,
                                                            std::span<const std::string> run_ids,
                                                            std::string_view key,
                                                            std::optional<StepRange> range,
                                                            std::int64_t max_results) {
  if (run_ids.empty())
    return invalid("GetMetricHistoryBulkInterval request must specify at least one run_id.");
  if (run_ids.size() > kRunsMax) {
    return invalid(
        fmt::format("GetMetricHistoryBulkInterval request must specify at most {} "
                    "run_ids. Received {} run_ids.",
                    kRunsMax, run_ids.size()));
  }
  if (key.empty())
    return invalid("GetMetricHistoryBulkInterval request must specify a metric_key.");
  if (max_results < 1 || max_results > kSampledMax)
    return invalid(fmt::format("max_results must be between 1 and {}.", kSampledMax));
  if (range && range->begin > range->end) {
    return invalid(
        fmt::format("end_step must be greater than start_step. Found start_step={} and "
                    "end_step={}.",
                    range->begin, range->end));
  }
  const std::string name(key);
  auto extents = read_step_extents(database, run_ids, name);
  if (!extents) return std::move(extents).error();
  std::vector<RunMetric> points;
  if (extents->empty()) return points;
  auto steps = read_distinct_steps(database, *extents, name);
  if (!steps) return std::move(steps).error();
  const StepRange asked = range.value_or(StepRange{0, steps->back()});
  const SampledSteps sampled = sample_steps(*steps, *extents, asked, max_results);

  std::vector<SqlValue> values(sampled.steps.begin(), sampled.steps.end());
  for (const std::string& run : run_ids) {
    if (!std::binary_search(extents->begin(), extents->end(), RunSteps{run, {}}, by_run)) continue;
    auto read = sampled.is_everything ? read_range(database, run, name, asked, points)
                                      : read_steps(database, run, name, values, points);
    if (!read) return std::move(read).error();
  }
  return points;
}

}  // namespace tenure::tracking
