#include "api/open_inference/model_http.h"

#include <string>

#include "api/open_inference/infer_http.h"
#include "api/open_inference/inference_statistics.h"
#include "api/open_inference/server_facts.h"
#include "api/served_model.h"
#include "core/json.h"

namespace tenure::api {
namespace {

using core::Json;
using core::JsonArray;
using core::JsonObject;

core::Result<std::shared_ptr<const serving::ModelSnapshot>> named_model(
    const Services& services, const net::Request& request) {
  serving::SnapshotCache cache;
  auto found = find_model(services, cache, request.path_parameter("model"),
                          request.path_parameter("version"));
  if (!found) return std::move(found).error();
  return cache.shared();
}

JsonArray metadata_json(const std::vector<TensorFacts>& tensors) {
  JsonArray list;
  for (const TensorFacts& tensor : tensors)
    list.push_back(JsonObject{{"name", tensor.name},
                              {"datatype", datatype_name(tensor.datatype)},
                              {"shape", JsonArray(tensor.shape.begin(), tensor.shape.end())}});
  return list;
}

JsonArray config_json(const std::vector<TensorFacts>& tensors) {
  JsonArray list;
  for (const TensorFacts& tensor : tensors)
    list.push_back(JsonObject{{"name", tensor.name},
                              {"data_type", triton_type_name(tensor.datatype)},
                              {"dims", JsonArray{tensor.width}}});
  return list;
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
  const bool is_ready = is_server_ready(services);
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
  const ModelTensors tensors = model_tensors(**snapshot);
  response.body =
      core::to_text(JsonObject{{"name", (*snapshot)->name},
                               {"versions", JsonArray{std::to_string((*snapshot)->version)}},
                               {"platform", kPlatform},
                               {"inputs", metadata_json(tensors.inputs)},
                               {"outputs", metadata_json(tensors.outputs)}});
}

void model_ready(const Services& services, const net::Request& request, net::Response& response) {
  const auto snapshot = named_model(services, request);
  if (!snapshot) return answer_inference_error(snapshot.error(), response);
  response.body = core::to_text(JsonObject{{"name", (*snapshot)->name}, {"ready", true}});
}

void model_config(const Services& services, const net::Request& request, net::Response& response) {
  const auto snapshot = named_model(services, request);
  if (!snapshot) return answer_inference_error(snapshot.error(), response);
  const ModelTensors tensors = model_tensors(**snapshot);
  response.body = core::to_text(
      JsonObject{{"name", (*snapshot)->name},
                 {"platform", ""},
                 {"backend", kServerName},
                 {"max_batch_size", services.rows_max},
                 {"input", config_json(tensors.inputs)},
                 {"output", config_json(tensors.outputs)},
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
  answer_inference_error(unload_refusal(), response);
}

}  // namespace tenure::api
