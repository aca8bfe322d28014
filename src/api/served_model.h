#pragma once

#include <string_view>

#include "api/routes.h"
#include "core/result.h"
#include "serving/predictor.h"

namespace tenure::api {

/// The live model that a path names. `name` and `version` are path segments as sent; an empty
/// version means the one that is live. Valid until the cache's next use. Errors: kNotFound for
/// another name or version; kUnavailable before the first version is live.
core::Result<const serving::ModelSnapshot*> find_model(const Services& services,
                                                       serving::SnapshotCache& cache,
                                                       std::string_view name,
                                                       std::string_view version);

}  // namespace tenure::api
