#include "app/steps/tracked_run.h"

#include <optional>

#include <fmt/format.h>

#include "core/file.h"
#include "core/sha256.h"
#include "tracking/artifact_uri.h"

namespace tenure::app {
namespace {

constexpr const char* kModelFiles[] = {"model.ubj", "transform.json", "model.json",
                                       "reference.json"};

/// What a pipeline run's folder remembers: file `tracking_run`, "<run id> <model digest>".
struct Remembered {
  std::string run_id;
  std::string model_digest;
};

std::filesystem::path memory_of(const std::filesystem::path& run_folder) {
  return run_folder / "tracking_run";
}

core::Result<std::optional<Remembered>> remembered_in(const std::filesystem::path& run_folder) {
  const auto text = core::read_file(memory_of(run_folder));
  if (!text) {
    if (text.error().code == core::ErrorCode::kNotFound) return std::optional<Remembered>();
    return text.error();
  }
  const std::size_t space = text->find(' ');
  if (space == std::string::npos) return std::optional(Remembered{*text, {}});
  return std::optional(Remembered{text->substr(0, space), text->substr(space + 1)});
}

core::Result<std::string> digest_of_model(const std::filesystem::path& folder) {
  std::string digests;
  for (const char* name : kModelFiles) {
    auto digest = core::sha256_file(folder / name);
    if (!digest) return std::move(digest).error();
    digests += *digest;
  }
  return core::sha256_hex(digests);
}

core::Result<> end_if_open(Project& project, const std::string& run_id,
                           tracking::RunStatus status) {
  auto runs = project.runs();
  if (!runs) return std::move(runs).error();
  auto run = (*runs)->get(run_id);
  if (!run) return std::move(run).error();
  if (run->status != tracking::RunStatus::kRunning || run->lifecycle_stage != "active") return {};
  return (*runs)->end(run_id, status);
}

bool is_local(std::string_view uri) {
  return uri.starts_with("file:") || uri.starts_with('/');
}

/// Where new runs of an experiment keep their artifacts. One whose local place was made before
/// clients came through the server is named as they find it; one that was moved or copied with its
/// project, and is no longer below its folders, has its place there.
core::Result<std::string> location_now(Project& project, const tracking::Experiment& experiment) {
  auto artifacts = project.artifacts();
  if (!artifacts) return std::move(artifacts).error();
  auto root = project.artifact_root();
  if (!root) return root;
  const auto place = (*artifacts)->find(experiment.artifact_location);
  if (!place && place.error().code != core::ErrorCode::kPermissionDenied) return place.error();
  constexpr std::string_view kProxied = "mlflow-artifacts:/";
  if (place && is_local(experiment.artifact_location) && !is_local(*root) &&
      place->store == &(*artifacts)->proxied())
    return std::string(kProxied) + place->key;
  if (place) return experiment.artifact_location;
  return tracking::uri_below(*root, experiment.id);
}

core::Result<tracking::Run> new_run(Project& project, const pipelines::StepContext& context) {
  auto experiments = project.experiments();
  if (!experiments) return std::move(experiments).error();
  auto experiment = (*experiments)->find_or_create(project.name());
  if (!experiment) return std::move(experiment).error();
  auto location = location_now(project, *experiment);
  if (!location) return std::move(location).error();
  experiment->artifact_location = *std::move(location);
  auto runs = project.runs();
  if (!runs) return std::move(runs).error();
  return (*runs)->create(*experiment,
                         fmt::format("{}-{}", project.model_name(), context.run_id.substr(0, 8)),
                         project.actor(), {{"tenure.pipeline_run", context.run_id}});
}

}  // namespace

core::Result<tracking::Run> tracked_run(Project& project, const pipelines::StepContext& context,
                                        const std::filesystem::path& model_folder) {
  auto digest = digest_of_model(model_folder);
  if (!digest) return std::move(digest).error();
  auto remembered = remembered_in(context.directory);
  if (!remembered) return std::move(remembered).error();
  if (*remembered) {
    auto runs = project.runs();
    if (!runs) return std::move(runs).error();
    if ((*remembered)->model_digest == *digest) return (*runs)->get((*remembered)->run_id);
    if (auto ended = end_if_open(project, (*remembered)->run_id, tracking::RunStatus::kKilled);
        !ended)
      return std::move(ended).error();
  }
  auto run = new_run(project, context);
  if (!run) return std::move(run).error();
  if (auto written =
          core::write_file_atomically(memory_of(context.directory), run->id + " " + *digest);
      !written)
    return std::move(written).error();
  return run;
}

core::Result<> close_tracked_run(Project& project, const pipelines::RunRecord& run) {
  tracking::RunStatus status = tracking::RunStatus::kFinished;
  if (run.state == "failed")
    status = tracking::RunStatus::kFailed;
  else if (run.state == "cancelled")
    status = tracking::RunStatus::kKilled;
  else if (run.state != "succeeded")
    return {};
  auto remembered = remembered_in(project.runs_folder() / run.id);
  if (!remembered) return std::move(remembered).error();
  if (!*remembered) return {};
  return end_if_open(project, (*remembered)->run_id, status);
}

core::Result<tracking::ArtifactPlace> artifact_place(Project& project, const tracking::Run& run,
                                                     std::string_view path) {
  auto artifacts = project.artifacts();
  if (!artifacts) return std::move(artifacts).error();
  return (*artifacts)->find(run.artifact_uri, path);
}

}  // namespace tenure::app
