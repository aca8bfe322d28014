#pragma once

#include <string_view>

#include "core/json.h"

namespace tenure::api::mlflow {

/// The body of a request as Python's json reads it: the bare tokens NaN, Infinity and -Infinity
/// become texts of that name, which number fields take; the last of doubled keys wins; a text that
/// holds JSON itself is read a second time, as old clients encode twice. What is no JSON, or is
/// nested deeper than JsonReader allows, is an empty object.
core::Json read_request_json(std::string_view body);

}  // namespace tenure::api::mlflow
