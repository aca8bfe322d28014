#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tenure::core {

/// What somebody may do; each role may do what those before it may.
enum class Role : std::uint8_t {
  kAnyone,    ///< without a token
  kViewer,    ///< ask for predictions and read
  kOperator,  ///< change what is served
  kAdmin,     ///< everything
};

/// "anyone", "viewer", "operator", "admin".
std::string_view role_name(Role role);

/// A role that a token may have: "viewer", "operator" or "admin"; nothing for another text.
std::optional<Role> parse_role(std::string_view name);

}  // namespace tenure::core
