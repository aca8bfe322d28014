#include <fmt/format.h>

#include "app/label_tasks.h"
#include "cli/command.h"
#include "cli/render.h"

namespace tenure::cli {
namespace {

using Kind = Option::Kind;

core::Result<Output> erase(const Arguments& arguments) {
  if (arguments.given("FILE"))
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "FILE has labels to tell, and --erase takes some away; give one of them"};
  auto project = app::Project::open(arguments.config);
  if (!project) return std::move(project).error();
  auto erased = app::erase_labels(**project, arguments.list("--erase"), arguments.text("--why"));
  if (!erased) return std::move(erased).error();
  std::string text =
      fmt::format("Erased of {}: {}, {}\n", count_of(*erased, "customers", "customer"),
                  count_of(*erased, "labels", "label"), count_of(*erased, "outcomes", "outcome"));
  return Output{*std::move(erased), std::move(text)};
}

core::Result<Output> labels(const Arguments& arguments) {
  if (!arguments.list("--erase").empty()) return erase(arguments);
  if (!arguments.given("FILE"))
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "FILE is missing: what came of customers, as CSV or Parquet; see tenure "
                       "monitor labels --help"};
  auto project = app::Project::open(arguments.config);
  if (!project) return std::move(project).error();
  auto told = app::tell_label_file(**project, {.file = arguments.text("FILE"),
                                               .model = arguments.text("--model"),
                                               .label = arguments.text("--label"),
                                               .customer = arguments.text("--customer"),
                                               .time = arguments.text("--time")});
  if (!told) return std::move(told).error();
  std::string text = fmt::format("{} labels for {}, {} of them new\n", field(*told, "received"),
                                 field(*told, "model"), field(*told, "new"));
  if (told->at("without_label").as_int64() > 0)
    text +=
        fmt::format("{} rows without a label were passed over\n", field(*told, "without_label"));
  return Output{*std::move(told), std::move(text)};
}

core::Result<Output> performance(const Arguments& arguments) {
  auto project = app::Project::open(arguments.config);
  if (!project) return std::move(project).error();
  auto shown = app::show_performance(**project, arguments.text("--model"));
  if (!shown) return std::move(shown).error();
  const core::JsonArray& versions = shown->at("versions").as_array();
  std::string text =
      versions.empty() ? std::string(
                             "No prediction has a label yet; tell some with `tenure monitor labels "
                             "FILE` or POST /api/tenure/labels.\n")
                       : table_of(versions, {{"model", "model"},
                                             {"version", "version"},
                                             {"aliases", "aliases"},
                                             {"customers", "customers"},
                                             {"events", "events"},
                                             {"expected", "expected"},
                                             {"observed_to_expected", "observed/expected"},
                                             {"events_z", "z"},
                                             {"brier", "Brier"},
                                             {"excess_brier", "excess"},
                                             {"spiegelhalter_z", "Spiegelhalter z"}});
  return Output{*std::move(shown), std::move(text)};
}

}  // namespace

std::vector<Command> monitor_commands() {
  const Option model{"--model", Kind::kValue, "NAME", "Registered model (default: the served one)"};
  return {
      {"monitor labels",
       "Tell what came of customers: labels for the predictions that were made of them; or erase "
       "them",
       "tenure monitor labels churned.csv\n"
       "tenure monitor labels churned.parquet --customer account --label left --time left_at\n"
       "tenure monitor labels --erase 0003-ALXQA --why \"request of 2026-11-20\"",
       {{"FILE", Kind::kOptionalArgument, "",
         "CSV or Parquet with a column prediction_id or one with customers, and one with labels",
         "", true},
        model,
        {"--label", Kind::kValue, "COLUMN",
         "What came of it: 1 or 0, true or false, yes or no, or data.label.positive (default: "
         "data.label.column, else label)"},
        {"--customer", Kind::kValue, "COLUMN",
         "Customers, or prediction_id (default: prediction_id, else data.id)"},
        {"--time", Kind::kValue, "COLUMN", "When it came about (default: time, else now)"},
        {"--erase", Kind::kValues, "ID",
         "Remove all labels about this customer, of every model, and what they said; may be "
         "repeated"},
        {"--why", Kind::kValue, "TEXT", "Why they are erased, for the audit trail"}},
       labels},
      {"monitor performance",
       "How the versions did: events against expected ones, and the Brier score, by labels",
       "tenure monitor performance\ntenure monitor performance --json",
       {{"--model", Kind::kValue, "NAME", "Only this registered model"}},
       performance},
  };
}

}  // namespace tenure::cli
