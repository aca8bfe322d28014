#include "pipelines/dag.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/nearest.h"

namespace tenure::pipelines {
namespace {

using core::Error;
using core::ErrorCode;

Error invalid(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

const StepSpec* find_step(const std::vector<StepSpec>& steps, std::string_view name) {
  const auto found = std::find_if(steps.begin(), steps.end(),
                                  [&](const StepSpec& step) { return step.name == name; });
  return found == steps.end() ? nullptr : &*found;
}

/// "a -> b -> a": follows unsatisfied needs from any step until one comes again. Every step of
/// `stuck` needs another one of `stuck`, so the walk cannot end elsewhere.
std::string spell_cycle(const std::vector<StepSpec>& stuck) {
  std::vector<std::string> walk{stuck.front().name};
  for (;;) {
    const StepSpec& step = *find_step(stuck, walk.back());
    const auto need = std::find_if(step.needs.begin(), step.needs.end(), [&](const auto& name) {
      return find_step(stuck, name) != nullptr;
    });
    const auto seen = std::find(walk.begin(), walk.end(), *need);
    const auto begin = seen - walk.begin();
    const bool is_closed = seen != walk.end();
    walk.push_back(*need);
    if (is_closed) return fmt::format("{}", fmt::join(walk.begin() + begin, walk.end(), " -> "));
  }
}

core::Result<> check_names(const std::vector<StepSpec>& steps) {
  std::vector<std::string> names;
  for (const StepSpec& step : steps) {
    if (step.name.empty()) return invalid("a step has no name");
    if (std::find(names.begin(), names.end(), step.name) != names.end())
      return invalid(fmt::format("there are two steps named '{}'", step.name));
    names.push_back(step.name);
  }
  for (const StepSpec& step : steps) {
    for (const std::string& need : step.needs) {
      if (find_step(steps, need)) continue;
      return invalid(fmt::format("step '{}' needs '{}', which is no step of this pipeline{}",
                                 step.name, need, core::did_you_mean(need, names)));
    }
  }
  return {};
}

core::Result<StepSpec> step_from_config(const core::Config& config, const std::string& name) {
  StepSpec step;
  step.name = name;
  step.run = config.is_set("run") ? config.text("run") : name;
  step.needs = config.list("needs");
  step.retries = static_cast<int>(config.integer("retries"));
  step.retry_delay = config.duration("retry_delay");
  for (const std::string& parameter : config.names("with"))
    step.with[parameter] = config.at("with").entry(parameter).text("");
  return step;
}

core::Result<Dag> dag_from_config(const core::Config& config, const std::string& name) {
  std::vector<StepSpec> steps;
  for (const std::string& step_name : config.names("steps")) {
    const core::Config section = config.at("steps").entry(step_name);
    auto step = step_from_config(section, step_name);
    if (!step) return std::move(step).error();
    if (!section.is_set("needs") && !steps.empty()) step->needs = {steps.back().name};
    steps.push_back(*std::move(step));
  }
  auto dag = Dag::make(name, std::move(steps));
  if (!dag) return config.error_at("steps", dag.error().message);
  return dag;
}

}  // namespace

core::Result<Dag> Dag::make(std::string name, std::vector<StepSpec> steps) {
  if (steps.empty()) return invalid(fmt::format("pipeline '{}' has no steps", name));
  if (auto checked = check_names(steps); !checked)
    return std::move(checked).error().within(fmt::format("pipeline '{}'", name));

  Dag dag{std::move(name), {}};
  std::set<std::string> placed;
  while (!steps.empty()) {
    // The first in file order whose needs are all placed.
    const auto ready = std::find_if(steps.begin(), steps.end(), [&](const StepSpec& step) {
      return std::all_of(step.needs.begin(), step.needs.end(),
                         [&](const std::string& need) { return placed.contains(need); });
    });
    if (ready == steps.end())
      return invalid(fmt::format("pipeline '{}': steps need each other in a circle: {}", dag.name,
                                 spell_cycle(steps)));
    placed.insert(ready->name);
    dag.steps.push_back(std::move(*ready));
    steps.erase(ready);
  }
  return dag;
}

core::Result<std::vector<Dag>> Dag::from_config(const core::Config& config,
                                                std::span<const std::string> default_steps) {
  std::vector<Dag> dags;
  const core::Config section = config.at("pipelines");
  for (const std::string& name : section.names("")) {
    auto dag = dag_from_config(section.entry(name), name);
    if (!dag) return std::move(dag).error();
    dags.push_back(*std::move(dag));
  }
  if (!dags.empty()) return dags;
  std::vector<StepSpec> chain;
  for (const std::string& name : default_steps) {
    StepSpec step;
    step.name = step.run = name;
    if (!chain.empty()) step.needs = {chain.back().name};
    chain.push_back(std::move(step));
  }
  auto dag = make("train", std::move(chain));
  if (!dag) return std::move(dag).error();
  dags.push_back(*std::move(dag));
  return dags;
}

std::vector<std::string> Dag::downstream_of(std::string_view step) const {
  std::vector<std::string> reached;
  // Steps are in topological order: one pass sees every need before the step that has it.
  for (const StepSpec& candidate : steps) {
    const bool is_reached =
        candidate.name == step ||
        std::any_of(candidate.needs.begin(), candidate.needs.end(), [&](const std::string& need) {
          return std::find(reached.begin(), reached.end(), need) != reached.end();
        });
    if (is_reached) reached.push_back(candidate.name);
  }
  return reached;
}

}  // namespace tenure::pipelines
