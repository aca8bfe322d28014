#pragma once

#include <filesystem>
#include <string_view>

#include "app/project.h"
#include "core/result.h"
#include "pipelines/runner.h"
#include "tracking/artifacts.h"
#include "tracking/run.h"

namespace tenure::app {

/// The tracking run of the model in `model_folder`: made by the first step of the pipeline run that
/// asks, found again by later steps and after a kill (its id is kept in the run's folder before
/// anything is logged to it). A tracking run describes one model: when a run that was taken up
/// trained another one, because its inputs had changed, the earlier tracking run ends as KILLED and
/// a new one begins. Errors: those of the stores; kNotFound when there is no model.
core::Result<tracking::Run> tracked_run(Project& project, const pipelines::StepContext& context,
                                        const std::filesystem::path& model_folder);

/// Ends the tracking run of a pipeline run that is over, as that one ended, if it is still open.
/// A pipeline run that may be taken up again, or never tracked anything, is left alone.
core::Result<> close_tracked_run(Project& project, const pipelines::RunRecord& run);

/// Where an artifact of the run lies; "" is the folder of all of them.
core::Result<tracking::ArtifactPlace> artifact_place(Project& project, const tracking::Run& run,
                                                     std::string_view path);

}  // namespace tenure::app
