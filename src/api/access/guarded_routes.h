#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/access/allowed_hosts.h"
#include "auth/guard.h"
#include "net/router.h"
#include "net/trusted_proxies.h"

namespace tenure::api {

/// What stands between a request and its handler.
struct AccessRules {
  auth::Guard* guard = nullptr;  ///< null, or not needed: everybody passes
  std::string_view model;        ///< that /predict and its relatives ask; must outlive the routes
  bool has_rate_fields = true;   ///< answer RateLimit-Limit, -Remaining and -Reset, too
  std::vector<std::string> origins = {};   ///< whose pages may call ("*" = all); none = no CORS
  std::optional<AllowedHosts> hosts = {};  ///< the names it may be called by; none = all
  const net::TrustedProxies* proxies = nullptr;  ///< null = none; must outlive the routes
};

/// Puts the rules before every handler of the table, whatever transport calls it, and adds an
/// OPTIONS row to each path when pages of other origins may call. A route that is added later
/// without a role is open; one with a role is never open by mistake.
void guard_routes(const AccessRules& rules, std::vector<net::Route>& routes);

}  // namespace tenure::api
