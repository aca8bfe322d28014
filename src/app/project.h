#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include "auth/token_store.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/result.h"
#include "data/dataset.h"
#include "data/engine.h"
#include "features/definition.h"
#include "storage/kv/kv_store.h"
#include "storage/objects/object_store.h"
#include "storage/sql/database.h"
#include "tracking/artifacts.h"
#include "tracking/experiments.h"
#include "tracking/logged_models.h"
#include "tracking/registry.h"
#include "tracking/run.h"

namespace tenure::app {

/// The name of the user whose process this is, else the number.
std::string login_name();

/// An opened project: its configuration, and its backends, each opened when first asked for and
/// then kept. This is the composition root of everything but the server: which implementation an
/// interface gets is decided here, by URL. Not thread-safe while backends are being opened; the
/// backends themselves are.
class Project {
 public:
  /// Reads tenure.yaml and sets up logging as it says. Errors: those of load_config.
  static core::Result<std::unique_ptr<Project>> open(const core::ConfigSource& source);
  /// As open(), for what needs only the database and the artifacts: where the environment or an
  /// override names storage.database, the file may be missing, and the project is then called
  /// "tracking".
  static core::Result<std::unique_ptr<Project>> open_tracking(core::ConfigSource source);
  ~Project();
  Project(const Project&) = delete;
  Project& operator=(const Project&) = delete;

  const core::Config& config() const { return config_; }
  const core::Clock& clock() const { return clock_; }
  std::string name() const { return config_.text("project"); }
  std::string model_name() const;  ///< model.name, else the project's name
  std::string actor() const;       ///< who acts, for the audit trail: the user's login name

  core::Result<storage::Database*> database();  ///< with tracking's schema prepared
  core::Result<storage::KvStore*> online();
  core::Result<storage::ObjectStore*> objects();
  /// Finds artifacts: mlflow-artifacts: in tracking.artifacts_destination, local ones below there,
  /// below storage.objects, tracking.artifact_root and tracking.artifact_roots, and so in buckets.
  core::Result<tracking::ArtifactLocator*> artifacts();
  /// The folder that tracking.artifacts_destination names; "" where it is none.
  std::filesystem::path artifacts_destination() const;
  /// tracking.artifact_root as a URI; a plain path becomes an absolute one. Errors: those of
  /// ArtifactLocator::find for what could not be opened.
  core::Result<std::string> artifact_root();
  core::Result<tracking::ExperimentStore*> experiments();
  core::Result<tracking::RunStore*> runs();
  core::Result<tracking::LoggedModelStore*> logged_models();
  core::Result<tracking::Registry*> registry();
  core::Result<auth::TokenStore*> tokens();
  /// A new one; spills below .tenure/tmp. Its statements end when `is_cancelled` is set, which
  /// outlives it; null = the flag of cancel_with.
  core::Result<std::unique_ptr<data::Engine>> engine(
      const std::atomic<bool>* is_cancelled = nullptr) const;
  /// Engines that are opened from now on look at this flag, which outlives them.
  void cancel_with(const std::atomic<bool>& is_cancelled) { is_cancelled_ = &is_cancelled; }

  /// .tenure, beside tenure.yaml. It holds customers' data: whoever opens a backend makes it for
  /// its owner alone (mode 0700); one that is there keeps its permissions.
  std::filesystem::path state_folder() const;
  std::filesystem::path data_folder() const;  ///< .tenure/data: cleaned tables by content
  std::filesystem::path runs_folder() const;  ///< .tenure/runs: files of pipeline runs

  /// The table the last `ingest` made. Errors: kNotFound with the hint to run the pipeline.
  core::Result<data::Dataset> current_dataset() const;
  /// The feature definitions over the current data set.
  core::Result<features::Definitions> definitions(data::Engine& engine) const;

 private:
  explicit Project(core::Config config);
  void prepare_state_folder() const;
  core::Config config_;
  core::SystemClock clock_;
  const std::atomic<bool>* is_cancelled_ = nullptr;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<storage::KvStore> online_;
  std::unique_ptr<storage::ObjectStore> objects_;
  std::unique_ptr<storage::ObjectStore> destination_;
  std::unique_ptr<tracking::ArtifactLocator> artifacts_;
  std::unique_ptr<tracking::ExperimentStore> experiments_;
  std::unique_ptr<tracking::RunStore> runs_;
  std::unique_ptr<tracking::LoggedModelStore> logged_models_;
  std::unique_ptr<tracking::Registry> registry_;
  std::unique_ptr<auth::TokenStore> tokens_;
};

/// Name of the file in .tenure/data that names the current data set.
inline constexpr std::string_view kCurrentDataset = "current.json";

}  // namespace tenure::app
