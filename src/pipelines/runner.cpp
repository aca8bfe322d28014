#include "pipelines/runner.h"

#include <algorithm>
#include <exception>

#include <fmt/format.h>

#include "core/file.h"
#include "core/id.h"
#include "core/log.h"
#include "core/nearest.h"
#include "core/sha256.h"
#include "pipelines/lease_keeper.h"
#include "pipelines/run_store.h"

namespace tenure::pipelines {
namespace {

using core::Error;
using core::ErrorCode;

constexpr core::Micros kPauseMax = 24LL * 3600 * core::kMicrosPerSecond;

/// Digest of what a run is going to do: only a run of the same plan is taken up again.
std::string plan_digest(const Dag& dag) {
  core::JsonArray steps;
  for (const StepSpec& step : dag.steps) {
    core::JsonArray needs;
    for (const std::string& need : step.needs) needs.emplace_back(need);
    core::JsonObject with;
    for (const auto& [name, value] : step.with) with[name] = value;
    steps.push_back(core::JsonObject{{"name", step.name},
                                     {"run", step.run},
                                     {"needs", std::move(needs)},
                                     {"with", std::move(with)}});
  }
  return core::sha256_hex(core::to_text(steps));
}

/// The first file that is not what it was, with the reason; "" when all are.
std::string changed_file(const std::vector<FileRecord>& files, const std::filesystem::path& base) {
  for (const FileRecord& file : files) {
    const std::filesystem::path path = base / file.path;
    const auto now = core::sha256_file(path);
    if (!now) return now.error().message;
    if (*now != file.sha256) return fmt::format("{} has changed since", file.path);
  }
  return {};
}

/// Why a finished step is not up to date: the first of its files that is not what it was; "" when
/// it is.
std::string changed_file(const StepResult& result, const std::filesystem::path& base) {
  std::string changed = changed_file(result.inputs, base);
  return changed.empty() ? changed_file(result.outputs, base) : changed;
}

core::Micros pause_before(const StepSpec& step, int failed_attempts) {
  core::Micros pause = std::max<core::Micros>(0, step.retry_delay);
  for (int i = 1; i < failed_attempts && pause < kPauseMax; ++i) pause *= 2;
  return std::min(pause, kPauseMax);
}

bool is_done(StepState state) {
  return state == StepState::kSucceeded || state == StepState::kReused;
}

/// One call of Runner::run.
class Execution {
 public:
  Execution(const Dag& dag, const RunOptions& options, RunObserver* observer, RunStore& store,
            const core::Clock& clock, const StepRegistry& steps, LeaseKeeper& lease, RunRecord& run)
      : dag_(dag),
        options_(options),
        observer_(observer),
        store_(store),
        clock_(clock),
        registry_(steps),
        lease_(lease),
        run_(run),
        project_(options.project.empty() ? options.directory.parent_path().parent_path()
                                         : options.project) {}

  core::Result<> run() {
    if (auto begun = begin(); !begun) return begun;
    if (auto made = core::make_directories(options_.directory / run_.id); !made) return made;
    for (StepRecord& step : run_.steps)
      if (is_done(step.state)) tell(step);
    for (std::size_t i = 0; i < run_.steps.size(); ++i) {
      if (is_done(run_.steps[i].state)) continue;
      if (auto ran = run_step(i); !ran) return ran;
    }
    run_.state = "succeeded";
    run_.ended = clock_.now();
    return store_.save(lease_.token(), run_, {});
  }

 private:
  core::Result<> begin();
  core::Result<> take_up(RunRecord interrupted);
  core::Result<> reuse_before(std::size_t first);
  core::Result<> run_step(std::size_t index);
  core::Result<StepResult> attempt(const StepSpec& spec, const StepRecord& record);
  core::Result<> finish(std::size_t index, StepState state, StepState rest, Error error);

  core::Result<> save(const StepRecord& step) {
    const StepRecord* steps[] = {&step};
    return store_.save(lease_.token(), run_, steps);
  }
  void tell(const StepRecord& step) {
    if (observer_) observer_->on_step(run_, step);
  }

  const Dag& dag_;
  const RunOptions& options_;
  RunObserver* observer_;
  RunStore& store_;
  const core::Clock& clock_;
  const StepRegistry& registry_;
  LeaseKeeper& lease_;
  RunRecord& run_;
  std::filesystem::path project_;
};

core::Result<> Execution::begin() {
  const std::string plan = plan_digest(dag_);
  if (options_.from.empty() && options_.is_resuming) {
    auto interrupted = store_.find_interrupted(dag_.name, options_.config_digest, plan);
    if (!interrupted) return std::move(interrupted).error();
    if (interrupted->has_value()) return take_up(**std::move(interrupted));
  }
  run_.started = clock_.now();
  run_.id = core::uuid_v7(run_.started);
  run_.pipeline = dag_.name;
  run_.state = "running";
  run_.config_digest = options_.config_digest;
  std::size_t first = 0;
  for (std::size_t i = 0; i < dag_.steps.size(); ++i) {
    run_.steps.emplace_back().name = dag_.steps[i].name;
    if (dag_.steps[i].name == options_.from) first = i;
  }
  if (auto reused = reuse_before(first); !reused) return reused;
  return store_.create(lease_.token(), run_, plan);
}

core::Result<> Execution::reuse_before(std::size_t first) {
  for (std::size_t i = 0; i < first; ++i) {
    StepRecord& step = run_.steps[i];
    auto earlier = store_.newest_success(dag_.name, step.name);
    if (!earlier) return std::move(earlier).error();
    const auto cannot = [&](std::string_view reason) {
      return Error{
          ErrorCode::kNotFound,
          fmt::format("step '{0}' cannot be reused: {1}; start with --from {0}, or without "
                      "--from",
                      step.name, reason)};
    };
    if (!earlier->has_value()) return cannot("it has not succeeded before");
    if (const auto changed = changed_file((*earlier)->result, project_); !changed.empty())
      return cannot(changed);
    step = **std::move(earlier);
    step.state = StepState::kReused;
    // Results of different runs are mixed only where they fit together.
    for (const std::string& need : dag_.steps[i].needs) {
      const auto needed = std::find_if(run_.steps.begin(), run_.steps.end(),
                                       [&](const StepRecord& other) { return other.name == need; });
      if (needed->ended > step.started)
        return cannot(fmt::format("'{}', which it needs, has run again since", need));
    }
  }
  return {};
}

core::Result<> Execution::take_up(RunRecord interrupted) {
  run_ = std::move(interrupted);
  std::vector<const StepRecord*> changed_steps;
  for (StepRecord& step : run_.steps) {
    if (step.state == StepState::kRunning) {
      // A crash is no failure of the step: the attempt counts once.
      step.state = StepState::kPending;
      step.attempt = std::max(0, step.attempt - 1);
      changed_steps.push_back(&step);
    }
    if (!is_done(step.state)) continue;
    const std::string changed = changed_file(step.result, project_);
    if (changed.empty()) continue;
    core::log_warn("pipelines", "a step of the interrupted run is run again",
                   {{"step", step.name}, {"reason", changed}});
    for (const std::string& name : dag_.downstream_of(step.name)) {
      const auto below = std::find_if(run_.steps.begin(), run_.steps.end(),
                                      [&](const StepRecord& other) { return other.name == name; });
      *below = StepRecord{};
      below->name = name;
      changed_steps.push_back(&*below);
    }
  }
  core::log_info("pipelines", "taking up an interrupted run", {{"run_id", run_.id}});
  return store_.save(lease_.token(), run_, changed_steps);
}

core::Result<StepResult> Execution::attempt(const StepSpec& spec, const StepRecord& record) {
  StepContext context;
  context.run_id = run_.id;
  context.step = spec.name;
  context.attempt = record.attempt;
  context.with = spec.with;
  context.directory = options_.directory / run_.id;
  for (const StepRecord& step : run_.steps)
    if (is_done(step.state)) context.outputs[step.name] = step.result.output;
  context.progress = [this, &record](std::uint64_t done, std::uint64_t total,
                                     std::string_view note) {
    if (observer_) observer_->on_progress(record, done, total, note);
  };
  context.is_cancelled = &lease_.is_stopping();
  // Steps answer errors as values; what a library throws past them must not end the process.
  try {
    return (*registry_.find(spec.run))(context);
  } catch (const std::exception& error) {
    return Error{ErrorCode::kInternal, fmt::format("the step threw: {}", error.what())};
  }
}

core::Result<> Execution::run_step(std::size_t index) {
  const StepSpec& spec = dag_.steps[index];
  StepRecord& step = run_.steps[index];
  const auto cancelled = [] { return Error{ErrorCode::kCancelled, "cancelled"}; };
  const auto lost = [] {
    return Error{ErrorCode::kConflict,
                 "this process could not renew its lease on the project's pipelines in time"};
  };
  for (;;) {
    if (lease_.is_lost()) return lost();
    if (lease_.is_cancelled())
      return finish(index, StepState::kCancelled, StepState::kCancelled, cancelled());
    step.state = StepState::kRunning;
    ++step.attempt;
    step.started = clock_.now();
    step.ended = 0;
    if (auto saved = save(step); !saved) return saved;
    tell(step);

    auto result = attempt(spec, step);
    step.ended = clock_.now();
    if (result) {
      step.state = StepState::kSucceeded;
      step.error.clear();
      step.error_code.clear();
      step.result = *std::move(result);
      if (auto saved = save(step); !saved) return saved;
      tell(step);
      return {};
    }
    const Error& error = result.error();
    step.error = error.message;
    step.error_code = core::error_code_info(error.code).name;
    // Not the step's fault: the run is left as it is, to be taken up again.
    if (lease_.is_lost()) return lost();
    if (lease_.is_cancelled() || error.code == ErrorCode::kCancelled)
      return finish(index, StepState::kCancelled, StepState::kCancelled, cancelled());
    if (step.attempt > spec.retries)
      return finish(index, StepState::kFailed, StepState::kSkipped, std::move(result).error());

    step.state = StepState::kPending;
    if (auto saved = save(step); !saved) return saved;
    tell(step);
    const core::Micros pause = pause_before(spec, step.attempt);
    core::log_warn("pipelines", "a step failed and is tried again",
                   {{"step", step.name},
                    {"error", step.error},
                    {"attempt", std::int64_t{step.attempt}},
                    {"pause_s", static_cast<double>(pause) / 1e6}});
    lease_.wait(pause);
  }
}

core::Result<> Execution::finish(std::size_t index, StepState state, StepState rest, Error error) {
  std::vector<const StepRecord*> changed;
  for (std::size_t i = index; i < run_.steps.size(); ++i) {
    StepRecord& step = run_.steps[i];
    if (is_done(step.state)) continue;
    step.state = i == index ? state : rest;
    changed.push_back(&step);
  }
  run_.state = state == StepState::kCancelled ? "cancelled" : "failed";
  run_.ended = clock_.now();
  if (auto saved = store_.save(lease_.token(), run_, changed); !saved) return saved;
  for (const StepRecord* step : changed) tell(*step);
  return std::move(error).within(run_.steps[index].name);
}

core::Result<> check_request(const Dag& dag, const RunOptions& options,
                             const StepRegistry& registry) {
  std::vector<std::string> known;
  for (const auto& entry : registry.entries()) known.push_back(entry.name);
  std::vector<std::string> names;
  for (const StepSpec& step : dag.steps) {
    names.push_back(step.name);
    if (registry.find(step.run)) continue;
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("pipeline '{}', step '{}': there is no step '{}' to run{}; known: {}",
                             dag.name, step.name, step.run, core::did_you_mean(step.run, known),
                             fmt::join(known, ", "))};
  }
  if (options.from.empty() || std::find(names.begin(), names.end(), options.from) != names.end())
    return {};
  return Error{
      ErrorCode::kNotFound,
      fmt::format("pipeline '{}' has no step '{}'{}; its steps: {}", dag.name, options.from,
                  core::did_you_mean(options.from, names), fmt::join(names, ", "))};
}

}  // namespace

std::string_view step_state_name(StepState state) {
  switch (state) {
    case StepState::kPending:
      return "pending";
    case StepState::kRunning:
      return "running";
    case StepState::kSucceeded:
      return "succeeded";
    case StepState::kFailed:
      return "failed";
    case StepState::kSkipped:
      return "skipped";
    case StepState::kReused:
      return "reused";
    case StepState::kCancelled:
      break;
  }
  return "cancelled";
}

core::Result<Runner> Runner::open(storage::Database& database, const core::Clock& clock,
                                  const StepRegistry& steps) {
  if (auto prepared = RunStore(database, clock).prepare(); !prepared)
    return std::move(prepared).error();
  return Runner(database, clock, steps);
}

core::Result<RunRecord> Runner::run(const Dag& dag, const RunOptions& options,
                                    RunObserver* observer, RunRecord* record) {
  if (auto checked = check_request(dag, options, *steps_); !checked)
    return std::move(checked).error();
  RunStore store(*database_, *clock_);
  auto token = store.acquire(ProcessIdentity::current());
  if (!token) return std::move(token).error();
  RunRecord run;
  LeaseKeeper lease(store, *clock_, *token, options.is_cancelled);
  auto done = Execution(dag, options, observer, store, *clock_, *steps_, lease, run).run();
  if (record) *record = run;
  if (!done) return std::move(done).error();
  return run;
}

core::Result<std::vector<RunRecord>> Runner::list(std::size_t limit) {
  return RunStore(*database_, *clock_).list(limit);
}

core::Result<RunRecord> Runner::get(std::string_view id) {
  auto run = RunStore(*database_, *clock_).find(id);
  if (!run) return std::move(run).error();
  if (!run->has_value())
    return Error{ErrorCode::kNotFound, fmt::format("there is no pipeline run '{}'", id)};
  return **std::move(run);
}

}  // namespace tenure::pipelines
