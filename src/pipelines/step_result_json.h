#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "pipelines/step_registry.h"

namespace tenure::pipelines {

/// A step's result as it is kept in the database: {"output", "inputs", "outputs", "summary"}.
std::string to_json_text(const StepResult& result);

/// Errors: kCorruption for text that to_json_text did not write.
core::Result<StepResult> parse_step_result(std::string_view text);

}  // namespace tenure::pipelines
