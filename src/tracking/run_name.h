#pragma once

#include <string>
#include <string_view>

namespace tenure::tracking {

/// A name for a run that was given none, such as "patient-heron-417": at most 20 characters, the
/// same for the same run id.
std::string run_name_for(std::string_view run_id);

}  // namespace tenure::tracking
