#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/project.h"
#include "core/json.h"
#include "core/result.h"
#include "tracking/approval.h"

namespace tenure::app {

/// What `tenure models compare, approve, reject` and `audit` do; each answers the command's JSON
/// (tracking/version_review.h). Versions are numbers or @aliases.

core::Result<core::JsonObject> compare_models(Project& project, const std::string& model,
                                              const std::vector<std::string>& versions);

/// As the user who runs the program.
core::Result<core::JsonObject> decide_on_model(Project& project, const std::string& model,
                                               const std::string& version,
                                               tracking::Decision decision,
                                               const std::string& reason);

/// `version` empty: of the whole model.
core::Result<core::JsonObject> audit_model(Project& project, const std::string& model,
                                           const std::string& version, std::int64_t limit);

}  // namespace tenure::app
