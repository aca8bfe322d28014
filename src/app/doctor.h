#pragma once

#include "core/config.h"
#include "core/json.h"

namespace tenure::app {

/// Looks at the installation and, where there is one, the project: libraries, configuration, state
/// folder, disk space, stores, model, port, optional programs. Makes no file and alters no table: a
/// store that is not made yet is a note. Never fails: what is wrong is part of the answer.
/// {"healthy": bool, "checks": [{"check", "state": ok | note | failed, "detail"}]}; a note is not a
/// failure.
core::JsonObject examine(const core::ConfigSource& source);

}  // namespace tenure::app
