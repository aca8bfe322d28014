#include "app/project.h"

#include <algorithm>
#include <array>
#include <pwd.h>
#include <unistd.h>

#include <fmt/format.h>

#include "app/approval_policy.h"
#include "core/file.h"
#include "core/json.h"
#include "core/log.h"
#include "storage/objects/object_key.h"
#include "storage/store_url.h"

namespace tenure::app {
namespace {

constexpr std::string_view kArtifactRoot = "tracking.artifact_root";
constexpr std::string_view kBucketScheme = "s3://";

/// A URI as it is; a plain path, seen from the project's folder, as the URI of a file.
std::string absolute_uri(const core::Config& config, const std::string& text) {
  if (text.find(':') != std::string::npos) return text;
  const std::string path = config.resolve(text).lexically_normal().generic_string();
  return "file://" + storage::percent_encode_path(path);
}

/// Where mlflow-artifacts: leads, as open_object_store takes it.
std::string destination_url(const core::Config& config) {
  const std::string text = config.text("tracking.artifacts_destination");
  if (text.find("://") != std::string::npos) return text;
  if (!text.empty()) return "file:///" + text;  // "file:////x" is the folder "/x"
  std::string objects = config.text("storage.objects");
  const std::size_t end = std::min(objects.find('?'), objects.size());
  const bool has_slash = end > 0 && objects[end - 1] == '/';
  return objects.insert(end, has_slash ? "artifacts" : "/artifacts");
}

}  // namespace

Project::Project(core::Config config) : config_(std::move(config)) {}
Project::~Project() = default;

core::Result<std::unique_ptr<Project>> Project::open(const core::ConfigSource& source) {
  auto config = core::load_config(source);
  if (!config) return std::move(config).error();
  const auto level = core::parse_log_level(config->text("log.level"));
  if (!level) return config->error_at("log.level", level.error().message);
  const auto format = core::parse_log_format(config->text("log.format"));
  if (!format) return config->error_at("log.format", format.error().message);
  core::set_up_logging({.level = *level, .format = *format});
  if (config->text("project").empty())
    return config->error_at("project", "is missing; expected the project's name");
  return std::unique_ptr<Project>(
      new Project(*std::move(config)));  // NOLINT(cppcoreguidelines-owning-memory)
}

core::Result<std::unique_ptr<Project>> Project::open_tracking(core::ConfigSource source) {
  constexpr std::string_view kKey = "storage.database=";
  const bool names_database = source.variables.contains("TENURE_STORAGE__DATABASE") ||
                              std::ranges::any_of(source.overrides, [&](const std::string& text) {
                                return text.starts_with(kKey);
                              });
  if (names_database) source.text_without_file = "project: tracking";
  return open(source);
}

std::string Project::model_name() const {
  const std::string name = config_.text("model.name");
  return name.empty() ? config_.text("project") : name;
}

std::string login_name() {
  const passwd* user = ::getpwuid(::getuid());
  return user != nullptr ? user->pw_name : std::to_string(::getuid());
}

std::string Project::actor() const {
  return login_name();
}

void Project::prepare_state_folder() const {
  // Of what goes wrong here, whoever writes there will tell.
  static_cast<void>(core::make_private_directory(state_folder()));
}

core::Result<storage::Database*> Project::database() {
  if (!database_) {
    prepare_state_folder();
    auto opened =
        storage::open_database(config_.text("storage.database"), config_.directory().string());
    if (!opened) return std::move(opened).error().within("storage.database");
    if (auto ready = tracking::prepare_schema(**opened, clock_.now()); !ready)
      return std::move(ready).error().within("storage.database");
    database_ = *std::move(opened);
  }
  return database_.get();
}

core::Result<storage::KvStore*> Project::online() {
  if (!online_) {
    prepare_state_folder();
    auto opened =
        storage::open_kv_store(config_.text("storage.online"), config_.directory().string());
    if (!opened) return std::move(opened).error().within("storage.online");
    online_ = *std::move(opened);
  }
  return online_.get();
}

core::Result<storage::ObjectStore*> Project::objects() {
  if (!objects_) {
    prepare_state_folder();
    auto opened =
        storage::open_object_store(config_.text("storage.objects"), config_.directory().string());
    if (!opened) return std::move(opened).error().within("storage.objects");
    objects_ = *std::move(opened);
  }
  return objects_.get();
}

core::Result<tracking::ArtifactLocator*> Project::artifacts() {
  if (!artifacts_) {
    auto objects = this->objects();
    if (!objects) return std::move(objects).error();
    auto destination =
        storage::open_object_store(destination_url(config_), config_.directory().string());
    if (!destination)
      return std::move(destination).error().within("tracking.artifacts_destination");
    destination_ = *std::move(destination);
    std::vector<std::string> roots{(*objects)->uri(""),
                                   absolute_uri(config_, config_.text(kArtifactRoot))};
    for (std::string url : {config_.text("storage.objects"), destination_url(config_)})
      if (url.starts_with(kBucketScheme)) roots.push_back(std::move(url));
    for (const std::string& root : config_.list("tracking.artifact_roots"))
      roots.push_back(absolute_uri(config_, root));
    artifacts_ = std::make_unique<tracking::ArtifactLocator>(*destination_, std::move(roots));
  }
  return artifacts_.get();
}

std::filesystem::path Project::artifacts_destination() const {
  constexpr std::array<std::string_view, 1> kLocal{"file"};
  const auto where =
      storage::parse_store_url(destination_url(config_), config_.directory().string(), kLocal,
                               "tracking.artifacts_destination");
  return where ? where->path : std::filesystem::path();
}

core::Result<std::string> Project::artifact_root() {
  auto locator = artifacts();
  if (!locator) return std::move(locator).error();
  std::string root = absolute_uri(config_, config_.text(kArtifactRoot));
  if (auto place = (*locator)->find(root); !place)
    return config_.error_at(kArtifactRoot, place.error().message);
  // How this server reaches the bucket is not for the URIs that clients see.
  if (root.starts_with(kBucketScheme)) root.resize(std::min(root.find('?'), root.size()));
  return root;
}

core::Result<tracking::ExperimentStore*> Project::experiments() {
  if (!experiments_) {
    auto db = database();
    if (!db) return std::move(db).error();
    auto root = artifact_root();
    if (!root) return std::move(root).error();
    experiments_ = std::make_unique<tracking::ExperimentStore>(**db, clock_, *std::move(root));
  }
  return experiments_.get();
}

core::Result<tracking::RunStore*> Project::runs() {
  if (!runs_) {
    auto db = database();
    if (!db) return std::move(db).error();
    runs_ = std::make_unique<tracking::RunStore>(**db, clock_);
  }
  return runs_.get();
}

core::Result<tracking::LoggedModelStore*> Project::logged_models() {
  if (!logged_models_) {
    auto db = database();
    if (!db) return std::move(db).error();
    logged_models_ = std::make_unique<tracking::LoggedModelStore>(**db, clock_);
  }
  return logged_models_.get();
}

core::Result<tracking::Registry*> Project::registry() {
  if (!registry_) {
    auto db = database();
    if (!db) return std::move(db).error();
    auto policy = approval_policy(config_);
    if (!policy) return std::move(policy).error();
    registry_ = std::make_unique<tracking::Registry>(**db, clock_, *std::move(policy));
  }
  return registry_.get();
}

core::Result<auth::TokenStore*> Project::tokens() {
  if (!tokens_) {
    auto db = database();
    if (!db) return std::move(db).error();
    auto store = std::make_unique<auth::TokenStore>(**db, clock_);
    if (auto ready = store->prepare(); !ready)
      return std::move(ready).error().within("storage.database");
    tokens_ = std::move(store);
  }
  return tokens_.get();
}

core::Result<std::unique_ptr<data::Engine>> Project::engine(
    const std::atomic<bool>* is_cancelled) const {
  prepare_state_folder();
  const std::filesystem::path temporary = state_folder() / "tmp";
  // What is larger than memory goes to a folder in there, which DuckDB makes without its parents.
  if (auto made = core::make_directories(temporary); !made) return std::move(made).error();
  return data::Engine::open(
      {.path = "",
       .temporary = temporary,
       .is_cancelled = is_cancelled != nullptr ? is_cancelled : is_cancelled_});
}

std::filesystem::path Project::state_folder() const {
  return config_.directory() / ".tenure";
}
std::filesystem::path Project::data_folder() const {
  return state_folder() / "data";
}
std::filesystem::path Project::runs_folder() const {
  return state_folder() / "runs";
}

core::Result<data::Dataset> Project::current_dataset() const {
  const auto pointer = core::read_file(data_folder() / kCurrentDataset);
  if (!pointer) {
    if (pointer.error().code == core::ErrorCode::kNotFound) {
      return core::Error{
          core::ErrorCode::kNotFound,
          "there is no cleaned table yet; run `tenure run` (or `tenure run --until ingest`) first"};
    }
    return pointer.error();
  }
  const auto json = core::parse_json(*pointer);
  if (!json)
    return core::Error{core::ErrorCode::kCorruption,
                       (data_folder() / kCurrentDataset).string() + ": " + json.error().message};
  auto dataset = data::Dataset::from_json(*json);
  if (!dataset)
    return std::move(dataset).error().within((data_folder() / kCurrentDataset).string());
  // The file names the place as it was then; the project may have been moved or copied since.
  dataset->parquet =
      data_folder() / dataset->parquet.parent_path().filename() / dataset->parquet.filename();
  return dataset;
}

core::Result<features::Definitions> Project::definitions(data::Engine& engine) const {
  const auto dataset = current_dataset();
  if (!dataset) return dataset.error();
  return features::Definitions::from_config(config_, *dataset, engine);
}

}  // namespace tenure::app
