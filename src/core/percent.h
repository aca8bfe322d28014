#pragma once

#include <string>
#include <string_view>

namespace tenure::core {

/// "%2Fa%20b" → "/a b", once. A '%' that two hexadecimal digits do not follow stays as it is.
std::string percent_decoded(std::string_view text);

}  // namespace tenure::core
