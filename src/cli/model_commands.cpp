#include <fmt/format.h>

#include "app/model_tasks.h"
#include "app/replay.h"
#include "cli/command.h"
#include "cli/render.h"

namespace tenure::cli {
namespace {

using Kind = Option::Kind;

core::Result<Output> list(const Arguments& arguments) {
  auto project = app::Project::open_tracking(arguments.config);
  if (!project) return std::move(project).error();
  auto models = app::list_models(**project, arguments.text("NAME"));
  if (!models) return std::move(models).error();
  if (models->empty())
    return Output{core::JsonObject{{"models", *std::move(models)}},
                  "No models yet; train one with `tenure run`.\n"};
  core::JsonArray rows;
  for (const core::Json& version : *models) {
    core::JsonObject row = version.as_object();
    const core::JsonObject& metrics = version.at("metrics").as_object();
    for (const char* name : {"test_auc", "log_loss"})
      row[name] = metrics.contains(name) ? metrics.at(name) : core::Json(nullptr);
    rows.push_back(std::move(row));
  }
  std::string text = table_of(rows, {{"model", "model"},
                                     {"version", "version"},
                                     {"aliases", "aliases"},
                                     {"test_auc", "test AUC"},
                                     {"log_loss", "log loss"},
                                     {"created", "created"},
                                     {"run_id", "run"}});
  return Output{core::JsonObject{{"models", *std::move(models)}}, std::move(text)};
}

core::Result<Output> show(const Arguments& arguments) {
  auto project = app::Project::open_tracking(arguments.config);
  if (!project) return std::move(project).error();
  auto model = app::show_model(**project, arguments.text("--model"), arguments.text("VERSION"));
  if (!model) return std::move(model).error();
  std::vector<std::pair<std::string, std::string>> facts;
  for (const char* key :
       {"model", "version", "aliases", "created", "run_id", "source", "encoded_columns", "trees",
        "threshold", "base_rate", "sha256", "package_error"})
    if (model->contains(key)) facts.emplace_back(key, field(*model, key));
  std::string text = key_values(facts) + "\nMetrics\n";
  std::vector<std::pair<std::string, std::string>> metrics;
  for (const auto& [name, value] : model->at("metrics").as_object())
    metrics.emplace_back("  " + std::string(name), field(model->at("metrics"), name));
  text += key_values(metrics) + "\nHistory\n";
  text += table_of(model->at("audit").as_array(), {{"time", "time"},
                                                   {"actor", "who"},
                                                   {"action", "what"},
                                                   {"from", "from"},
                                                   {"to", "to"},
                                                   {"reason", "why"}});
  return Output{*std::move(model), std::move(text)};
}

core::Result<Output> promote(const Arguments& arguments) {
  auto project = app::Project::open_tracking(arguments.config);
  if (!project) return std::move(project).error();
  auto moved = app::promote_model(**project, arguments.text("--model"), arguments.text("VERSION"),
                                  arguments.text("--alias"), arguments.text("--reason"));
  if (!moved) return std::move(moved).error();
  const bool is_same = moved->at("was") == moved->at("version");
  std::string text = fmt::format(
      "{} @{} is {} version {}{}\n", field(*moved, "model"), field(*moved, "alias"),
      is_same ? "already" : "now", field(*moved, "version"),
      is_same || moved->at("was").is_null() ? "" : fmt::format(" (was {})", field(*moved, "was")));
  return Output{*std::move(moved), std::move(text)};
}

core::Result<Output> rollback(const Arguments& arguments) {
  auto project = app::Project::open_tracking(arguments.config);
  if (!project) return std::move(project).error();
  auto moved = app::roll_back_model(**project, arguments.text("--model"), arguments.text("--alias"),
                                    arguments.text("--reason"));
  if (!moved) return std::move(moved).error();
  std::string text = fmt::format("{} @{} is version {} again\n", field(*moved, "model"),
                                 field(*moved, "alias"), field(*moved, "version"));
  return Output{*std::move(moved), std::move(text)};
}

core::Result<Output> unalias(const Arguments& arguments) {
  auto project = app::Project::open_tracking(arguments.config);
  if (!project) return std::move(project).error();
  auto gone = app::take_alias_away(**project, arguments.text("--model"), arguments.text("ALIAS"),
                                   arguments.text("--reason"));
  if (!gone) return std::move(gone).error();
  std::string text = fmt::format("{} has no alias @{} any more (it was version {})\n",
                                 field(*gone, "model"), field(*gone, "alias"), field(*gone, "was"));
  return Output{*std::move(gone), std::move(text)};
}

core::Result<Output> replay(const Arguments& arguments) {
  auto project = app::Project::open_tracking(arguments.config);
  if (!project) return std::move(project).error();
  auto replayed = app::replay_prediction(**project, arguments.text("ID"));
  if (!replayed) return std::move(replayed).error();
  const core::Json& logged = replayed->at("logged");
  const core::Json& again = replayed->at("replayed");
  std::vector<std::pair<std::string, std::string>> facts;
  for (const char* key :
       {"prediction_id", "time", "customer_id", "model", "version", "level", "reason", "trace_id"})
    if (replayed->contains(key)) facts.emplace_back(key, field(*replayed, key));
  for (const char* key : {"margin", "probability", "decision"})
    facts.emplace_back(key,
                       field(logged, key) == field(again, key)
                           ? field(logged, key)
                           : fmt::format("{} then, {} now", field(logged, key), field(again, key)));
  std::string text = key_values(facts);
  if (replayed->at("same").as_bool()) {
    text += "Replayed to the same bits.\n";
  } else {
    for (const core::Json& difference : replayed->at("differences").as_array())
      text += fmt::format("Differs in {}\n", std::string_view(difference.as_string()));
  }
  return Output{*std::move(replayed), std::move(text)};
}

const Option kModel{"--model", Kind::kValue, "NAME", "Registered model (default: the project's)"};
const Option kAlias{"--alias", Kind::kValue, "ALIAS",
                    "Alias to move (default: the one that is served)"};

}  // namespace

std::vector<Command> model_commands() {
  return {
      {"models list",
       "Registered models and their versions",
       "tenure models list",
       {{"NAME", Kind::kOptionalArgument, "", "Only this model"}},
       list},
      {"models show",
       "One version: inputs, metrics, history",
       "tenure models show 3\ntenure models show @champion --json",
       {{"VERSION", Kind::kOptionalArgument, "",
         "Number or @alias (default: the alias that is served)"},
        kModel},
       show},
      {"models promote",
       "Move the served alias to a version",
       "tenure models promote 3 --reason \"won the A/B test\"",
       {{"VERSION", Kind::kArgument, "", "Number or @alias"},
        kModel,
        kAlias,
        {"--reason", Kind::kValue, "TEXT", "Why, for the audit trail", "promoted by hand"}},
       promote},
      {"models rollback",
       "Move the served alias back to where it was before",
       "tenure models rollback --reason \"complaints\"",
       {kModel,
        kAlias,
        {"--reason", Kind::kValue, "TEXT", "Why, for the audit trail", "rolled back by hand"}},
       rollback},
      {"models unalias",
       "Take an alias away; an arm of the server that follows it ends",
       "tenure models unalias challenger --reason \"experiment is over\"",
       {{"ALIAS", Kind::kArgument, "", "The alias"},
        kModel,
        {"--reason", Kind::kValue, "TEXT", "Why, for the audit trail", "taken away by hand"}},
       unalias},
      {"replay",
       "Recompute a past prediction from its event and compare it to the bit",
       "tenure replay 01a1fdf2-7b85-7ba9-a870-fd493d3f51c3",
       {{"ID", Kind::kArgument, "", "The prediction_id of an answer"}},
       replay},
  };
}

}  // namespace tenure::cli
