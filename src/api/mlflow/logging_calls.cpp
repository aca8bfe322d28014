#include <fmt/format.h>

#include "api/mlflow/batch.h"
#include "api/mlflow/field_reader.h"
#include "api/mlflow/plain_batch.h"
#include "api/mlflow/tracking_calls.h"

namespace tenure::api::mlflow {
namespace {

using core::Result;

Result<tracking::DatasetInput> read_dataset_input(const Message& message) {
  FieldReader edge(message);
  edge.require("dataset");
  if (edge.has_failed()) return edge.error();
  FieldReader in(message.object("dataset"));
  tracking::DatasetInput input;
  input.dataset.name = in.required_text("name");
  input.dataset.digest = in.required_text("digest");
  input.dataset.source_type = in.required_text("source_type");
  input.dataset.source = in.required_text("source");
  input.dataset.schema = in.text("schema");
  input.dataset.profile = in.text("profile");
  if (in.has_failed()) return in.error();
  input.tags = edge.pairs("tags");
  if (edge.has_failed()) return edge.error();
  return input;
}

}  // namespace

Result<> log_metric(const MlflowServices& services, const net::Request& request, std::string&) {
  auto message = Message::read(request);
  if (!message) return std::move(message).error();
  auto run_id = message->required_run_id();
  if (!run_id) return std::move(run_id).error();
  auto metric = read_metric(*message);
  if (!metric) return std::move(metric).error();
  return services.runs.log(*run_id, {&*metric, 1});
}

Result<> log_parameter(const MlflowServices& services, const net::Request& request, std::string&) {
  FieldReader in(Message::read(request));
  const std::string run_id = in.required_run_id();
  const std::string key = in.required_text("key");
  const std::string value = in.text("value");
  if (in.has_failed()) return in.error();
  return services.runs.log(run_id, {}, {{key, value}});
}

Result<> set_tag(const MlflowServices& services, const net::Request& request, std::string&) {
  FieldReader in(Message::read(request));
  const std::string run_id = in.required_run_id();
  const std::string key = in.required_text("key");
  const std::string value = in.text("value");
  if (in.has_failed()) return in.error();
  return services.runs.set_tag(run_id, key, value);
}

Result<> delete_tag(const MlflowServices& services, const net::Request& request, std::string&) {
  FieldReader in(Message::read(request));
  const std::string run_id = in.required_text("run_id");
  const std::string key = in.required_text("key");
  if (in.has_failed()) return in.error();
  return services.runs.delete_tag(run_id, key);
}

Result<> log_batch(const MlflowServices& services, const net::Request& request, std::string&) {
  if (auto checked = check_content_type(request.content_type); !checked) return checked;
  if (auto plain = read_plain_batch(request.body))
    return services.runs.log_batch(plain->run_id, plain->batch);
  auto message = Message::read(request);
  if (!message) return std::move(message).error();
  auto run_id = message->required_text("run_id");
  if (!run_id) return std::move(run_id).error();
  auto batch = read_batch(*message);
  if (!batch) return std::move(batch).error();
  return services.runs.log_batch(*run_id, *batch);
}

Result<> log_model(const MlflowServices& services, const net::Request& request, std::string&) {
  FieldReader in(Message::read(request));
  const std::string run_id = in.required_text("run_id");
  const std::string text = in.required_text("model_json");
  if (in.has_failed()) return in.error();
  auto model = core::parse_json(text);
  if (!model || !model->is_object()) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("Malformed model info. \n {} \n is not a valid JSON.", text)};
  }
  return services.runs.log_model(run_id, *model);
}

Result<> log_inputs(const MlflowServices& services, const net::Request& request, std::string&) {
  FieldReader in(Message::read(request));
  const std::string run_id = in.required_text("run_id");
  const auto models = in.objects("models");
  if (models.empty()) in.require("datasets");
  const auto datasets = in.objects("datasets");
  if (in.has_failed()) return in.error();
  std::vector<tracking::DatasetInput> inputs;
  inputs.reserve(datasets.size());
  for (const Message& dataset : datasets) {
    auto input = read_dataset_input(dataset);
    if (!input) return std::move(input).error();
    inputs.push_back(*std::move(input));
  }
  std::vector<std::string> model_ids;
  for (const Message& model : models) {
    auto id = model.required_text("model_id");
    if (!id) return std::move(id).error();
    model_ids.push_back(*std::move(id));
  }
  return services.runs.log_inputs(run_id, inputs, model_ids);
}

Result<> log_outputs(const MlflowServices& services, const net::Request& request, std::string&) {
  FieldReader in(Message::read(request));
  const std::string run_id = in.required_text("run_id");
  in.require("models");
  const auto models = in.objects("models");
  if (in.has_failed()) return in.error();
  std::vector<tracking::ModelOutput> outputs;
  for (const Message& model : models) {
    FieldReader fields(model);
    outputs.push_back({fields.required_text("model_id"), fields.integer("step").value_or(0)});
    if (fields.has_failed()) return fields.error();
  }
  return services.runs.log_outputs(run_id, outputs);
}

}  // namespace tenure::api::mlflow
