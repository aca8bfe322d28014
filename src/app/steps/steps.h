#pragma once

#include <span>
#include <string>
#include <vector>

#include "app/project.h"
#include "pipelines/step_registry.h"

namespace tenure::app {

/// The steps of the loop, one file each. A step reads what earlier steps left (by the keys of their
/// outputs), writes files below .tenure/, and answers their paths; every step may be started again
/// after a kill.
pipelines::Step ingest_step(Project& project);    ///< data.source → cleaned table
pipelines::Step split_step(Project& project);     ///< which rows train, which test
pipelines::Step features_step(Project& project);  ///< point-in-time join: the training table
pipelines::Step train_step(Project& project);     ///< cross-validation and the final model
pipelines::Step evaluate_step(Project& project);  ///< test metrics, plots, model card
pipelines::Step register_step(Project& project);  ///< model package and a new version
pipelines::Step materialize_step(
    Project& project);                           ///< newest feature values into the online store
pipelines::Step promote_step(Project& project);  ///< challenger against champion

/// All of them, by name, for the runner.
pipelines::StepRegistry make_steps(Project& project);

/// The pipeline a project without a `pipelines` section has. Features are materialized before the
/// promotion, so that a new champion never meets an empty online store.
std::span<const std::string> default_steps();

}  // namespace tenure::app
