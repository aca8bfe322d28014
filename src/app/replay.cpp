#include "app/replay.h"

#include <bit>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "app/model_store.h"
#include "core/time_format.h"
#include "core/trace_context.h"
#include "monitoring/prediction_log.h"

namespace tenure::app {
namespace {

using monitoring::LoggedPrediction;

struct Outcome {
  float margin = 0;
  float probability = 0;
  bool is_positive = false;
};

core::Result<LoggedPrediction> find_event(const Project& project, const std::string& id) {
  const std::filesystem::path folder =
      project.config().resolve(project.config().text("monitoring.prediction_log.path"));
  auto read = monitoring::find_prediction(folder, id);
  if (!read) return std::move(read).error();
  std::optional<LoggedPrediction>& found = *read;
  if (!found)
    return core::Error{core::ErrorCode::kNotFound,
                       fmt::format("no prediction '{}' in {}", id, folder.string())};
  return *std::move(found);
}

core::Json value_of(const LoggedPrediction::Feature& feature) {
  switch (feature.kind) {
    case data::Cell::Kind::kNumber:
      return feature.number;
    case data::Cell::Kind::kText:
      return core::Json(feature.text);
    case data::Cell::Kind::kNull:
    case data::Cell::Kind::kAbsent:
      break;
  }
  return nullptr;
}

data::Cell cell_of(const LoggedPrediction::Feature& feature) {
  switch (feature.kind) {
    case data::Cell::Kind::kNumber:
      return data::Cell::of(feature.number);
    case data::Cell::Kind::kText:
      return data::Cell::of(feature.text);
    case data::Cell::Kind::kNull:
      return data::Cell::null();
    case data::Cell::Kind::kAbsent:
      break;
  }
  return {};
}

/// The event's values in the order of the model's inputs. Errors: kCorruption when one is missing.
core::Result<std::vector<data::Cell>> cells_of(const LoggedPrediction& event,
                                               const learn::Model& model) {
  std::vector<data::Cell> cells;
  for (const learn::InputField& input : model.transform().inputs()) {
    const auto feature =
        std::ranges::find(event.features, input.name, &LoggedPrediction::Feature::name);
    if (feature == event.features.end())
      return core::Error{core::ErrorCode::kCorruption,
                         fmt::format("the event has no value of '{}', an input of {} version {}",
                                     input.name, event.model, event.version)};
    cells.push_back(cell_of(*feature));
  }
  return cells;
}

Outcome score(const learn::Model& model, std::span<const data::Cell> cells) {
  std::vector<float> encoded(model.transform().outputs().size());
  const learn::Model::Score score = model.score(cells, encoded);
  return {.margin = score.margin, .probability = score.probability};
}

core::Result<Outcome> replay(const serving::ModelSnapshot& snapshot,
                             const LoggedPrediction& event) {
  std::vector<data::Cell> cells = snapshot.missing;  // nothing was known about the customer
  if (!event.features.empty()) {
    auto logged = cells_of(event, snapshot.model);
    if (!logged) return std::move(logged).error();
    cells = *std::move(logged);
  }
  switch (event.level) {
    case serving::Level::kPrimary:
      return score(snapshot.model, cells);
    case serving::Level::kSecondary:
      if (snapshot.secondary) return score(*snapshot.secondary, cells);
      return core::Error{core::ErrorCode::kNotFound,
                         fmt::format("{} version {} has no secondary model, which answered",
                                     snapshot.name, snapshot.version)};
    case serving::Level::kRules:
    case serving::Level::kBaseRate:
      break;
  }
  const auto rule = snapshot.rules.first_match(cells);
  const double probability = event.level == serving::Level::kRules && rule
                                 ? rule->probability
                                 : snapshot.model.facts().base_rate;
  return Outcome{.margin = serving::margin_of(probability),
                 .probability = static_cast<float>(probability)};
}

void compare(std::string_view what, float logged, float replayed, core::JsonArray& differences) {
  if (std::bit_cast<std::uint32_t>(logged) == std::bit_cast<std::uint32_t>(replayed)) return;
  differences.emplace_back(
      fmt::format("{}: logged {:.9g}, replayed {:.9g}", what, logged, replayed));
}

core::JsonObject outcome_json(const Outcome& outcome, const learn::ModelFacts& facts) {
  return {{"margin", outcome.margin},
          {"probability", outcome.probability},
          {"decision", outcome.is_positive ? facts.positive : facts.negative}};
}

}  // namespace

core::Result<core::JsonObject> replay_prediction(Project& project, const std::string& id) {
  auto event = find_event(project, id);
  if (!event) return std::move(event).error();
  auto version = find_version(project, event->model, std::to_string(event->version));
  if (!version) return std::move(version).error();
  // Rules of the project file are the main model's.
  const bool is_main = event->model == served_model(project);
  auto snapshot = make_snapshot(project, *version, is_main ? ServedAs::kMain : ServedAs::kBeside);
  if (!snapshot) return std::move(snapshot).error();
  const learn::ModelFacts& facts = (*snapshot)->model.facts();
  auto replayed = replay(**snapshot, *event);
  if (!replayed) return std::move(replayed).error();
  // A threshold of each customer's own depends on offers as they were then.
  replayed->is_positive = (*snapshot)->has_own_thresholds
                              ? event->is_positive
                              : static_cast<double>(replayed->probability) >= facts.threshold;
  const Outcome logged{event->margin, event->probability, event->is_positive};
  core::JsonArray differences;
  compare("margin", logged.margin, replayed->margin, differences);
  compare("probability", logged.probability, replayed->probability, differences);
  if (logged.is_positive != replayed->is_positive)
    differences.emplace_back("decision: not the one that was logged");

  core::JsonObject features;
  for (const LoggedPrediction::Feature& feature : event->features)
    features[feature.name] = value_of(feature);
  core::JsonObject answer{{"prediction_id", event->prediction_id},
                          {"time", core::format_utc(event->time)},
                          {"model", event->model},
                          {"version", event->version},
                          {"level", serving::level_name(event->level)}};
  if (!event->entity_id.empty()) answer["customer_id"] = event->entity_id;
  if (!event->reason.empty()) answer["reason"] = event->reason;
  if (event->trace.is_set()) answer["trace_id"] = core::trace_id_text(event->trace);
  answer["features"] = std::move(features);
  answer["logged"] = outcome_json(logged, facts);
  answer["replayed"] = outcome_json(*replayed, facts);
  answer["same"] = differences.empty();
  answer["differences"] = std::move(differences);
  return answer;
}

}  // namespace tenure::app
