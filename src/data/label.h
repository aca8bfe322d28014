#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tenure::data {

/// One value of a label column, blanks around it removed, and how often it occurs.
struct LabelValue {
  std::string text;
  std::int64_t count = 0;
};

/// Which of the two values of a label is the event. `wanted` (the user's choice; may be empty) is
/// compared exactly, then without regard to case, then as a number (1 = 1.0). Without a choice it
/// is the value that says so (yes, true, 1, churned, exited, left, ...), else the rarer one.
/// Errors, all kInvalidArgument: not two values (listing them with their counts); `wanted` is
/// neither of them.
core::Result<std::string> choose_positive(std::span<const LabelValue> values,
                                          std::string_view wanted);

}  // namespace tenure::data
