#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace tenure::app {

/// tenure.yaml of a built-in template; the telco one is examples/telco/tenure.yaml.
/// Errors: kInvalidArgument naming the templates there are.
core::Result<std::string> project_template(std::string_view name);

/// What git should not keep of a project.
inline constexpr std::string_view kProjectGitignore = "/.tenure/\n/data/\n";

}  // namespace tenure::app
