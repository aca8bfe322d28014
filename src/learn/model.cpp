#include "learn/model.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/assert.h"
#include "core/file.h"

namespace tenure::learn {
namespace {

constexpr std::string_view kFormat = "tenure.model";
constexpr std::int64_t kVersion = 1;

core::Error corrupt(std::string message) {
  return core::Error{core::ErrorCode::kCorruption, "model.json: " + std::move(message)};
}

/// A member of model.json that may be absent, in which case `fallback` stands.
template <typename T, typename Read>
core::Result<T> optional_member(const core::JsonObject& object, const core::Json& json,
                                std::string_view key, T fallback, Read read) {
  if (!object.contains(key)) return fallback;
  auto value = read(json, key);
  if (!value) return corrupt(value.error().message);
  return T(*std::move(value));
}

core::Result<core::Json> read_json(const std::filesystem::path& path) {
  auto text = core::read_file(path);
  if (!text) return std::move(text).error();
  auto json = core::parse_json(*text);
  if (!json)
    return core::Error{core::ErrorCode::kCorruption,
                       fmt::format("{}: {}", path.string(), json.error().message)};
  return json;
}

/// Name of the file with the trees: a plain name, so that a package cannot point out of itself.
core::Result<std::string> data_file(const core::Json& json) {
  const auto* object = json.if_object();
  if (object == nullptr || !object->contains("data")) return std::string("model.ubj");
  auto name = core::json_text(json, "data");
  if (!name) return corrupt(name.error().message);
  const std::filesystem::path path(*name);
  if (name->empty() || path.filename() != path || *name == "." || *name == "..")
    return corrupt(fmt::format("'data' should be the name of a file beside it, not '{}'", *name));
  return name;
}

/// What the trees say, as the model says it.
void calibrate(const Calibration& calibration, std::span<const TreeModel::Score> evaluated,
               std::span<Model::Score> out) {
  for (std::size_t row = 0; row < out.size(); ++row)
    out[row] = {.margin = evaluated[row].margin,
                .probability = calibration.apply(evaluated[row].output)};
}

}  // namespace

core::Json ModelFacts::to_json() const {
  core::JsonArray names;
  for (const std::string& ref : refs) names.emplace_back(ref);
  core::JsonObject values;
  for (const auto& [input, value] : null_values) values[input] = value;
  core::JsonObject markers;
  for (const auto& [input, texts] : null_markers)
    markers[input] = core::JsonArray(texts.begin(), texts.end());
  core::JsonObject json{{"format", kFormat},
                        {"version", kVersion},
                        {"trainer", trainer},
                        {"service", service},
                        {"refs", std::move(names)},
                        {"base_rate", base_rate},
                        {"threshold", threshold},
                        {"positive", positive},
                        {"negative", negative},
                        {"null_values", std::move(values)},
                        {"null_markers", std::move(markers)}};
  if (calibration.method() != CalibrationMethod::kNone) json["calibration"] = calibration.to_json();
  if (conformal) json["conformal"] = conformal->to_json();
  return json;
}

core::Result<ModelFacts> ModelFacts::from_json(const core::Json& json) {
  const auto* object = json.if_object();
  if (object == nullptr) return corrupt("should be an object");
  auto format = core::json_text(json, "format");
  if (!format || *format != kFormat)
    return corrupt(fmt::format("'format' should be \"{}\"", kFormat));
  auto version = core::json_integer(json, "version");
  if (!version) return corrupt(version.error().message);
  if (*version > kVersion)
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("model.json has format version {}; this build reads up to {}: "
                                   "update tenure",
                                   *version, kVersion)};
  ModelFacts facts;
  const auto text = [&](std::string_view key, std::string& member) -> core::Result<> {
    auto value = optional_member(*object, json, key, member, core::json_text);
    if (!value) return std::move(value).error();
    member = *std::move(value);
    return {};
  };
  const auto share = [&](std::string_view key, double& member) -> core::Result<> {
    auto value = optional_member(*object, json, key, member, core::json_number);
    if (!value) return std::move(value).error();
    if (!(*value >= 0 && *value <= 1))
      return corrupt(fmt::format("'{}' should be between 0 and 1, not {}", key, *value));
    member = *value;
    return {};
  };
  for (auto& [key, member] : {std::pair<std::string_view, std::string*>{"trainer", &facts.trainer},
                              {"service", &facts.service},
                              {"positive", &facts.positive},
                              {"negative", &facts.negative}})
    if (auto done = text(key, *member); !done) return std::move(done).error();
  for (auto& [key, member] : {std::pair<std::string_view, double*>{"base_rate", &facts.base_rate},
                              {"threshold", &facts.threshold}})
    if (auto done = share(key, *member); !done) return std::move(done).error();
  if (object->contains("refs")) {
    auto refs = core::json_array(json, "refs");
    if (!refs) return corrupt(refs.error().message);
    for (const core::Json& ref : **refs) {
      const auto* name = ref.if_string();
      if (name == nullptr) return corrupt("'refs' should hold texts");
      facts.refs.emplace_back(name->data(), name->size());
    }
  }
  if (const core::Json* values = object->if_contains("null_values")) {
    if (!values->is_object()) return corrupt("'null_values' should be an object");
    for (const auto& [input, value] : values->get_object()) {
      if (!value.is_string()) return corrupt("'null_values' should hold texts");
      facts.null_values.emplace(input, value.get_string());
    }
  }
  if (const core::Json* markers = object->if_contains("null_markers")) {
    if (!markers->is_object()) return corrupt("'null_markers' should be an object");
    for (const auto& [input, texts] : markers->get_object()) {
      if (!texts.is_array()) return corrupt("'null_markers' should hold lists");
      std::vector<std::string>& list = facts.null_markers[input];
      for (const core::Json& marker : texts.get_array()) {
        if (!marker.is_string()) return corrupt("'null_markers' should hold lists of texts");
        list.emplace_back(marker.get_string());
      }
    }
  }
  if (const core::Json* member = object->if_contains("calibration")) {
    auto calibration = Calibration::from_json(*member);
    if (!calibration) return std::move(calibration).error().within("model.json");
    facts.calibration = *std::move(calibration);
  }
  if (const core::Json* member = object->if_contains("conformal")) {
    auto conformal = Conformal::from_json(*member);
    if (!conformal) return std::move(conformal).error().within("model.json");
    facts.conformal = *std::move(conformal);
  }
  return facts;
}

core::Result<Model> Model::make(ModelFacts facts, Transform transform, TreeModel trees) {
  const auto invalid = [](std::string message) {
    return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
  };
  const auto outputs = transform.outputs();
  if (trees.group_count() != 1)
    return invalid(
        fmt::format("the trees give {} outputs; a binary classifier has one", trees.group_count()));
  if (trees.feature_count() != outputs.size())
    return invalid(fmt::format("the trees read {} features, but the transformation gives {}",
                               trees.feature_count(), outputs.size()));
  const auto names = trees.feature_names();
  if (!names.empty()) {
    const auto [ours, theirs] =
        std::mismatch(outputs.begin(), outputs.end(), names.begin(), names.end());
    if (ours != outputs.end())
      return invalid(
          fmt::format("feature {} of the trees is '{}', but the transformation gives "
                      "'{}'",
                      ours - outputs.begin(), theirs != names.end() ? *theirs : "", *ours));
  }
  if (!facts.refs.empty() && facts.refs.size() != transform.inputs().size())
    return invalid(fmt::format("the model names {} feature references for {} inputs",
                               facts.refs.size(), transform.inputs().size()));
  Model model;
  model.facts_ = std::move(facts);
  model.transform_ = std::move(transform);
  model.trees_ = std::move(trees);
  return model;
}

core::Result<Model> Model::load(const std::filesystem::path& package) {
  auto facts_json = read_json(package / "model.json");
  if (!facts_json) return std::move(facts_json).error();
  auto facts = ModelFacts::from_json(*facts_json);
  if (!facts) return std::move(facts).error().within(package.string());
  auto transform_json = read_json(package / "transform.json");
  if (!transform_json) return std::move(transform_json).error();
  auto transform = Transform::from_json(*transform_json);
  if (!transform) return std::move(transform).error().within(package.string());
  auto name = data_file(*facts_json);
  if (!name) return std::move(name).error().within(package.string());
  auto bytes = core::read_file(package / *name);
  if (!bytes) return std::move(bytes).error();
  auto trees = TreeModel::load(*bytes);
  if (!trees) return std::move(trees).error().within((package / *name).string());
  auto model = make(*std::move(facts), *std::move(transform), *std::move(trees));
  // The parts of a stored package disagree: that is damage, not a wrong argument.
  if (!model)
    return core::Error{core::ErrorCode::kCorruption,
                       fmt::format("{}: {}", package.string(), model.error().message)};
  return model;
}

Model::Score Model::score(std::span<const data::Cell> cells,
                          std::span<float> encoded) const noexcept {
  transform_.apply_row(cells, encoded);
  const TreeModel::Score score = trees_.score(encoded);
  return {.margin = score.margin, .probability = facts_.calibration.apply(score.output)};
}

void Model::score_rows(std::span<const Transform::InputColumn> columns, RowsScratch& scratch,
                       std::span<Score> out) const {
  scratch.encoded.resize(out.size() * transform_.outputs().size());
  scratch.evaluated.resize(out.size());
  transform_.apply_columns(columns, out.size(), scratch.numbers, scratch.encoded);
  trees_.scores_of_rows(scratch.encoded, scratch.evaluated);
  calibrate(facts_.calibration, scratch.evaluated, out);
}

core::Result<std::vector<Model::Score>> Model::score(const data::Table& table) const {
  auto matrix = transform_.apply(table);
  if (!matrix) return std::move(matrix).error();
  std::vector<TreeModel::Score> evaluated(matrix->rows);
  trees_.scores_of_rows(matrix->values, evaluated);
  std::vector<Score> scores(matrix->rows);
  calibrate(facts_.calibration, evaluated, scores);
  return scores;
}

}  // namespace tenure::learn
