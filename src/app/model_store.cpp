#include "app/model_store.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/python_model.h"
#include "app/steps/step_io.h"
#include "core/file.h"
#include "core/nearest.h"
#include "core/sha256.h"
#include "decision/policy.h"
#include "decision/rule_set.h"
#include "decision/threshold.h"
#include "features/online_store.h"

namespace tenure::app {
namespace {

/// Where a version's package lies. A local place is absolute, as MLflow wants it; when the project
/// was moved or copied since, the part from artifacts/<experiment>/<run>/ on still holds.
core::Result<tracking::ArtifactPlace> place_of(Project& project,
                                               const tracking::ModelVersion& version) {
  auto artifacts = project.artifacts();
  if (!artifacts) return std::move(artifacts).error();
  const std::string& uri = version.download_uri();
  auto place = (*artifacts)->find(uri);
  if (place || place.error().code != core::ErrorCode::kPermissionDenied) return place;
  const std::size_t run =
      version.run_id.empty() ? std::string::npos : uri.find("/" + version.run_id + "/");
  const std::size_t key = run == std::string::npos ? run : uri.rfind("artifacts/", run);
  if (key == std::string::npos) return place;
  auto objects = project.objects();
  if (!objects) return std::move(objects).error();
  return tracking::ArtifactPlace{*objects, uri.substr(key)};
}

std::string list_known(const std::vector<tracking::ModelVersion>& versions) {
  std::string text;
  for (const tracking::ModelVersion& version : versions) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", version.version);
    for (const std::string& alias : version.aliases) text += fmt::format(" (@{})", alias);
  }
  return text.empty() ? "none" : text;
}

bool is_all_online(const features::Definitions& definitions,
                   const features::FeatureService& service) {
  return std::ranges::all_of(service.features, [&](const features::FeatureRef& ref) {
    const features::FeatureView* view = definitions.view(ref.view);
    return view != nullptr && view->is_online;
  });
}

std::vector<decision::Vocabulary::Feature> vocabulary_of(const learn::Model& model) {
  std::vector<decision::Vocabulary::Feature> features;
  for (const learn::InputField& input : model.transform().inputs())
    features.push_back({input.name, decision::value_type_of(input.type)});
  return features;
}

}  // namespace

core::Result<std::optional<decision::Policy>> policy_of(const core::Config& config,
                                                        const learn::Model& model) {
  if (config.names("decision.offers").empty()) return std::optional<decision::Policy>();
  auto policy =
      decision::Policy::from_config(config, vocabulary_of(model), model.facts().base_rate);
  if (!policy) return std::move(policy).error();
  return std::optional(*std::move(policy));
}

core::Result<std::optional<decision::Recourse>> recourse_of(const core::Config& config,
                                                            const learn::Model& model) {
  auto recourse = decision::Recourse::from_config(config, vocabulary_of(model));
  if (!recourse) return std::move(recourse).error();
  if (recourse->empty()) return std::optional<decision::Recourse>();
  return std::optional(*std::move(recourse));
}

namespace {

/// A file that is not the one that was registered is not the model that was judged. Versions of
/// other programs have no digests.
core::Result<> check_files(const tracking::ModelVersion& version,
                           const std::filesystem::path& folder) {
  for (const char* name : kDecidingFiles) {
    const auto tag = version.tags.find(std::string(kDigestTag) + name);
    if (tag == version.tags.end()) continue;
    const auto digest = core::sha256_file(folder / name);
    if (!digest) return digest.error();
    if (*digest != tag->second)
      return core::Error{core::ErrorCode::kCorruption,
                         fmt::format("{} is not the file that was registered: its SHA-256 is {}, "
                                     "expected {}",
                                     (folder / name).string(), *digest, tag->second)};
  }
  return {};
}

}  // namespace

core::Result<StoredModel> open_stored_model(Project& project,
                                            const tracking::ModelVersion& version) {
  const std::string what = fmt::format("{} version {}", version.name, version.version);
  auto place = place_of(project, version);
  if (!place) return std::move(place).error().within(what);
  auto folder = place->store->local_copy(place->key, project.state_folder() / "cache");
  if (!folder) return std::move(folder).error().within(what);
  if (auto ok = check_files(version, *folder); !ok) return std::move(ok).error().within(what);
  if (is_python_model(*folder)) {
    auto opened = open_python_model(project, *folder);
    if (!opened) return std::move(opened).error().within(what);
    return opened;
  }
  auto model = learn::Model::load(*folder);
  if (!model) return std::move(model).error().within(what);
  std::optional<learn::Model> secondary;
  if (std::error_code ignored; std::filesystem::exists(*folder / "secondary", ignored)) {
    auto loaded = learn::Model::load(*folder / "secondary");
    if (!loaded) return std::move(loaded).error().within(what);
    secondary = *std::move(loaded);
  }
  auto json = read_json_file(*folder / "features.json");
  if (!json) return std::move(json).error().within(what);
  auto definitions = features::Definitions::from_json(*json);
  if (!definitions) return std::move(definitions).error().within(what + ": features.json");
  auto digest = core::sha256_file(*folder / "model.ubj");
  if (!digest) return std::move(digest).error().within(what);
  auto reference = read_json_file(*folder / "reference.json");
  if (!reference) {
    if (reference.error().code != core::ErrorCode::kNotFound)
      return std::move(reference).error().within(what);
    reference = core::Json();
  }
  return StoredModel{*std::move(model),  std::move(secondary),  *std::move(definitions),
                     *std::move(digest), *std::move(reference), *std::move(folder)};
}

core::Result<std::shared_ptr<const serving::ModelSnapshot>> make_snapshot(
    Project& project, const tracking::ModelVersion& version, ServedAs as) {
  auto stored = open_stored_model(project, version);
  if (!stored) return std::move(stored).error();
  auto service = stored->definitions.service(stored->model.facts().service);
  if (!service)
    return std::move(service).error().within(
        fmt::format("{} version {}", version.name, version.version));
  std::optional<features::OnlineReader> reader;
  if (is_all_online(stored->definitions, **service)) {
    auto online = project.online();
    if (!online) return std::move(online).error();
    auto made = features::OnlineReader::make(**online, stored->definitions, **service);
    if (!made)
      return std::move(made).error().within(
          fmt::format("{} version {}", version.name, version.version));
    reader = *std::move(made);
  }
  const bool is_main = as == ServedAs::kMain;
  core::Result<decision::RuleSet> rules = decision::RuleSet();
  if (is_main)
    rules = decision::RuleSet::from_config(project.config(), vocabulary_of(stored->model));
  if (!rules) return std::move(rules).error();
  core::Result<std::optional<decision::Policy>> policy = std::optional<decision::Policy>();
  if (is_main) policy = policy_of(project.config(), stored->model);
  if (!policy) return std::move(policy).error();
  auto threshold = decision::Threshold::from_config(project.config());
  if (!threshold) return std::move(threshold).error();
  core::Result<std::optional<decision::Recourse>> recourse = std::optional<decision::Recourse>();
  if (is_main) recourse = recourse_of(project.config(), stored->model);
  if (!recourse) return std::move(recourse).error();
  const bool has_own_thresholds = *policy && threshold->kind == decision::Threshold::Kind::kProfit;
  return serving::ModelSnapshot::make({.name = version.name,
                                       .version = version.version,
                                       .run_id = version.run_id,
                                       .loaded = project.clock().now(),
                                       .sha256 = std::move(stored->sha256),
                                       .model = std::move(stored->model),
                                       .reader = std::move(reader),
                                       .reference = std::move(stored->reference),
                                       .secondary = std::move(stored->secondary),
                                       .rules = *std::move(rules),
                                       .policy = *std::move(policy),
                                       .has_own_thresholds = has_own_thresholds,
                                       .recourse = *std::move(recourse)});
}

std::string served_model(const Project& project) {
  const std::string name = project.config().text("serving.model");
  return name.empty() ? project.model_name() : name;
}

core::Error unknown_model(Project& project, std::string_view model) {
  constexpr std::size_t kShown = 10;
  std::vector<std::string> names;
  if (auto registry = project.registry())
    if (auto models = (*registry)->list_models())
      for (const tracking::RegisteredModel& known : *models) names.push_back(known.name);
  if (names.empty())
    return {core::ErrorCode::kNotFound,
            fmt::format("there is no model '{}' yet; train one with `tenure run`", model)};
  std::string meant = core::did_you_mean(model, names);
  const bool is_cut = names.size() > kShown;
  if (is_cut) names.resize(kShown);
  return {core::ErrorCode::kNotFound,
          fmt::format("there is no model '{}'{}; there are: {}{}", model, meant,
                      fmt::join(names, ", "), is_cut ? ", …" : "")};
}

core::Result<tracking::ModelVersion> find_version(Project& project, std::string_view model,
                                                  std::string_view text) {
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  const std::string alias = text.empty()
                                ? project.config().text("serving.alias")
                                : std::string(text.starts_with('@') ? text.substr(1) : text);
  std::int64_t number = 0;
  const auto [end, status] = std::from_chars(alias.data(), alias.data() + alias.size(), number);
  if (status == std::errc{} && end == alias.data() + alias.size()) {
    auto version = (*registry)->get_version(model, number);
    if (version || version.error().code != core::ErrorCode::kNotFound) return version;
  } else {
    auto version = (*registry)->find_by_alias(model, alias);
    if (!version) return std::move(version).error();
    if (*version) return **std::move(version);
  }
  auto versions = (*registry)->list_versions(model);
  if (!versions && versions.error().code == core::ErrorCode::kNotFound)
    return unknown_model(project, model);
  if (!versions) return std::move(versions).error();
  const bool is_number = status == std::errc{} && end == alias.data() + alias.size();
  std::vector<std::string> aliases;
  for (const tracking::ModelVersion& version : *versions)
    for (const std::string& known : version.aliases) aliases.push_back("@" + known);
  return core::Error{core::ErrorCode::kNotFound,
                     fmt::format("model '{}' has no {} '{}{}'{}; there are: {}", model,
                                 is_number ? "version" : "alias", is_number ? "" : "@", alias,
                                 is_number ? "" : core::did_you_mean("@" + alias, aliases),
                                 list_known(*versions))};
}

}  // namespace tenure::app
