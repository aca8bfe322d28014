#include "api/mlflow/graphql/entities.h"

#include <cmath>
#include <map>
#include <string>

#include <fmt/format.h>

namespace tenure::api::mlflow::graphql {
namespace {

using core::Json;
using core::JsonArray;
using core::JsonObject;

Json long_text(std::int64_t value) {
  return Json(fmt::format_int(value).str());
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json number_or_null(double value) {
  return std::isnan(value) ? Json() : Json(value);
}

JsonArray pairs(const std::map<std::string, std::string>& values, const char* type) {
  JsonArray list;
  list.reserve(values.size());
  for (const auto& [key, value] : values)
    list.push_back(JsonObject{{"__typename", type}, {"key", key}, {"value", value}});
  return list;
}

Json info_type(const tracking::Run& run) {
  const std::string_view status = tracking::run_status_name(run.status);
  return JsonObject{{"__typename", "MlflowRunInfo"},
                    {"runId", run.id},
                    {"runUuid", run.id},
                    {"runName", run.name},
                    {"experimentId", run.experiment_id},
                    {"userId", run.user},
                    {"status", status},
                    {"startTime", long_text(run.start_ms)},
                    {"endTime", run.end_ms == 0 ? Json() : long_text(run.end_ms)},
                    {"artifactUri", run.artifact_uri},
                    {"lifecycleStage", run.lifecycle_stage}};
}

Json data_type(const tracking::Run& run) {
  JsonArray metrics;
  metrics.reserve(run.metrics.size());
  for (const auto& [key, metric] : run.metrics) {
    metrics.push_back(JsonObject{{"__typename", "MlflowMetric"},
                                 {"key", key},
                                 {"value", number_or_null(metric.value)},
                                 {"timestamp", long_text(metric.timestamp_ms)},
                                 {"step", long_text(metric.step)},
                                 {"datasetName", text_or_null(metric.dataset_name)},
                                 {"datasetDigest", text_or_null(metric.dataset_digest)},
                                 {"modelId", text_or_null(metric.model_id)},
                                 {"runId", text_or_null(metric.run_id)}});
  }
  return JsonObject{{"__typename", "MlflowRunData"},
                    {"metrics", std::move(metrics)},
                    {"params", pairs(run.params, "MlflowParam")},
                    {"tags", pairs(run.tags, "MlflowRunTag")}};
}

Json inputs_type(const tracking::RunInputs& inputs) {
  JsonArray datasets;
  for (const tracking::DatasetInput& input : inputs.datasets) {
    const tracking::Dataset& dataset = input.dataset;
    JsonObject facts{{"__typename", "MlflowDataset"},
                     {"name", dataset.name},
                     {"digest", dataset.digest},
                     {"sourceType", dataset.source_type},
                     {"source", dataset.source},
                     {"schema", text_or_null(dataset.schema)},
                     {"profile", text_or_null(dataset.profile)}};
    datasets.push_back(JsonObject{{"__typename", "MlflowDatasetInput"},
                                  {"tags", pairs(input.tags, "MlflowInputTag")},
                                  {"dataset", std::move(facts)}});
  }
  JsonArray models;
  for (const std::string& id : inputs.model_ids)
    models.push_back(JsonObject{{"__typename", "MlflowModelInput"}, {"modelId", id}});
  return JsonObject{{"__typename", "MlflowRunInputs"},
                    {"datasetInputs", std::move(datasets)},
                    {"modelInputs", std::move(models)}};
}

Json outputs_type(const tracking::RunInputs& inputs) {
  JsonArray models;
  for (const tracking::ModelOutput& output : inputs.outputs) {
    models.push_back(JsonObject{{"__typename", "MlflowModelOutput"},
                                {"modelId", output.model_id},
                                {"step", long_text(output.step)}});
  }
  return JsonObject{{"__typename", "MlflowRunOutputs"}, {"modelOutputs", std::move(models)}};
}

}  // namespace

Json experiment_type(const tracking::Experiment& experiment) {
  return JsonObject{{"__typename", "MlflowExperiment"},
                    {"experimentId", experiment.id},
                    {"name", experiment.name},
                    {"artifactLocation", experiment.artifact_location},
                    {"lifecycleStage", experiment.lifecycle_stage},
                    {"lastUpdateTime", long_text(experiment.updated_ms)},
                    {"creationTime", long_text(experiment.created_ms)},
                    {"tags", pairs(experiment.tags, "MlflowExperimentTag")}};
}

Json model_version_type(const tracking::ModelVersion& version) {
  JsonArray aliases;
  for (const std::string& alias : version.aliases) aliases.emplace_back(alias);
  return JsonObject{{"__typename", "MlflowModelVersion"},
                    {"name", version.name},
                    {"version", long_text(version.version)},
                    {"creationTimestamp", long_text(version.created_ms)},
                    {"lastUpdatedTimestamp", long_text(version.updated_ms)},
                    {"userId", text_or_null(version.user)},
                    {"currentStage", version.stage},
                    {"description", version.description},
                    {"source", version.source},
                    {"runId", version.run_id},
                    {"status", version.status},
                    {"statusMessage", text_or_null(version.status_message)},
                    {"tags", pairs(version.tags, "MlflowModelVersionTag")},
                    {"runLink", version.run_link},
                    {"aliases", std::move(aliases)}};
}

Json run_metric_type(const std::string& run_id, const std::string& key,
                     const tracking::MetricPoint& point) {
  return JsonObject{
      {"__typename", "MlflowMetricWithRunId"}, {"key", key},
      {"value", number_or_null(point.value)},  {"timestamp", long_text(point.timestamp_ms)},
      {"step", long_text(point.step)},         {"runId", run_id}};
}

Json run_type(const tracking::Run& run, const Field& asked) {
  const auto part = [&](const char* name, auto make) {
    return asked.asks_for(name) ? make() : Json();
  };
  return JsonObject{{"__typename", "MlflowRunExtension"},
                    {"info", part("info", [&] { return info_type(run); })},
                    {"data", part("data", [&] { return data_type(run); })},
                    {"inputs", part("inputs", [&] { return inputs_type(run.inputs); })},
                    {"outputs", part("outputs", [&] { return outputs_type(run.inputs); })},
                    {"experiment", nullptr},
                    {"modelVersions", nullptr}};
}

}  // namespace tenure::api::mlflow::graphql
