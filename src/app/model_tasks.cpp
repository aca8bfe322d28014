#include "app/model_tasks.h"

#include <algorithm>

#include <fmt/format.h>

#include "app/model_store.h"
#include "app/steps/step_io.h"
#include "core/id.h"
#include "core/time_format.h"
#include "data/dataset.h"
#include "learn/metrics.h"
#include "serving/batch_scorer.h"

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

core::JsonArray audit_of(const std::vector<tracking::AuditEntry>& entries) {
  core::JsonArray trail;
  for (const tracking::AuditEntry& entry : entries) {
    trail.push_back(core::JsonObject{{"time", core::format_utc(entry.time)},
                                     {"actor", entry.actor},
                                     {"action", entry.action},
                                     {"subject", entry.subject},
                                     {"from", entry.from},
                                     {"to", entry.to},
                                     {"reason", entry.reason},
                                     {"evidence", entry.evidence}});
  }
  return trail;
}

/// How the columns behind a model's inputs are read: by the rules of tenure.yaml where it has some,
/// and always as the type the model was trained with.
core::Result<std::vector<data::ColumnRule>> scoring_rules(const StoredModel& stored,
                                                          const data::DataSpec& spec) {
  auto service = stored.definitions.service(stored.model.facts().service);
  if (!service) return std::move(service).error();
  std::vector<data::ColumnRule> rules;
  const auto inputs = stored.model.transform().inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const features::FeatureRef& ref = (*service)->features[i];
    const features::FeatureView* view = stored.definitions.view(ref.view);
    const auto feature = std::ranges::find(view->features, ref.feature, &features::Feature::name);
    const auto known =
        std::ranges::find(spec.columns, feature->source_column, &data::ColumnRule::name);
    data::ColumnRule rule = known != spec.columns.end() ? *known : data::ColumnRule{};
    rule.name = feature->source_column;
    rule.type = inputs[i].type;
    rule.is_inferred = false;
    rules.push_back(std::move(rule));
  }
  return rules;
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
    if (auto known = (*registry)->get_model(model); !known) return std::move(known).error();
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
  auto trail = (*registry)->audit("models/" + version->name, 20);
  if (!trail) return std::move(trail).error();
  shown["audit"] = audit_of(*trail);
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
  auto version = (*registry)->roll_back(name, of_alias, {project.actor(), reason});
  if (!version) return std::move(version).error();
  return core::JsonObject{
      {"model", name}, {"alias", of_alias}, {"version", version->version}, {"reason", reason}};
}

core::Result<core::JsonObject> score_table(Project& project, const ScoreRequest& request) {
  auto version = find_version(project, model_or_default(project, request.model), request.version);
  if (!version) return std::move(version).error();
  auto stored = open_stored_model(project, *version);
  if (!stored) return std::move(stored).error();
  auto spec = data::DataSpec::from_config(project.config());
  if (!spec) return std::move(spec).error();
  auto engine = project.engine();
  if (!engine) return std::move(engine).error();
  auto rules = scoring_rules(*stored, *spec);
  if (!rules) return std::move(rules).error();
  auto report = serving::score_file(
      **engine, stored->model,
      {.input = request.input,
       .output = request.output,
       .scratch = project.state_folder() / "tmp" / ("score-" + core::random_hex_id().substr(0, 8)),
       .id_column = spec->id,
       .model_version = version->version,
       .null_markers = spec->null_markers,
       .bad_values = spec->bad_values,
       .columns = *std::move(rules),
       .progress = {}});
  if (!report) return std::move(report).error();
  return core::JsonObject{{"model", version->name},
                          {"version", version->version},
                          {"rows", report->rows},
                          {"positives", report->positives},
                          {"file", request.output}};
}

core::Result<core::JsonObject> evaluate_model(Project& project, const EvaluateRequest& request) {
  auto version = find_version(project, model_or_default(project, request.model), request.version);
  if (!version) return std::move(version).error();
  auto stored = open_stored_model(project, *version);
  if (!stored) return std::move(stored).error();
  auto spec = data::DataSpec::from_config(project.config());
  if (!spec) return std::move(spec).error();
  if (!request.file.empty()) spec->source = std::filesystem::absolute(request.file);
  auto engine = project.engine();
  if (!engine) return std::move(engine).error();
  const std::filesystem::path scratch =
      project.state_folder() / "tmp" /
      fmt::format("evaluate-{}.parquet", core::random_hex_id().substr(0, 8));
  auto dataset = data::load_dataset(**engine, *spec, scratch, project.clock().now());
  if (!dataset) return std::move(dataset).error();
  auto table =
      (*engine)->query(fmt::format("SELECT * FROM read_parquet({}) WHERE label IS NOT NULL",
                                   data::quote_text(scratch.string())));
  std::error_code ignored;
  std::filesystem::remove(scratch, ignored);
  if (!table) return std::move(table).error();

  auto scores = stored->model.score(*table);
  if (!scores) return std::move(scores).error();
  auto label = table->column(data::kLabel);
  if (!label) return std::move(label).error();
  std::vector<std::uint8_t> labels;
  std::vector<double> probabilities;
  for (std::size_t i = 0; i < scores->size(); ++i) {
    labels.push_back((*label)->number(i) != 0 ? 1 : 0);
    probabilities.push_back(static_cast<double>((*scores)[i].probability));
  }
  auto evaluation = learn::evaluate(labels, probabilities, stored->model.facts().threshold);
  if (!evaluation) return std::move(evaluation).error();
  return core::JsonObject{{"model", version->name},
                          {"version", version->version},
                          {"file", spec->source.string()},
                          {"metrics", evaluation->to_json()}};
}

}  // namespace tenure::app
