#include "app/steps/tracked_run.h"

#include <fmt/format.h>

#include "core/file.h"

namespace tenure::app {

core::Result<tracking::Run> tracked_run(Project& project, const pipelines::StepContext& context) {
  auto runs = project.runs();
  if (!runs) return std::move(runs).error();
  const std::filesystem::path remembered = context.directory / kTrackedRunFile;
  if (const auto id = core::read_file(remembered)) return (*runs)->get(*id);

  auto experiments = project.experiments();
  if (!experiments) return std::move(experiments).error();
  auto experiment = (*experiments)->find_or_create(project.name());
  if (!experiment) return std::move(experiment).error();
  auto run = (*runs)->create(
      *experiment, fmt::format("{}-{}", project.model_name(), context.run_id.substr(0, 8)),
      project.actor(), {{"tenure.pipeline_run", context.run_id}});
  if (!run) return std::move(run).error();
  if (auto written = core::write_file_atomically(remembered, run->id); !written)
    return std::move(written).error();
  return run;
}

std::string artifact_key(const tracking::Run& run) {
  return fmt::format("artifacts/{}/{}/artifacts", run.experiment_id, run.id);
}

}  // namespace tenure::app
