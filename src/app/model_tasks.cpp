#include "app/model_tasks.h"

#include <fmt/format.h>

#include "app/model_store.h"
#include "core/time_format.h"
#include "data/table.h"
#include "tracking/version_review.h"

namespace tenure::app {
namespace {

std::string time_of(std::int64_t milliseconds) {
  return core::format_utc(milliseconds * 1000);
}

core::JsonObject describe(const tracking::ModelVersion& version) {
  core::JsonArray aliases;
  for (const std::string& alias : version.aliases) aliases.emplace_back(alias);
  core::JsonObject tags;
  for (const auto& [key, value] : version.tags) tags[key] = value;
  return core::JsonObject{{"model", version.name},         {"version", version.version},
                          {"aliases", std::move(aliases)}, {"stage", version.stage},
                          {"status", version.status},      {"created", time_of(version.created_ms)},
                          {"run_id", version.run_id},      {"source", version.source},
                          {"tags", std::move(tags)}};
}

/// The latest metrics of the run a version came from; empty when it has none here.
core::JsonObject metrics_of(Project& project, const tracking::ModelVersion& version) {
  core::JsonObject metrics;
  auto runs = project.runs();
  if (!runs) return metrics;
  const auto run = (*runs)->get(version.run_id);
  if (!run) return metrics;
  for (const auto& [key, metric] : run->metrics) metrics[key] = metric.value;
  return metrics;
}

std::string model_or_default(const Project& project, const std::string& model) {
  return model.empty() ? project.model_name() : model;
}

}  // namespace

core::Result<core::JsonArray> list_models(Project& project, const std::string& model) {
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  std::vector<std::string> names;
  if (model.empty()) {
    auto models = (*registry)->list_models();
    if (!models) return std::move(models).error();
    for (const tracking::RegisteredModel& known : *models) names.push_back(known.name);
  } else {
    if (auto known = (*registry)->get_model(model); !known)
      return known.error().code == core::ErrorCode::kNotFound ? unknown_model(project, model)
                                                              : std::move(known).error();
    names.push_back(model);
  }
  core::JsonArray list;
  for (const std::string& name : names) {
    auto versions = (*registry)->list_versions(name);
    if (!versions) return std::move(versions).error();
    for (const tracking::ModelVersion& version : *versions) {
      core::JsonObject row = describe(version);
      row["metrics"] = metrics_of(project, version);
      list.push_back(std::move(row));
    }
  }
  return list;
}

core::Result<core::JsonObject> show_model(Project& project, const std::string& model,
                                          const std::string& version_text) {
  auto version = find_version(project, model_or_default(project, model), version_text);
  if (!version) return std::move(version).error();
  core::JsonObject shown = describe(*version);
  shown["metrics"] = metrics_of(project, *version);
  auto stored = open_stored_model(project, *version);
  if (!stored) {
    shown["package_error"] = stored.error().message;
  } else {
    core::JsonArray inputs;
    for (const learn::InputField& input : stored->model.transform().inputs())
      inputs.push_back(
          core::JsonObject{{"name", input.name}, {"type", data::column_type_name(input.type)}});
    shown["inputs"] = std::move(inputs);
    shown["encoded_columns"] =
        static_cast<std::int64_t>(stored->model.transform().outputs().size());
    shown["trees"] = static_cast<std::int64_t>(stored->model.trees().tree_count());
    shown["threshold"] = stored->model.facts().threshold;
    shown["base_rate"] = stored->model.facts().base_rate;
    shown["sha256"] = stored->sha256;
    shown["package"] = stored->package.string();
  }
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  auto history = tracking::history_of_model(**registry, version->name, std::nullopt, 20);
  if (!history) return std::move(history).error();
  shown["audit"] = std::move(history->at("entries"));
  if ((*registry)->approval_policy().is_active()) {
    auto approval = (*registry)->approval_of(version->name, version->version);
    if (!approval) return std::move(approval).error();
    shown["approval"] = tracking::to_json(*approval);
  }
  return shown;
}

core::Result<core::JsonObject> promote_model(Project& project, const std::string& model,
                                             const std::string& version_text,
                                             const std::string& alias, const std::string& reason) {
  const std::string name = model_or_default(project, model);
  const std::string to_alias = alias.empty() ? project.config().text("serving.alias") : alias;
  auto version = find_version(project, name, version_text);
  if (!version) return std::move(version).error();
  // A damaged package must not become the champion, whoever says so.
  if (auto stored = open_stored_model(project, *version); !stored) return std::move(stored).error();
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  auto before = (*registry)->find_by_alias(name, to_alias);
  if (!before) return std::move(before).error();
  if (auto moved =
          (*registry)->set_alias(name, to_alias, version->version, {project.actor(), reason});
      !moved)
    return std::move(moved).error();
  return core::JsonObject{{"model", name},
                          {"alias", to_alias},
                          {"version", version->version},
                          {"was", *before ? core::Json((*before)->version) : core::Json(nullptr)},
                          {"reason", reason}};
}

core::Result<core::JsonObject> roll_back_model(Project& project, const std::string& model,
                                               const std::string& alias,
                                               const std::string& reason) {
  const std::string name = model_or_default(project, model);
  const std::string of_alias = alias.empty() ? project.config().text("serving.alias") : alias;
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  if (auto known = (*registry)->get_model(name);
      !known && known.error().code == core::ErrorCode::kNotFound)
    return unknown_model(project, name);
  auto version = (*registry)->roll_back(name, of_alias, {project.actor(), reason});
  if (!version) return std::move(version).error();
  return core::JsonObject{
      {"model", name}, {"alias", of_alias}, {"version", version->version}, {"reason", reason}};
}

core::Result<core::JsonObject> take_alias_away(Project& project, const std::string& model,
                                               const std::string& alias,
                                               const std::string& reason) {
  const std::string name = model_or_default(project, model);
  const std::string plain = alias.starts_with('@') ? alias.substr(1) : alias;
  if (plain == project.config().text("serving.alias"))
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("'{}' is the alias that is served; move it with `tenure models "
                                   "promote`",
                                   plain)};
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  auto was = (*registry)->find_by_alias(name, plain);
  if (!was) return std::move(was).error();
  if (!*was)
    return core::Error{core::ErrorCode::kNotFound,
                       fmt::format("no version of '{}' has the alias '{}'", name, plain)};
  if (auto gone = (*registry)->delete_alias(name, plain, {project.actor(), reason}); !gone)
    return std::move(gone).error();
  return core::JsonObject{
      {"model", name}, {"alias", plain}, {"was", (*was)->version}, {"reason", reason}};
}

}  // namespace tenure::app
