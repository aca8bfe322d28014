#include "app/score_task.h"

#include <cmath>

#include <fmt/format.h>

#include "app/model_store.h"
#include "app/scoring_rules.h"
#include "core/sha256.h"
#include "data/parquet_file.h"
#include "decision/threshold.h"
#include "learn/explainer.h"
#include "serving/batch_scorer.h"
#include "serving/reasons.h"

namespace tenure::app {
namespace {

/// How the rows are dealt out to intermediate files; counted up when that changes.
constexpr int kScratchLayout = 2;

/// The folder of intermediate files, named after all that the output depends on: the same command
/// finds what an earlier one left, another never does.
core::Result<std::filesystem::path> scratch_of(const Project& project, const ScoreRequest& request,
                                               const tracking::ModelVersion& version,
                                               const StoredModel& stored) {
  std::error_code status;
  const std::filesystem::path input = std::filesystem::absolute(request.input, status);
  const auto size = std::filesystem::file_size(input, status);
  if (status)
    return core::Error{core::ErrorCode::kNotFound,
                       fmt::format("{}: {}", input.string(), status.message())};
  const auto changed = std::filesystem::last_write_time(input, status).time_since_epoch().count();
  const std::string digest = core::sha256_hex(
      fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {}", kScratchLayout, input.string(), size,
                  changed, version.name, version.version, stored.sha256, request.reasons,
                  request.is_decided, request.budget.value_or(-1), request.interactions,
                  request.capacity ? fmt::to_string(*request.capacity) : "-", request.has_recourse,
                  request.target.value_or(-1)) +
      project.config().digest());
  return project.state_folder() / "tmp" / ("score-" + digest.substr(0, 16));
}

}  // namespace

core::Result<core::JsonObject> score_table(Project& project, const ScoreRequest& request) {
  if (auto named = data::check_table_name(request.output); !named) return std::move(named).error();
  auto version = find_version(project, request.model.empty() ? project.model_name() : request.model,
                              request.version);
  if (!version) return std::move(version).error();
  auto stored = open_stored_model(project, *version);
  if (!stored) return std::move(stored).error();
  auto spec = data::DataSpec::from_config(project.config());
  if (!spec) return std::move(spec).error();
  auto engine = project.engine();
  if (!engine) return std::move(engine).error();
  auto rules = scoring_rules(*stored, *spec);
  if (!rules) return std::move(rules).error();
  auto scratch = scratch_of(project, request, *version, *stored);
  if (!scratch) return std::move(scratch).error();
  serving::BatchRequest batch{.input = request.input,
                              .output = request.output,
                              .scratch = *std::move(scratch),
                              .id_column = spec->id,
                              .model_version = version->version,
                              // Each rule has those the model was trained with.
                              .null_markers = stored->model.facts().null_markers.empty()
                                                  ? spec->null_markers
                                                  : std::vector<std::string>(),
                              .bad_values = spec->bad_values,
                              .columns = *std::move(rules),
                              .progress = request.progress};

  auto texts = serving::ReasonTexts::from_config(project.config());
  if (!texts) return std::move(texts).error();
  std::optional<learn::Explainer> explainer;
  if (request.reasons > 0) {
    auto made = learn::Explainer::make(stored->model);
    if (!made) return std::move(made).error().within("--reasons");
    explainer = *std::move(made);
    batch.reasons = request.reasons;
    batch.explainer = &*explainer;
    batch.texts = &*texts;
  }
  std::optional<learn::ShapInteractions> interactions;
  if (request.interactions > 0) {
    auto made = learn::ShapInteractions::make(stored->model.trees());
    if (!made) return std::move(made).error().within("--interactions");
    interactions = *std::move(made);
    batch.interactions = request.interactions;
    batch.shap_interactions = &*interactions;
  }
  std::optional<decision::Recourse> recourse;
  if (request.has_recourse) {
    auto made = recourse_of(project.config(), stored->model);
    if (!made) return std::move(made).error();
    if (!*made)
      return project.config().error_at("decision.actions",
                                       "is missing; without actions nothing could change");
    recourse = *std::move(made);
    batch.recourse = &*recourse;
    batch.recourse_target = request.target;
  }
  auto threshold = decision::Threshold::from_config(project.config());
  if (!threshold) return std::move(threshold).error();
  // Offers say who is positive then, as they do online, where they speak of the served model.
  const bool has_own_thresholds = threshold->kind == decision::Threshold::Kind::kProfit &&
                                  version->name == served_model(project);
  std::optional<decision::Policy> policy;
  if (request.is_decided || has_own_thresholds) {
    auto made = policy_of(project.config(), stored->model);
    if (!made) return std::move(made).error();
    policy = *std::move(made);
  }
  if (request.is_decided && !policy)
    return project.config().error_at("decision.offers",
                                     "is missing; without offers there is nothing to decide");
  if (policy) batch.policy = &*policy;
  batch.has_actions = request.is_decided;
  batch.has_own_thresholds = policy && has_own_thresholds;
  if (request.is_decided) {
    batch.budget = request.budget;
    if (!batch.budget && std::isfinite(policy->budget())) batch.budget = policy->budget();
    batch.capacity = request.capacity;
    if (!batch.capacity && policy->capacity() > 0) batch.capacity = policy->capacity();
  }

  auto report = serving::score_file(**engine, stored->model, batch);
  if (!report) return std::move(report).error();
  core::JsonObject answer{{"model", version->name},
                          {"version", version->version},
                          {"rows", report->rows},
                          {"positives", report->positives},
                          {"file", request.output}};
  if (request.is_decided) {
    answer["offers"] = report->offers;
    answer["expected_profit"] = report->expected_profit;
  }
  if (request.is_decided && policy->control_group().share() > 0)
    answer["held_back"] = report->held_back;
  if (batch.budget) answer["budget"] = *batch.budget;
  if (batch.capacity) answer["capacity"] = *batch.capacity;
  if (batch.has_limits()) {
    answer["expected_cost"] = report->expected_cost;
    answer["profit_bound"] = report->profit_bound;
  }
  return answer;
}

}  // namespace tenure::app
