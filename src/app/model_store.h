#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "app/project.h"
#include "core/json.h"
#include "core/result.h"
#include "decision/policy.h"
#include "features/definition.h"
#include "learn/model.h"
#include "serving/predictor.h"
#include "tracking/registry.h"

namespace tenure::app {

/// A registered version as it lies in the object store, opened.
struct StoredModel {
  learn::Model model;
  std::optional<learn::Model> secondary;
  features::Definitions definitions;  ///< as they were when it was trained
  std::string sha256;                 ///< of model.ubj
  core::Json reference;           ///< sketches of the training rows; null in a package without them
  std::filesystem::path package;  ///< local folder
};

/// The files of a package that decide what a model says. A version bears the SHA-256 of each as a
/// tag, kDigestTag + its name.
inline constexpr const char* kDecidingFiles[] = {
    "model.ubj",           "transform.json",           "model.json",
    "secondary/model.ubj", "secondary/transform.json", "secondary/model.json"};
inline constexpr std::string_view kDigestTag = "tenure.sha256.";

/// Opens the package of a version, whose files must be those that were registered. Errors:
/// kNotFound, kCorruption, naming version and file.
core::Result<StoredModel> open_stored_model(Project& project,
                                            const tracking::ModelVersion& version);

/// The policy of section decision over the model's inputs; none without offers.
core::Result<std::optional<decision::Policy>> policy_of(const core::Config& config,
                                                        const learn::Model& model);

/// The actions of section `decision`, over the inputs of a model; nothing when there are none.
core::Result<std::optional<decision::Recourse>> recourse_of(const core::Config& config,
                                                            const learn::Model& model);
/// Rules and offers of the project file speak of the main model's inputs; one beside it has none.
enum class ServedAs : std::uint8_t { kMain, kBeside };

/// Makes the snapshot that serves a version: the model, and a reader for its features when all of
/// their views are online; else it takes features from requests only. Errors: those of
/// open_stored_model.
core::Result<std::shared_ptr<const serving::ModelSnapshot>> make_snapshot(
    Project& project, const tracking::ModelVersion& version, ServedAs as = ServedAs::kMain);

/// The registered model that the server serves: serving.model, else the project's.
std::string served_model(const Project& project);

/// That a model is not registered, in the words of a command: the models there are, or how to make
/// the first one.
core::Error unknown_model(Project& project, std::string_view model);

/// The version that `text` names: "3", "@champion", "champion", or "" for the alias that is served.
/// Errors: kNotFound listing the versions and aliases there are; unknown_model.
core::Result<tracking::ModelVersion> find_version(Project& project, std::string_view model,
                                                  std::string_view text);

}  // namespace tenure::app
