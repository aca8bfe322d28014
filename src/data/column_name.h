#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tenure::data {

/// ASCII letters made small; other bytes as they are.
std::string lower_case(std::string_view text);

/// Without blanks, tabs and line ends on both sides.
std::string_view without_blanks(std::string_view text);

/// For errors about an unknown name: "; did you mean 'tenure'?" when one of the known names is
/// near, else "; there are a, b, c".
std::string suggest_name(std::string_view wanted, std::span<const std::string> known);

}  // namespace tenure::data
