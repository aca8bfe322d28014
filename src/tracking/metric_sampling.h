#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/metric_history.h"

// Which steps of a metric a chart gets: MLflow's down-sampling (mlflow.md §3.4).
namespace tenure::tracking {

/// First and last step of a run.
struct RunSteps {
  std::string run_id;
  StepRange extent;
};
bool by_run(const RunSteps& a, const RunSteps& b);

/// The runs that have the metric, by id.
core::Result<std::vector<RunSteps>> read_step_extents(storage::SqlExecutor& sql,
                                                      std::span<const std::string> run_ids,
                                                      const std::string& key);

/// The distinct steps of all the runs, ascending. Runs mostly log at the same steps, so only the
/// longest is read in full, and of the others what it does not have.
core::Result<std::vector<std::int64_t>> read_distinct_steps(storage::SqlExecutor& sql,
                                                            std::span<const RunSteps> runs,
                                                            const std::string& key);

struct SampledSteps {
  bool is_everything = false;       ///< all steps in the range are wanted
  std::vector<std::int64_t> steps;  ///< ascending; empty when everything is wanted
};
/// `steps`: all distinct ones, ascending.
SampledSteps sample_steps(std::span<const std::int64_t> steps, std::span<const RunSteps> runs,
                          StepRange range, std::int64_t max_results);

/// An arithmetic progression: first, first + stride, ..., last.
struct StepPattern {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t stride = 1;
};
/// The longest beginning of ascending steps that is one. `steps` is not empty.
StepPattern leading_pattern(std::span<const std::int64_t> steps);

}  // namespace tenure::tracking
