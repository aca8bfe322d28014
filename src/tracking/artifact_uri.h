#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace tenure::tracking {

/// `path` added to the path of a URI; a query stays at the end.
std::string uri_below(std::string_view uri, std::string_view path);

/// A place that a client asks for an experiment's artifacts, as it is stored: a relative local path
/// is made absolute against this process's folder. Errors: kInvalidArgument for runs: URIs,
/// fragments and parameters, ".." in a query, more than 2,048 characters.
core::Result<std::string> checked_artifact_location(std::string_view location);

}  // namespace tenure::tracking
