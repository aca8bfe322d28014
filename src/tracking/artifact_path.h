#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace tenure::tracking {

/// The path that a client sent, made safe (as MLflow does): percent-decoded until nothing changes,
/// relative, without empty, "." and ".." segments; "" is the root. Safe again, it stays as it is.
/// Errors: kInvalidArgument "Invalid path" for what is absolute on any system, holds "..", '#', a
/// backslash or a NUL, or is no UTF-8.
core::Result<std::string> safe_artifact_path(std::string_view path);

}  // namespace tenure::tracking
