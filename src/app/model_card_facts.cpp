#include "app/model_card_facts.h"

#include <algorithm>

#include <fmt/format.h>

#include "app/steps/step_io.h"
#include "core/time_format.h"

namespace tenure::app {
namespace {

void add_words(learn::ModelCard& card, const core::Config& words) {
  card.owner = words.text("owner");
  card.intended_use = words.text("intended_use");
  card.out_of_scope = words.text("out_of_scope");
  card.label_definition = words.text("label_definition");
  card.limits = words.text("limits");
  card.ethical_considerations = words.text("ethical_considerations");
  card.licence = words.text("licence");
  const std::vector<std::string> sensitive = words.list("sensitive_inputs");
  for (const std::string& input : card.inputs)
    if (std::ranges::find(sensitive, input) != sensitive.end())
      card.sensitive_inputs.push_back(input);
}

double number_or_zero(const core::JsonObject& object, std::string_view key) {
  const core::Json* value = object.if_contains(key);
  return value != nullptr && value->is_number() ? value->to_number<double>() : 0;
}

/// What the train step told of its cross-validation.
void add_training(learn::ModelCard& card, const core::JsonObject& training) {
  card.auc_mean = number_or_zero(training, "cv_auc_mean");
  card.auc_sd = number_or_zero(training, "cv_auc_sd");
  card.folds = static_cast<int>(number_or_zero(training, "folds"));
  card.training_rows = static_cast<std::int64_t>(number_or_zero(training, "train_rows"));
  card.training_positives = static_cast<std::int64_t>(number_or_zero(training, "train_positives"));
  if (const core::Json* mean = training.if_contains("cv_mean");
      mean != nullptr && mean->is_object()) {
    const core::JsonObject& metrics = mean->get_object();
    card.cross_validation.rows = card.training_rows;
    card.cross_validation.positives = card.training_positives;
    card.cross_validation.ks = number_or_zero(metrics, "ks");
    card.cross_validation.auc = number_or_zero(metrics, "auc");
    card.cross_validation.average_precision = number_or_zero(metrics, "average_precision");
    card.cross_validation.log_loss = number_or_zero(metrics, "log_loss");
    card.cross_validation.brier = number_or_zero(metrics, "brier");
    card.cross_validation.ece = number_or_zero(metrics, "ece");
    card.cross_validation.top_decile_lift = number_or_zero(metrics, "top_decile_lift");
  }
  if (const core::Json* params = training.if_contains("params");
      params != nullptr && params->is_object())
    for (const auto& [name, value] : params->get_object())
      card.params[std::string(name)] =
          value.is_string() ? std::string(value.get_string()) : core::to_text(value);
  card.architecture = fmt::format(
      "XGBoost trees, {:.0f} rounds, preset {}", number_or_zero(training, "rounds"),
      training.contains("preset") ? std::string(training.at("preset").as_string()) : "-");
  if (training.contains("run_id")) card.run_id = std::string(training.at("run_id").as_string());
}

/// From when to when the rows that the model learnt from were known.
core::Result<std::string> training_window(const Project& project,
                                          const std::filesystem::path& table) {
  auto engine = project.engine();
  if (!engine) return std::move(engine).error();
  auto times = (*engine)->query(
      fmt::format("SELECT coalesce(epoch_us(min({0})), 0), coalesce(epoch_us(max({0})), 0) FROM "
                  "read_parquet({1}) WHERE fold = 'train'",
                  data::kEventTimestamp, data::quote_text(table.string())));
  if (!times) return std::move(times).error();
  const auto text = [&](std::size_t column) {
    return core::format_utc(
        std::get<std::vector<std::int64_t>>(times->columns[column].values).front());
  };
  return text(0) == text(1) ? "as of " + text(0) : fmt::format("{} to {}", text(0), text(1));
}

}  // namespace

core::Result<learn::ModelCard> model_card_of(const Project& project,
                                             const pipelines::StepContext& context,
                                             const learn::Model& model,
                                             const learn::EvaluationReport& report) {
  learn::ModelCard card;
  card.name = project.model_name();
  card.created = core::format_utc(project.clock().now());
  card.test = report.evaluation;
  card.importance = report.importance;
  card.threshold = model.facts().threshold;
  card.positive = model.facts().positive;
  card.negative = model.facts().negative;
  for (const learn::InputField& input : model.transform().inputs())
    card.inputs.push_back(input.name);
  for (const auto& [step, output] : context.outputs)
    if (output.is_object() && output.get_object().contains("cv_auc_mean"))
      add_training(card, output.get_object());
  auto digest = output_of_earlier(context, "source_sha256");
  if (!digest) return std::move(digest).error();
  card.data_version = "SHA-256 " + std::string(digest->as_string());
  auto prepared = prepared_training(project, context);
  if (!prepared) return std::move(prepared).error();
  auto window = training_window(project, prepared->table);
  if (!window) return std::move(window).error().within("training table");
  card.training_window = *std::move(window);
  add_words(card, project.config().at("model.card"));
  return card;
}

}  // namespace tenure::app
