#include <fmt/format.h>

#include "app/registry_tasks.h"
#include "cli/command.h"
#include "cli/render.h"

namespace tenure::cli {
namespace {

using Kind = Option::Kind;

/// Rows of one section with a column for each version; `differing` leaves out what is equal in all.
std::string section_text(std::string_view title, const core::JsonArray& rows,
                         const std::vector<std::pair<std::string, std::string>>& columns,
                         bool differing) {
  core::JsonArray shown;
  for (const core::Json& row : rows) {
    const bool differs = row.at("differs").as_bool();
    if (differing && !differs) continue;
    core::JsonObject cells{{"key", row.at("key")}, {"differs", differs ? "*" : ""}};
    const core::JsonArray& values = row.at("values").as_array();
    for (std::size_t i = 0; i < values.size(); ++i) cells[fmt::format("v{}", i)] = values[i];
    shown.push_back(std::move(cells));
  }
  if (shown.empty()) return "";
  return fmt::format("{}\n{}\n", title, table_of(shown, columns));
}

core::Result<Output> compare(const Arguments& arguments) {
  auto project = app::Project::open_tracking(arguments.config);
  if (!project) return std::move(project).error();
  auto compared =
      app::compare_models(**project, arguments.text("NAME"), arguments.list("VERSIONS"));
  if (!compared) return std::move(compared).error();
  std::vector<std::pair<std::string, std::string>> columns{{"differs", " "}, {"key", "what"}};
  const core::JsonArray& versions = compared->at("versions").as_array();
  for (std::size_t i = 0; i < versions.size(); ++i)
    columns.emplace_back(fmt::format("v{}", i), "version " + field(versions[i], "version"));
  const bool differing = arguments.flag("--differing");
  std::string text;
  for (const auto& [key, title] : {std::pair("attributes", "Versions"),
                                   std::pair("params", "Params"), std::pair("metrics", "Metrics"),
                                   std::pair("tags", "Tags"), std::pair("datasets", "Data sets")})
    text += section_text(title, compared->at(key).as_array(), columns, differing);
  text += "* differs between the versions\n";
  return Output{*std::move(compared), std::move(text)};
}

core::Result<Output> decide(const Arguments& arguments, tracking::Decision decision) {
  const auto reason = arguments.given("--reason");
  if (!reason) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "--reason TEXT is missing: a decision is kept with its reason"};
  }
  auto project = app::Project::open_tracking(arguments.config);
  if (!project) return std::move(project).error();
  auto decided = app::decide_on_model(**project, arguments.text("NAME"), arguments.text("VERSION"),
                                      decision, *reason);
  if (!decided) return std::move(decided).error();
  const core::Json& approval = decided->at("approval");
  std::string text = fmt::format(
      "{} version {}: {}\n", field(*decided, "model"), field(*decided, "version"),
      approval.at("approved").as_bool() ? "approved"
                                        : std::string_view(approval.at("standing").as_string()));
  const core::JsonArray& metrics = decided->at("evidence").at("metrics").as_array();
  if (!metrics.empty())
    text += "\nEvidence\n" + table_of(metrics, {{"key", "metric"},
                                                {"version", "this version"},
                                                {"champion", "champion"},
                                                {"difference", "difference"}});
  return Output{*std::move(decided), std::move(text)};
}

core::Result<Output> audit(const Arguments& arguments) {
  auto limit = arguments.integer("--limit");
  if (!limit) return std::move(limit).error();
  auto project = app::Project::open_tracking(arguments.config);
  if (!project) return std::move(project).error();
  auto history =
      app::audit_model(**project, arguments.text("NAME"), arguments.text("--version"), *limit);
  if (!history) return std::move(history).error();
  std::string text = table_of(history->at("entries").as_array(), {{"time", "time"},
                                                                  {"actor", "who"},
                                                                  {"action", "what"},
                                                                  {"subject", "of"},
                                                                  {"from", "from"},
                                                                  {"to", "to"},
                                                                  {"reason", "why"}});
  return Output{*std::move(history), std::move(text)};
}

const Option kName{"NAME", Kind::kArgument, "", "Registered model"};
const Option kVersion{"VERSION", Kind::kArgument, "", "Number or @alias"};
const Option kReason{"--reason", Kind::kValue, "TEXT", "Why, for the audit trail (required)"};

}  // namespace

std::vector<Command> registry_commands() {
  return {
      {"models compare",
       "Versions side by side: params, metrics, tags, data sets, and what differs",
       "tenure models compare telco-churn 2 3\ntenure models compare telco-churn @champion 4 "
       "--differing",
       {kName,
        {"VERSIONS", Kind::kArguments, "", "Numbers or @aliases, 2 to 20"},
        {"--differing", Kind::kFlag, "", "Only what differs"}},
       compare},
      {"models approve",
       "Approve a version, which a protected alias or stage asks for",
       "tenure models approve telco-churn 3 --reason \"better on all segments\"",
       {kName, kVersion, kReason},
       [](const Arguments& arguments) { return decide(arguments, tracking::Decision::kApprove); }},
      {"models reject",
       "Reject a version; earlier approvals count no more",
       "tenure models reject telco-churn 3 --reason \"worse for seniors\"",
       {kName, kVersion, kReason},
       [](const Arguments& arguments) { return decide(arguments, tracking::Decision::kReject); }},
      {"models audit",
       "Who changed what in a model, when, and why; newest first",
       "tenure models audit telco-churn\ntenure models audit telco-churn --version 3 --json",
       {kName,
        {"--version", Kind::kValue, "VERSION", "Only this version: number or @alias"},
        {"--limit", Kind::kValue, "N", "At most so many entries", "100"}},
       audit},
  };
}

}  // namespace tenure::cli
