#include "api/health/health_http.h"

#include <string>
#include <vector>

#include "api/predict/predict_http.h"
#include "api/served_model.h"
#include "api/traffic/traffic_http.h"
#include "core/json.h"
#include "core/time_format.h"

namespace tenure::api {
namespace {

core::Json inputs_json(const learn::Transform& transform) {
  core::JsonArray inputs;
  for (std::size_t i = 0; i < transform.inputs().size(); ++i) {
    const learn::InputField& field = transform.inputs()[i];
    core::JsonObject input;
    input["name"] = field.name;
    input["type"] = field.is_category() ? "category" : data::column_type_name(field.type);
    if (field.is_category()) {
      core::JsonArray categories;
      for (const std::string& category : transform.categories(i)) categories.emplace_back(category);
      input["categories"] = std::move(categories);
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

core::Json watcher_json(const serving::ModelWatcher::Status& status) {
  core::JsonObject watcher;
  watcher["wanted_version"] = status.wanted_version;
  watcher["live_version"] = status.live_version;
  watcher["last_error"] =
      status.last_error.empty() ? core::Json(nullptr) : core::Json(status.last_error);
  return watcher;
}

}  // namespace

void health(const Services& services, const net::Request&, net::Response& response) {
  response.body = core::to_text(core::JsonObject{{"status", "ok"},
                                                 {"project", services.project},
                                                 {"version", services.program_version},
                                                 {"time", core::format_utc(services.clock.now())}});
}

void ready(const Services& services, const net::Request& request, net::Response& response) {
  const auto snapshot = services.predictor.snapshot();
  core::JsonArray reasons;
  if (services.is_draining.load()) reasons.emplace_back("the server is shutting down");
  if (!snapshot) {
    const std::string error = services.watcher.status().last_error;
    reasons.emplace_back(error.empty() || !request.may_see_details
                             ? "no model is live yet"
                             : "no model is live yet: " + error);
  }
  const bool is_ready = reasons.empty();
  core::JsonObject answer;
  answer["status"] = is_ready ? "ready" : "not ready";
  if (request.may_see_details)
    answer["model"] =
        snapshot
            ? core::Json(core::JsonObject{{"name", snapshot->name}, {"version", snapshot->version}})
            : core::Json(nullptr);
  answer["reasons"] = std::move(reasons);
  response.status = is_ready ? 200 : 503;
  if (!is_ready) response.headers.emplace_back("Retry-After", "1");
  response.body = core::to_text(answer);
}

void model_info(const Services& services, const net::Request& request, net::Response& response) {
  LiveCache cache;
  const auto live = asked_model(services, cache, request);
  if (!live) return answer_model_error(live.error(), response);
  const serving::ModelSnapshot* const snapshot = live->snapshot;
  if (snapshot == nullptr) return answer_no_model(services, response);
  const learn::Model& model = snapshot->model;
  const learn::ModelFacts& facts = model.facts();
  core::JsonObject info;
  info["name"] = snapshot->name;
  info["version"] = snapshot->version;
  info["run_id"] = snapshot->run_id;
  info["loaded_at"] = core::format_utc(snapshot->loaded);
  info["sha256"] = snapshot->sha256;
  info["trainer"] = facts.trainer;
  info["trees"] = model.trees().tree_count();
  info["feature_service"] = facts.service;
  info["reads_online_store"] = snapshot->reader.has_value();
  info["base_rate"] = facts.base_rate;
  info["threshold"] = facts.threshold;
  info["decisions"] = core::JsonObject{{"positive", facts.positive}, {"negative", facts.negative}};
  info["inputs"] = inputs_json(model.transform());
  const serving::ModelWatcher::Status watched = live->watcher->status();
  info["watcher"] = watcher_json(watched);
  info["warm_up"] = warm_up_json(watched.warm_up);
  if (live->traffic != nullptr) info["traffic"] = traffic_json(services);
  response.body = core::to_text(info);
}

void fallback_stats(const Services& services, const net::Request&, net::Response& response) {
  const serving::Predictor::FallbackStats stats = services.predictor.fallback_stats();
  const auto counts = [](const std::vector<serving::Predictor::FallbackStats::Count>& list) {
    core::JsonObject object;
    for (const auto& one : list) object[one.name] = one.count;
    return object;
  };
  core::JsonObject breakers;
  for (const auto& breaker : stats.breakers)
    breakers[breaker.name] = core::JsonObject{{"state", serving::state_name(breaker.state)},
                                              {"times_opened", breaker.times_opened}};
  response.body = core::to_text(core::JsonObject{{"levels", counts(stats.levels)},
                                                 {"reasons", counts(stats.reasons)},
                                                 {"breakers", std::move(breakers)}});
}

void metrics(const Services& services, const net::Request&, net::Response& response) {
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = services.metrics.prometheus_text();
}

void floor_answer(const Services&, const net::Request&, net::Response& response) {
  constexpr std::string_view kAnswer =
      R"({"customer_id":"0000-FLOOR","probability":0.30573832988739014,"decision":"stay",)"
      R"("level":"primary","fallback_reason":null,)"
      R"("prediction_id":"00000000-0000-7000-8000-000000000000",)"
      R"("features_as_of":"2024-01-01T00:00:00Z","model":{"name":"floor","version":1}})";
  response.body.assign(kAnswer);
}

}  // namespace tenure::api
