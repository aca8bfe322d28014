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

core::Result<LiveModel> named_model(const Services& services, const net::Request& request) {
  return find_model_held(services, request.path_parameter("model"),
                         request.path_parameter("version"));
}

/// To a stranger a model that is not there is one that is not ready.
core::Error not_ready() {
  return core::Error{core::ErrorCode::kUnavailable, "The model is not ready"};
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

Json statistics_json(const std::string& name, const std::string& version,
                     const InferenceStatistics& counts) {
  const std::uint64_t requests = counts.requests;
  const Json none = duration(0, 0);
  const Json infer = duration(requests, counts.busy_ns);
  return JsonObject{
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
  JsonArray names;
  for (const ServedModel& model : all_models(services)) names.emplace_back(model.name);
  response.body = core::to_text(JsonObject{{"models", std::move(names)}});
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
  if (!snapshot)
    return answer_inference_error(request.may_see_details ? snapshot.error() : not_ready(),
                                  response);
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
  JsonArray list;
  if (!request.path_parameter("model").empty()) {
    const auto live = named_model(services, request);
    if (!live) return answer_inference_error(live.error(), response);
    list.push_back(
        statistics_json((*live)->name, std::to_string((*live)->version), *live->statistics));
  } else {
    for (const ServedModel& model : all_models(services)) {
      const auto snapshot = model.predictor.snapshot();
      list.push_back(statistics_json(model.name, snapshot ? std::to_string(snapshot->version) : "",
                                     *model.statistics));
    }
  }
  response.body = core::to_text(JsonObject{{"model_stats", std::move(list)}});
}

void repository_index(const Services& services, const net::Request&, net::Response& response) {
  JsonArray models;
  for (const RepositoryEntry& entry : repository_entries(services))
    models.push_back(JsonObject{{"name", entry.name},
                                {"version", entry.version},
                                {"state", entry.state},
                                {"reason", entry.reason}});
  response.body = core::to_text(models);
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
