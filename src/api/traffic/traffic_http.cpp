#include "api/traffic/traffic_http.h"

#include <optional>
#include <string>

namespace tenure::api {
namespace {

using core::Json;
using core::JsonArray;
using core::JsonObject;

double percent(std::uint32_t slots) {
  return 100.0 * slots / serving::kTrafficSlots;
}

JsonObject side_json(std::uint64_t answers, double fallback_share, double mean_score,
                     std::int64_t latency_p99_ns) {
  return {{"answers", answers},
          {"fallback_share", fallback_share},
          {"latency_p99_us", latency_p99_ns / 1000},
          {"mean_score", mean_score}};
}

/// What came of the customers of a version, beside what it said.
Json outcomes_json(const std::optional<serving::OutcomeSums>& sums) {
  if (!sums) return nullptr;
  return JsonObject{{"customers", sums->customers},
                    {"events", sums->events},
                    {"expected", sums->expected},
                    {"observed_to_expected", sums->observed_to_expected()},
                    {"events_z", sums->events_z()},
                    {"brier", sums->brier()},
                    {"excess_brier", sums->excess_brier()},
                    {"spiegelhalter_z", sums->spiegelhalter_z()}};
}

JsonObject arm_json(const serving::Traffic::ArmStatus& arm) {
  JsonObject json;
  json["variant"] = arm.options.name;
  json["alias"] = arm.options.alias.empty() ? Json(nullptr) : Json(arm.options.alias);
  json["version"] = arm.version == 0 ? Json(nullptr) : Json(arm.version);
  json["percent"] = percent(arm.options.slots);
  json["shadow"] = arm.options.is_shadow;
  json["guarded"] = arm.options.is_guarded;
  json["state"] = arm.state;
  json["why"] = arm.why.empty() ? Json(nullptr) : Json(arm.why);
  if (arm.version != 0) json["warm_up"] = warm_up_json(arm.warm_up);
  if (arm.comparison) {
    const serving::ArmComparison& sides = *arm.comparison;
    json["window"] = JsonObject{
        {"arm",
         side_json(sides.answers, sides.fallback_share, sides.mean_score, sides.latency_p99_ns)},
        {"champion", side_json(sides.champion_answers, sides.champion_fallback_share,
                               sides.champion_mean_score, sides.champion_latency_p99_ns)},
        {"scored_by_both", sides.pairs},
        {"stability_index", sides.psi}};
  }
  json["outcomes"] = outcomes_json(arm.outcomes);
  if (arm.shadow)
    json["compared"] = JsonObject{{"predictions", arm.shadow->compared},
                                  {"difference_mean", arm.shadow->difference_mean},
                                  {"difference_max", arm.shadow->difference_max},
                                  {"decision_flips", arm.shadow->flips},
                                  {"dropped", arm.shadow->dropped}};
  return json;
}

/// For the audit trail: the token's name, or that nobody had to show one.
std::string_view actor_of(const net::Request& request) {
  return request.principal.empty() ? "anonymous" : request.principal;
}

void answer_change(const Services& services, const core::Result<>& change,
                   net::Response& response) {
  if (!change)
    return response.error(core::error_code_info(change.error().code).http_status,
                          change.error().message);
  response.body = core::to_text(traffic_json(services));
}

}  // namespace

core::Json warm_up_json(const serving::WarmUp& warm_up) {
  return core::JsonObject{
      {"rows", warm_up.rows},
      {"against", warm_up.against == 0 ? core::Json(nullptr) : core::Json(warm_up.against)},
      {"score_shift_mean", warm_up.shift_mean},
      {"score_shift_max", warm_up.shift_max},
      {"duration_us", warm_up.duration}};
}

core::JsonObject traffic_json(const Services& services) {
  const auto snapshot = services.predictor.snapshot();
  JsonObject champion;
  champion["variant"] = nullptr;
  champion["version"] = snapshot ? Json(snapshot->version) : Json(nullptr);
  champion["percent"] = 100.0;
  champion["outcomes"] = nullptr;
  JsonArray arms;
  if (services.traffic != nullptr) {
    const serving::Traffic::Status status = services.traffic->status();
    champion["variant"] = status.champion;
    champion["percent"] = percent(status.champion_slots);
    champion["outcomes"] = outcomes_json(status.champion_outcomes);
    for (const serving::Traffic::ArmStatus& arm : status.arms) arms.push_back(arm_json(arm));
  }
  return {{"model", services.model}, {"champion", std::move(champion)}, {"arms", std::move(arms)}};
}

void traffic_status(const Services& services, const net::Request&, net::Response& response) {
  response.body = core::to_text(traffic_json(services));
}

void take_arm_out(const Services& services, const net::Request& request, net::Response& response) {
  if (services.traffic == nullptr) return response.error(404, "This server has no arms");
  answer_change(services,
                services.traffic->take_out(request.path_parameter("variant"), actor_of(request)),
                response);
}

void put_arm_back(const Services& services, const net::Request& request, net::Response& response) {
  if (services.traffic == nullptr) return response.error(404, "This server has no arms");
  answer_change(services,
                services.traffic->put_back(request.path_parameter("variant"), actor_of(request)),
                response);
}

}  // namespace tenure::api
