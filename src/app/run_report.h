#pragma once

#include <filesystem>
#include <string>

#include "core/json.h"
#include "core/result.h"

namespace tenure::app {

/// The summary of a pipeline run as a Markdown page for people: what was trained, how good it is,
/// whether and why it was promoted, with the plots beside it. `summary` as run_pipeline answers it;
/// paths in it are relative to `project`, links in the page to the page's own folder.
std::string render_run_report(const core::JsonObject& summary, const std::filesystem::path& project,
                              const std::filesystem::path& page);

}  // namespace tenure::app
