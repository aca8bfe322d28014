#include "api/traffic/traffic_http.h"

#include <optional>
#include <string>

#include <fmt/format.h>

#include "core/time_format.h"

namespace tenure::api {
namespace {

using core::Json;
using core::JsonArray;
using core::JsonObject;

constexpr std::size_t kTextMax = 500;

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

Json time_json(core::Micros time) {
  return time == 0 ? Json(nullptr) : Json(core::format_utc(time));
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
  json["since"] = time_json(arm.since);
  json["why"] = arm.why.empty() ? Json(nullptr) : Json(arm.why);
  json["taken_out_by"] = arm.taken_out_by.empty() ? Json(nullptr) : Json(arm.taken_out_by);
  if (!arm.shadow) json["answers"] = arm.answers;
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

/// Who changes an arm, and why, as the request says.
struct Change {
  std::string actor;
  std::string why;
};

core::Error refused_body(std::string what) {
  return {core::ErrorCode::kInvalidArgument,
          fmt::format("{}; the body may have \"why\" and \"by\": texts of at most {} bytes, in one "
                      "line",
                      what, kTextMax)};
}

core::Result<std::string> read_text(std::string_view name, const core::Json& value) {
  if (value.is_null()) return std::string();
  if (!value.is_string()) return refused_body(fmt::format("'{}' is no text", name));
  const std::string_view text = value.get_string();
  // It stands in logs, in the registry and in tables that people read.
  if (text.size() > kTextMax || !net::is_header_value_safe(text))
    return refused_body(fmt::format("'{}' is too long or has more than one line", name));
  return std::string(text);
}

/// A token tells who it is; where nobody has to show one, the caller may say so.
core::Result<Change> change_of(const net::Request& request) {
  Change change;
  if (!request.body.empty()) {
    const auto body = core::parse_json(request.body);
    if (!body) return refused_body(body.error().message);
    if (!body->is_object()) return refused_body("the body is no object");
    for (const auto& [name, value] : body->get_object()) {
      if (name != "why" && name != "by")
        return refused_body(fmt::format("'{}' is not known", std::string_view(name)));
      auto text = read_text(name, value);
      if (!text) return std::move(text).error();
      (name == "why" ? change.why : change.actor) = *std::move(text);
    }
  }
  if (!request.principal.empty()) change.actor = request.principal;
  if (change.actor.empty()) change.actor = "anonymous";
  return change;
}

using ChangeArm = core::Result<> (serving::Traffic::*)(std::string_view arm, std::string_view actor,
                                                       std::string_view why);

void change_arm(const Services& services, const net::Request& request, ChangeArm change_arm,
                net::Response& response) {
  if (services.traffic == nullptr) return response.error(404, "This server has no arms");
  const auto change = change_of(request);
  const core::Result<> changed =
      change ? (services.traffic->*change_arm)(request.path_parameter("variant"), change->actor,
                                               change->why)
             : core::Result<>(change.error());
  if (!changed)
    return response.error(core::error_code_info(changed.error().code).http_status,
                          changed.error().message);
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
  champion["since"] = time_json(snapshot ? snapshot->loaded : 0);
  champion["percent"] = 100.0;
  champion["answers"] = nullptr;
  champion["outcomes"] = nullptr;
  JsonArray arms;
  if (services.traffic != nullptr) {
    const serving::Traffic::Status status = services.traffic->status();
    champion["variant"] = status.champion;
    champion["percent"] = percent(status.champion_slots);
    champion["answers"] = status.champion_answers;
    champion["outcomes"] = outcomes_json(status.champion_outcomes);
    for (const serving::Traffic::ArmStatus& arm : status.arms) arms.push_back(arm_json(arm));
  }
  return {{"model", services.model}, {"champion", std::move(champion)}, {"arms", std::move(arms)}};
}

void traffic_status(const Services& services, const net::Request&, net::Response& response) {
  response.body = core::to_text(traffic_json(services));
}

void take_arm_out(const Services& services, const net::Request& request, net::Response& response) {
  change_arm(services, request, &serving::Traffic::take_out, response);
}

void put_arm_back(const Services& services, const net::Request& request, net::Response& response) {
  change_arm(services, request, &serving::Traffic::put_back, response);
}

}  // namespace tenure::api
