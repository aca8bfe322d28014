#pragma once

#include <string_view>

namespace tenure::storage {

/// Whether a text is strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above
/// U+10FFFF. Other programs that read our stores refuse anything else.
bool is_utf8(std::string_view text);

}  // namespace tenure::storage
