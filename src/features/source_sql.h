#pragma once

#include <span>
#include <string>

#include "core/result.h"
#include "features/definition.h"

namespace tenure::features {

/// Query over a view's source, normalised: __key (as the entity's type), __time and __created
/// (BIGINT, microseconds since 1970 UTC; __created only when the view has such a column), __order
/// (row number in the file), and the features __f0, __f1, ... in the order of `features`. NaN
/// becomes NULL, as in the online store. All rows, null keys and times included.
std::string source_query(const Definitions& definitions, const FeatureView& view,
                         std::span<const Feature* const> features);

/// That the view's source file is there. Errors: kNotFound, naming view and file.
core::Result<> check_source(const FeatureView& view);

/// All features of a view, as source_query wants them.
std::vector<const Feature*> all_features(const FeatureView& view);

}  // namespace tenure::features
