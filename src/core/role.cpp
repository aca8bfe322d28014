#include "core/role.h"

namespace tenure::core {

std::string_view role_name(Role role) {
  switch (role) {
    case Role::kAnyone:
      return "anyone";
    case Role::kViewer:
      return "viewer";
    case Role::kOperator:
      return "operator";
    case Role::kAdmin:
      break;
  }
  return "admin";
}

std::optional<Role> parse_role(std::string_view name) {
  for (const Role role : {Role::kViewer, Role::kOperator, Role::kAdmin}) {
    if (role_name(role) == name) return role;
  }
  return std::nullopt;
}

}  // namespace tenure::core
