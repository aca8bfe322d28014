#include <algorithm>
#include <array>
#include <initializer_list>

#include <fmt/format.h>

#include "app/steps/step_io.h"
#include "app/steps/steps.h"
#include "app/steps/tracked_run.h"
#include "app/training_table.h"
#include "core/file.h"
#include "decision/threshold.h"
#include "learn/calibration.h"
#include "learn/model.h"
#include "learn/reference.h"
#include "learn/secondary_model.h"
#include "learn/trainer.h"

namespace tenure::app {
namespace {

/// What a version is judged by and served with. Where each customer has a threshold of their own,
/// the training rate stands in for it in reports.
core::Result<double> decision_threshold(const core::Config& config, double base_rate) {
  auto threshold = decision::Threshold::from_config(config);
  if (!threshold) return std::move(threshold).error();
  return threshold->kind == decision::Threshold::Kind::kFixed ? threshold->value : base_rate;
}

/// How missing values of each input that is a column of the cleaned table were read and replaced.
void set_null_rules(const core::Config& config, const data::Dataset& dataset,
                    const features::Definitions& definitions,
                    const features::FeatureService& service, learn::ModelFacts& facts) {
  const auto inputs = inputs_of(definitions, service);
  for (std::size_t i = 0; i < service.features.size(); ++i) {
    const features::FeatureRef& ref = service.features[i];
    const features::FeatureView* view = definitions.view(ref.view);
    if (std::filesystem::path(view->source) != dataset.parquet) continue;
    const auto feature = std::ranges::find(view->features, ref.feature, &features::Feature::name);
    const auto rule =
        std::ranges::find(dataset.columns, feature->source_column, &data::ColumnRule::name);
    if (rule == dataset.columns.end()) continue;
    if (rule->null_value) facts.null_values[inputs[i].name] = *rule->null_value;
    std::vector<std::string>& markers = facts.null_markers[inputs[i].name];
    markers = config.list("data.null_markers");
    markers.insert(markers.end(), rule->null_markers.begin(), rule->null_markers.end());
  }
}

core::Result<learn::ModelFacts> facts_of(const Project& project, const data::Dataset& dataset,
                                         const features::Definitions& definitions,
                                         const features::FeatureService& service,
                                         double base_rate) {
  auto threshold = decision_threshold(project.config(), base_rate);
  if (!threshold) return std::move(threshold).error();
  learn::ModelFacts facts;
  facts.service = service.name;
  facts.refs = refs_of(service);
  facts.base_rate = base_rate;
  facts.threshold = *threshold;
  facts.positive = project.config().text("decision.positive");
  facts.negative = project.config().text("decision.negative");
  set_null_rules(project.config(), dataset, definitions, service, facts);
  return facts;
}

/// Makes probabilities honest, if that helps on rows the model did not see, and learns where they
/// decide nothing.
core::Result<> set_confidence(const core::Config& config, const learn::TrainSpec& spec,
                              std::span<const std::uint8_t> labels,
                              std::span<const double> out_of_fold, learn::ModelFacts& facts) {
  const std::string method = config.text("model.calibration");
  if (method == "auto") {
    auto choice =
        learn::choose_calibration(labels, out_of_fold, {.folds = spec.folds, .seed = spec.seed});
    if (!choice) return std::move(choice).error().within("model.calibration");
    facts.calibration = std::move(choice->calibration);
  } else if (method != "none") {
    constexpr std::array kMethods = {learn::CalibrationMethod::kPlatt,
                                     learn::CalibrationMethod::kIsotonic,
                                     learn::CalibrationMethod::kBeta};
    const auto wanted = std::ranges::find(kMethods, method, learn::calibration_method_name);
    auto fitted = learn::Calibration::fit(*wanted, labels, out_of_fold);
    if (!fitted) return std::move(fitted).error().within("model.calibration");
    facts.calibration = *std::move(fitted);
  }
  std::vector<float> served;
  served.reserve(out_of_fold.size());
  for (const double probability : out_of_fold)
    served.push_back(facts.calibration.apply(static_cast<float>(probability)));
  auto conformal =
      learn::Conformal::fit(labels, served, {.alpha = config.number("model.conformal_alpha")});
  if (!conformal) return std::move(conformal).error().within("model.conformal_alpha");
  facts.conformal = *std::move(conformal);
  return {};
}

core::Result<> write_files(const std::filesystem::path& folder,
                           std::initializer_list<std::pair<const char*, std::string>> files) {
  for (const auto& [name, content] : files)
    if (auto written = core::write_file_atomically(folder / name, content); !written)
      return written;
  return {};
}

/// The simple model that answers where this one cannot, in a folder of its own.
core::Result<> write_secondary(const std::filesystem::path& folder, const learn::TrainSpec& spec,
                               std::span<const learn::InputField> inputs, const data::Table& table,
                               std::span<const std::uint8_t> labels, learn::ModelFacts facts) {
  auto secondary = learn::train_secondary(inputs, table, labels, spec.seed, spec.threads);
  if (!secondary) return std::move(secondary).error();
  facts.trainer = "xgboost gblinear";
  facts.calibration = {};
  facts.conformal.reset();
  return write_files(folder,
                     {{"model.ubj", secondary->xgboost_ubj},
                      {"transform.json", core::to_pretty_text(secondary->transform.to_json())},
                      {"model.json", core::to_pretty_text(facts.to_json())}});
}

/// Writes what a model is made of into the run's folder; the register step turns it into a package.
core::Result<> write_model_files(const std::filesystem::path& folder,
                                 const learn::Training& training, const learn::ModelFacts& facts,
                                 const core::Json& reference) {
  return write_files(folder,
                     {{"model.ubj", training.xgboost_ubj},
                      {"transform.json", core::to_pretty_text(training.transform.to_json())},
                      {"model.json", core::to_pretty_text(facts.to_json())},
                      {"reference.json", core::to_pretty_text(reference)}});
}

core::Result<> log_training(Project& project, const tracking::Run& run,
                            const learn::Training& training) {
  const learn::CrossValidation& cv = training.cross_validation;
  const std::int64_t now_ms = project.clock().now() / 1000;
  std::vector<tracking::Metric> metrics;
  const auto add = [&](std::string key, double value, std::int64_t step = 0) {
    metrics.push_back({std::move(key), value, now_ms, step});
  };
  add("cv_auc_mean", cv.auc_mean);
  add("cv_auc_sd", cv.auc_sd);
  add("cv_average_precision", cv.mean.average_precision);
  add("cv_log_loss", cv.mean.log_loss);
  for (std::size_t i = 0; i < cv.folds.size(); ++i) {
    add("fold_auc", cv.folds[i].auc, static_cast<std::int64_t>(i));
    add("fold_log_loss", cv.folds[i].log_loss, static_cast<std::int64_t>(i));
  }
  std::map<std::string, std::string> params = training.params;
  params["preset"] = training.preset;
  params["encoding"] = training.encoding;
  params["rounds"] = std::to_string(training.rounds);
  auto runs = project.runs();
  if (!runs) return std::move(runs).error();
  return (*runs)->log(run.id, metrics, params);
}

}  // namespace

pipelines::Step train_step(Project& project) {
  return [&project](const pipelines::StepContext& context) -> core::Result<pipelines::StepResult> {
    auto spec = learn::TrainSpec::from_config(project.config());
    if (!spec) return std::move(spec).error();
    auto prepared = prepared_training(project, context);
    if (!prepared) return std::move(prepared).error();
    auto engine = project.engine(context.is_cancelled);
    if (!engine) return std::move(engine).error();
    auto rows = read_training_table(**engine, prepared->table, prepared->definitions,
                                    prepared->service, "train");
    if (!rows) return std::move(rows).error();

    const auto inputs = inputs_of(prepared->definitions, prepared->service);
    const auto observer = [&context](const learn::TrainProgress& progress) {
      if (context.progress) {
        context.progress(static_cast<std::uint64_t>(progress.done),
                         static_cast<std::uint64_t>(progress.total),
                         progress.log_loss > 0
                             ? fmt::format("{}, log loss {:.4f}", progress.phase, progress.log_loss)
                             : progress.phase);
      }
      return context.is_cancelled == nullptr || !context.is_cancelled->load();
    };
    auto training = learn::train(*spec, inputs, rows->inputs, rows->labels, observer);
    if (!training) return std::move(training).error();
    auto dataset = dataset_of_run(project, context);
    if (!dataset) return std::move(dataset).error();
    auto facts =
        facts_of(project, *dataset, prepared->definitions, prepared->service, training->base_rate);
    if (!facts) return std::move(facts).error();

    if (auto set = set_confidence(project.config(), *spec, rows->labels,
                                  training->cross_validation.out_of_fold, *facts);
        !set)
      return std::move(set).error();

    const std::filesystem::path folder = context.directory / "model";
    if (project.config().boolean("serving.fallback.secondary")) {
      if (auto written = write_secondary(folder / "secondary", *spec, inputs, rows->inputs,
                                         rows->labels, *facts);
          !written)
        return std::move(written).error();
    }
    const core::Json reference =
        learn::make_reference(inputs, rows->inputs, training->cross_validation.out_of_fold);
    if (auto written = write_model_files(folder, *training, *facts, reference); !written)
      return std::move(written).error();
    auto run = tracked_run(project, context, folder);
    if (!run) return std::move(run).error();
    if (auto logged = log_training(project, *run, *training); !logged)
      return std::move(logged).error();

    pipelines::StepResult result;
    if (auto added = add_input_file(project, result, prepared->table); !added)
      return std::move(added).error();
    for (const auto& [key, file] :
         {std::pair{"model_ubj", "model.ubj"}, std::pair{"transform", "transform.json"},
          std::pair{"model_facts", "model.json"}, std::pair{"reference", "reference.json"}}) {
      if (auto added = add_output_file(project, result, key, folder / file); !added)
        return std::move(added).error();
    }
    const learn::CrossValidation& cv = training->cross_validation;
    result.output["run_id"] = run->id;
    result.output["calibration"] = learn::calibration_method_name(facts->calibration.method());
    result.output["preset"] = training->preset;
    result.output["rounds"] = training->rounds;
    result.output["cv_auc_mean"] = cv.auc_mean;
    result.output["cv_auc_sd"] = cv.auc_sd;
    result.output["train_rows"] = static_cast<std::int64_t>(rows->labels.size());
    result.output["train_positives"] =
        static_cast<std::int64_t>(std::ranges::count(rows->labels, 1));
    result.output["folds"] = static_cast<std::int64_t>(cv.folds.size());
    result.output["cv_mean"] = cv.mean.to_json();
    result.output["base_rate"] = training->base_rate;
    core::JsonObject params;
    for (const auto& [name, value] : training->params) params[name] = value;
    result.output["params"] = std::move(params);
    core::JsonObject seconds;
    for (const auto& [phase, value] : training->seconds) seconds[phase] = value;
    result.output["training_seconds"] = std::move(seconds);
    result.summary =
        fmt::format("AUC {:.4f} ± {:.4f} in {} folds; {} rounds of preset '{}'", cv.auc_mean,
                    cv.auc_sd, cv.folds.size(), training->rounds, training->preset);
    return result;
  };
}

}  // namespace tenure::app
