#pragma once

#include <string>

#include "app/project.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::app {

/// What the `tenure models …` commands do; each answers the command's JSON.

/// Every registered model with its versions, aliases and test metrics; `model` empty = all.
core::Result<core::JsonArray> list_models(Project& project, const std::string& model);

/// One version: package, inputs, metrics, and its part of the audit trail. `version` as in
/// find_version.
core::Result<core::JsonObject> show_model(Project& project, const std::string& model,
                                          const std::string& version);

/// Moves an alias to a version. Refuses a version whose package does not load. Errors: kNotFound,
/// kCorruption.
core::Result<core::JsonObject> promote_model(Project& project, const std::string& model,
                                             const std::string& version, const std::string& alias,
                                             const std::string& reason);

/// Moves an alias back to where it was before its last move.
core::Result<core::JsonObject> roll_back_model(Project& project, const std::string& model,
                                               const std::string& alias, const std::string& reason);

/// Takes an alias away: an arm that follows it ends. Errors: kNotFound; kInvalidArgument for the
/// alias that is served, without which a server that starts has no model.
core::Result<core::JsonObject> take_alias_away(Project& project, const std::string& model,
                                               const std::string& alias, const std::string& reason);

}  // namespace tenure::app
