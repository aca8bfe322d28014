#pragma once

#include <string>
#include <string_view>

#include "core/json.h"
#include "core/result.h"

// Tag mlflow.log-model.history: a JSON list of the models that a run logged, as MLflow 2 keeps it.
namespace tenure::tracking {

inline constexpr std::string_view kModelHistoryTag = "mlflow.log-model.history";

/// The item for a model: of its MLmodel the run, the time, the folder, the id and the flavors
/// without their configuration. Errors: kInvalidArgument naming the mandatory fields that are
/// missing.
core::Result<core::JsonObject> model_history_item(const core::Json& model);

/// The tag's value with one more item. Oldest items go when it would be longer than a tag may be.
/// Errors: kInvalidArgument when `value` is no JSON list, or the item alone is too long.
core::Result<std::string> with_model_history_item(std::string_view value, core::JsonObject item);

}  // namespace tenure::tracking
