#include "app/init_project.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>

#include <fmt/format.h>

#include "app/project_templates.h"
#include "core/file.h"
#include "data/engine.h"
#include "data/infer.h"

namespace tenure::app {
namespace {

/// A YAML scalar that reads back as the same text, whatever it holds.
std::string yaml_quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n')
      quoted += "\\n";
    else if (c == '\t')
      quoted += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20)
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      quoted += c;
  }
  return quoted + "\"";
}

/// The same for a value, in which the configuration would put variables for "${NAME}".
std::string yaml_value(std::string_view text) {
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("${")) escaped += '$';
    escaped += text[i];
  }
  return yaml_quote(escaped);
}

/// The table as tenure.yaml in `folder` names it: relative when it lies in the folder or near it,
/// so that both can be moved together; absolute when they have little in common.
std::filesystem::path source_path(const std::filesystem::path& table,
                                  const std::filesystem::path& folder) {
  constexpr std::ptrdiff_t kNear = 2;  // steps up
  std::filesystem::path absolute = std::filesystem::absolute(table).lexically_normal();
  // The system resolves ".." after links, so links in folders are resolved here too. The file
  // itself may be a link that is meant to be followed anew each time.
  std::error_code status;
  const auto project = std::filesystem::weakly_canonical(folder, status);
  if (status) return absolute;
  const auto parent = std::filesystem::weakly_canonical(absolute.parent_path(), status);
  if (status) return absolute;
  const auto relative = (parent / absolute.filename()).lexically_relative(project);
  const auto up = std::count(relative.begin(), relative.end(), "..");
  const auto depth = std::distance(project.begin(), project.end()) - 1;
  const bool is_near = !relative.empty() && up <= kNear && (up == 0 || up < depth);
  return is_near ? relative : absolute;
}

/// A comment's text on one line.
std::string one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text;
}

/// Words for the decision that suit the label: a label `churned` decides "churned" or "not
/// churned".
std::string decision_word(const data::InferredTable& table) {
  std::string word;
  for (const char c : table.label)
    word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return word;
}

std::string column_lines(const data::InferredTable& table) {
  std::string text;
  for (const data::InferredColumn& column : table.features) {
    std::string rule = fmt::format("type: {}", data::column_type_name(column.type));
    if (!column.null_markers.empty()) {
      std::string markers;
      for (const std::string& marker : column.null_markers)
        markers += (markers.empty() ? "" : ", ") + yaml_value(marker);
      rule += fmt::format(", null_markers: [{}]", markers);
    }
    std::string comment = fmt::format("{} distinct", column.distinct);
    if (column.null_share > 0)
      comment += fmt::format(", {:.1f} % missing", 100 * column.null_share);
    text += fmt::format("    {}: {{{}}}   # {}\n", yaml_quote(column.name), rule, comment);
  }
  return text;
}

std::string render_config(const data::InferredTable& table, std::string_view project,
                          const std::filesystem::path& source) {
  std::string text = fmt::format(
      "# Made by `tenure init --from` after a look at the table. Every key: "
      "docs/reference/configuration.md\n"
      "project: {}\n\n"
      "data:\n"
      "  source: {}{}\n",
      yaml_value(project), yaml_value(source.string()),
      source.is_relative() ? "   # relative to the folder of this file" : "");
  text += table.id.empty() ? "  # No column names a customer, so rows are numbered. Name one here "
                             "to predict by id: id: COLUMN\n"
                           : fmt::format("  id: {}\n", yaml_value(table.id));
  if (!table.time.empty()) text += fmt::format("  time: {}\n", yaml_value(table.time));
  text +=
      fmt::format("  label:\n    column: {}\n    positive: {}   # {:.1f} % of the rows\n",
                  yaml_value(table.label), yaml_value(table.positive), 100 * table.positive_share);
  text +=
      "  duplicates: first   # rows with the same id: keep the first (error refuses the table)\n"
      "  bad_values: \"null\"   # a value that does not fit its column is counted and read as "
      "missing\n";
  for (const std::string& note : table.notes) text += fmt::format("  # {}\n", one_line(note));
  text += "  columns:\n" + column_lines(table);
  if (!table.ignored.empty()) {
    text += "  ignore:   # no features, and why; delete a line to use the column after all\n";
    for (const auto& ignored : table.ignored)
      text += fmt::format("    {}: {}\n", yaml_quote(ignored.column),
                          yaml_value(one_line(ignored.why)));
  }
  text += fmt::format("  split:\n    method: {}\n    test: 0.2\n\n",
                      table.time.empty() ? "stratified" : "time");
  const std::string word = decision_word(table);
  text += fmt::format(
      "model:\n  preset: auto   # tries several starting points inside the training rows and keeps "
      "the best\n\n"
      "decision:\n  threshold: prior   # positive from the average rate on; or a probability such "
      "as 0.5\n"
      "  positive: {}\n  negative: {}\n",
      yaml_value(word), yaml_value("not " + word));
  return text;
}

core::Result<> write_new(const std::filesystem::path& folder, std::string_view config) {
  const std::filesystem::path file = folder / "tenure.yaml";
  if (std::filesystem::exists(file)) {
    return core::Error{
        core::ErrorCode::kAlreadyExists,
        fmt::format("{} is there already; choose another folder or remove it", file.string())};
  }
  if (auto written = core::write_file_atomically(file, config); !written) return written;
  const std::filesystem::path ignore = folder / ".gitignore";
  if (std::filesystem::exists(ignore)) return {};
  return core::write_file_atomically(ignore, kProjectGitignore);
}

/// A name for the project: its folder's.
std::string project_name(const std::filesystem::path& folder) {
  std::filesystem::path absolute = std::filesystem::absolute(folder).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();
  std::string name = absolute.filename().string();
  // The name is part of model names, which may hold no '/' and no ':'.
  std::ranges::replace_if(
      name, [](char c) { return c == '/' || c == ':' || static_cast<unsigned char>(c) < 0x20; },
      '-');
  return name.empty() ? "my-project" : name;
}

core::JsonObject facts_of(const InitRequest& request) {
  return {{"folder", request.folder.string()},
          {"config", (request.folder / "tenure.yaml").string()}};
}

/// What only a look at a table can make use of.
core::Result<> check_without_table(const InitRequest& request) {
  for (const auto& [option, value] :
       {std::pair("--label", &request.label), std::pair("--id", &request.id),
        std::pair("--positive", &request.positive), std::pair("--time", &request.time)})
    if (!value->empty())
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("{} needs --from FILE: it names a column, or a value, of a "
                                     "table",
                                     option)};
  return {};
}

core::Result<core::JsonObject> init_from_table(const InitRequest& request) {
  if (request.label.empty()) {
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        "--from needs --label: the column that says who churned (or whatever is to be predicted)"};
  }
  auto engine = data::Engine::open();
  if (!engine) return std::move(engine).error();
  auto table = data::infer_table(**engine, {.file = request.from,
                                            .label = request.label,
                                            .id = request.id,
                                            .positive = request.positive,
                                            .time = request.time,
                                            .sample = {}});
  if (!table) return std::move(table).error();
  const std::string config = render_config(*table, project_name(request.folder),
                                           source_path(request.from, request.folder));
  if (auto written = write_new(request.folder, config); !written) return std::move(written).error();

  core::JsonArray ignored;
  for (const auto& column : table->ignored)
    ignored.push_back(core::JsonObject{{"column", column.column}, {"why", column.why}});
  core::JsonArray notes;
  for (const std::string& note : table->notes) notes.emplace_back(note);
  core::JsonObject facts = facts_of(request);
  facts["rows"] = table->rows;
  facts["columns"] = static_cast<std::int64_t>(table->features.size());
  facts["label"] = table->label;
  facts["positive"] = table->positive;
  facts["positive_percent"] = 100 * table->positive_share;
  facts["id"] = table->id.empty() ? core::Json(nullptr) : core::Json(table->id);
  facts["ignored"] = std::move(ignored);
  facts["notes"] = std::move(notes);
  return facts;
}

}  // namespace

core::Result<core::JsonObject> init_project(const InitRequest& request) {
  if (!request.from.empty()) {
    if (!request.project_template.empty()) {
      return core::Error{core::ErrorCode::kInvalidArgument,
                         "--from and --template exclude each other"};
    }
    return init_from_table(request);
  }
  if (auto checked = check_without_table(request); !checked) return std::move(checked).error();
  auto config =
      project_template(request.project_template.empty() ? "telco" : request.project_template);
  if (!config) return std::move(config).error();
  if (auto written = write_new(request.folder, *config); !written)
    return std::move(written).error();
  return facts_of(request);
}

}  // namespace tenure::app
