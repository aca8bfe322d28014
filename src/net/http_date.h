#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace tenure::net {

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7); parts of a second are cut off.
std::string format_http_date(core::Micros time);

/// Reads that, and the two older forms "Sunday, 06-Nov-94 08:49:37 GMT", where 70 to 99 are of the
/// 20th century, and "Sun Nov  6 08:49:37 1994". Nothing for any other text.
std::optional<core::Micros> parse_http_date(std::string_view text);

}  // namespace tenure::net
