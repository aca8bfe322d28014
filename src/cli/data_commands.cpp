#include <fmt/format.h>

#include "app/data_tasks.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/render.h"
#include "core/terminal.h"

namespace tenure::cli {
namespace {

using Kind = Option::Kind;

core::Result<Output> generate(const Arguments& arguments) {
  app::GenerateRequest request;
  request.kind = arguments.text("KIND");
  request.out =
      arguments.given("--out").value_or(request.kind == "telco" ? "customers.csv" : "timeline");
  auto rows = arguments.integer("--rows");
  if (!rows) return std::move(rows).error();
  auto seed = arguments.integer("--seed");
  if (!seed) return std::move(seed).error();
  auto noise = arguments.number("--noise");
  if (!noise) return std::move(noise).error();
  auto months = arguments.integer("--months");
  if (!months) return std::move(months).error();
  if (*seed < 0)
    return core::Error{core::ErrorCode::kInvalidArgument, "--seed is negative; expected 0 or more"};
  request.rows = *rows;
  request.seed = static_cast<std::uint64_t>(*seed);
  request.noise = *noise;
  request.months = static_cast<int>(*months);
  request.scenario = arguments.text("--scenario");
  auto made = app::generate_data(request);
  if (!made) return std::move(made).error();
  std::string text =
      made->contains("file")
          ? fmt::format("{} customers written to {}\n", field(*made, "rows"), field(*made, "file"))
          : fmt::format("{} snapshots, {} labels and {} events written below {}\n",
                        field(*made, "snapshots"), field(*made, "labels"), field(*made, "events"),
                        field(*made, "folder"));
  return Output{*std::move(made), std::move(text)};
}

/// How often the label's event happens among the rows of each part of a column: "DSL 19 %, No 7 %".
/// The parts are the most frequent values, or quarters of a number's rows.
std::string rates_text(const core::JsonObject& column) {
  constexpr std::size_t kShown = 4;
  const core::Json* parts = column.if_contains("quartiles");
  if (parts == nullptr) parts = &column.at("top");
  std::string text;
  std::size_t shown = 0;
  for (const core::Json& part : parts->as_array()) {
    if (shown == kShown || !part.as_object().contains("rate")) break;
    text += fmt::format("{}{} {:.0f} %", shown == 0 ? "" : ", ", field(part, "value"),
                        100 * part.at("rate").to_number<double>());
    ++shown;
  }
  return text.empty() ? "-" : text;
}

core::Result<Output> profile(const Arguments& arguments) {
  auto answer = app::profile_data(arguments.text("FILE"), arguments.text("--label"),
                                  arguments.text("--positive"), &catch_interrupts());
  if (!answer) return std::move(answer).error();
  std::string text = count_of(*answer, "rows", "row");
  if (answer->contains("sampled_rows"))
    text +=
        fmt::format("; the columns are described by {} of them", field(*answer, "sampled_rows"));
  std::vector<std::pair<std::string, std::string>> shown{
      {"name", "column"}, {"type", "type"}, {"nulls", "missing"}, {"distinct", "distinct"},
      {"min", "min"},     {"mean", "mean"}, {"max", "max"},       {"top_text", "most frequent"}};
  core::JsonArray rows = answer->at("columns").as_array();
  if (answer->contains("label")) {
    const std::string event = field(*answer, "label") + " = " + field(*answer, "positive");
    if (answer->contains("positive_share"))
      text += fmt::format("; {} in {:.1f} % of them", event,
                          100 * answer->at("positive_share").to_number<double>());
    for (core::Json& row : rows) row.as_object()["rates"] = rates_text(row.as_object());
    shown.emplace_back("rates", event);
  }
  text += "\n\n" + table_of(rows, shown);
  return Output{*std::move(answer), std::move(text)};
}

core::Result<Output> query(const Arguments& arguments) {
  auto limit = arguments.integer("--limit");
  if (!limit) return std::move(limit).error();
  if (*limit < 1)
    return core::Error{core::ErrorCode::kInvalidArgument, "--limit must be 1 or more"};
  // SQL over files needs no project; with one, its tables are there by name.
  std::unique_ptr<app::Project> project;
  if (std::filesystem::exists(arguments.config.file)) {
    auto opened = app::Project::open(arguments.config);
    if (!opened) return std::move(opened).error();
    project = *std::move(opened);
  }
  auto answer = app::query_data(project.get(), arguments.text("SQL"),
                                static_cast<std::size_t>(*limit), &catch_interrupts());
  if (!answer) return std::move(answer).error();
  std::vector<core::TextTable::Column> heads;
  const core::JsonArray& rows = answer->at("rows").as_array();
  const core::JsonArray& columns = answer->at("columns").as_array();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const bool is_number = !rows.empty() && rows.front().as_array()[i].is_number();
    heads.push_back({std::string(columns[i].as_string()),
                     is_number ? core::Align::kRight : core::Align::kLeft});
  }
  core::TextTable table(std::move(heads));
  for (const core::Json& row : rows) {
    std::vector<std::string> cells;
    for (const core::Json& value : row.as_array())
      cells.push_back(value.is_string() ? std::string(value.as_string())
                      : value.is_null() ? ""
                                        : core::to_text(value));
    table.add_row(std::move(cells));
  }
  std::string text = table.text();
  if (answer->at("truncated").as_bool())
    text += fmt::format("… and more; these are the first {} (--limit shows more)\n", *limit);
  return Output{*std::move(answer), std::move(text)};
}

}  // namespace

std::vector<Command> data_commands() {
  return {
      {"data generate",
       "Make synthetic customers with known truth",
       "tenure data generate telco --rows 100000 --out customers.csv\n"
       "tenure data generate telco-timeline --rows 12000 --months 30 --scenario price_rise --out "
       "timeline",
       {{"KIND", Kind::kOptionalArgument, "",
         "telco (one table) or telco-timeline (monthly snapshots)", "telco"},
        {"--rows", Kind::kValue, "N", "Customers", "7043"},
        {"--seed", Kind::kValue, "N", "The same seed gives the same file", "42"},
        {"--noise", Kind::kValue, "SD", "Churn that no feature explains, 0 to 5", "0"},
        {"--months", Kind::kValue, "N", "Months of a timeline", "30"},
        {"--scenario", Kind::kValue, "NAME",
         "Drift of a timeline: none, price_rise, data_outage, new_plan, tracking_rename", "none"},
        {"--out", Kind::kValue, "PATH", "CSV file, or folder of a timeline", "", true}},
       generate},
      {"data profile",
       "Statistics of every column of a table",
       "tenure data profile customers.csv --label Churn --positive Yes",
       {{"FILE", Kind::kArgument, "", "CSV or Parquet", "", true},
        {"--label", Kind::kValue, "COLUMN",
         "Yes/no column: how often it says yes, by the values of each column"},
        {"--positive", Kind::kValue, "VALUE", "Its value that counts as yes (default: found)"}},
       profile},
      {"data query",
       "Run SQL over the project's tables and over files",
       "tenure data query \"SELECT Contract, avg(label) FROM data GROUP BY 1 ORDER BY 2\"",
       {{"SQL", Kind::kArgument, "", "DuckDB SQL; the cleaned table is called data"},
        {"--limit", Kind::kValue, "N", "Rows to show", "100"}},
       query},
  };
}

}  // namespace tenure::cli
