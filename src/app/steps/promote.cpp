#include <fmt/format.h>

#include "app/model_store.h"
#include "app/promotion_gate.h"
#include "app/served_features.h"
#include "app/steps/step_io.h"
#include "app/steps/steps.h"
#include "app/training_table.h"
#include "core/file.h"

namespace tenure::app {
namespace {

/// Scores the run's test rows with a model, joining the features that model asks for.
core::Result<learn::Evaluation> evaluate_on_test(Project& project, const StoredModel& stored,
                                                 const data::Dataset& dataset,
                                                 const std::filesystem::path& entities,
                                                 const std::filesystem::path& scratch,
                                                 const std::atomic<bool>* is_cancelled) {
  auto service = stored.definitions.service(stored.model.facts().service);
  if (!service) return std::move(service).error();
  // Today's rows as the model was taught to read them: a feature of the same name may mean another
  // column by now.
  const features::Definitions definitions =
      over_current_sources(project, stored.definitions, dataset);
  auto engine = project.engine(is_cancelled);
  if (!engine) return std::move(engine).error();
  if (auto ties = write_training_table(**engine, definitions, **service, entities,
                                       dataset.id_column, scratch);
      !ties)
    return std::move(ties).error();
  auto rows = read_training_table(**engine, scratch, definitions, **service, "test");
  if (!rows) return std::move(rows).error();
  auto scores = stored.model.score(rows->inputs);
  if (!scores) return std::move(scores).error();
  std::vector<double> probabilities;
  probabilities.reserve(scores->size());
  for (const learn::Model::Score& score : *scores)
    probabilities.push_back(static_cast<double>(score.probability));
  return learn::evaluate(rows->labels, probabilities, stored.model.facts().threshold);
}

core::Json side(const tracking::ModelVersion& version, const learn::Evaluation& evaluation) {
  return core::JsonObject{{"version", version.version}, {"metrics", evaluation.to_json()}};
}

}  // namespace

pipelines::Step promote_step(Project& project) {
  return [&project](const pipelines::StepContext& context) -> core::Result<pipelines::StepResult> {
    auto gate = PromotionGate::from_config(project.config());
    if (!gate) return std::move(gate).error();
    auto dataset = dataset_of_run(project, context);
    if (!dataset) return std::move(dataset).error();
    auto entities = file_of_earlier(project, context, "entities");
    if (!entities) return std::move(entities).error();
    auto number = output_of_earlier(context, "version");
    if (!number) return std::move(number).error();
    auto registry = project.registry();
    if (!registry) return std::move(registry).error();
    const std::string alias = project.config().text("serving.alias");
    auto challenger = (*registry)->get_version(project.model_name(), number->as_int64());
    if (!challenger) return std::move(challenger).error();
    auto champion = (*registry)->find_by_alias(project.model_name(), alias);
    if (!champion) return std::move(champion).error();

    const std::filesystem::path scratch = context.directory / "gate.parquet";
    const auto measure =
        [&](const tracking::ModelVersion& version) -> core::Result<learn::Evaluation> {
      auto stored = open_stored_model(project, version);
      if (!stored) return std::move(stored).error();
      return evaluate_on_test(project, *stored, *dataset, *entities, scratch, context.is_cancelled);
    };
    auto challenger_metrics = measure(*challenger);
    if (!challenger_metrics) return std::move(challenger_metrics).error();
    core::JsonObject evidence{{"challenger", side(*challenger, *challenger_metrics)},
                              {"gate", gate->to_json()}};

    Verdict verdict;
    if (*champion && (*champion)->version == challenger->version) {
      verdict = {true, fmt::format("version {} is the {} already", challenger->version, alias)};
    } else if (*champion) {
      auto champion_metrics = measure(**champion);
      // Without a comparison nothing says the challenger is better: a person decides.
      verdict =
          champion_metrics
              ? gate->compare(*challenger_metrics, *champion_metrics)
              : Verdict{false,
                        fmt::format("the champion cannot be measured on these rows ({}); decide "
                                    "with `tenure models promote {}`",
                                    champion_metrics.error().message, challenger->version)};
      if (champion_metrics) evidence["champion"] = side(**champion, *champion_metrics);
    } else {
      verdict = gate->without_champion(*challenger_metrics, "there is no champion yet");
    }
    std::error_code ignored;
    std::filesystem::remove(scratch, ignored);

    const bool is_new = !*champion || (*champion)->version != challenger->version;
    if (verdict.is_promoted && is_new && (*registry)->approval_policy().protects_alias(alias)) {
      auto approval = (*registry)->approval_of(project.model_name(), challenger->version);
      if (!approval) return std::move(approval).error();
      if (!approval->is_approved()) {
        if (auto proposed = (*registry)->propose(project.model_name(), challenger->version, alias,
                                                 {project.actor(), verdict.reason, evidence});
            !proposed)
          return std::move(proposed).error();
        verdict = {false, fmt::format("{}; but {}", verdict.reason, approval->standing())};
      }
    }
    if (verdict.is_promoted && is_new) {
      if (auto moved = (*registry)->set_alias(project.model_name(), alias, challenger->version,
                                              {project.actor(), verdict.reason, evidence});
          !moved) {
        return std::move(moved).error();
      }
    }
    if (auto tagged = (*registry)->set_version_tag(project.model_name(), challenger->version,
                                                   "tenure.promotion", verdict.reason,
                                                   {project.actor(), verdict.reason});
        !tagged) {
      return std::move(tagged).error();
    }
    pipelines::StepResult result;
    result.output["promoted"] = verdict.is_promoted;
    result.output["why"] = verdict.reason;
    result.output["alias"] = alias;
    result.output["evidence"] = std::move(evidence);
    result.summary = (verdict.is_promoted ? "promoted: " : "not promoted: ") + verdict.reason;
    return result;
  };
}

}  // namespace tenure::app
