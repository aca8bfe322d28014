#pragma once

#include <string>

#include "app/project.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::app {

/// Recomputes a past prediction from its event in the prediction log: the feature values the model
/// saw, through the transformation and the trees of the version that answered. Compares to the bit.
/// {"prediction_id", "time", "customer_id"?, "model", "version", "level", "reason"?, "features",
///  "logged": {"margin", "probability", "decision"}, "replayed": {…}, "same": bool,
///  "differences": ["…"]}
/// What a business rule answered is replayed by the rules of the project file as they are now, and
/// a difference may mean that they were changed.
/// Errors: kNotFound when no event has that id, or the version's package is gone; kCorruption.
core::Result<core::JsonObject> replay_prediction(Project& project, const std::string& id);

}  // namespace tenure::app
