#include <fmt/format.h>

#include "app/evaluation_log.h"
#include "app/model_card_facts.h"
#include "app/profit_report.h"
#include "app/steps/step_io.h"
#include "app/steps/steps.h"
#include "app/steps/tracked_run.h"
#include "app/training_table.h"
#include "core/file.h"
#include "learn/importance.h"
#include "learn/model.h"
#include "learn/plots.h"
#include "learn/report.h"

namespace tenure::app {
namespace {

core::Result<learn::EvaluationReport> measure(const core::Config& config, const learn::Model& model,
                                              const LabelledRows& rows) {
  auto scores = model.score(rows.inputs);
  if (!scores) return std::move(scores).error();
  std::vector<double> probabilities;
  probabilities.reserve(scores->size());
  for (const learn::Model::Score& score : *scores)
    probabilities.push_back(static_cast<double>(score.probability));
  auto report = learn::make_report(rows.labels, probabilities, model.facts().threshold,
                                   learn::importance_by_input(model.transform(), model.trees()));
  if (!report) return report;
  auto profit = profit_curve(config, model, rows.inputs, rows.labels, *scores);
  if (!profit) return std::move(profit).error();
  report->profit = *std::move(profit);
  return report;
}

/// Files that a person opens go to the tracked run's artifacts too.
core::Result<> log_artifacts(Project& project, const tracking::Run& run,
                             const std::filesystem::path& base,
                             std::span<const std::filesystem::path> files) {
  for (const std::filesystem::path& file : files) {
    auto place = artifact_place(project, run, file.lexically_relative(base).generic_string());
    if (!place) return std::move(place).error();
    if (auto stored = place->store->put_file(place->key, file); !stored) return stored;
  }
  return {};
}

}  // namespace

pipelines::Step evaluate_step(Project& project) {
  return [&project](const pipelines::StepContext& context) -> core::Result<pipelines::StepResult> {
    auto prepared = prepared_training(project, context);
    if (!prepared) return std::move(prepared).error();
    auto facts_file = file_of_earlier(project, context, "model_facts");
    if (!facts_file) return std::move(facts_file).error();
    const std::filesystem::path folder = facts_file->parent_path();
    auto model = learn::Model::load(folder);
    if (!model) return std::move(model).error();
    auto engine = project.engine(context.is_cancelled);
    if (!engine) return std::move(engine).error();
    auto rows = read_training_table(**engine, prepared->table, prepared->definitions,
                                    prepared->service, "test");
    if (!rows) return std::move(rows).error();
    auto report = measure(project.config(), *model, *rows);
    if (!report) return std::move(report).error().within("test rows");

    const std::filesystem::path metrics_file = folder / "metrics.json";
    if (auto written =
            core::write_file_atomically(metrics_file, core::to_pretty_text(report->to_json()));
        !written)
      return std::move(written).error();
    auto plots = learn::write_plots(*report,
                                    {.model = project.model_name(),
                                     .positive = model->facts().positive,
                                     .negative = model->facts().negative},
                                    context.directory / "plots");
    if (!plots) return std::move(plots).error();
    auto card = model_card_of(project, context, *model, *report);
    if (!card) return std::move(card).error();
    for (const std::filesystem::path& plot : plots->files)
      card->plots.push_back("../plots/" + plot.filename().string());
    const std::filesystem::path card_file = folder / "card.md";
    if (auto written = core::write_file_atomically(card_file, learn::to_markdown(*card)); !written)
      return std::move(written).error();

    auto run = tracked_run(project, context, folder);
    if (!run) return std::move(run).error();
    const learn::Evaluation& evaluation = report->evaluation;
    if (auto logged = log_evaluation(project, run->id, evaluation); !logged)
      return std::move(logged).error();
    std::vector<std::filesystem::path> artifacts = plots->files;
    if (auto stored = log_artifacts(project, *run, context.directory, artifacts); !stored)
      return std::move(stored).error();

    pipelines::StepResult result;
    if (auto added = add_input_file(project, result, prepared->table); !added)
      return std::move(added).error();
    if (auto added = add_output_file(project, result, "test_metrics", metrics_file); !added)
      return std::move(added).error();
    if (auto added = add_output_file(project, result, "card", card_file); !added)
      return std::move(added).error();
    for (const std::filesystem::path& plot : plots->files) {
      if (auto added = add_output_file(project, result, "plot_" + plot.stem().string(), plot);
          !added)
        return std::move(added).error();
    }
    if (!plots->note.empty()) result.output["plots_note"] = plots->note;
    result.output["test_rows"] = evaluation.rows;
    result.output["test_auc"] = evaluation.auc;
    result.output["average_precision"] = evaluation.average_precision;
    result.output["log_loss"] = evaluation.log_loss;
    result.output["brier"] = evaluation.brier;
    result.output["ece"] = evaluation.ece;
    result.output["top_decile_lift"] = evaluation.top_decile_lift;
    result.summary = fmt::format(
        "test AUC {:.4f}, log loss {:.4f}, the top tenth holds {:.1f} times the average",
        evaluation.auc, evaluation.log_loss, evaluation.top_decile_lift);
    if (!plots->note.empty()) result.summary += "; " + plots->note;
    return result;
  };
}

}  // namespace tenure::app
