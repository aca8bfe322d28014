#include "app/evaluate_task.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "app/evaluation_log.h"
#include "app/model_store.h"
#include "app/profit_report.h"
#include "app/scoring_rules.h"
#include "app/steps/step_io.h"
#include "app/training_table.h"
#include "core/id.h"
#include "core/sha256.h"
#include "data/parquet_file.h"
#include "learn/importance.h"
#include "learn/metrics.h"
#include "learn/plots.h"
#include "learn/report.h"
#include "pipelines/run_store.h"

namespace tenure::app {
namespace {

/// A file that goes at the end of its scope.
struct ScratchFile {
  std::filesystem::path path;
  ~ScratchFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

/// The labelled rows of a file, as inputs of the model.
core::Result<LabelledRows> read_labelled_file(Project& project, const StoredModel& stored,
                                              const std::filesystem::path& file,
                                              const std::string& label) {
  auto spec = data::DataSpec::from_config(project.config());
  if (!spec) return std::move(spec).error();
  if (!label.empty() && label != spec->label) {
    spec->label = label;
    spec->positive.clear();  // of the configured column
  }
  if (spec->label.empty())
    return project.config().error_at("data.label.column",
                                     "is missing; a model can be evaluated only against a label "
                                     "(--label names a column, too)");
  auto rules = scoring_rules(stored, *spec);
  if (!rules) return std::move(rules).error();
  spec->source = std::filesystem::absolute(file);
  spec->columns = *std::move(rules);
  spec->ignored.clear();  // a column ignored in data.source may be a feature of another view
  spec->is_exact = true;
  auto engine = project.engine();
  if (!engine) return std::move(engine).error();
  const ScratchFile cleaned{project.state_folder() / "tmp" /
                            fmt::format("evaluate-{}.parquet", core::random_hex_id().substr(0, 8))};
  auto dataset = data::load_dataset(**engine, *spec, cleaned.path, project.clock().now());
  if (!dataset) return std::move(dataset).error();

  std::string columns;
  for (const data::ColumnRule& rule : spec->columns)
    columns += ", " + data::quote_identifier(rule.name);
  auto table =
      (*engine)->query(fmt::format("SELECT {0}{1} FROM read_parquet({2}) WHERE {0} IS NOT NULL",
                                   data::kLabel, columns, data::quote_text(cleaned.path.string())));
  if (!table) return std::move(table).error();
  LabelledRows rows;
  for (std::size_t i = 0; i < table->row_count(); ++i)
    rows.labels.push_back(table->columns[0].number(i) != 0 ? 1 : 0);
  const auto inputs = stored.model.transform().inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    rows.inputs.columns.push_back(std::move(table->columns[i + 1]));
    rows.inputs.columns.back().name = inputs[i].name;
  }
  return rows;
}

/// The training table of the pipeline run that trained a version.
core::Result<std::filesystem::path> training_table_of(Project& project,
                                                      const tracking::ModelVersion& version) {
  const auto gone = [&](std::string_view why) {
    return core::Error{core::ErrorCode::kNotFound,
                       fmt::format("the rows held out when {} version {} was trained are not here "
                                   "({}); name a labelled file",
                                   version.name, version.version, why)};
  };
  auto runs = project.runs();
  if (!runs) return std::move(runs).error();
  const auto tracked = (*runs)->get(version.run_id);
  if (!tracked) return gone(tracked.error().message);
  const auto pipeline_run = tracked->tags.find("tenure.pipeline_run");
  if (pipeline_run == tracked->tags.end()) return gone("no pipeline run of this project made it");
  auto database = project.database();
  if (!database) return std::move(database).error();
  pipelines::RunStore store(**database, project.clock());
  if (auto ready = store.prepare(); !ready) return std::move(ready).error();
  auto run = store.find(pipeline_run->second);
  if (!run) return std::move(run).error();
  if (!run->has_value()) return gone("its pipeline run is not known");
  for (const pipelines::StepRecord& step : (*run)->steps) {
    const core::Json* table = step.result.output.if_contains("training_table");
    if (table == nullptr) continue;
    std::filesystem::path path = project.config().directory() / std::string(table->as_string());
    if (!std::filesystem::exists(path)) return gone(path.string() + " was removed");
    return path;
  }
  return gone("its pipeline run has no step that gives a training_table");
}

/// Draws what there is to see of a model on labelled rows; answers the files, or why there are
/// none.
core::Result<core::JsonObject> draw_plots(const Project& project, const StoredModel& stored,
                                          const tracking::ModelVersion& version,
                                          const LabelledRows& rows,
                                          std::span<const learn::Model::Score> scores,
                                          const std::filesystem::path& folder) {
  const learn::Model& model = stored.model;
  std::vector<double> probabilities;
  for (const learn::Model::Score& score : scores)
    probabilities.push_back(static_cast<double>(score.probability));
  auto report = learn::make_report(rows.labels, probabilities, model.facts().threshold,
                                   learn::importance_by_input(model.transform(), model.trees()));
  if (!report) return std::move(report).error();
  auto profit = profit_curve(project.config(), model, rows.inputs, rows.labels, scores);
  if (!profit) return std::move(profit).error();
  report->profit = *std::move(profit);
  auto drawn = learn::write_plots(*report,
                                  {.model = fmt::format("{} v{}", version.name, version.version),
                                   .positive = model.facts().positive,
                                   .negative = model.facts().negative},
                                  folder);
  if (!drawn) return std::move(drawn).error();
  core::JsonArray files;
  for (const std::filesystem::path& file : drawn->files) files.emplace_back(file.string());
  return core::JsonObject{{"plots", std::move(files)}, {"plots_note", drawn->note}};
}

core::Result<LabelledRows> read_held_out_rows(Project& project, const StoredModel& stored,
                                              const std::filesystem::path& table) {
  auto service = stored.definitions.service(stored.model.facts().service);
  if (!service) return std::move(service).error();
  auto engine = project.engine();
  if (!engine) return std::move(engine).error();
  return read_training_table(**engine, table, stored.definitions, **service, "test");
}

/// "3", "@champion" of the project's model, or "other/3".
core::Result<tracking::ModelVersion> version_named(Project& project, const std::string& text) {
  const std::size_t slash = text.rfind('/');
  if (slash == std::string::npos) return find_version(project, project.model_name(), text);
  return find_version(project, text.substr(0, slash), text.substr(slash + 1));
}

struct EvaluationRows {
  LabelledRows rows;
  std::string what;
  std::filesystem::path file;
};

core::Result<EvaluationRows> rows_for(Project& project, const EvaluateRequest& request,
                                      const tracking::ModelVersion& version,
                                      const StoredModel& stored) {
  if (!request.file.empty()) {
    if (!request.rows_of.empty())
      return core::Error{core::ErrorCode::kInvalidArgument,
                         "name either a file or --rows-of, not both"};
    auto rows = read_labelled_file(project, stored, request.file, request.label);
    if (!rows) return std::move(rows).error();
    return EvaluationRows{*std::move(rows), "all labelled rows", request.file};
  }
  tracking::ModelVersion trained = version;
  if (!request.rows_of.empty()) {
    auto other = version_named(project, request.rows_of);
    if (!other) return std::move(other).error().within("--rows-of");
    trained = *std::move(other);
  }
  auto table = training_table_of(project, trained);
  if (!table) return std::move(table).error();
  auto rows = read_held_out_rows(project, stored, *table);
  if (!rows)
    return std::move(rows).error().within(
        fmt::format("the rows of {} version {}", trained.name, trained.version));
  const bool is_own = trained.name == version.name && trained.version == version.version;
  return EvaluationRows{
      *std::move(rows),
      is_own ? "the rows held out in training"
             : fmt::format("the rows held out for {} version {}", trained.name, trained.version),
      *std::move(table)};
}

/// The metrics, and what they were measured on, into the version's run.
core::Result<> log_into_run(Project& project, const tracking::ModelVersion& version,
                            const std::filesystem::path& file,
                            const learn::Evaluation& evaluation) {
  if (version.run_id.empty())
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("{} version {} was registered without a run, so there is none "
                                   "to log into",
                                   version.name, version.version)};
  auto digest = core::sha256_file(file);
  if (!digest) return std::move(digest).error();
  auto runs = project.runs();
  if (!runs) return std::move(runs).error();
  const std::string source = core::to_text(
      core::JsonObject{{"uri", std::filesystem::absolute(file).lexically_normal().string()}});
  // The name and the length that MLflow gives a data set's digest.
  const tracking::DatasetInput input{{.name = file.filename().string(),
                                      .digest = digest->substr(0, 36),
                                      .source_type = "local",
                                      .source = source,
                                      .schema = "",
                                      .profile = ""},
                                     {{"mlflow.data.context", "evaluation"}}};
  auto logged = (*runs)->log_inputs(version.run_id, std::span(&input, 1), {});
  if (!logged) return logged;
  return log_evaluation(project, version.run_id, evaluation);
}

}  // namespace

core::Result<core::JsonObject> evaluate_model(Project& project, const EvaluateRequest& request) {
  auto version = find_version(project, request.model.empty() ? project.model_name() : request.model,
                              request.version);
  if (!version) return std::move(version).error();
  auto stored = open_stored_model(project, *version);
  if (!stored) return std::move(stored).error();
  auto measured = rows_for(project, request, *version, *stored);
  if (!measured) return std::move(measured).error();
  const LabelledRows& rows = measured->rows;

  auto scores = stored->model.score(rows.inputs);
  if (!scores) return std::move(scores).error();
  std::vector<double> probabilities;
  probabilities.reserve(scores->size());
  for (const learn::Model::Score& score : *scores)
    probabilities.push_back(static_cast<double>(score.probability));
  auto evaluation = learn::evaluate(rows.labels, probabilities, stored->model.facts().threshold);
  if (!evaluation) return std::move(evaluation).error().within(measured->file.string());
  auto profit = profit_report(project.config(), stored->model, rows.inputs, rows.labels, *scores);
  if (!profit) return std::move(profit).error();
  if (request.is_logged) {
    if (auto logged = log_into_run(project, *version, measured->file, *evaluation); !logged)
      return std::move(logged).error();
  }
  core::JsonObject answer{
      {"model", version->name},
      {"version", version->version},
      {"rows", measured->what},
      {"file", request.file.empty() ? relative_to_project(project, measured->file)
                                    : measured->file.string()},
      {"metrics", evaluation->to_json()},
      {"logged", request.is_logged ? core::Json(version->run_id) : core::Json(nullptr)}};
  if (*profit) answer["profit"] = **std::move(profit);
  if (!request.plots.empty()) {
    auto drawn = draw_plots(project, *stored, *version, rows, *scores, request.plots);
    if (!drawn) return std::move(drawn).error().within("--plots");
    for (auto& [key, value] : *drawn) answer[key] = std::move(value);
  }
  return answer;
}

}  // namespace tenure::app
