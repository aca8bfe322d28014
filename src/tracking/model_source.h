#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/logged_models.h"
#include "tracking/registry.h"

namespace tenure::tracking {

using FindLoggedModel = std::function<core::Result<LoggedModel>(std::string_view id)>;

/// What a client says a version is made from, made safe (mlflow.md §5): a local path lies inside
/// the artifacts of the run (or logged model) that is named; other places are absolute and without
/// "..", however often percent-encoded; `models:/name/version`, `models:/name@alias` and
/// `models:/m-…` become the place of what they name, in storage_location, and the run of a logged
/// model becomes the version's. `pattern`, if not empty, is a regular expression that must be found
/// in the source.
class ModelSource {
 public:
  ModelSource(storage::Database& database, Registry& registry, FindLoggedModel find_logged_model,
              std::string pattern = {});

  /// The version with its run_id and storage_location filled in. Errors: kInvalidArgument in
  /// MLflow's words; kNotFound for a run or a model that does not exist.
  core::Result<NewModelVersion> resolve(NewModelVersion version) const;

 private:
  core::Result<> check_local(const NewModelVersion& version, std::string_view model_root) const;

  storage::Database* database_;
  Registry* registry_;
  FindLoggedModel find_logged_model_;
  std::string pattern_;
};

/// Tag of a logged model that lists the versions made from it: [{"name", "version"}].
inline constexpr std::string_view kModelVersionsTag = "mlflow.modelVersions";

/// The tag's text with one more version, each once, whether its number was given as text or as a
/// number. Text that is no such list is begun anew.
std::string with_model_version(std::string_view tag, std::string_view name, std::int64_t version);

/// The tag's text with each version once, as above: MLflow's client adds the version that the
/// server has added already. Text that is no such list, or repeats nothing, stays as it is.
std::string without_repeated_versions(std::string_view tag);

}  // namespace tenure::tracking
