#pragma once

#include <atomic>
#include <string>

#include "app/project.h"
#include "core/json.h"
#include "core/result.h"
#include "pipelines/runner.h"

namespace tenure::app {

/// What watches a run, for those who may not look below app/.
using RunObserver = pipelines::RunObserver;
using RunRecord = pipelines::RunRecord;
using StepRecord = pipelines::StepRecord;
using StepState = pipelines::StepState;

struct PipelineRequest {
  std::string pipeline;   ///< "" = the first of tenure.yaml
  std::string from;       ///< start here, reusing earlier results; "" = from the start
  std::string until;      ///< stop after this step; "" = run to the end
  bool is_fresh = false;  ///< do not take up a run that was killed
};

/// Runs a pipeline and answers its summary: pipeline_run_id, run_id (tracking), model, version,
/// promoted, why, metrics {cv_auc_mean, cv_auc_sd, test_auc, average_precision, log_loss, brier,
/// ece, top_decile_lift}, seconds per step, and the paths of what it wrote; members of steps that
/// were not part of the run are absent. Errors: those of Runner::run; kNotFound for an unknown
/// pipeline or step, naming the known ones.
core::Result<core::JsonObject> run_pipeline(Project& project, const PipelineRequest& request,
                                            pipelines::RunObserver* observer,
                                            const std::atomic<bool>* is_cancelled);

/// Newest pipeline runs, for `tenure pipelines runs`.
core::Result<core::JsonArray> list_pipeline_runs(Project& project, std::size_t limit);
/// One run with its steps; "" = the newest. Errors: kNotFound.
core::Result<core::JsonObject> show_pipeline_run(Project& project, const std::string& id);
/// The pipelines of tenure.yaml with their steps, and the steps there are.
core::Result<core::JsonObject> list_pipelines(Project& project);

}  // namespace tenure::app
