#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/metric_series.h"
#include "tracking/page.h"
#include "tracking/run.h"

// All values that were logged for a metric.
namespace tenure::tracking {

/// Values of one of several runs.
struct RunSeries {
  std::string run_id;
  std::vector<MetricPoint> points;
};

/// One run's values of a key by timestamp, step, value; all of them without `max_results`. An
/// unknown key has none. Errors: kNotFound (run); kInvalidArgument (token, max_results < 1).
core::Result<SeriesPage> metric_history(storage::Database& database, std::string_view run_id,
                                        std::string_view key,
                                        std::optional<std::int64_t> max_results,
                                        std::string_view page_token);

/// Values of several runs (1 to 100) by run id, timestamp, step, value; at most `max_results`.
/// Unknown runs have none. Errors: kInvalidArgument in MLflow's words.
core::Result<std::vector<RunSeries>> bulk_metric_history(storage::Database& database,
                                                         std::span<const std::string> run_ids,
                                                         std::string_view key,
                                                         std::int64_t max_results);

struct StepRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;  ///< inclusive
};

/// About `max_results` (1 to 2,500) steps of each run (1 to 100), evenly chosen, with first and
/// last step of every run: MLflow's down-sampling (mlflow.md §3.4), to the step. Runs come as they
/// are asked for, those without values not at all; points by step, timestamp, value. Errors:
/// kInvalidArgument in MLflow's words.
core::Result<std::vector<RunSeries>> sampled_metric_history(storage::Database& database,
                                                            std::span<const std::string> run_ids,
                                                            std::string_view key,
                                                            std::optional<StepRange> range,
                                                            std::int64_t max_results);

}  // namespace tenure::tracking
