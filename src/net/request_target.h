#pragma once

#include <optional>
#include <string_view>

namespace tenure::net {

/// A request target taken apart. Views into the target, or static text.
struct TargetParts {
  std::string_view path;   ///< begins with '/'; not decoded
  std::string_view query;  ///< after '?', not decoded
};

/// Takes apart "/path?query" and what proxies send, "http://host/path?query" or https (RFC 9112
/// section 3.2). A URL without a path means "/". Nothing for any other form.
std::optional<TargetParts> split_target(std::string_view target);

}  // namespace tenure::net
