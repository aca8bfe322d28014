#include "app/steps/step_io.h"

#include <fmt/format.h>

#include "core/file.h"

namespace tenure::app {

core::Result<core::Json> output_of_earlier(const pipelines::StepContext& context,
                                           std::string_view key) {
  for (const auto& [step, output] : context.outputs) {
    const core::JsonObject* facts = output.if_object();
    if (facts == nullptr) continue;
    if (const core::Json* fact = facts->if_contains(key)) return *fact;
  }
  return core::Error{
      core::ErrorCode::kInvalidArgument,
      fmt::format("no earlier step of the pipeline gives '{}'; the usual order is ingest, split, "
                  "features, train, evaluate, register, materialize, promote",
                  key)};
}

core::Result<std::filesystem::path> file_of_earlier(const Project& project,
                                                    const pipelines::StepContext& context,
                                                    std::string_view key) {
  auto path = output_of_earlier(context, key);
  if (!path) return std::move(path).error();
  if (!path->is_string())
    return core::Error{core::ErrorCode::kCorruption,
                       fmt::format("'{}' of an earlier step is no path", key)};
  return project.config().resolve(std::string_view(path->get_string()));
}

core::Result<data::Dataset> dataset_of_run(const Project& project,
                                           const pipelines::StepContext& context) {
  auto description = file_of_earlier(project, context, "dataset");
  if (!description) return std::move(description).error();
  auto json = read_json_file(*description);
  if (!json) return std::move(json).error();
  auto dataset = data::Dataset::from_json(*json);
  if (!dataset) return std::move(dataset).error().within(description->string());
  dataset->parquet = description->parent_path() / "table.parquet";
  return dataset;
}

core::Result<PreparedTraining> prepared_training(const Project& project,
                                                 const pipelines::StepContext& context) {
  auto table = file_of_earlier(project, context, "training_table");
  if (!table) return std::move(table).error();
  auto description = file_of_earlier(project, context, "definitions");
  if (!description) return std::move(description).error();
  auto json = read_json_file(*description);
  if (!json) return std::move(json).error();
  auto definitions = features::Definitions::from_json(*json);
  if (!definitions) return std::move(definitions).error().within(description->string());
  auto service = definitions->service(project.config().text("model.service"));
  if (!service) return std::move(service).error();
  features::FeatureService copy = **service;
  return PreparedTraining{*std::move(table), *std::move(definitions), std::move(copy)};
}

std::string relative_to_project(const Project& project, const std::filesystem::path& path) {
  return path.lexically_relative(project.config().directory()).generic_string();
}

core::Result<> add_output_file(const Project& project, pipelines::StepResult& result,
                               std::string_view key, const std::filesystem::path& path) {
  auto record = pipelines::record_file(path, project.config().directory());
  if (!record) return std::move(record).error();
  result.output[key] = relative_to_project(project, path);
  result.outputs.push_back(*std::move(record));
  return {};
}

core::Result<> add_input_file(const Project& project, pipelines::StepResult& result,
                              const std::filesystem::path& path) {
  auto record = pipelines::record_file(path, project.config().directory());
  if (!record) return std::move(record).error();
  result.inputs.push_back(*std::move(record));
  return {};
}

core::Result<core::Json> read_json_file(const std::filesystem::path& path) {
  const auto text = core::read_file(path);
  if (!text) return text.error();
  auto json = core::parse_json(*text);
  if (!json)
    return core::Error{core::ErrorCode::kCorruption, path.string() + ": " + json.error().message};
  return json;
}

}  // namespace tenure::app
