#pragma once

#include "core/error.h"

namespace tenure::data {

/// What a statement ends with that was interrupted.
core::Error cancelled();

/// The error that DuckDB's text tells of; nullptr: it gave none.
core::Error engine_error(const char* message);

}  // namespace tenure::data
