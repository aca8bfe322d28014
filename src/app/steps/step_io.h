#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "app/project.h"
#include "core/json.h"
#include "core/result.h"
#include "pipelines/step_registry.h"

namespace tenure::app {

/// A fact that an earlier step of the run answered, looked for in the outputs of all of them.
/// Errors: kInvalidArgument naming the key: the pipeline lacks the step that gives it.
core::Result<core::Json> output_of_earlier(const pipelines::StepContext& context,
                                           std::string_view key);

/// As output_of_earlier, for a file's path relative to the project, made absolute.
core::Result<std::filesystem::path> file_of_earlier(const Project& project,
                                                    const pipelines::StepContext& context,
                                                    std::string_view key);

/// The data set that the run's `ingest` cleaned. Errors: as file_of_earlier; kCorruption.
core::Result<data::Dataset> dataset_of_run(const Project& project,
                                           const pipelines::StepContext& context);

/// What `features` left for the steps after it.
struct PreparedTraining {
  std::filesystem::path table;  ///< training.parquet
  features::Definitions definitions;
  features::FeatureService service;
};
core::Result<PreparedTraining> prepared_training(const Project& project,
                                                 const pipelines::StepContext& context);

/// Path relative to the project's folder, for outputs and summaries.
std::string relative_to_project(const Project& project, const std::filesystem::path& path);

/// Records a file the step wrote, under `key` of the output and in the list of files.
core::Result<> add_output_file(const Project& project, pipelines::StepResult& result,
                               std::string_view key, const std::filesystem::path& path);

/// Records a file the step read.
core::Result<> add_input_file(const Project& project, pipelines::StepResult& result,
                              const std::filesystem::path& path);

/// Reads a JSON file. Errors: as read_file; kCorruption naming the file.
core::Result<core::Json> read_json_file(const std::filesystem::path& path);

}  // namespace tenure::app
