#include <fmt/format.h>

#include "app/traffic_tasks.h"
#include "cli/command.h"
#include "cli/render.h"

namespace tenure::cli {
namespace {

using Kind = Option::Kind;

core::Result<app::ServerAddress> server_of(const Arguments& arguments) {
  return app::find_server(arguments.config, {.url = arguments.given("--server"),
                                             .token_file = arguments.given("--token-file"),
                                             .ca_file = arguments.given("--ca-file")});
}

/// A member of a member; null where there is none.
core::Json inner(const core::Json& object, std::string_view key, std::string_view member) {
  const core::JsonObject* const outer =
      object.as_object().if_contains(key) != nullptr ? object.at(key).if_object() : nullptr;
  const core::Json* const found = outer == nullptr ? nullptr : outer->if_contains(member);
  return found == nullptr ? core::Json(nullptr) : *found;
}

std::string percent_text(const core::Json& share) {
  return share.is_null() ? "-" : fmt::format("{:.2f} %", 100 * share.to_number<double>());
}

/// The champion or an arm as a line of the first table.
core::JsonObject variant_row(const core::Json& side, std::string_view kind) {
  const bool is_shadow = kind == "shadow";
  core::JsonObject row{{"kind", kind}};
  for (const char* const key : {"variant", "version", "since"}) row[key] = side.at(key);
  if (row["variant"].is_null()) row["variant"] = kind;  // a server without arms
  row["share"] = is_shadow ? std::string("-")
                           : fmt::format("{:.2f} %", side.at("percent").to_number<double>());
  row["requests"] = is_shadow ? inner(side, "compared", "predictions") : side.at("answers");
  if (kind == "champion") {
    row["state"] = side.at("version").is_null() ? "not live" : "live";
    return row;
  }
  row["state"] = side.at("state");
  row["why"] = side.at("why");
  if (side.at("taken_out_by").is_string()) {
    row["why"] = fmt::format("{} (by {})", field(side, "why"), field(side, "taken_out_by"));
  }
  return row;
}

/// What the guard goes by: the arm's numbers, and the champion's behind them.
core::JsonObject evidence_row(const core::Json& arm, const core::Json& champion) {
  core::JsonObject row{{"variant", arm.at("variant")},
                       {"guarded", arm.at("guarded")},
                       {"psi", inner(arm, "window", "stability_index")},
                       {"labelled", inner(arm, "outcomes", "customers")}};
  const core::Json* const window = arm.as_object().if_contains("window");
  const core::Json sides = window == nullptr ? core::Json(nullptr) : *window;
  const auto both = [&](std::string_view member, const auto& text) {
    if (sides.is_null()) return std::string("-");
    return fmt::format("{} / {}", text(inner(sides, "arm", member)),
                       text(inner(sides, "champion", member)));
  };
  row["answers"] = both("answers", [](const core::Json& value) { return core::to_text(value); });
  row["fallbacks"] = both("fallback_share", percent_text);
  row["latency"] =
      both("latency_p99_us", [](const core::Json& value) { return core::to_text(value) + " us"; });
  row["score"] = both("mean_score", [](const core::Json& value) {
    return fmt::format("{:.4f}", value.to_number<double>());
  });
  const auto ratio = [](const core::Json& side) {
    const core::Json value = inner(side, "outcomes", "observed_to_expected");
    return value.is_null() ? std::string("-") : fmt::format("{:.2f}", value.to_number<double>());
  };
  row["ratio"] = fmt::format("{} / {}", ratio(arm), ratio(champion));
  return row;
}

core::JsonObject shadow_row(const core::Json& arm) {
  core::JsonObject row{{"variant", arm.at("variant")}};
  for (const char* const key :
       {"predictions", "difference_mean", "difference_max", "decision_flips", "dropped"})
    row[key] = inner(arm, "compared", key);
  return row;
}

Output traffic_output(const app::ServerAddress& server, core::Json traffic) {
  const core::Json& champion = traffic.at("champion");
  core::JsonArray variants{variant_row(champion, "champion")};
  core::JsonArray evidence, shadows;
  for (const core::Json& arm : traffic.at("arms").as_array()) {
    const bool is_shadow = arm.at("shadow").as_bool();
    variants.push_back(variant_row(arm, is_shadow ? "shadow" : "arm"));
    if (is_shadow) shadows.push_back(shadow_row(arm));
    if (!is_shadow) evidence.push_back(evidence_row(arm, champion));
  }
  std::string text = fmt::format("{} at {}\n\n", field(traffic, "model"), server.url);
  text += table_of(variants, {{"variant", "variant"},
                              {"kind", "kind"},
                              {"version", "version"},
                              {"share", "share"},
                              {"requests", "requests"},
                              {"state", "state"},
                              {"since", "since"},
                              {"why", "why"}});
  if (!evidence.empty())
    text += "\nWhat the guard sees: the arm / the champion\n" +
            table_of(evidence, {{"variant", "variant"},
                                {"guarded", "guarded"},
                                {"answers", "answers"},
                                {"fallbacks", "fallbacks"},
                                {"latency", "99 % within"},
                                {"score", "mean score"},
                                {"psi", "PSI"},
                                {"labelled", "with labels"},
                                {"ratio", "observed/expected"}});
  if (!shadows.empty())
    text += "\nShadows against the champion\n" +
            table_of(shadows, {{"variant", "variant"},
                               {"predictions", "predictions"},
                               {"difference_mean", "mean distance"},
                               {"difference_max", "largest"},
                               {"decision_flips", "other decisions"},
                               {"dropped", "dropped"}});
  return {std::move(traffic), std::move(text)};
}

core::Result<Output> show(const Arguments& arguments) {
  const auto server = server_of(arguments);
  if (!server) return server.error();
  auto traffic = app::show_traffic(*server);
  if (!traffic) return std::move(traffic).error();
  return traffic_output(*server, *std::move(traffic));
}

core::Result<Output> change(const Arguments& arguments, app::ArmChange what) {
  const auto why = arguments.given("--why");
  if (!why || why->empty())
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "--why TEXT is missing: a change is kept with its reason"};
  const auto server = server_of(arguments);
  if (!server) return server.error();
  auto traffic = app::change_arm(*server, what, arguments.text("ARM"), *why);
  if (!traffic) return std::move(traffic).error();
  return traffic_output(*server, *std::move(traffic));
}

}  // namespace

std::vector<Command> traffic_commands() {
  const Option server{
      "--server", Kind::kValue, "URL",
      "The server, such as http://127.0.0.1:8000 (default: TENURE_SERVER, else serving.host and "
      "serving.port)"};
  const Option token{"--token-file",
                     Kind::kValue,
                     "FILE",
                     "File with the token to show (default: the variable TENURE_TOKEN)",
                     "",
                     true};
  const Option ca{"--ca-file", Kind::kValue,
                  "FILE",      "PEM file with the certificates to trust (default: the system's)",
                  "",          true};
  const Option arm{"ARM", Kind::kArgument, "", "Name of the arm"};
  const Option why{"--why", Kind::kValue, "TEXT", "Why, for the audit trail (required)"};
  return {
      {"traffic",
       "The versions that share a running server's requests, and what the guard sees of them",
       "tenure traffic\ntenure traffic --server https://ml.example:8000 --json",
       {server, token, ca},
       show},
      {"traffic take-out",
       "Leave an arm's customers to the champion from now on",
       "tenure traffic take-out challenger --why \"more complaints than usual\"",
       {arm, why, server, token, ca},
       [](const Arguments& arguments) { return change(arguments, app::ArmChange::kTakeOut); }},
      {"traffic put-back",
       "Let an arm answer again that the guard or somebody took out",
       "tenure traffic put-back challenger --why \"it was the network\"",
       {arm, why, server, token, ca},
       [](const Arguments& arguments) { return change(arguments, app::ArmChange::kPutBack); }},
  };
}

}  // namespace tenure::cli
