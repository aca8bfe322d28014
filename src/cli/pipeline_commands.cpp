#include <fmt/format.h>

#include "app/pipeline_run.h"
#include "cli/command.h"
#include "cli/render.h"

namespace tenure::cli {
namespace {

using Kind = Option::Kind;

core::Result<Output> list(const Arguments& arguments) {
  auto project = app::Project::open(arguments.config);
  if (!project) return std::move(project).error();
  auto answer = app::list_pipelines(**project);
  if (!answer) return std::move(answer).error();
  std::string text;
  for (const core::Json& pipeline : answer->at("pipelines").as_array()) {
    text += field(pipeline, "name") + "\n" +
            table_of(pipeline.at("steps").as_array(),
                     {{"name", "step"}, {"run", "runs"}, {"needs", "needs"}}) +
            "\n";
  }
  text += "Steps there are\n" +
          table_of(answer->at("steps").as_array(), {{"run", "run"}, {"description", "does"}});
  return Output{*std::move(answer), std::move(text)};
}

core::Result<Output> runs(const Arguments& arguments) {
  auto limit = arguments.integer("--limit");
  if (!limit) return std::move(limit).error();
  if (*limit < 1)
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("--limit is {}; expected 1 or more", *limit)};
  auto project = app::Project::open(arguments.config);
  if (!project) return std::move(project).error();
  auto list = app::list_pipeline_runs(**project, static_cast<std::size_t>(*limit));
  if (!list) return std::move(list).error();
  if (list->empty())
    return Output{core::JsonObject{{"runs", *std::move(list)}},
                  "No runs yet; begin one with `tenure run`.\n"};
  std::string text = table_of(*list, {{"id", "run"},
                                      {"pipeline", "pipeline"},
                                      {"state", "state"},
                                      {"started", "started"},
                                      {"seconds", "seconds"}});
  return Output{core::JsonObject{{"runs", *std::move(list)}}, std::move(text)};
}

core::Result<Output> show(const Arguments& arguments) {
  auto project = app::Project::open(arguments.config);
  if (!project) return std::move(project).error();
  auto run = app::show_pipeline_run(**project, arguments.text("RUN"));
  if (!run) return std::move(run).error();
  std::string text = fmt::format("{} of pipeline {}: {}, {} s, started {}\n\n", field(*run, "id"),
                                 field(*run, "pipeline"), field(*run, "state"),
                                 field(*run, "seconds", 1), field(*run, "started"));
  text += table_of(run->at("steps").as_array(), {{"name", "step"},
                                                 {"state", "state"},
                                                 {"attempt", "attempt"},
                                                 {"seconds", "seconds"},
                                                 {"summary", "result"},
                                                 {"error", "error"}});
  return Output{*std::move(run), std::move(text)};
}

}  // namespace

std::vector<Command> pipeline_commands() {
  return {
      {"pipelines list",
       "The project's pipelines and their steps",
       "tenure pipelines list",
       {},
       list},
      {"pipelines runs",
       "Newest runs",
       "tenure pipelines runs --limit 5",
       {{"--limit", Kind::kValue, "N", "Runs to show", "20"}},
       runs},
      {"pipelines show",
       "One run, step by step",
       "tenure pipelines show",
       {{"RUN", Kind::kOptionalArgument, "", "Run id (default: the newest)"}},
       show},
  };
}

}  // namespace tenure::cli
