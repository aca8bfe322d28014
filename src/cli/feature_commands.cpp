#include <fmt/format.h>

#include "app/feature_tasks.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/render.h"

namespace tenure::cli {
namespace {

using Kind = Option::Kind;

/// Opens the project and runs a task on it; `render` makes the text for people.
template <typename Task, typename Render>
core::Result<Output> on_project(const Arguments& arguments, Task task, Render render) {
  auto project = app::Project::open(arguments.config);
  if (!project) return std::move(project).error();
  (*project)->cancel_with(catch_interrupts());
  core::Result<core::JsonObject> answer = task(**project);
  if (!answer) return std::move(answer).error();
  std::string text = render(*answer);
  return Output{*std::move(answer), std::move(text)};
}

core::Result<Output> list(const Arguments& arguments) {
  return on_project(arguments, app::list_features, [](const core::JsonObject& answer) {
    core::JsonArray rows;
    for (const core::Json& view : answer.at("views").as_array()) {
      for (const core::Json& feature : view.at("features").as_array()) {
        rows.push_back(core::JsonObject{{"view", view.at("name")},
                                        {"feature", feature.at("name")},
                                        {"type", feature.at("type")},
                                        {"entity", view.at("entity")}});
      }
    }
    return table_of(
        rows, {{"view", "view"}, {"feature", "feature"}, {"type", "type"}, {"entity", "entity"}});
  });
}

core::Result<Output> apply(const Arguments& arguments) {
  return on_project(arguments, app::apply_features, [](const core::JsonObject& answer) {
    return table_of(answer.at("views").as_array(), {{"view", "view"},
                                                    {"entity", "entity"},
                                                    {"features", "features"},
                                                    {"source_rows", "rows"},
                                                    {"online", "online"}}) +
           "\n" +
           table_of(answer.at("services").as_array(),
                    {{"service", "service"}, {"features", "features"}});
  });
}

core::Result<Output> get(const Arguments& arguments) {
  const auto task = [&](app::Project& project) {
    return app::get_features(project, arguments.text("--service"), arguments.list("KEY"));
  };
  return on_project(arguments, task, [](const core::JsonObject& answer) {
    std::string text;
    for (const core::Json& row : answer.at("rows").as_array()) {
      text += fmt::format(
          "{}{}\n", field(row, "key"),
          row.at("found").as_bool() ? "  (as of " + field(row, "as_of") + ")" : "  (unknown)");
      if (!row.at("found").as_bool()) continue;
      std::vector<std::pair<std::string, std::string>> values;
      for (const auto& [name, value] : row.at("features").as_object())
        values.emplace_back("  " + std::string(name), value.is_double()
                                                          ? fmt::format("{}", value.get_double())
                                                          : field(row.at("features"), name));
      text += key_values(values);
    }
    return text;
  });
}

core::Result<Output> join(const Arguments& arguments) {
  const auto task = [&](app::Project& project) {
    return app::join_features(project, {.entities = arguments.text("ENTITIES"),
                                        .out = arguments.text("OUT"),
                                        .service = arguments.text("--service"),
                                        .is_full_names = arguments.flag("--full-names")});
  };
  return on_project(arguments, task, [](const core::JsonObject& answer) {
    return fmt::format("{} with {} written to {}\n", count_of(answer, "rows", "row"),
                       count_of(answer, "columns", "column"), field(answer, "file"));
  });
}

std::string render_reports(const core::JsonObject& answer) {
  return table_of(answer.at("views").as_array(), {{"view", "view"},
                                                  {"from", "from"},
                                                  {"until", "until"},
                                                  {"rows_read", "read"},
                                                  {"rows_written", "written"}});
}

core::Result<Output> materialize(const Arguments& arguments) {
  const auto task = [&](app::Project& project) {
    return app::materialize_features(project, {.views = arguments.list("--view"),
                                               .from = arguments.text("FROM"),
                                               .until = arguments.text("UNTIL")});
  };
  return on_project(arguments, task, render_reports);
}

core::Result<Output> materialize_incremental(const Arguments& arguments) {
  const auto task = [&](app::Project& project) {
    return app::materialize_features(
        project, {.views = arguments.list("--view"), .from = "", .until = arguments.text("UNTIL")});
  };
  return on_project(arguments, task, render_reports);
}

core::Result<Output> push(const Arguments& arguments) {
  const auto task = [&](app::Project& project) {
    return app::push_features(project, arguments.text("VIEW"), arguments.text("FILE"));
  };
  return on_project(arguments, task, [](const core::JsonObject& answer) {
    return fmt::format("{} read, {} newer written to {}\n", count_of(answer, "rows_read", "row"),
                       field(answer, "rows_written"), field(answer, "view"));
  });
}

const Option kService{"--service", Kind::kValue, "NAME", "Feature service (default: the model's)"};
const Option kView{"--view", Kind::kValues, "NAME", "Only this view; may be repeated"};

}  // namespace

std::vector<Command> feature_commands() {
  return {
      {"features apply",
       "Check the definitions against their sources",
       "tenure features apply",
       {},
       apply},
      {"features list", "Every feature, by view", "tenure features list", {}, list},
      {"features get",
       "Newest online values for customers",
       "tenure features get 0003-ALXQA",
       {{"KEY", Kind::kArguments, "", "Entity keys"}, kService},
       get},
      {"features join",
       "Join rows with the values known at their time",
       "tenure features join labels.csv training.parquet",
       {{"ENTITIES", Kind::kArgument, "", "CSV or Parquet with the key and event_timestamp", "",
         true},
        {"OUT", Kind::kArgument, "", "CSV or Parquet to write", "", true},
        kService,
        {"--full-names", Kind::kFlag, "", "Name columns view__feature"}},
       join},
      {"features materialize",
       "Bring a time window of feature values online",
       "tenure features materialize 2024-01-01T00:00:00Z 2024-02-01T00:00:00Z",
       {{"FROM", Kind::kArgument, "", "ISO time, inclusive"},
        {"UNTIL", Kind::kArgument, "", "ISO time, inclusive"},
        kView},
       materialize},
      {"features materialize-incremental",
       "Bring online what is new since the last time",
       "tenure features materialize-incremental",
       {{"UNTIL", Kind::kOptionalArgument, "", "ISO time (default: now)"}, kView},
       materialize_incremental},
      {"features push",
       "Write rows of a view straight into the online store",
       "tenure features push profile rows.csv",
       {{"VIEW", Kind::kArgument, "", "Feature view"},
        {"FILE", Kind::kArgument, "", "CSV or Parquet with the key, timestamp and feature columns",
         "", true}},
       push},
  };
}

}  // namespace tenure::cli
