#include "app/python_model.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/sha256.h"
#include "learn/tree_model.h"
#include "tracking/model_package.h"

namespace tenure::app {
namespace {

constexpr const char* kService = "(python)";  // no name that a project file can have

core::Error unimplemented(std::string message) {
  return core::Error{core::ErrorCode::kUnimplemented, std::move(message)};
}

/// The columns that the trees read, in their order.
core::Result<std::vector<std::string>> columns_of(const tracking::ModelPackage& package,
                                                  const learn::TreeModel& trees) {
  std::vector<std::string> of_signature;
  for (const tracking::SignatureColumn& column : package.encoded_inputs) {
    if (column.type == "string" || column.type == "datetime")
      return unimplemented(fmt::format("its column '{}' is a {}; a booster's columns are numbers",
                                       column.name, column.type));
    of_signature.push_back(column.name);
  }
  if (package.tensor_width > 0 &&
      static_cast<std::size_t>(package.tensor_width) != trees.feature_count())
    return unimplemented(
        fmt::format("its signature is a tensor of {} columns, but the booster "
                    "reads {}",
                    package.tensor_width, trees.feature_count()));
  const auto of_trees = trees.feature_names();
  if (of_trees.empty() && of_signature.empty()) {
    for (std::size_t i = 0; i < trees.feature_count(); ++i)
      of_signature.push_back(fmt::format("f{}", i));
  }
  if (of_trees.empty()) {
    if (of_signature.size() == trees.feature_count()) return of_signature;
    return unimplemented(fmt::format("its signature has {} columns, but the booster reads {}",
                                     of_signature.size(), trees.feature_count()));
  }
  if (!of_signature.empty() && !std::ranges::is_permutation(of_signature, of_trees))
    return unimplemented(
        "its signature names other columns than the booster was trained with; train on a table "
        "with the columns' names");
  return std::vector<std::string>(of_trees.begin(), of_trees.end());
}

core::Result<> check_trees(const learn::TreeModel& trees) {
  using learn::Objective;
  if (trees.group_count() != 1)
    return unimplemented(fmt::format("it has {} classes; two can be served", trees.group_count()));
  if (trees.objective() != Objective::kBinaryLogistic &&
      trees.objective() != Objective::kRegLogistic)
    return unimplemented(
        "its objective gives no probability; train with binary:logistic (XGBoost) or binary "
        "(LightGBM)");
  return {};
}

/// The feature that a column's name means: "name", or "view__name". Nothing when there is none, or
/// more than one.
std::optional<features::FeatureRef> find_feature(const features::Definitions& definitions,
                                                 std::string_view column) {
  std::optional<features::FeatureRef> found;
  for (const features::FeatureView& view : definitions.views) {
    for (const features::Feature& feature : view.features) {
      const bool is_number = feature.type != data::ColumnType::kText;
      if (!is_number || (feature.name != column && view.name + "__" + feature.name != column))
        continue;
      if (found) return std::nullopt;
      found = features::FeatureRef{view.name, feature.name};
    }
  }
  return found;
}

/// The project's definitions with a service of the columns; nothing when a column is no feature.
std::optional<features::Definitions> stored_features(Project& project,
                                                     const std::vector<std::string>& columns) {
  auto engine = project.engine();
  if (!engine) return std::nullopt;
  // A project without a table yet has no features; that is no mistake of the model's.
  auto definitions = project.definitions(**engine);
  if (!definitions) return std::nullopt;
  features::FeatureService service{.name = kService, .features = {}};
  for (const std::string& column : columns) {
    auto ref = find_feature(*definitions, column);
    if (!ref) return std::nullopt;
    service.features.push_back(*std::move(ref));
  }
  definitions->services.push_back(std::move(service));
  return *std::move(definitions);
}

/// Definitions by which every column comes with the request, or from the column of a file.
features::Definitions given_features(const std::vector<std::string>& columns) {
  features::FeatureView view;
  view.name = "request";
  view.entity = "row";
  view.is_online = false;
  features::FeatureService service{.name = kService, .features = {}};
  for (const std::string& column : columns) {
    view.features.push_back(
        {.name = column, .source_column = column, .type = data::ColumnType::kNumber});
    service.features.push_back({view.name, column});
  }
  features::Definitions definitions;
  definitions.entities.push_back({.name = "row", .key = "id"});
  definitions.views.push_back(std::move(view));
  definitions.services.push_back(std::move(service));
  return definitions;
}

}  // namespace

bool is_python_model(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::filesystem::exists(folder / "MLmodel", ignored) &&
         !std::filesystem::exists(folder / "model.json", ignored) &&
         !std::filesystem::exists(folder / "transform.json", ignored);
}

core::Result<StoredModel> open_python_model(Project& project, const std::filesystem::path& folder) {
  auto package = tracking::read_package(folder);
  if (!package) return std::move(package).error();
  const std::string& bytes = package->files.at(package->data_file);
  if (package->data_file.ends_with(".pkl") || bytes.starts_with("\x80"))
    return unimplemented(
        fmt::format("{} is a Python pickle, which cannot be read outside Python; log the model's "
                    "booster (booster_ or get_booster())",
                    package->data_file));
  auto trees = learn::TreeModel::load(bytes);
  if (!trees) return std::move(trees).error().within(package->data_file);
  if (auto checked = check_trees(*trees); !checked) return std::move(checked).error();
  auto columns = columns_of(*package, *trees);
  if (!columns) return std::move(columns).error();
  auto transform = learn::Transform::identity(*columns);
  if (!transform) return std::move(transform).error().within("the signature");

  learn::ModelFacts facts;
  facts.trainer = package->flavor;
  facts.service = kService;
  facts.base_rate = 0.5;  // the folder does not say
  auto definitions = stored_features(project, *columns);
  if (!definitions) definitions = given_features(*columns);
  for (const features::FeatureRef& ref : definitions->services.back().features)
    facts.refs.push_back(ref.view + ":" + ref.feature);
  auto model = learn::Model::make(std::move(facts), *std::move(transform), *std::move(trees));
  if (!model) return std::move(model).error();
  return StoredModel{*std::move(model),       std::nullopt, *std::move(definitions),
                     core::sha256_hex(bytes), nullptr,      folder};
}

}  // namespace tenure::app
