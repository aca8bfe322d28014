#include "api/open_inference/model_http.h"

#include <string>

#include "api/open_inference/infer_http.h"
#include "api/open_inference/inference.h"
#include "api/open_inference/inference_statistics.h"
#include "api/served_model.h"
#include "core/json.h"

namespace tenure::api {
namespace {

using core::Json;
using core::JsonArray;
using core::JsonObject;

constexpr std::string_view kPlatform = "tenure_ensemble";

core::Result<std::shared_ptr<const serving::ModelSnapshot>> named_model(
    const Services& services, const net::Request& request) {
  serving::SnapshotCache cache;
  auto found = find_model(services, cache, request.path_parameter("model"),
                          request.path_parameter("version"));
  if (!found) return std::move(found).error();
  return cache.shared();
}

Json tensor_json(std::string_view name, Datatype type, JsonArray shape) {
  return JsonObject{{"name", name}, {"datatype", datatype_name(type)}, {"shape", std::move(shape)}};
}

/// Triton's configuration names types so.
std::string config_type(Datatype type) {
  return type == Datatype::kBytes ? "TYPE_STRING" : "TYPE_" + std::string(datatype_name(type));
}

Json config_tensor(std::string_view name, Datatype type, std::int64_t width) {
  return JsonObject{{"name", name}, {"data_type", config_type(type)}, {"dims", JsonArray{width}}};
}

std::int64_t output_width(const OutputFacts& output, const serving::ModelSnapshot& snapshot) {
  if (!output.is_matrix) return 1;
  return output.datatype == Datatype::kBytes
             ? static_cast<std::int64_t>(Inference::kReasonCodes)
             : static_cast<std::int64_t>(snapshot.input_names.size()) + 1;
}

Json duration(std::uint64_t count, std::uint64_t ns) {
  return JsonObject{{"count", count}, {"ns", ns}};
}

}  // namespace

void server_metadata(const Services& services, const net::Request&, net::Response& response) {
  response.body =
      core::to_text(JsonObject{{"name", "tenure"},
                               {"version", services.program_version},
                               {"extensions", JsonArray{"binary_tensor_data", "model_repository",
                                                        "model_configuration", "statistics"}}});
}

void server_live(const net::Request&, net::Response& response) {
  response.body = R"({"live":true,"ready":true})";
}

void server_ready(const Services& services, const net::Request&, net::Response& response) {
  const bool is_ready = services.predictor.snapshot() && !services.is_draining.load();
  response.status = is_ready ? 200 : 503;
  response.body = core::to_text(JsonObject{{"live", true}, {"ready", is_ready}});
}

void list_models(const Services& services, const net::Request&, net::Response& response) {
  response.body = core::to_text(JsonObject{{"models", JsonArray{services.model}}});
}

void model_metadata(const Services& services, const net::Request& request,
                    net::Response& response) {
  const auto snapshot = named_model(services, request);
  if (!snapshot) return answer_inference_error(snapshot.error(), response);
  JsonArray inputs, outputs;
  for (const learn::InputField& input : (*snapshot)->model.transform().inputs())
    inputs.push_back(tensor_json(input.name, datatype_of(input), {-1, 1}));
  for (const OutputFacts& output : output_facts()) {
    JsonArray shape = {-1};
    if (output.is_matrix) shape.emplace_back(output_width(output, **snapshot));
    outputs.push_back(tensor_json(output.name, output.datatype, std::move(shape)));
  }
  response.body =
      core::to_text(JsonObject{{"name", (*snapshot)->name},
                               {"versions", JsonArray{std::to_string((*snapshot)->version)}},
                               {"platform", kPlatform},
                               {"inputs", std::move(inputs)},
                               {"outputs", std::move(outputs)}});
}

void model_ready(const Services& services, const net::Request& request, net::Response& response) {
  const auto snapshot = named_model(services, request);
  if (!snapshot) return answer_inference_error(snapshot.error(), response);
  response.body = core::to_text(JsonObject{{"name", (*snapshot)->name}, {"ready", true}});
}

void model_config(const Services& services, const net::Request& request, net::Response& response) {
  const auto snapshot = named_model(services, request);
  if (!snapshot) return answer_inference_error(snapshot.error(), response);
  JsonArray inputs, outputs;
  for (const learn::InputField& input : (*snapshot)->model.transform().inputs())
    inputs.push_back(config_tensor(input.name, datatype_of(input), 1));
  for (const OutputFacts& output : output_facts())
    outputs.push_back(
        config_tensor(output.name, output.datatype, output_width(output, **snapshot)));
  response.body = core::to_text(
      JsonObject{{"name", (*snapshot)->name},
                 {"platform", ""},
                 {"backend", "tenure"},
                 {"max_batch_size", services.rows_max},
                 {"input", std::move(inputs)},
                 {"output", std::move(outputs)},
                 {"version_policy", JsonObject{{"latest", JsonObject{{"num_versions", 1}}}}}});
}

void model_statistics(const Services& services, const net::Request& request,
                      net::Response& response) {
  std::string name(services.model), version;
  if (!request.path_parameter("model").empty()) {
    const auto snapshot = named_model(services, request);
    if (!snapshot) return answer_inference_error(snapshot.error(), response);
    name = (*snapshot)->name;
    version = std::to_string((*snapshot)->version);
  } else if (const auto snapshot = services.predictor.snapshot()) {
    version = std::to_string(snapshot->version);
  }
  const InferenceStatistics& counts = *services.inference_statistics;
  const std::uint64_t requests = counts.requests;
  const Json none = duration(0, 0);
  const Json infer = duration(requests, counts.busy_ns);
  JsonObject model{
      {"name", name},
      {"version", version},
      {"last_inference", counts.last_ms.load()},
      {"inference_count", counts.rows.load()},
      {"execution_count", requests},
      {"inference_stats", JsonObject{{"success", infer},
                                     {"fail", duration(counts.failures, counts.failed_ns)},
                                     {"queue", none},
                                     {"compute_input", none},
                                     {"compute_infer", infer},
                                     {"compute_output", none},
                                     {"cache_hit", none},
                                     {"cache_miss", none}}},
      {"response_stats", JsonObject()},
      {"batch_stats", JsonArray()},
      {"memory_usage", JsonArray()}};
  response.body = core::to_text(JsonObject{{"model_stats", JsonArray{std::move(model)}}});
}

void repository_index(const Services& services, const net::Request&, net::Response& response) {
  const auto snapshot = services.predictor.snapshot();
  JsonObject model;
  model["name"] = services.model;
  model["version"] = snapshot ? std::to_string(snapshot->version) : "";
  model["state"] = snapshot ? "READY" : "UNAVAILABLE";
  model["reason"] = snapshot ? "" : services.watcher.status().last_error;
  response.body = core::to_text(JsonArray{std::move(model)});
}

void repository_load(const Services& services, const net::Request& request,
                     net::Response& response) {
  const auto snapshot = named_model(services, request);
  if (!snapshot) return answer_inference_error(snapshot.error(), response);
  response.body = core::to_text(JsonObject{{"name", (*snapshot)->name}, {"load", true}});
}

void repository_unload(const Services& services, const net::Request& request,
                       net::Response& response) {
  const auto snapshot = named_model(services, request);
  if (!snapshot) return answer_inference_error(snapshot.error(), response);
  answer_inference_error(
      core::Error{core::ErrorCode::kInvalidArgument,
                  "the model's alias in the registry decides what is served; move or remove it"},
      response);
}

}  // namespace tenure::api
