#include "app/pipeline_run.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "app/run_report.h"
#include "app/steps/steps.h"
#include "app/steps/tracked_run.h"
#include "core/file.h"
#include "core/log.h"
#include "core/sha256.h"
#include "core/time_format.h"

namespace tenure::app {
namespace {

/// Long enough for any other process that is still writing its file.
constexpr core::Micros kUnfinishedFilesKept = 24LL * 3600 * 1'000'000;
/// Runs whose tracking runs are looked after; what is older was looked after when it was young.
constexpr std::size_t kRunsLookedAfter = 20;

double seconds_between(core::Micros from, core::Micros until) {
  return from == 0 || until == 0 ? 0 : static_cast<double>(until - from) / 1e6;
}

template <typename Items, typename Name>
std::string join_names(const Items& items, Name name) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + std::string(name(item));
  return text;
}

core::Result<pipelines::Dag> find_pipeline(const Project& project, const std::string& name) {
  auto dags = pipelines::Dag::from_config(project.config(), default_steps());
  if (!dags) return std::move(dags).error();
  if (name.empty()) return dags->front();
  const auto found = std::ranges::find(*dags, name, &pipelines::Dag::name);
  if (found != dags->end()) return *found;
  return core::Error{core::ErrorCode::kNotFound,
                     fmt::format("there is no pipeline '{}'; there are: {}", name,
                                 join_names(*dags, [](const auto& dag) { return dag.name; }))};
}

/// Digest of the sections that decide what the steps make. A run that was killed is taken up again
/// though another port or log level was set since.
std::string digest_of_inputs(const core::Config& config) {
  std::string text = config.text("project");
  for (const char* section : {"storage", "data", "features", "model", "decision", "pipelines"})
    text += config.at(section).digest();
  return core::sha256_hex(text);
}

/// The part of a pipeline that `until` needs, itself included.
core::Result<pipelines::Dag> cut_after(const pipelines::Dag& dag, const std::string& until) {
  std::set<std::string> wanted{until};
  std::vector<pipelines::StepSpec> kept;
  // Steps are in topological order, so one walk from the end meets every need before the step it
  // names.
  for (auto step = dag.steps.rbegin(); step != dag.steps.rend(); ++step) {
    if (!wanted.contains(step->name)) continue;
    wanted.insert(step->needs.begin(), step->needs.end());
    kept.insert(kept.begin(), *step);
  }
  if (kept.empty()) {
    return core::Error{
        core::ErrorCode::kNotFound,
        fmt::format("pipeline '{}' has no step '{}'; it has: {}", dag.name, until,
                    join_names(dag.steps, [](const auto& step) { return step.name; }))};
  }
  return pipelines::Dag::make(dag.name, std::move(kept));
}

/// Copies facts of the steps to where programs expect them in the summary.
core::JsonObject summarize(const pipelines::RunRecord& run) {
  core::JsonObject summary{
      {"pipeline", run.pipeline}, {"pipeline_run_id", run.id}, {"state", run.state}};
  core::JsonObject metrics;
  core::JsonObject seconds;
  core::JsonArray wrote;
  constexpr const char* kFacts[] = {"run_id", "model", "model_id", "version", "promoted",
                                    "why",    "rows",  "preset",   "rounds"};
  constexpr const char* kMetrics[] = {"cv_auc_mean", "cv_auc_sd", "test_auc", "average_precision",
                                      "log_loss",    "brier",     "ece",      "top_decile_lift",
                                      "test_rows"};
  for (const pipelines::StepRecord& step : run.steps) {
    for (const char* name : kFacts)
      if (const core::Json* fact = step.result.output.if_contains(name)) summary[name] = *fact;
    for (const char* name : kMetrics)
      if (const core::Json* metric = step.result.output.if_contains(name)) metrics[name] = *metric;
    seconds[step.name] =
        step.state == pipelines::StepState::kReused ? 0 : seconds_between(step.started, step.ended);
    for (const pipelines::FileRecord& file : step.result.outputs) wrote.emplace_back(file.path);
  }
  summary["metrics"] = std::move(metrics);
  summary["seconds"] = std::move(seconds);
  summary["seconds_total"] = seconds_between(run.started, run.ended);
  summary["wrote"] = std::move(wrote);
  return summary;
}

core::JsonObject describe(const pipelines::RunRecord& run) {
  core::JsonArray steps;
  for (const pipelines::StepRecord& step : run.steps) {
    steps.push_back(core::JsonObject{{"name", step.name},
                                     {"state", pipelines::step_state_name(step.state)},
                                     {"attempt", step.attempt},
                                     {"seconds", seconds_between(step.started, step.ended)},
                                     {"summary", step.result.summary},
                                     {"error", step.error}});
  }
  return core::JsonObject{{"id", run.id},
                          {"pipeline", run.pipeline},
                          {"state", run.state},
                          {"started", core::format_utc(run.started)},
                          {"seconds", seconds_between(run.started, run.ended)},
                          {"steps", std::move(steps)}};
}

struct OpenedRunner {
  std::unique_ptr<pipelines::StepRegistry> steps;  // on the heap: the runner keeps its address
  pipelines::Runner runner;
};

core::Result<OpenedRunner> open_runner(Project& project) {
  auto database = project.database();
  if (!database) return std::move(database).error();
  auto steps = std::make_unique<pipelines::StepRegistry>(make_steps(project));
  auto runner = pipelines::Runner::open(**database, project.clock(), *steps);
  if (!runner) return std::move(runner).error();
  return OpenedRunner{std::move(steps), *std::move(runner)};
}

/// Ends the tracking runs of runs that failed, were cancelled, or were given up for a newer one:
/// nobody else would, and they would count as running for ever.
void close_tracked_runs(Project& project, pipelines::Runner& runner) {
  const auto runs = runner.list(kRunsLookedAfter);
  if (!runs) return core::log_warn("pipelines", runs.error().message);
  for (const pipelines::RunRecord& run : *runs) {
    if (auto closed = close_tracked_run(project, run); !closed) {
      core::log_warn("pipelines", "a tracking run could not be ended",
                     {{"run_id", run.id}, {"error", closed.error().message}});
    }
  }
}

/// How to go on after a cancelled run: the steps before the one that was cut short are done.
core::Error cancelled_in(const pipelines::RunRecord& run, const PipelineRequest& request,
                         core::Error error) {
  const auto cut =
      std::ranges::find(run.steps, pipelines::StepState::kCancelled, &pipelines::StepRecord::state);
  if (cut == run.steps.begin() || cut == run.steps.end()) return error;
  error.message +=
      fmt::format("; what was done before is kept: go on with `tenure run {}--from {}{}`",
                  request.pipeline.empty() ? "" : request.pipeline + " ", cut->name,
                  request.until.empty() ? "" : " --until " + request.until);
  return error;
}

}  // namespace

core::Result<core::JsonObject> run_pipeline(Project& project, const PipelineRequest& request,
                                            pipelines::RunObserver* observer,
                                            const std::atomic<bool>* is_cancelled) {
  auto dag = find_pipeline(project, request.pipeline);
  if (!dag) return std::move(dag).error();
  if (!request.until.empty()) {
    auto part = cut_after(*dag, request.until);
    if (!part) return std::move(part).error();
    dag = *std::move(part);
  }
  auto opened = open_runner(project);
  if (!opened) return std::move(opened).error();
  // What a killed process left half written, nobody else removes.
  core::remove_unfinished_files(project.state_folder(),
                                project.clock().now() - kUnfinishedFilesKept);
  pipelines::RunRecord record;
  auto run = opened->runner.run(*dag,
                                {.from = request.from,
                                 .is_resuming = !request.is_fresh,
                                 .config_digest = digest_of_inputs(project.config()),
                                 .directory = project.runs_folder(),
                                 .is_cancelled = is_cancelled},
                                observer, &record);
  close_tracked_runs(project, opened->runner);
  if (!run && run.error().code == core::ErrorCode::kCancelled)
    return cancelled_in(record, request, std::move(run).error());
  if (!run) return std::move(run).error();
  core::JsonObject summary = summarize(*run);
  if (summary.contains("version")) {
    const std::filesystem::path page = project.runs_folder() / run->id / "summary.md";
    if (auto written = core::write_file_atomically(
            page, render_run_report(summary, project.config().directory(), page));
        !written) {
      return std::move(written).error();
    }
    summary["report"] = page.lexically_relative(project.config().directory()).generic_string();
  }
  return summary;
}

core::Result<core::JsonArray> list_pipeline_runs(Project& project, std::size_t limit) {
  auto opened = open_runner(project);
  if (!opened) return std::move(opened).error();
  auto runs = opened->runner.list(limit);
  if (!runs) return std::move(runs).error();
  core::JsonArray list;
  for (const pipelines::RunRecord& run : *runs) list.push_back(describe(run));
  return list;
}

core::Result<core::JsonObject> show_pipeline_run(Project& project, const std::string& id) {
  auto opened = open_runner(project);
  if (!opened) return std::move(opened).error();
  if (!id.empty()) {
    auto run = opened->runner.get(id);
    if (!run) return std::move(run).error();
    return describe(*run);
  }
  auto runs = opened->runner.list(1);
  if (!runs) return std::move(runs).error();
  if (runs->empty())
    return core::Error{core::ErrorCode::kNotFound,
                       "no pipeline has run here yet; try `tenure run`"};
  return describe(runs->front());
}

core::Result<core::JsonObject> list_pipelines(Project& project) {
  auto dags = pipelines::Dag::from_config(project.config(), default_steps());
  if (!dags) return std::move(dags).error();
  core::JsonArray list;
  for (const pipelines::Dag& dag : *dags) {
    core::JsonArray steps;
    for (const pipelines::StepSpec& step : dag.steps) {
      core::JsonArray needs;
      for (const std::string& need : step.needs) needs.emplace_back(need);
      steps.push_back(
          core::JsonObject{{"name", step.name}, {"run", step.run}, {"needs", std::move(needs)}});
    }
    list.push_back(core::JsonObject{{"name", dag.name}, {"steps", std::move(steps)}});
  }
  core::JsonArray known;
  const pipelines::StepRegistry steps = make_steps(project);
  for (const auto& entry : steps.entries())
    known.push_back(core::JsonObject{{"run", entry.name}, {"description", entry.description}});
  return core::JsonObject{{"pipelines", std::move(list)}, {"steps", std::move(known)}};
}

}  // namespace tenure::app
