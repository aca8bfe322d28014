#pragma once

#include <cstddef>
#include <string_view>

namespace tenure::core {

/// Well-formed UTF-8 is that of RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.

/// Bytes of the well-formed character at the start of `text`, which is not empty; 0 when there is
/// none.
std::size_t utf8_length(std::string_view text);

/// Length of the longest prefix that is well-formed. Equal to text.size() when all of it is.
std::size_t valid_utf8_prefix(std::string_view text);

inline bool is_utf8(std::string_view text) {
  return valid_utf8_prefix(text) == text.size();
}

}  // namespace tenure::core
