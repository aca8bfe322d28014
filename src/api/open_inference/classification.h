#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "learn/model.h"

namespace tenure::api {

/// Triton's classification extension for the output `probability`, whose classes are 0, the
/// negative decision, and 1, the positive one.
inline constexpr std::size_t kClasses = 2;

/// Appends the `count` most probable classes of one row, at most kClasses, most probable first, as
/// Triton writes them: "0.694262:0:stay" (value:index:label).
void append_classes(float probability, const learn::ModelFacts& facts, std::size_t count,
                    std::vector<std::string>& out);

}  // namespace tenure::api
