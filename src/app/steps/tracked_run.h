#pragma once

#include <string>
#include <string_view>

#include "app/project.h"
#include "core/result.h"
#include "pipelines/step_registry.h"
#include "tracking/run.h"

namespace tenure::app {

/// Name of the file in a pipeline run's folder that holds the id of its tracking run.
inline constexpr std::string_view kTrackedRunFile = "tracking_run";

/// The tracking run that belongs to a pipeline run: made by the first step that asks, found again
/// by later steps and after a kill (its id is kept in the run's folder before anything is logged to
/// it). Errors: those of the stores.
core::Result<tracking::Run> tracked_run(Project& project, const pipelines::StepContext& context);

/// Key of the run's artifact folder in the object store: "artifacts/<experiment>/<run>/artifacts".
std::string artifact_key(const tracking::Run& run);

}  // namespace tenure::app
