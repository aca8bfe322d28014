#include <fmt/format.h>

#include "app/evaluate_task.h"
#include "app/init_project.h"
#include "app/pipeline_run.h"
#include "app/score_task.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/render.h"
#include "cli/run_display.h"
#include "core/terminal.h"

namespace tenure::cli {
namespace {

using Kind = Option::Kind;

core::Result<Output> init(const Arguments& arguments) {
  const app::InitRequest request{.folder = arguments.text("DIR"),
                                 .from = arguments.text("--from"),
                                 .label = arguments.text("--label"),
                                 .id = arguments.text("--id"),
                                 .positive = arguments.text("--positive"),
                                 .time = arguments.text("--time"),
                                 .project_template = arguments.text("--template")};
  auto made = app::init_project(request);
  if (!made) return std::move(made).error();
  std::string text = fmt::format("Wrote {}\n", field(*made, "config"));
  if (made->contains("columns")) {
    text += fmt::format("{}, {}; label {} = {} in {} % of the rows; id {}\n",
                        count_of(*made, "rows", "row"), count_of(*made, "columns", "column"),
                        field(*made, "label"), field(*made, "positive"),
                        field(*made, "positive_percent", 1), field(*made, "id"));
    const core::JsonArray& ignored = made->at("ignored").as_array();
    if (!ignored.empty()) text += "Left out:\n";
    for (const core::Json& column : ignored)
      text += fmt::format("  {}: {}\n", field(column, "column"), field(column, "why"));
  }
  const std::string folder = field(*made, "folder");
  text += fmt::format("\nNext: {}tenure run\n", folder == "." ? "" : "cd " + folder + " && ");
  return Output{*std::move(made), std::move(text)};
}

core::Result<Output> run_until(const Arguments& arguments, const app::PipelineRequest& request,
                               const std::optional<std::string>& data_file) {
  core::ConfigSource source = arguments.config;
  if (data_file) {
    // A file that was named must be there; the generator would make one of that name.
    source.overrides.emplace_back("data.generate.kind=none");
    source.overrides.push_back("data.source=" + std::filesystem::absolute(*data_file).string());
  }
  auto project = app::Project::open(source);
  if (!project) return std::move(project).error();
  const std::atomic<bool>& is_cancelled = catch_interrupts();
  (*project)->cancel_with(is_cancelled);
  RunDisplay display;
  auto summary =
      app::run_pipeline(**project, request, arguments.is_json ? nullptr : &display, &is_cancelled);
  if (!summary) return std::move(summary).error();
  std::string text = render_run_summary(*summary);
  return Output{*std::move(summary), std::move(text)};
}

core::Result<Output> run(const Arguments& arguments) {
  return run_until(arguments,
                   {.pipeline = arguments.text("PIPELINE"),
                    .from = arguments.text("--from"),
                    .until = arguments.text("--until"),
                    .is_fresh = arguments.flag("--fresh")},
                   arguments.given("--data"));
}

core::Result<Output> train(const Arguments& arguments) {
  return run_until(
      arguments,
      {.pipeline = "", .from = "", .until = "register", .is_fresh = arguments.flag("--fresh")},
      arguments.given("--data"));
}

core::Result<Output> evaluate(const Arguments& arguments) {
  auto project = app::Project::open(arguments.config);
  if (!project) return std::move(project).error();
  (*project)->cancel_with(catch_interrupts());
  auto answer = app::evaluate_model(**project, {.file = arguments.text("FILE"),
                                                .model = arguments.text("--model"),
                                                .version = arguments.text("--version"),
                                                .label = arguments.text("--label"),
                                                .rows_of = arguments.text("--rows-of"),
                                                .is_logged = arguments.flag("--log"),
                                                .plots = arguments.text("--plots")});
  if (!answer) return std::move(answer).error();
  const core::Json& metrics = answer->at("metrics");
  std::string text =
      fmt::format("{} version {} on {} of {}\n\n", field(*answer, "model"),
                  field(*answer, "version"), field(*answer, "rows"), field(*answer, "file"));
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& [name, value] : metrics.as_object())
    if (!value.is_object()) rows.emplace_back(std::string(name), field(metrics, name));
  text += key_values(rows);
  if (const auto* profit = answer->if_contains("profit")) {
    const auto& best = profit->at("best").as_object();
    text += fmt::format(
        "\nMost profit when the likeliest {:.0f} % are contacted: {:.2f} a customer "
        "(nine in ten samples: {:.2f} to {:.2f})\n",
        100 * best.at("share").as_double(), best.at("profit").as_double(),
        best.at("low").as_double(), best.at("high").as_double());
  }
  if (const auto* plots = answer->if_contains("plots")) {
    const core::JsonArray& files = plots->as_array();
    text += files.empty() ? fmt::format("\n{}\n", field(*answer, "plots_note")) : "\nPlots\n";
    for (const core::Json& file : files)
      text += fmt::format("  {}\n", std::string_view(file.as_string()));
  }
  if (answer->at("logged").is_string())
    text += fmt::format("\nLogged into run {}\n", field(*answer, "logged"));
  return Output{*std::move(answer), std::move(text)};
}

core::Result<Output> score(const Arguments& arguments) {
  auto project = app::Project::open(arguments.config);
  if (!project) return std::move(project).error();
  app::ScoreRequest request{.input = arguments.text("IN"),
                            .output = arguments.text("OUT"),
                            .model = arguments.text("--model"),
                            .version = arguments.text("--version"),
                            .is_decided = arguments.flag("--decide")};
  auto reasons = arguments.integer("--reasons");
  if (!reasons) return std::move(reasons).error();
  constexpr std::int64_t kReasonsMax = 100;
  if (*reasons < 0 || *reasons > kReasonsMax)
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("--reasons: {} is not in 0..{}", *reasons, kReasonsMax)};
  request.reasons = static_cast<std::size_t>(*reasons);
  if (arguments.given("--budget")) {
    auto budget = arguments.number("--budget");
    if (!budget) return std::move(budget).error();
    request.budget = *budget;
    request.is_decided = true;
  }
  if (arguments.given("--capacity")) {
    auto capacity = arguments.integer("--capacity");
    if (!capacity) return std::move(capacity).error();
    if (*capacity < 0)
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("--capacity: {} is below 0", *capacity)};
    request.capacity = static_cast<std::size_t>(*capacity);
    request.is_decided = true;
  }
  auto interactions = arguments.integer("--interactions");
  if (!interactions) return std::move(interactions).error();
  if (*interactions < 0 || *interactions > kReasonsMax)
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        fmt::format("--interactions: {} is not in 0..{}", *interactions, kReasonsMax)};
  request.interactions = static_cast<std::size_t>(*interactions);
  request.has_recourse = arguments.flag("--recourse") || arguments.given("--target");
  if (arguments.given("--target")) {
    auto target = arguments.number("--target");
    if (!target) return std::move(target).error();
    if (!(*target >= 0 && *target <= 1))
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("--target: {} is no probability in 0..1", *target)};
    request.target = *target;
  }
  core::ProgressBar bar("score", 0);
  const std::atomic<bool>& is_cancelled = catch_interrupts();
  (*project)->cancel_with(is_cancelled);
  request.progress = [&](std::int64_t done, std::int64_t total) {
    bar.update(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total));
    return !is_cancelled.load();
  };
  auto answer = app::score_table(**project, request);
  if (!answer) return std::move(answer).error();
  std::string text =
      fmt::format("{} scored by {} version {}, {} positive; written to {}\n",
                  count_of(*answer, "rows", "row"), field(*answer, "model"),
                  field(*answer, "version"), field(*answer, "positives"), field(*answer, "file"));
  if (answer->contains("offers"))
    text += fmt::format("{}, expected to bring {}", count_of(*answer, "offers", "offer"),
                        field(*answer, "expected_profit"));
  if (answer->contains("budget"))
    text += fmt::format(" for {} of a budget of {}", field(*answer, "expected_cost"),
                        field(*answer, "budget"));
  if (answer->contains("capacity"))
    text += fmt::format(", to {} at most", count_of(*answer, "capacity", "customer"));
  if (answer->contains("profit_bound"))
    text += fmt::format("; no choice brings more than {}", field(*answer, "profit_bound"));
  if (answer->contains("held_back"))
    text += fmt::format("; {} held back as a control group", field(*answer, "held_back"));
  if (answer->contains("offers")) text += '\n';
  return Output{*std::move(answer), std::move(text)};
}

const Option kModel{"--model", Kind::kValue, "NAME", "Registered model (default: the project's)"};
const Option kVersion{"--version", Kind::kValue, "VERSION",
                      "Number or @alias (default: the alias that is served)"};
const Option kData{"--data", Kind::kValue, "FILE", "Read this table instead of data.source",
                   "",       true};
const Option kFresh{"--fresh", Kind::kFlag, "",
                    "Start anew even if a killed run could be taken up"};

}  // namespace

std::vector<Command> project_commands() {
  return {
      {"init",
       "Make a project: from a template, or from your own table",
       "tenure init --from customers.csv --label churned my-project",
       {{"DIR", Kind::kOptionalArgument, "", "Folder to make", "."},
        {"--template", Kind::kValue, "NAME",
         "telco (synthetic customers) or blank (default: telco)"},
        {"--from", Kind::kValue, "FILE", "CSV or Parquet table to learn from", "", true},
        {"--label", Kind::kValue, "COLUMN", "Column to predict"},
        {"--id", Kind::kValue, "COLUMN", "Column that names a customer (default: found)"},
        {"--positive", Kind::kValue, "VALUE",
         "Value of the label that counts as the event (default: found)"},
        {"--time", Kind::kValue, "COLUMN", "Column with the time at which a row was known"}},
       init},
      {"run",
       "Run a pipeline: from the table to a promoted model",
       "tenure run\ntenure run --data customers.csv\ntenure run --from train",
       {{"PIPELINE", Kind::kOptionalArgument, "", "Pipeline of tenure.yaml (default: the first)"},
        {"--from", Kind::kValue, "STEP", "Start here; keep the results of the steps before"},
        {"--until", Kind::kValue, "STEP", "Stop after this step"},
        kData,
        kFresh},
       run},
      {"train",
       "Train and register a model, without promoting it",
       "tenure train --data customers.csv",
       {kData, kFresh},
       train},
      {"evaluate",
       "Measure a registered model on a labelled table",
       "tenure evaluate holdout.csv --version @champion\n"
       "tenure evaluate --version 4 --rows-of @champion --log",
       {{"FILE", Kind::kOptionalArgument, "",
         "CSV or Parquet with label and inputs (default: the rows held out when it was trained)",
         "", true},
        {"--plots", Kind::kValue, "FOLDER",
         "Draw ROC, precision, calibration, confusion, importance and, with offers, profit into it",
         "", true},
        kModel,
        kVersion,
        {"--label", Kind::kValue, "COLUMN", "The file's label (default: data.label.column)"},
        {"--rows-of", Kind::kValue, "VERSION",
         "The rows held out for this version instead: a number, an @alias, or MODEL/VERSION"},
        {"--log", Kind::kFlag, "",
         "Log the metrics into the version's run, for `models compare` and approvals"}},
       evaluate},
      {"score",
       "Score a table in bulk, larger than memory",
       "tenure score customers.csv scores.parquet\n"
       "tenure score customers.csv campaign.csv --reasons 3 --decide --budget 25000",
       {{"IN", Kind::kArgument, "", "CSV or Parquet with the model's inputs", "", true},
        {"OUT", Kind::kArgument, "", "CSV or Parquet to write: id, probability, decision", "",
         true},
        {"--reasons", Kind::kValue, "K", "Top reasons for each row, as sentences", "0"},
        {"--decide", Kind::kFlag, "", "What to do about each row: action, why, expected profit"},
        {"--budget", Kind::kValue, "AMOUNT",
         "What all offers together may cost (default: decision.budget); implies --decide"},
        {"--capacity", Kind::kValue, "N",
         "How many offers can be made in all (default: decision.capacity); implies --decide"},
        {"--interactions", Kind::kValue, "K",
         "The K pairs of features that add most together, for each row", "0"},
        {"--recourse", Kind::kFlag, "",
         "What could change for each positive row, by decision.actions: three ways, cheapest "
         "first"},
        {"--target", Kind::kValue, "PROBABILITY",
         "Probability to get to (default: where the decision about the customer changes); implies "
         "--recourse"},
        kModel,
        kVersion},
       score},
  };
}

}  // namespace tenure::cli
