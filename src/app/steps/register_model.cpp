#include <algorithm>
#include <filesystem>
#include <map>
#include <string>

#include <fmt/format.h>

#include "app/model_store.h"
#include "app/steps/step_io.h"
#include "app/steps/steps.h"
#include "app/steps/tracked_run.h"
#include "app/training_table.h"
#include "core/file.h"
#include "core/id.h"
#include "core/sha256.h"
#include "learn/model.h"
#include "learn/xgboost_trainer.h"
#include "tracking/artifact_uri.h"
#include "tracking/model_package.h"

namespace tenure::app {
namespace {

/// Where the package lies among the artifacts of its run.
constexpr std::string_view kModelFolder = "model";

constexpr const char* kPackageFiles[] = {
    "model.ubj",           "transform.json",      "model.json",
    "reference.json",      "features.json",       "card.md",
    "metrics.json",        "secondary/model.ubj", "secondary/transform.json",
    "secondary/model.json"};

std::string mlflow_type(data::ColumnType type) {
  switch (type) {
    case data::ColumnType::kBoolean:
      return "boolean";
    case data::ColumnType::kInteger:
      return "long";
    case data::ColumnType::kText:
      return "string";
    case data::ColumnType::kNumber:
    case data::ColumnType::kTimestamp:
      break;
  }
  return "double";
}

core::Result<tracking::ModelPackage> package_of(const Project& project,
                                                const std::filesystem::path& folder,
                                                const tracking::Run& run,
                                                const core::Json& test_auc) {
  const auto model = learn::Model::load(folder);
  if (!model) return model.error();
  tracking::ModelPackage package;
  package.run_id = run.id;
  package.model_uuid = core::random_hex_id();
  package.created = project.clock().now();
  package.xgboost_version = learn::xgboost_version();
  for (const std::string& name : model->transform().outputs())
    package.encoded_inputs.push_back({name, "float", false});
  for (const learn::InputField& input : model->transform().inputs())
    package.inputs.push_back({input.name, mlflow_type(input.type), false});
  package.outputs = {{"probability", "float", true}};
  package.metadata = {{"tenure.service", model->facts().service},
                      {"tenure.test_auc", core::to_text(test_auc)}};
  for (const char* name : kPackageFiles) {
    auto bytes = core::read_file(folder / name);
    if (bytes)
      package.files[name] = *std::move(bytes);
    else if (bytes.error().code != core::ErrorCode::kNotFound)
      return std::move(bytes).error();
  }
  return package;
}

/// Copies a package to its place. The version row is made afterwards, so nobody sees half a
/// package.
core::Result<> upload(const std::filesystem::path& package, const tracking::ArtifactPlace& place) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(package)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().lexically_relative(package).generic_string();
    auto stored = place.store->put_file(fmt::format("{}/{}", place.key, name), entry.path());
    if (!stored) return stored;
  }
  return {};
}

/// The version made of this run before a kill, if any: registering twice must not number twice.
core::Result<tracking::ModelVersion> version_of_run(Project& project, const tracking::Run& run,
                                                    const std::string& source,
                                                    const tracking::ModelPackage& package,
                                                    const tracking::Change& change) {
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  auto model = (*registry)->create_model_if_missing(project.model_name(), change);
  if (!model) return std::move(model).error();
  auto versions = (*registry)->list_versions(project.model_name());
  if (!versions) return std::move(versions).error();
  const auto known = std::ranges::find(*versions, run.id, &tracking::ModelVersion::run_id);
  if (known != versions->end()) return *known;
  std::map<std::string, std::string> tags;
  for (const char* name : kDecidingFiles) {
    const auto file = package.files.find(name);
    if (file != package.files.end())
      tags[std::string(kDigestTag) + name] = core::sha256_hex(file->second);
  }
  return (*registry)->create_version(project.model_name(), source, run.id, tags, change);
}

}  // namespace

pipelines::Step register_step(Project& project) {
  return [&project](const pipelines::StepContext& context) -> core::Result<pipelines::StepResult> {
    auto auc = output_of_earlier(context, "test_auc");
    if (!auc) return std::move(auc).error();
    auto definitions = file_of_earlier(project, context, "definitions");
    if (!definitions) return std::move(definitions).error();
    auto facts = file_of_earlier(project, context, "model_facts");
    if (!facts) return std::move(facts).error();
    const std::filesystem::path folder = facts->parent_path();
    auto run = tracked_run(project, context, folder);
    if (!run) return std::move(run).error();
    auto features = core::read_file(*definitions);
    if (!features) return std::move(features).error();
    if (auto written = core::write_file_atomically(folder / "features.json", *features); !written)
      return std::move(written).error();

    auto package = package_of(project, folder, *run, *auc);
    if (!package) return std::move(package).error();
    const std::filesystem::path staging = context.directory / "package";
    std::error_code ignored;
    std::filesystem::remove_all(staging, ignored);  // of an attempt that was killed
    if (auto written = tracking::write_package(*package, staging); !written)
      return std::move(written).error();
    const auto place = artifact_place(project, *run, kModelFolder);
    if (!place) return place.error();
    if (auto stored = upload(staging, *place); !stored) return std::move(stored).error();

    const tracking::Change change{project.actor(),
                                  fmt::format("trained by pipeline run {}", context.run_id),
                                  core::JsonObject{{"test_auc", *auc}}};
    auto version = version_of_run(
        project, *run, tracking::uri_below(run->artifact_uri, kModelFolder), *package, change);
    if (!version) return std::move(version).error();
    auto runs = project.runs();
    if (!runs) return std::move(runs).error();
    if (auto ended = (*runs)->end(run->id, tracking::RunStatus::kFinished); !ended)
      return std::move(ended).error();

    pipelines::StepResult result;
    result.output["model"] = version->name;
    result.output["version"] = version->version;
    result.output["model_id"] = package->model_uuid;
    result.output["source"] = version->source;
    result.summary = fmt::format("{} version {}", version->name, version->version);
    return result;
  };
}

}  // namespace tenure::app
